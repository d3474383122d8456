# The examples of the reference of `ds.dataloader()`, as they are written there, cell by cell, but
# for the paths, which are local. Those that need a query engine come with the plugin that brings one.
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

# %% sample_by: given weights
ds = deeplake.load('./fashion-mnist-train')

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
