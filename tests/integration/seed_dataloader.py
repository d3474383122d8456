# The examples of the reference of `ds.dataloader()`, as they are written there, cell by cell, but
# for the paths, which are local.
# fmt: off
# ruff: noqa: B007, C408, E402, E501, I001, PERF401, PIE808

# %% pytorch
import deeplake
from torchvision import transforms
ds_train = deeplake.load('./fashion-mnist-train')
tform = transforms.Compose([
    transforms.RandomRotation(20), # Image augmentation
    transforms.ToTensor(), # Must convert to pytorch tensor for subsequent operations to run
    transforms.Normalize([0.5], [0.5]),
])

batch_size = 32
# create dataloader by chaining with transform function and batch size and returns batch of pytorch tensors
train_loader = ds_train.dataloader()\
    .transform({'images': tform, 'labels': None})\
    .batch(batch_size)\
    .shuffle()\
    .pytorch(decode_method={'images': 'pil'}) # return samples as PIL images for transforms

# iterate over dataloader
for i, sample in enumerate(train_loader):
    pass

# %% query
import deeplake
ds = deeplake.load('./fashion-mnist-train')
query_ds_train = ds_train.dataloader().query("select * where labels != 5")

# %% query: a union
import deeplake
ds_train = deeplake.load('./coco-train')
query_ds_train = ds_train.dataloader().query("(select * where contains(categories, 'car') limit 1000) union (select * where contains(categories, 'motorcycle') limit 1000)")

# %% sample_by: weights by condition
ds = deeplake.load('./fashion-mnist-train')
sampled_ds = ds.dataloader().sample_by("max_weight(labels == 5: 10, labels == 6: 5)")

# %% sample_by: a tensor as weights
ds = deeplake.load('./fashion-mnist-train')
sampled_ds = ds.dataloader().sample_by("labels")

# %% sample_by: given weights
ds_train = deeplake.load('./coco-train')
weights = list()
for i in range(0, len(ds_train)):
    weights.append(i % 5)

sampled_ds = ds.dataloader().sample_by(weights, replace=False)

# %% tensorflow
import deeplake
from torchvision import transforms
ds_train = deeplake.load('./fashion-mnist-train')
batch_size = 32
# create dataloader by chaining with transform function and batch size and returns batch of pytorch tensors
train_loader = ds_train.dataloader()\
    .batch(batch_size)\
    .shuffle()\
    .tensorflow() # return samples as PIL images for transforms

# iterate over dataloader
for i, sample in enumerate(train_loader):
    pass
