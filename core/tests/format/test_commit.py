"""Commits and refs as JSON: what is written is read, keys of later versions are kept."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeplake.errors import FormatError, UnsupportedFormatError
from deeplake.format.commit import Commit, Ref, SegmentRef, TensorState, is_dtype
from deeplake.testing.strategies import json_values, texts
from deeplake.types import TensorSchema

IDS = st.integers(0, 2**160 - 1).map("{:040x}".format)
OBJECT_IDS = st.integers(0, 2**128 - 1).map("{:032x}".format)
INFOS = st.dictionaries(texts(max_size=6), json_values(max_leaves=4), max_size=3)
NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
DTYPES = st.sampled_from([None, "str", "json", "<i4", "|u1", "|b1", "<f8", "<c16"])


@st.composite
def segment_refs(draw: st.DrawFn) -> SegmentRef:
    low = draw(st.lists(st.integers(0, 50), max_size=4))
    high = [axis + draw(st.integers(0, 2**31)) for axis in low]
    return SegmentRef(
        draw(OBJECT_IDS), 64 * draw(st.integers(0, 2**39)), draw(st.integers(0, 2**20)),
        draw(st.integers(1, 4096)), draw(st.integers(1, 2**36)), draw(st.integers(0, 2**64 - 1)),
        tuple(low), tuple(high), draw(st.integers(0, 1)),
    )  # fmt: skip


@st.composite
def tensor_states(draw: st.DrawFn) -> TensorState:
    codecs = st.sampled_from([None, "lz4", "png"])
    schema = TensorSchema(
        draw(OBJECT_IDS), draw(NAMES), draw(st.sampled_from(["generic", "image"])), draw(DTYPES),
        draw(st.none() | st.integers(0, 32)), draw(codecs), draw(codecs), draw(st.booleans()),
        draw(st.booleans()), draw(st.booleans()), draw(st.booleans()),
        draw(st.none() | st.integers(1, 2**40)), draw(st.none() | st.integers(-1, 2**40)),
        draw(INFOS), draw(st.dictionaries(st.sampled_from(["later", "ä"]), json_values())),
    )  # fmt: skip
    refs = draw(st.lists(segment_refs(), max_size=3))
    return TensorState(schema, sum(ref.rows for ref in refs), tuple(refs), draw(INFOS))


@st.composite
def commits(draw: st.DrawFn) -> Commit:
    states = draw(
        st.lists(
            tensor_states(), max_size=3, unique_by=(lambda s: s.schema.id, lambda s: s.schema.name)
        )
    )
    return Commit(
        draw(IDS), tuple(draw(st.lists(IDS, max_size=2))), draw(texts()),
        draw(st.floats(0, 4e9)), draw(st.none() | texts()), draw(texts()),
        {state.schema.id: state for state in states}, tuple(draw(st.lists(NAMES, max_size=2))),
        draw(INFOS), draw(st.dictionaries(st.sampled_from(["later", "ä"]), json_values())),
        draw(st.none() | st.integers(0, 2**40)),
    )  # fmt: skip


@st.composite
def refs(draw: st.DrawFn) -> Ref:
    inline = draw(st.none() | commits())
    head = draw(IDS) if inline is None else inline.id
    return Ref(
        draw(OBJECT_IDS), draw(texts()), draw(st.none() | IDS), head, draw(IDS), draw(NAMES),
        draw(st.integers(0, 2**40)), inline,
        draw(st.dictionaries(st.sampled_from(["later", "ä"]), json_values())),
    )  # fmt: skip


@given(ref=segment_refs())
def test_references(ref: SegmentRef) -> None:
    assert SegmentRef.from_json(ref.to_json(), "x") == ref


@settings(max_examples=40)
@given(commit=commits())
def test_commits(commit: Commit) -> None:
    assert Commit.from_json(commit.to_json(), "x") == commit


@settings(max_examples=40)
@given(ref=refs())
def test_refs(ref: Ref) -> None:
    found = Ref.from_json(ref.to_json(), "x")
    assert found.extra == {"read_features": [], "write_features": [], **ref.extra}
    assert found.to_json() == ref.to_json()
    assert (found.inline, found.head, found.nonce) == (ref.inline, ref.head, ref.nonce)


ID, OID = "a" * 40, "b" * 32
SEGMENT = [OID, 64, 300, 2, 5, "0" * 16, [1], [2]]


def commit_json() -> dict[str, Any]:
    state = TensorState(
        TensorSchema("c" * 32, "x", dtype="<i4", ndim=1), 5, (SegmentRef.from_json(SEGMENT, "x"),)
    )
    return Commit(ID, tensors={"c" * 32: state}).to_json()


def ref_json() -> dict[str, Any]:
    inline = Commit.from_json(commit_json(), "x")
    return Ref("d" * 32, "main", None, ID, "e" * 40, "n", 1, inline).to_json()


def test_defaults_are_left_out_of_a_tensor() -> None:
    bare = Commit(ID, tensors={OID: TensorState(TensorSchema(OID, "x"))}).to_json()
    assert bare["tensors"] == [{"id": OID, "name": "x"}]


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(later={"a": 1}),
        lambda value: value["tensors"][0].update(later=[1, None]),
        lambda value: value["info"].update(x=1),
    ],
)
def test_keys_of_later_versions_survive(change: Callable[[dict[str, Any]], None]) -> None:
    value = commit_json()
    change(value)
    assert Commit.from_json(copy.deepcopy(value), "x").to_json() == value


def test_keys_of_later_versions_survive_in_refs() -> None:
    value = {**ref_json(), "later": {"a": [1]}}
    ref = Ref.from_json(copy.deepcopy(value), "x")
    assert ref.to_json() == value
    commit = Commit("f" * 40, message="m")
    moved = ref.moved(commit, pending=ID, nonce="o", inline=True).to_json()
    assert moved["later"] == {"a": [1]}


def test_a_snapshot_moves_the_head_only() -> None:
    ref = Ref.from_json(ref_json(), "x")
    snapshot = ref.moved(Commit("f" * 40), pending=ID, nonce="o", inline=False)
    assert (snapshot.commit, snapshot.head, snapshot.seq, snapshot.inline) == (
        (None, "f" * 40, 2, None)
    )
    commit = Commit("f" * 40, message="")
    moved = ref.moved(commit, pending=ID, nonce="o", inline=True)
    assert (moved.commit, moved.head, moved.nonce, moved.inline) == (
        "f" * 40,
        "f" * 40,
        "o",
        commit,
    )


# ------------------------------------------------------------------------------ what is refused
def replaced(path: str, new: Any) -> Callable[[dict[str, Any]], None]:
    """Puts something else at a path like ``tensors/0/name``; deletes for ``...``."""

    def change(value: Any) -> None:
        *steps, last = (int(s) if s.isdigit() else s for s in path.split("/"))
        for step in steps:
            value = value[step]
        if new is ...:
            del value[last]
        else:
            value[last] = new

    return change


BAD_COMMITS = [
    *[(key, ...) for key in ("id", "parents", "author", "time", "message", "branch", "tensors")],
    *[("groups", ...), ("info", ...), ("tensors/0/id", ...), ("tensors/0/name", ...)],
    *[("id", bad) for bad in (None, 1, "", "A" * 40, "g" * 40, "a" * 31, "a" * 65, "../" * 14)],
    *[("parents", bad) for bad in (None, "a", ["x"], [1], {})],
    *[("time", bad) for bad in (None, "1", True, -1, float("inf"), float("nan"), 10**400, 3e11)],
    *[("message", bad) for bad in (1, [], True)],
    *[("author", None), ("branch", 3), ("info", []), ("groups", "a"), ("groups", [1])],
    *[("tensors", bad) for bad in ({}, [1], [None], [[]])],
    *[("tensors/0/id", bad) for bad in ("", 1, "x" * 32)],
    *[("tensors/0/name", bad) for bad in (None, 1)],
    *[("tensors/0/dtype", bad) for bad in (1, "", "O", "|O", "<M8[ns]", "<U3", "04", "i4,i4", "<i3")],
    *[("tensors/0/dtype", bad) for bad in ("1" * 5000, "int32", ">i4", "|V8")],
    *[("tensors/0/ndim", bad) for bad in (-1, 33, "1", True, 2**70, 1.0)],
    *[("tensors/0/hidden", bad) for bad in (0, None, "no")],
    *[("tensors/0/meta", bad) for bad in (None, [])],
    *[("tensors/0/length", bad) for bad in (0, 4, 6, -1, "5", True, 5.0, 2**70)],
    *[("tensors/0/segments", bad) for bad in (None, {}, [], [None], [[]], [SEGMENT, SEGMENT])],
    *[("tensors/0/segments/0/0", bad) for bad in (None, "", "a" * 31, "a" * 40, "B" * 32, "../x")],
    *[("tensors/0/segments/0/1", bad) for bad in (-64, 1, 63, 2**46, 2**70, True, "0", None)],
    *[("tensors/0/segments/0/2", bad) for bad in (-1, 2**40, None, 1.0)],
    *[("tensors/0/segments/0/3", bad) for bad in (0, -1, 4097, None)],
    *[("tensors/0/segments/0/4", bad) for bad in (0, -5, 2**70, None)],
    *[("tensors/0/segments/0/5", bad) for bad in (None, 1, "", "0x00000000000000", "F" * 16)],
    *[("tensors/0/segments/0/5", bad) for bad in ("0" * 15, "0" * 17, " " * 16, "-" + "0" * 15)],
    *[("tensors/0/segments/0/6", bad) for bad in (None, [], [1, 1], [3], [-1], ["1"], [True])],
    *[("tensors/0/segments/0/7", bad) for bad in (None, [], [0], [2**32], [2**70])],
]  # fmt: skip


@pytest.mark.parametrize(("path", "bad"), BAD_COMMITS)
def test_bad_commits(path: str, bad: Any) -> None:
    value = commit_json()
    replaced(path, bad)(value)
    with pytest.raises(FormatError, match="commits/x"):
        Commit.from_json(value, "commits/x")


@pytest.mark.parametrize("more", [[2], [-1], [True], ["1"], [None], [1, 1], [0, 0]])
def test_bad_levels(more: list[Any]) -> None:
    with pytest.raises(FormatError):
        SegmentRef.from_json([*SEGMENT, *more], "x")


def test_two_tensors_of_one_name_or_id() -> None:
    for key, new in (("id", "d" * 32), ("name", "y")):
        value = commit_json()
        value["tensors"].append({**value["tensors"][0], key: new})
        with pytest.raises(FormatError, match="same id or name"):
            Commit.from_json(value, "x")


BAD_REFS = [
    *[(key, ...) for key in ("format", "dataset", "branch", "commit", "head", "pending", "nonce")],
    *[("seq", ...), ("inline", ...), ("read_features", ...), ("write_features", ...)],
    *[("head", bad) for bad in (None, 1, "x" * 40, "f" * 40)],
    *[("commit", bad) for bad in (1, "", "x")],
    *[("format", bad) for bad in (None, 1, "1.0", {})],
    *[("inline", bad) for bad in ([], {}, 1)],
    *[("seq", bad) for bad in (None, True, "1", 1.5)],
    *[("read_features", bad) for bad in (None, {}, [1], "x")],
    *[("write_features", bad) for bad in (None, True, [[]], [None], {})],
    *[("dataset", 1), ("branch", None), ("nonce", 5), ("pending", "x")],
]


@pytest.mark.parametrize(("path", "bad"), BAD_REFS)
def test_bad_refs(path: str, bad: Any) -> None:
    value = ref_json()
    replaced(path, bad)(value)
    with pytest.raises(FormatError, match="refs/x"):
        Ref.from_json(value, "refs/x")


@pytest.mark.parametrize("found", [[2, 0], [0, 9], [], [1], [1, 0, 0], ["1", 0]])
def test_another_major_version(found: list[Any]) -> None:
    with pytest.raises(UnsupportedFormatError, match="upgrade"):
        Ref.from_json({**ref_json(), "format": found}, "x")


def test_a_later_minor_version_is_read() -> None:
    assert Ref.from_json({**ref_json(), "format": [1, 7]}, "x").head == ID


def test_features() -> None:
    with pytest.raises(UnsupportedFormatError, match="levitation"):
        Ref.from_json({**ref_json(), "read_features": ["levitation"]}, "x")
    ref = Ref.from_json({**ref_json(), "write_features": ["levitation"]}, "x")
    assert ref.read_only_features == {"levitation"}
    assert ref.to_json()["write_features"] == ["levitation"]
    assert Ref.from_json(ref_json(), "x").read_only_features == frozenset()


def test_dtypes() -> None:
    good = ["|b1", "|i1", "|u1", *(f"<{kind}{size}" for kind in "iu" for size in (2, 4, 8))]
    good += ["<f2", "<f4", "<f8", "<c8", "<c16", "str", "json", None]
    assert all(map(is_dtype, good))
    bad = ["", "i4", "int32", ">i4", "=i4", "<i3", "<i16", "|i4", "<u1", "O", "<U1", "<M8[s]"]
    assert not any(map(is_dtype, [*bad, "04", "i4,i4", "{'names':[]}", "a", "\0", "(2,)i4"]))
