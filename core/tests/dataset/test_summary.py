"""What people look at first: summaries (api.md, section 3)."""

from __future__ import annotations

import numpy as np
import pytest

from deeplake import Dataset


@pytest.fixture
def filled(ds: Dataset) -> Dataset:
    """Tensors of several kinds."""
    ds.create_tensor("images", htype="image", sample_compression="png")
    ds.create_tensor("labels", htype="class_label", chunk_compression="lz4")
    ds.create_tensor("g/texts", htype="text")
    ds.create_tensor("unknown")
    ds.images.extend([np.zeros((2, 3, 3), np.uint8), np.zeros((4, 3, 3), np.uint8)])
    ds.labels.extend([1, 2])
    ds["g/texts"].extend(["a", "b"])
    ds.unknown.extend([None, None])
    return ds


def test_dataset(filled: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    filled.summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == repr(filled)
    assert lines[1] == ""
    table = [line.split() for line in lines[2:]]
    assert table[0] == ["tensor", "htype", "shape", "dtype", "compression"]
    assert table[1] == ["-------"] * 5
    assert lines[4].split(None, 2)[:2] == ["images", "image"]
    assert "(2, 2:4, 3, 3)" in lines[4]
    assert lines[4].rstrip().endswith(" uint8       png")
    assert "(2, 1)" in lines[5]
    assert lines[5].split()[-3:] == ["uint32", "lz4", "(chunks)"]
    assert lines[6].split() == ["g/texts", "text", "(2,", "1)", "str", "None"]
    assert lines[7].split() == ["unknown", "None", "(2,)", "None", "None"]
    assert len({line.index("e", 20) for line in lines[2:3]}) == 1


def test_columns_are_centred(filled: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    filled.summary()
    header, rule, images = capsys.readouterr().out.splitlines()[2:5]

    def middle(line: str, word: str) -> float:
        return line.index(word) + len(word) / 2

    assert abs(middle(header, "htype") - middle(images, "image ")) <= 1.5
    assert abs(middle(header, "shape") - middle(images, "(2, 2:4, 3, 3)")) <= 1
    assert abs(middle(header, "tensor") - middle(rule, "-------")) <= 1


def test_the_layout_is_that_of_deep_lake_3(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    ds.create_tensor("image").extend(np.ones((4, 4)))
    ds.summary()
    assert capsys.readouterr().out == (
        f"Dataset(path='{ds.path}', tensors=['image'])\n"
        "\n"
        " tensor    htype    shape    dtype  compression\n"
        " -------  -------  -------  -------  ------- \n"
        "  image   generic  (4, 4)   float64   None   \n"
    )
    ds.image[1:2].summary()
    assert capsys.readouterr().out == (
        "Tensor(key='image', index=Index([slice(1, 2, None)]))\n"
        "\n"
        "  htype    shape    dtype  compression\n"
        " -------  -------  -------  ------- \n"
        " generic  (1, 4)   float64   None   \n"
    )


def test_no_tensors(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    ds.summary()
    assert capsys.readouterr().out.splitlines()[0] == repr(ds)


def test_tensor(filled: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    filled.images.summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Tensor(key='images')"
    assert "(2, 2:4, 3, 3)" in lines[4]


def test_large_views_need_force(ds: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    ds.create_tensor("x").extend(np.arange(12_000))
    ds.summary()
    ds[:9_999].summary()
    with pytest.raises(ValueError, match="10000 rows.*force=True"):
        ds[:10_000].summary()
    ds[:10_000].summary(force=True)
    assert "(10000, 1)" in capsys.readouterr().out
