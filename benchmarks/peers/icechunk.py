"""Icechunk, versions of Zarr arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import icechunk
import numpy as np
import roles
import zarr

REQUIREMENTS = ["icechunk", "zarr", "numpy"]


class Versions(roles.Versions):
    def create(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> Any:
        storage = icechunk.local_filesystem_storage(str(folder))
        repository = icechunk.Repository.create(storage)
        session = repository.writable_session("main")
        root = zarr.group(session.store)
        chunk = max(1, (8 << 20) // images[0].nbytes)
        for name, array in (("images", images), ("labels", labels)):
            root.create_array(name, data=array, chunks=(chunk, *array.shape[1:]), compressors=None)
        session.commit("all")
        return {"repository": repository, "branch": "main"}

    def append(self, opened: Any, image: np.ndarray, label: int) -> None:
        session = opened["repository"].writable_session(opened["branch"])
        root = zarr.open_group(session.store)
        root["images"].append(image[None])
        root["labels"].append(np.array([label], np.uint32))
        session.commit("one more")

    def update(self, opened: Any, rows: list[int], images: np.ndarray) -> None:
        session = opened["repository"].writable_session(opened["branch"])
        root = zarr.open_group(session.store)
        root["images"].oindex[np.array(rows)] = images
        session.commit("some anew")

    def branch(self, opened: Any, name: str) -> None:
        repository = opened["repository"]
        repository.create_branch(name, repository.lookup_branch(opened["branch"]))

    def checkout(self, opened: Any, name: str) -> None:
        opened["branch"] = name
        opened["repository"].readonly_session(branch=name)

    def diff(self, opened: Any, name: str) -> None:
        repository = opened["repository"]
        ours, theirs = (repository.lookup_branch(each) for each in (opened["branch"], name))
        base = [snapshot.id for snapshot in repository.ancestry(snapshot_id=ours)]
        for snapshot in repository.ancestry(snapshot_id=theirs):
            if snapshot.id in base:
                repository.diff(from_snapshot_id=snapshot.id, to_snapshot_id=theirs)
                repository.diff(from_snapshot_id=snapshot.id, to_snapshot_id=ours)
                return

    def images(self, opened: Any, rows: list[int]) -> np.ndarray:
        session = opened["repository"].readonly_session(branch=opened["branch"])
        return np.asarray(zarr.open_group(session.store, mode="r")["images"].oindex[np.array(rows)])
