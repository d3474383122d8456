"""From image files to a trained network: write, read, commit, load, split, train, test.

The 1,797 scanned digits that ship in scikit-learn are written as PNG files, one folder a class.
They become a dataset, from which a small convolutional network learns to read them::

    make demo
    make demo ARGS="--epochs 10 --path data/digits"
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from tqdm import tqdm

import deeplake

GOAL = 0.95
"""Share of the test digits that must be read correctly."""

TEST_ROWS = 360


def write_files(folder: Path) -> list[Path]:
    """Write the digits as ``<class>/<number>.png``: 8 x 8 pixels, gray."""
    digits = load_digits()
    files = []
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        file = folder / str(label) / f"{number:04}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        # scikit-learn has 17 shades, 0 to 16.
        Image.fromarray((image * 255 / 16).astype(np.uint8)).save(file)
        files.append(file)
    return files


def ingest(files: list[Path], path: Path) -> str:
    """Make a dataset of image files whose folders are their classes; returns the commit."""
    ds = deeplake.empty(path, overwrite=True)
    ds.create_tensor("images", htype="image", sample_compression="png")
    ds.create_tensor("labels", htype="class_label", class_names=[str(digit) for digit in range(10)])
    with ds:  # rows are collected, and stored together
        for file in tqdm(files, desc="ingest", unit="file"):
            # A PNG file goes into a PNG tensor byte for byte; the class is given by its name.
            ds.append({"images": deeplake.read(file), "labels": file.parent.name})
    return ds.commit("scanned digits")


def to_tensor(image: np.ndarray) -> torch.Tensor:
    """``(8, 8)`` uint8 as ``(1, 8, 8)`` floats from 0 to 1."""
    return torch.from_numpy(image).float().div(255).unsqueeze(0)


def loader_of(rows: deeplake.Dataset, *, shuffle: bool = False):
    """Batches of 32 rows, as tensors."""
    transform = {"images": to_tensor, "labels": None}
    return rows.pytorch(num_workers=0, batch_size=32, transform=transform, shuffle=shuffle)


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.25), nn.Linear(64 * 4 * 4, 10),
    )  # fmt: skip


def train(net: nn.Module, loader, epochs: int) -> None:
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    net.train()
    for epoch in range(1, epochs + 1):
        with tqdm(loader, desc=f"epoch {epoch}/{epochs}", unit="batch") as batches:
            for batch in batches:
                optimizer.zero_grad()
                loss = criterion(net(batch["images"]), batch["labels"].reshape(-1).long())
                loss.backward()
                optimizer.step()
                batches.set_postfix(loss=f"{loss.item():.3f}", refresh=False)


@torch.no_grad()
def accuracy(net: nn.Module, loader) -> float:
    net.eval()
    hits = rows = 0
    for batch in loader:
        labels = batch["labels"].reshape(-1)
        hits += int((net(batch["images"]).argmax(1) == labels).sum())
        rows += len(labels)
    return hits / rows


def run(folder: Path, epochs: int) -> bool:
    """The whole way; returns whether the goal was reached."""
    files = write_files(folder / "files")
    path = folder / "dataset"

    start = time.perf_counter()
    commit = ingest(files, path)
    seconds = time.perf_counter() - start
    stored = [file for file in path.rglob("*") if file.is_file()]
    print(f"ingest      {len(files) / seconds:,.0f} samples/s, commit {commit}")
    print(
        f"dataset     {len(stored)} files, {sum(f.stat().st_size for f in stored):,} bytes, from "
        f"{len(files):,} image files of {sum(f.stat().st_size for f in files):,} bytes"
    )

    ds = deeplake.load(path)  # by its path, as another program would
    order = np.random.default_rng(0).permutation(len(ds))
    training, test = ds[order[:-TEST_ROWS]], ds[order[-TEST_ROWS:]]

    start = time.perf_counter()
    rows = sum(len(batch["labels"]) for batch in loader_of(ds, shuffle=True))
    print(
        f"loader      {rows / (time.perf_counter() - start):,.0f} samples/s, decoded and shuffled"
    )

    net = network()
    train(net, loader_of(training, shuffle=True), epochs)
    reached = accuracy(net, loader_of(test))
    print(f"accuracy    {reached:.1%} of {len(test)} test digits (goal: {GOAL:.0%})")
    return reached >= GOAL


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training rows (8)")
    parser.add_argument("--path", type=Path, help="folder to keep files and dataset in (none)")
    args = parser.parse_args(argv)
    torch.manual_seed(0)
    deeplake.random.seed(0)
    if args.path is not None:
        return 0 if run(args.path, args.epochs) else 1
    with tempfile.TemporaryDirectory() as folder:
        return 0 if run(Path(folder), args.epochs) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
