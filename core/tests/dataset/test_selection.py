"""Selections mean what the same subscripts mean on NumPy arrays, lists acting per axis."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deeplake.dataset.selection import Selection
from deeplake.errors import IndexOutOfRangeError, InvalidKeyTypeError, InvalidSubscriptError

ALL = Selection.ALL


# --------------------------------------------------------------------------- the model
def positions(size: int, item: Any) -> np.ndarray:
    """Where on an axis of this size NumPy looks for a subscript."""
    if isinstance(item, (list, tuple)):
        item = np.array(item, dtype=None if item else int)
    return np.asarray(np.arange(size)[item])


def outer(array: np.ndarray, item: Any) -> np.ndarray:
    """``array[item]``, with every list and array acting on its own axis."""
    items = item if isinstance(item, tuple) else (item,)
    used = sum(i is not None and i is not Ellipsis for i in items)
    if not any(i is Ellipsis for i in items):
        items = (*items, Ellipsis)
    grid: list[np.ndarray] = []
    shape: list[int] = []
    for i in items:
        if i is None:
            shape.append(1)
        elif i is Ellipsis:
            for _ in range(array.ndim - used):
                grid.append(np.arange(array.shape[len(grid)]))
                shape.append(len(grid[-1]))
        else:
            picked = positions(array.shape[len(grid)], i)
            grid.append(np.atleast_1d(picked))
            if picked.ndim:
                shape.append(len(picked))
    return np.asarray(array[np.ix_(*grid)]).reshape(shape)


def listed(selection: Selection, length: int) -> list[int]:
    """The rows of a selection that is not a single one."""
    rows = selection.rows(length)
    assert not isinstance(rows, int)
    return [int(row) for row in rows]


def read(selection: Selection, array: np.ndarray) -> np.ndarray:
    """What a tensor of the samples ``array`` gives for the selection."""
    if selection.is_single:
        return selection.apply(np.asarray(array[selection.rows(len(array))]))
    return selection.apply_batch(array[listed(selection, len(array))])


def chain(array: np.ndarray, *items: Any) -> Selection:
    selection = ALL
    for item in items:
        selection = selection.select(item, len(array), array.ndim - 1)
    return selection


def check(array: np.ndarray, *items: Any) -> None:
    expected = array
    for item in items:
        expected = outer(expected, item)
    selection = chain(array, *items)
    result = read(selection, array)
    assert isinstance(result, np.ndarray)
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)
    inner = selection.result_shape(array.shape[1:])
    if selection.is_single:
        assert inner == expected.shape
    else:
        assert (selection.count(len(array)), *inner) == expected.shape


@st.composite
def subscripts(draw: st.DrawFn, size: int) -> Any:
    """A subscript for an axis of this size, in one of the forms that users write."""
    bound = st.none() | st.integers(-size - 2, size + 2)
    step = st.none() | st.integers(-3, 3).filter(bool)
    forms: list[st.SearchStrategy[Any]] = [
        st.builds(slice, bound, bound, step),
        st.lists(st.booleans(), min_size=size, max_size=size).filter(bool),
        st.lists(st.booleans(), min_size=size, max_size=size).map(lambda m: np.array(m, bool)),
    ]
    if size:
        ints = st.integers(-size, size - 1)
        forms += [
            ints,
            ints.map(np.int16),
            ints.map(lambda i: np.array(i, np.int32)),
            st.lists(ints, max_size=4),
            st.lists(ints, max_size=4).map(lambda v: np.array(v, np.int64)),
            st.lists(ints.map(lambda i: i % size), max_size=4).map(lambda v: np.array(v, np.uint8)),
        ]
    return draw(st.one_of(forms))


@st.composite
def brackets(draw: st.DrawFn, shape: tuple[int, ...], first: bool, new: bool) -> Any:
    """What stands in one pair of brackets behind an array of this shape."""
    count = draw(st.integers(0, len(shape)))
    at = draw(st.integers(0, count))
    ellipsis = draw(st.booleans())
    sizes = (*shape[:at], *shape[len(shape) - (count - at) :]) if ellipsis else shape[:count]
    items: list[Any] = [draw(subscripts(size)) for size in sizes]
    if ellipsis:
        items.insert(at, ...)
    if new:
        # In front of the rows None is refused, unless the rows' subscript is an int.
        for _ in range(draw(st.integers(0, 2))):
            place = draw(st.integers(0, len(items)))
            if not first or any(i is not None and i is not ... for i in items[:place]):
                items.insert(place, None)
    if len(items) == 1 and draw(st.booleans()):
        return items[0]
    return tuple(items)


@st.composite
def chains(draw: st.DrawFn) -> tuple[np.ndarray, list[Any]]:
    shape = tuple(draw(st.lists(st.integers(0, 5), min_size=1, max_size=4)))
    array = np.arange(int(np.prod(shape))).reshape(shape)
    items: list[Any] = []
    current, rows_left = array, True
    for _ in range(draw(st.integers(1, 4))):
        item = draw(brackets(current.shape, rows_left, new=True))
        items.append(item)
        rows_left = rows_left and not chain(array, *items).is_single
        current = outer(current, item)
    return array, items


# --------------------------------------------------------------------------- equality with NumPy
@given(chains())
def test_any_chain_of_subscripts_equals_numpy(case: tuple[np.ndarray, list[Any]]) -> None:
    array, items = case
    check(array, *items)


@given(chains())
def test_without_lists_it_is_numpy_itself(case: tuple[np.ndarray, list[Any]]) -> None:
    array, items = case
    expected = array
    for item in items:
        if any(
            isinstance(i, list) or np.ndim(i) for i in (item if type(item) is tuple else (item,))
        ):
            return
        expected = expected[item]
    np.testing.assert_array_equal(read(chain(array, *items), array), expected)


@given(chains())
@example((np.arange(3), [(slice(None), None), (..., slice(0, 0))]))
def test_resolve_and_assign_agree_with_apply(case: tuple[np.ndarray, list[Any]]) -> None:
    array, items = case
    selection = chain(array, *items)
    shape = array.shape[1:]
    sample = np.arange(int(np.prod(shape))).reshape(shape)
    expected = selection.apply(sample)
    parts = selection.resolve(shape)
    assert len(parts) == len(shape)
    taken = outer(sample, parts)
    if expected.size:  # an axis that None added may have been emptied: it is not the sample's
        np.testing.assert_array_equal(np.unique(taken), np.unique(expected))

    written = sample.copy()
    selection.assign(written, -1)
    assert set(written[written != sample]) <= {-1}
    np.testing.assert_array_equal(selection.apply(written), np.full(expected.shape, -1))
    np.testing.assert_array_equal(np.setdiff1d(sample, written), np.unique(expected))

    kept = sample.copy()
    selection.assign(kept, expected)
    np.testing.assert_array_equal(kept, sample)


@given(chains())
def test_json_and_pickle_round_trip(case: tuple[np.ndarray, list[Any]]) -> None:
    array, items = case
    selection = chain(array, *items)
    assert pickle.loads(pickle.dumps(selection)) == selection
    again = Selection.from_json(selection.bind(len(array)).to_json())
    assert again.to_json() == selection.bind(len(array)).to_json()
    np.testing.assert_array_equal(read(again, array), read(selection, array))
    assert repr(selection).startswith("Index([")
    assert hash(selection) == hash(pickle.loads(pickle.dumps(selection)))


@given(st.data())
def test_ragged_samples_equal_numpy_one_by_one(data: st.DataObject) -> None:
    ndim = data.draw(st.integers(1, 3))
    sizes = st.lists(st.integers(1, 4), min_size=ndim, max_size=ndim)
    shapes = data.draw(st.lists(sizes, min_size=1, max_size=5))
    samples = [np.arange(int(np.prod(s))).reshape(s) for s in shapes]
    smallest = tuple(np.min(shapes, axis=0).tolist())
    row = data.draw(subscripts(len(samples)))
    # Masks fit one size only: lists of ints do for every sample that is not smaller.
    inner = data.draw(brackets(smallest, False, new=True))
    inner = inner if isinstance(inner, tuple) else (inner,)
    inner = tuple(slice(None) if np.ndim(i) and np.asarray(i).dtype == bool else i for i in inner)
    selection = ALL.select((row, *inner), len(samples), ndim)
    expected = positions(len(samples), row)
    if selection.is_single:
        row = selection.rows(len(samples))
        assert row == int(expected)
        np.testing.assert_array_equal(
            selection.apply(samples[int(expected)]), outer(samples[int(expected)], inner)
        )
        return
    rows = listed(selection, len(samples))
    assert rows == expected.tolist()
    for at in rows:
        np.testing.assert_array_equal(selection.apply(samples[at]), outer(samples[at], inner))


# --------------------------------------------------------------------------- the rows of api.md
CUBE = np.arange(6 * 4 * 3).reshape(6, 4, 3)


@pytest.mark.parametrize(
    "items",
    [
        [-1],
        [slice(None, None, -1)],
        [slice(4, 1, -2)],
        [slice(10, 20)],
        [[5, 1, 1]],
        [[]],
        [(5, 1)],
        [(slice(1, 3), 0, 2)],
        [([0, 2], slice(1, 3), [0, 1])],
        [...],
        [(..., 0)],
        [(0, ...)],
        [slice(1, 3), 0],
        [slice(None, None, 2), slice(1, None)],
        [slice(2, 5), -1],
        [slice(2, 5), slice(-2, None)],
        [[1, 2], -1],
        [np.int64(3)],
        [np.array([4, -1], np.int8)],
        [np.array(2)],
        [[True, False, True, False, False, True]],
        [np.array([True, False, True, False, False, True])],
        [(slice(None), [True, False, True, True], [2, 0])],
        [3, (slice(0, 2), ..., 1)],
        [3, 1, -1],
        [(0, None)],
        [(None, 0)],
        [(0, None, 1)],
        [(slice(None), None, 1)],
        [(..., 0, 0, 0)],
        [(None, ..., 0, 0, 0)],
        [()],
        [range(1, 4)],
        [((0, 1),)],
    ],
)
def test_table(items: list[Any]) -> None:
    check(CUBE, *items)


@pytest.mark.parametrize("item", [6, -7, np.int32(6), [0, 6], [0, -7], np.array([9], np.uint64)])
def test_outside_the_rows(item: Any) -> None:
    with pytest.raises(IndexOutOfRangeError, match="is out of range for axis 0 with 6 samples"):
        ALL.select(item, 6)
    with pytest.raises(IndexError):
        ALL.select(item, 6)


def test_messages_name_index_and_length() -> None:
    with pytest.raises(IndexOutOfRangeError) as caught:
        ALL.select(7, 5)
    assert str(caught.value) == "index 7 is out of range for axis 0 with 5 samples"
    with pytest.raises(IndexOutOfRangeError, match=r"index -4 is out of range .* with 3 samples"):
        ALL.select(slice(2, 5), 10).select(-4, 10)
    with pytest.raises(IndexOutOfRangeError, match=r"index 4 .* axis 1 of the sample.* size is 3"):
        ALL.select((0, 0, 4), 6).apply(CUBE[0])
    with pytest.raises(IndexOutOfRangeError, match=r"index 9 .* axis 1 of the sample.* size is 3"):
        ALL.select((0, slice(None), [0, 9]), 6).apply(CUBE[0])
    with pytest.raises(IndexOutOfRangeError, match=r"index -5 .* axis 0 of the sample.* size is 4"):
        ALL.select((slice(None), -5), 6).apply_batch(CUBE)
    with pytest.raises(IndexOutOfRangeError, match=r"mask of 3 entries .* axis 0 with 6 samples"):
        ALL.select([True, False, True], 6)
    with pytest.raises(IndexOutOfRangeError, match=r"mask of 2 entries .* axis 0 of the sample"):
        ALL.select((0, [True, False]), 6).apply(CUBE[0])
    for huge in ([2**70], np.array([2**63], np.uint64), 2**70):
        with pytest.raises(IndexOutOfRangeError, match="out of range"):
            ALL.select(huge, 6)


@pytest.mark.parametrize(
    "item",
    [
        1.0,
        "0",
        {},
        {0: 1},
        {0},
        b"0",
        object(),
        np.float32(1),
        np.str_("a"),
        [0.5],
        ["a"],
        [None],
        [[0], [1, 2]],
        [[0, 1]],
        np.zeros((2, 2), bool),
        np.array([]),
        np.array([0.0]),
        True,
        np.bool_(True),
        np.array(False),
        slice(0.5, None),
        slice("a", "b"),
        None,
        (None, slice(None)),
        (None, ...),
    ],
)
def test_what_is_no_subscript(item: Any) -> None:
    with pytest.raises(InvalidKeyTypeError):
        ALL.select(item, 6)
    with pytest.raises(TypeError):
        ALL.select(item, 6)


def test_subscripts_that_make_no_sense() -> None:
    with pytest.raises(IndexError, match="one ellipsis"):
        ALL.select((..., 0, ...), 6)
    with pytest.raises(ValueError, match="step of a slice cannot be 0"):
        ALL.select(slice(0, 4, 0), 6)
    with pytest.raises(InvalidSubscriptError, match="too many subscripts: 4 for 3 axes"):
        ALL.select((0, 0, 0, 0), 6, 2)
    with pytest.raises(InvalidSubscriptError, match="too many subscripts: 2 for 1 axes"):
        ALL.select((0, 0), 6, 2).select((0, 0), 6, 2)
    with pytest.raises(InvalidSubscriptError, match="too many subscripts: 3 for 2 axes"):
        ALL.select((0, 0, 0, 0), 6).apply(CUBE[0])
    with pytest.raises(InvalidSubscriptError, match="too many subscripts: 3 for 2 axes"):
        ALL.select((0, 0, 0, 0), 6).resolve((4, 3))


# --------------------------------------------------------------------------- laziness
def test_all_grows_with_the_tensor_until_it_is_bound() -> None:
    assert ALL.is_all
    assert ALL.select(slice(None), 3).is_all
    assert ALL.select(..., 3).is_all
    assert ALL.rows(3) == range(3)
    assert ALL.rows(7) == range(7)
    assert ALL.count(7) == 7
    bound = ALL.bind(3)
    assert not bound.is_all
    assert bound.rows(7) == range(3)
    assert bound.bind(9) is bound
    assert ALL.select((slice(None), 0), 3).rows(9) == range(9)
    assert not ALL.select((slice(None), 0), 3).is_all


def test_a_selection_does_not_change_with_the_array_it_was_made_of() -> None:
    chosen = np.array([0, 1, 2])
    selection = ALL.select(chosen, 6)
    chosen[:] = 5
    assert listed(selection, 6) == [0, 1, 2]
    rows = selection.rows(6)
    assert isinstance(rows, np.ndarray)
    assert rows.dtype == np.int64
    assert not rows.flags.writeable
    with pytest.raises(AttributeError):
        selection.index = 3  # type: ignore[misc]


def test_rows_stay_a_range_as_long_as_they_can() -> None:
    assert ALL.select(slice(2, 8), 10).select(slice(None, None, -2), 10).rows(10) == range(7, 1, -2)
    assert listed(ALL.select(slice(2, 8), 10).select([0, -1], 10), 10) == [2, 7]
    assert ALL.select(2, 10).count(10) == 1


def test_basic_subscripts_are_views() -> None:
    assert np.shares_memory(ALL.select((0, slice(0, 2)), 6).apply(CUBE[0]), CUBE)
    assert np.shares_memory(ALL.select((slice(None), 0), 6).apply_batch(CUBE), CUBE)
    assert ALL.select((0, 1, 2), 6).apply(CUBE[0]).shape == ()


def test_items_of_a_sequence() -> None:
    selection = ALL.select((1, [2, 0], slice(0, 2), 1), 6)
    items = selection.items(3, 2)
    assert listed(items, 3) == [2, 0]
    assert items.steps == ((slice(0, 2), 1),)
    assert ALL.select(1, 6).items(3).is_all
    assert ALL.select(1, 6).select(-1, 6).items(3).rows(3) == 2


def test_assign_broadcasts_like_numpy() -> None:
    sample = np.zeros((4, 3), int)
    ALL.select((0, slice(1, 3)), 1).assign(sample, [1, 2, 3])
    assert sample.tolist() == [[0, 0, 0], [1, 2, 3], [1, 2, 3], [0, 0, 0]]
    ALL.select((0, [3, 0], [0, 2]), 1).assign(sample, np.array([[7, 8], [9, 10]]))
    assert sample.tolist() == [[9, 0, 10], [1, 2, 3], [1, 2, 3], [7, 0, 8]]
    ALL.select((0, 0, [0, 1]), 1).assign(sample, [[[5, 6]]])
    assert sample[0].tolist() == [5, 6, 10]
    with pytest.raises(ValueError, match="broadcast"):
        ALL.select((0, slice(1, 3)), 1).assign(sample, [1, 2])


# --------------------------------------------------------------------------- text, JSON
@pytest.mark.parametrize(
    ("items", "text", "json"),
    [
        ([], "Index([slice(None, None, None)])", [{"start": None, "stop": None, "step": None}]),
        ([3], "Index([3])", [3]),
        ([slice(0, 2)], "Index([slice(0, 2, None)])", [{"start": 0, "stop": 2, "step": None}]),
        ([slice(None, None, -1)], "Index([slice(5, None, -1)])",
         [{"start": 5, "stop": None, "step": -1}]),
        ([[0, 2]], "Index([[0, 2]])", [[0, 2]]),
        ([(0, 1)], "Index([0, 1])", [0, 1]),
        ([(0, ..., None)], "Index([0, ..., None])", [0, "...", None]),
        ([slice(2, 2)], "Index([slice(0, 0, None)])", [{"start": 0, "stop": 0, "step": None}]),
        ([2, slice(0, 2), 1], "Index([2, slice(0, 2, None)])[1]",
         [2, {"start": 0, "stop": 2, "step": None}, {"then": [1]}]),
    ],
)  # fmt: skip
def test_text_and_json(items: list[Any], text: str, json: list[Any]) -> None:
    selection = ALL
    for item in items:
        selection = selection.select(item, 6)
    assert repr(selection) == text
    assert selection.to_json() == json
    assert Selection.from_json(json) == selection


def test_long_lists_are_not_spelled_out() -> None:
    assert repr(ALL.select(np.arange(5000), 5000)) == "Index([[0, 1, 2, ..., 4999]])"


@pytest.mark.parametrize("entry", ["...", None, {"start": 3, "stop": None, "step": None}, 0.5, {}])
def test_json_that_is_not_ours(entry: Any) -> None:
    with pytest.raises(InvalidKeyTypeError):
        Selection.from_json([entry])


def test_equality() -> None:
    assert ALL.select([0, 1], 3) == ALL.select(np.array([0, 1]), 3)
    assert ALL.select([0, 1], 3) != ALL.select([0, 2], 3)
    assert ALL.select((0, [1]), 3) != ALL.select((0, 1), 3)
    assert ALL.select(0, 3) != 0
    assert len({ALL, Selection(), ALL.select(0, 3)}) == 2
