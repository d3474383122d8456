"""WebDataset: tar files, written and read in order, no random access."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import roles
import webdataset

REQUIREMENTS = ["webdataset==1.0.2", "numpy"]


class DataModel(roles.DataModel):
    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        with webdataset.TarWriter(str(folder / "images.tar")) as writer:
            for number, (path, label) in enumerate(zip(paths, labels.tolist(), strict=True)):
                writer.write({"__key__": f"{number:06}", "jpg": path.read_bytes(), "cls": label})

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        with webdataset.TarWriter(str(folder / "images.tar")) as writer:
            for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
                writer.write({"__key__": f"{number:06}", "npy": image, "cls": label})
