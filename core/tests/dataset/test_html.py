"""Datasets and tensors as notebooks show them."""

from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import deeplake
from deeplake import Dataset
from deeplake.dataset import html
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.html import SIDE, thumbnail
from deeplake.storage.memory import MemoryStore
from deeplake.testing.stores import RecordingStore
from deeplake.versioning.repository import Repository
from deeplake.versioning.session import Session


class Parsed(HTMLParser):
    """Tags that are closed in order, the text, and the pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.pictures: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.pictures.append(str(dict(attrs)["src"]))
        else:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def opened(uri: str) -> Image.Image:
    kind, _, data = uri.partition(",")
    assert re.fullmatch(r"data:image/(png|jpeg);base64", kind)
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.fixture
def many(ds: Dataset) -> Dataset:
    """Tensors of several kinds."""
    random = np.random.default_rng(0)
    ds.create_tensor("images", htype="image", sample_compression="jpeg")
    ds.create_tensor("labels", htype="class_label", class_names=["cat", "dög"])
    ds.create_tensor("g/texts", htype="text")
    ds.create_tensor("masks", htype="segment_mask")
    ds.create_tensor("vectors", htype="embedding")
    ds.create_tensor("json", htype="json")
    ds.create_tensor("nothing")
    for i in range(5):
        row = {
            "images": random.integers(0, 256, (200, 300 + i, 3), dtype=np.uint8),
            "labels": i % 2, "g/texts": f"text {i}", "masks": np.eye(40, dtype=np.uint32) * 7,
            "vectors": np.zeros(64, np.float32), "json": {"deep": list(range(1000))},
            "nothing": None,
        }  # fmt: skip
        ds.append(row)
    return ds


def test_dataset(many: Dataset) -> None:
    shown = Parsed(many._repr_html_())
    assert many.path in shown.text
    assert "branch main, no commit yet and changes" in shown.text
    assert "rows 5" in shown.text
    assert shown.tags.count("tr") == 1 + len(many.tensors)
    for name, tensor in many.tensors.items():
        assert name in shown.text
        assert str(tensor.shape_interval) in shown.text
    assert "cat, dög, cat …" in shown.text
    assert "text 0, text 1, text 2 …" in shown.text
    assert "array (64,)" in shown.text
    assert len(shown.pictures) == 6
    assert [opened(uri).size for uri in shown.pictures[:3]] == [(96, 64)] * 3


def test_it_stays_small(many: Dataset) -> None:
    assert len(many._repr_html_()) < 100_000


def test_nothing_is_fetched(many: Dataset) -> None:
    text = many._repr_html_() + many.images._repr_html_()
    assert not re.search(r"<script|<link|url\(|src='(?!data:)|href|http", text)


def test_a_commit_and_a_view(many: Dataset) -> None:
    many.commit()
    assert f"branch main, commit {many.commit_id[:10]} ·" in many._repr_html_()
    view = Parsed(many[1:3]._repr_html_())
    assert "rows 2" in view.text
    assert "text 1, text 2" in view.text
    assert len(Parsed(many[0]._repr_html_()).pictures) == 2
    assert "group g" in many["g"]._repr_html_()


def test_tensors(many: Dataset) -> None:
    shown = Parsed(many.images._repr_html_())
    assert "Tensor images" in shown.text
    assert "htype image · shape (5, 200, 300:304, 3) · dtype uint8 · compression jpeg" in shown.text
    assert len(shown.pictures) == 5
    assert len(Parsed(many.images[1]._repr_html_()).pictures) == 1
    assert "Index([slice(1, 3, None)])" in many.labels[1:3]._repr_html_()
    assert Parsed(many.labels._repr_html_()).text.endswith("cat, dög, cat, dög, cat")
    for tensor in many.tensors.values():
        Parsed(tensor._repr_html_())


def test_a_thumbnail_shows_the_picture() -> None:
    array = np.zeros((500, 1000, 3), np.uint8)
    array[:, 500:] = (250, 10, 10)
    picture = np.asarray(opened(str(thumbnail(array))).convert("RGB")).astype(int)
    assert picture.shape == (48, SIDE, 3)
    assert np.abs(picture[:, :40]).max() < 12
    assert np.abs(picture[:, 60:] - (250, 10, 10)).max() < 12


@pytest.mark.parametrize(
    ("shape", "dtype", "mode"),
    [
        ((300, 200), "uint8", "L"),
        ((300, 200, 1), "uint8", "L"),
        ((300, 200, 4), "uint8", "RGBA"),
        ((300, 200, 7), "uint8", "L"),
        ((300, 200), "bool", "L"),
        ((300, 200), "uint16", "L"),
        ((300, 200, 3), "float32", "RGB"),
        ((1, 4000, 3), "uint8", "RGB"),
        ((1, 1), "uint8", "L"),
    ],
)
def test_thumbnails_of_all_kinds(shape: tuple[int, ...], dtype: str, mode: str) -> None:
    picture = opened(str(thumbnail((np.ones(shape) * 0.5).astype(dtype))))
    assert picture.mode == mode
    assert max(picture.size) <= SIDE


def test_labels_are_not_mixed() -> None:
    mask = np.zeros((999, 999), np.uint32)
    mask[300:600] = 3
    mask[600:] = 200_000
    values = np.unique(np.asarray(opened(str(thumbnail(mask, labels=True)))))
    assert values.tolist() == [0, 255]  # 3 of 200,000 is black


def test_sequences_show_their_items(ds: Dataset) -> None:
    ds.create_tensor("s", htype="sequence[image]", sample_compression="png")
    ds.create_tensor("n", htype="sequence[class_label]", class_names=["a", "b"])
    for items in (5, 1, 0):
        ds.append({"s": [np.zeros((9, 9 + k), np.uint8) for k in range(items)], "n": [0] * items})
    assert len(Parsed(ds.s._repr_html_()).pictures) == 4
    assert len(Parsed(ds.s[0]._repr_html_()).pictures) == 3
    assert len(Parsed(ds.s[0, 1]._repr_html_()).pictures) == 1
    assert "a" in Parsed(ds._repr_html_()).text


def test_what_is_no_picture() -> None:
    assert thumbnail(np.zeros(5, np.uint8)) is None
    assert thumbnail(np.zeros((3, 4, 5, 6), np.uint8)) is None
    assert thumbnail(np.array([["a"]])) is None


def test_values_that_are_not_numbers() -> None:
    assert thumbnail(np.full((9, 9), np.nan, np.float32)) is not None


def test_names_and_values_are_escaped(tmp_path: Path) -> None:
    ds = deeplake.empty(tmp_path / "ds")
    evil = "<img src=x onerror='alert(1)'>"
    ds.create_tensor(evil, htype="text").append(evil)
    ds.create_tensor('it\'s "<b>"', htype="image", sample_compression="png")
    ds['it\'s "<b>"'].append(np.zeros((5, 5, 3), np.uint8))
    ds.create_tensor("label", htype="class_label", class_names=["<script>"]).append(0)
    for text in (ds._repr_html_(), *(t._repr_html_() for t in ds.tensors.values())):
        assert "<script" not in text
        assert "onerror='" not in text
        assert len(Parsed(text).pictures) <= 1


def test_pictures_that_are_too_large_are_not_decoded(
    many: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "PIXELS", 1000)
    shown = Parsed(many.images._repr_html_())
    assert shown.pictures == []
    assert "large picture (200, 300, 3)" in shown.text


def test_many_tensors_are_listed(ds: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "TENSORS", 1)
    for name in ("a", "b"):
        ds.create_tensor(name, htype="text").append(f"text of {name}")
    shown = Parsed(ds._repr_html_()).text
    assert "text of a" in shown
    assert "text of b" not in shown


def test_damage_is_noted(local: Dataset) -> None:
    local.create_tensor("x", htype="image", sample_compression="png")
    local.x.extend(np.random.default_rng(0).integers(0, 256, (2, 50, 50, 3), dtype=np.uint8))
    for file in Path(local.path).glob("data/**/*"):
        if file.is_file():
            data = bytearray(file.read_bytes())
            data[600:-600] = bytes(len(data) - 1200)
            file.write_bytes(data)
    shown = Parsed(deeplake.load(local.path)._repr_html_())
    assert shown.pictures == []
    assert "ChecksumError" in shown.text


def test_what_is_gone_says_so(many: Dataset) -> None:
    view, images = many[1:3], many.images
    many.append(dict.fromkeys(many.tensors))
    assert "changed after this view was taken" in Parsed(view._repr_html_()).text
    many.delete_tensor("images")
    assert "does not exist" in Parsed(images._repr_html_()).text


def test_names_are_completed(many: Dataset) -> None:
    assert {"images", "labels", "g", "append"} <= set(dir(many))
    assert "g/texts" not in dir(many)
    assert "texts" in dir(many["g"])
    many.create_tensor("no identifier")
    assert "no identifier" not in dir(many)
    assert many._ipython_key_completions_() == list(many.tensors)


def test_empty(ds: Dataset) -> None:
    assert "rows 0" in Parsed(ds._repr_html_()).text
    ds.create_tensor("x", htype="image", sample_compression="png")
    assert Parsed(ds._repr_html_()).pictures == []
    ds.x.append(None)
    assert "empty" in Parsed(ds.x._repr_html_()).text or "EmptyTensorError" in ds.x._repr_html_()


def test_without_codecs_for_images(tmp_path: Path) -> None:
    program = f"""
import numpy as np, deeplake
ds = deeplake.empty({str(tmp_path / "ds")!r})
ds.create_tensor("x", htype="image", sample_compression=None)
ds.x.extend(np.zeros((2, 20, 30, 3), np.uint8))
assert "picture (20, 30, 3)" in ds._repr_html_(), ds._repr_html_()
assert "<img" not in ds._repr_html_()
"""
    env = {**os.environ, "DEEPLAKE_PLUGINS_DISABLE": "deeplake-codecs"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_thousand_tensors_are_few_bytes_and_few_reads(tmp_path: Path) -> None:
    memory = MemoryStore()
    # As if it were behind a network: everything that is read is asked for.
    far = replace(memory.capabilities, mapping=False, request_cost=1 << 16)
    store = RecordingStore(memory, capabilities=far)
    Repository(store).create()
    ds = Dataset(Checkout("mem://far", Session.open(Repository(store)), read_only=False))
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    file = tmp_path / "noise.png"  # encoded once
    Image.fromarray(noise).save(file)
    with ds:
        for number in range(1000):
            picture = number % 2 == 0
            options = (
                {"htype": "image", "sample_compression": "png"} if picture else {"htype": "text"}
            )
            tensor = ds.create_tensor(f"t{number}", **options)
            tensor.extend([deeplake.read(file)] * 5 if picture else ["long " * 10_000] * 5)
    ds.commit()
    ds = Dataset(Checkout("mem://far", Session.open(Repository(store)), read_only=False))
    store.clear()
    text = ds._repr_html_()
    shown = Parsed(text)
    assert all(f"t{number}" in shown.text for number in range(1000))
    assert len(shown.pictures) == html.TENSORS // 2 * html.IN_TABLE
    # A picture of noise is some 37 kB as text, a line of the table less than one.
    assert len(text) < len(shown.pictures) * 40_000 + 1000 * 1000
    # A chunk of each tensor that is shown, and where to find it.
    assert store.count("get", "get_versioned") <= 4 * html.TENSORS
    assert store.bytes_read < html.TENSORS * 5 * 130_000


def test_a_page_of_what_is_huge_or_odd(ds: Dataset) -> None:
    ds.create_tensor("canvas", dtype="uint8").append(deeplake.tiled((50_000, 50_000)))
    ds.create_tensor("novel", htype="text").append("a" * 3_000_000)
    ds.create_tensor("nested", htype="json").append({"k" * 9000: [{"v": "x" * 9000}] * 500})
    ds.create_tensor("names", htype="tag").append(["n" * 5000] * 300)
    ds.create_tensor("shapes", htype="polygon").append([np.zeros((60_000, 2), np.float32)])
    ds.create_tensor("nothing").extend([None, None])
    ds.create_tensor("far", htype="link[image]", verify=False).append(
        deeplake.link("https://127.0.0.1:1/no.jpg")
    )
    page = ds._repr_html_()
    assert len(Parsed(page).text) < 5000
    assert len(page) < 20_000
    for name in ds.tensors:
        assert len(ds[name]._repr_html_()) < 5000
