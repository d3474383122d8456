# The code of the getting-started guide that existing users start from, as it is written there, cell
# by cell (a cell is one block of code of the guide). Only this is changed: paths of the cloud are
# local, and the place-holder `image_paths = ...` is a list of files.
# fmt: off
# ruff: noqa: E402, I001, UP031, W293

# %% Load CIFAR 10
import deeplake
import torch
from torchvision import transforms, models

ds = deeplake.load('./cifar10-train')

# %% Inspect its tensors
ds.tensors.keys()    # dict_keys(['images', 'labels'])
ds.labels[0].numpy() # array([6], dtype=uint32)

# %% A transform, and the loader in one line
tform = transforms.Compose([
    transforms.ToTensor(),
    transforms.Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
])

deeplake_loader = ds.pytorch(num_workers=0, batch_size=4, transform={
                        'images': tform, 'labels': None}, shuffle=True)

# %% Model, loss and optimizer
net = models.resnet18(pretrained=False)
net.fc = torch.nn.Linear(net.fc.in_features, len(ds.labels.info.class_names))
    
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)

# %% The training loop for 2 epochs
for epoch in range(2):
    running_loss = 0.0
    for i, data in enumerate(deeplake_loader):
        images, labels = data['images'], data['labels']
        
        # zero the parameter gradients
        optimizer.zero_grad()

        # forward + backward + optimize
        outputs = net(images)
        loss = criterion(outputs, labels.reshape(-1))
        loss.backward()
        optimizer.step()
        
        # print statistics
        running_loss += loss.item()
        if i % 100 == 99:    # print every 100 mini-batches
            print('[%d, %5d] loss: %.3f' %
                (epoch + 1, i + 1, running_loss / 100))
            running_loss = 0.0

# %% An empty dataset
import deeplake

ds = deeplake.empty("./test-dataset")

# %% A tensor for images
images = ds.create_tensor("images", htype="image", sample_compression="jpg")

# %% Append files
image_paths = ["files/0.jpg", "files/1.jpg", "files/2.jpg"]
with ds:
    for image_path in image_paths:
        image = deeplake.read(image_path)
        ds.images.append(image)

# %% Append arrays
import numpy as np

with ds:
    for _ in range(1000):  # 1000 random images
        random_image = np.random.randint(0, 256, (100, 100, 3))  # 100x100 image with 3 channels
        ds.images.append(random_image)

# %% Load the dataset
import deeplake

ds = deeplake.load("./test-dataset")

# %% Load another one
import deeplake

ds = deeplake.load('./objectron_bike_train')

# %% Its first image
image_arr = ds.image[0].numpy()
