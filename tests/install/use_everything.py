"""Runs in an environment that holds the wheels and nothing else: makes a dataset, trains on it.

Usage: ``python use_everything.py FOLDER``
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import deeplake

folder = Path(sys.argv[1])
path = folder / "dataset"
rng = np.random.default_rng(0)

# A file of the tensor's own format is stored as it is.
picture = folder / "picture.jpg"
Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(picture, quality=90)

ds = deeplake.empty(str(path))
images = ds.create_tensor("images", htype="image", sample_compression="jpg")
ds.create_tensor("labels", htype="class_label", class_names=["odd", "even"])
with ds:
    ds.append({"images": deeplake.read(str(picture)), "labels": 0})
    for number in range(1, 10):
        array = np.full((32, 32, 3), 20 * number, dtype=np.uint8)
        ds.append({"images": array, "labels": (number + 1) % 2})
commit = ds.commit("ten pictures")

ds = deeplake.load(str(path))
assert len(ds) == 10, ds
assert ds.images.shape == (10, 32, 32, 3), ds.images.shape
assert ds.images[0].tobytes() == picture.read_bytes()
assert np.array_equal(ds.images[0].numpy(), np.asarray(Image.open(picture)))
assert abs(int(ds.images[5].numpy().mean()) - 100) <= 2
assert ds.labels.info.class_names == ["odd", "even"]
assert ds.labels.numpy().reshape(-1).tolist() == [0, 0, 1, 0, 1, 0, 1, 0, 1, 0]
assert any(entry["commit"] == commit for entry in ds.commits), ds.commits


def to_tensor(image: np.ndarray) -> torch.Tensor:
    """The image as floats, channels first."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255


loader = ds.pytorch(
    num_workers=0, batch_size=4, transform={"images": to_tensor, "labels": None}, shuffle=True
)
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, 2))
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
for _epoch in range(2):
    seen = []
    for data in loader:
        inputs, labels = data["images"], data["labels"]
        assert inputs.shape[1:] == (3, 32, 32), inputs.shape
        optimizer.zero_grad()
        loss = criterion(net(inputs), labels.reshape(-1).long())
        loss.backward()
        optimizer.step()
        assert bool(torch.isfinite(loss)), loss
        seen += labels.reshape(-1).tolist()
    assert sorted(seen) == [0] * 6 + [1] * 4, seen

print("used", deeplake.__version__, deeplake.__file__)
