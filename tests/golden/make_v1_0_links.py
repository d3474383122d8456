"""Makes the golden dataset of links: ``python tests/golden/make_v1_0_links.py DIRECTORY``.

Like those of ``make_v1_0.py`` it was made once and is never made again once format 1.0 is released.
``ROWS`` says what is in it; nothing of that was read from a dataset. The links lead nowhere: what is
pinned is said to be so.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import deeplake
from deeplake.dataset.linked import LinkedSample
from deeplake.format.links import Link, Pin

TENSORS: dict[str, dict[str, Any]] = {
    "pinned": {"htype": "link[image]"},
    "unknown": {"htype": "link[image]", "verify": False},
    "packed": {"htype": "link[text]", "chunk_compression": "lz4"},
    "rows": {"htype": "sequence[link[image]]"},
}
KEYS = {"lab": "institute", "other": "other"}
"""Names of credentials, by the names that they were added with."""


def record(path: str, shape: tuple[int, ...] | None = None, **more: Any) -> dict[str, Any]:
    """A link as it is stored, and the shape that is known of it."""
    value: dict[str, Any] = {"path": path, **more}
    if shape is not None:
        value = {
            **value, "size": 1000, "sha256": hashlib.sha256(path.encode()).hexdigest(), **more,
        }  # fmt: skip
    return {"link": value, "shape": shape}


ONE = record("https://example.org/größe.png?x=1", (4, 5, 3), format="png", version='"1"')
TWO = record(
    "s3://bucket/2.jpg", (6, 5, 3), format="jpeg", creds="lab", modified=1.5, hashed=64,
    size=1 << 33,
)  # fmt: skip
ROWS: dict[str, list[Any]] = {
    "pinned": [ONE, None, TWO, ONE],
    "unknown": [record("file:///data/a b.png"), record("gs://b/c", creds="ENV"), None],
    "packed": [record(f"https://example.org/{i}.txt", (1,)) for i in range(3)],
    "rows": [[ONE, TWO], [], None, [None, TWO]],
}


def sample(ds: deeplake.Dataset, wanted: dict[str, Any], dtype: str) -> LinkedSample:
    """A link that is stored without being opened."""
    value = wanted["link"]
    pin = None
    if "size" in value:
        pin = Pin(
            value["size"], value["sha256"], value.get("hashed", value["size"]),
            value.get("format", ""), value.get("version", ""), value.get("modified"),
        )  # fmt: skip
    creds = value.get("creds")
    name = KEYS.get(creds, creds)
    link = Link(value["path"], creds, pin)
    return LinkedSample.stored(link, name, ds._checkout.linker, wanted["shape"], dtype)


def make(path: Path) -> None:
    """Make the dataset."""
    ds = deeplake.empty(path)
    for key, name in KEYS.items():
        ds.add_creds_key(key)
        ds.populate_creds(key, from_environment=True)
        ds.update_creds_key(key, name)
    with ds:
        for name, meta in TENSORS.items():
            tensor = ds.create_tensor(name, **meta)
            dtype = "str" if "text" in meta["htype"] else "|u1"
            for row in ROWS[name]:
                if isinstance(row, list):
                    tensor.append([None if x is None else sample(ds, x, dtype) for x in row])
                else:
                    tensor.append(None if row is None else sample(ds, row, dtype))
    ds.commit("links")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
