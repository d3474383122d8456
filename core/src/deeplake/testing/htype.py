"""Contract suite of htypes.

A plugin's tests derive from it and name the class::

    class TestBbox(HtypeContract):
        htype = Bbox
        samples = (np.zeros((2, 4), "float32"), [[0, 0, 1, 1]])
        refused = ([[0, 0, 1]],)

pytest then runs every test below on it. Needs pytest and hypothesis.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, get_args

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deeplake.errors import DeepLakeError
from deeplake.spi import HtypePlugin, HtypeSpec, Media, Payload, Plugin
from deeplake.testing import strategies
from deeplake.testing.contract import PluginContract

# The tests are inherited, so hypothesis sees one test run by several classes: that is meant.
_examples = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)
# Dictionaries of anything are slow to draw, and own meta has few keys to go wrong with.
_few_examples = settings(_examples, max_examples=20)

_DTYPES: Mapping[str, str] = {"text": "str", "json": "json", "list": "json"}

ODD: tuple[Any, ...] = (
    *(b"bytes", bytearray(b"x"), 1j, object(), int, math.nan, 2**80, -(2**80), set(), range(3)),
    *(np.float32(1.5), np.str_("x"), np.bytes_(b"x"), np.datetime64("2020"), np.array("x")),
    *(np.array(["a", "b"]), np.array([b"a"]), np.array([None, 1, "a"], object)),
    *([np.zeros(2), "a"], [[1], [2, 3]], [None], (), {}, {1: 2}, "", "\ud800", None, True, -1),
)
"""Values that are likely to be taken for something else."""


def anything() -> st.SearchStrategy[Any]:
    """What users append by mistake: arrays of any dtype and shape, json values, odd objects."""
    scalars = st.integers() | st.floats() | st.booleans() | st.text(max_size=5)
    nested = st.recursive(
        scalars | st.sampled_from(ODD),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.tuples(inner, inner)
            | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
        ),
        max_leaves=8,
    )
    return st.one_of(strategies.arrays(), nested)


class HtypeContract(PluginContract):
    """Suite for an ``HtypePlugin``.

    Attributes:
        htype: The class under test.
        samples: Values that can be appended, in every form that users write them.
        refused: Values that ``prepare`` refuses, or whose shape ``check_shape`` refuses.
        infos: Own meta that can be given to ``create_tensor``.
        refused_infos: Own meta that ``check_info`` refuses.
        info: Own meta that ``samples`` are prepared with; None: the defaults.
        data_key: Key of ``data`` that has the sample itself.
        heavy: Modules that importing the htype's module must not load.
    """

    htype: ClassVar[type[HtypePlugin]]
    samples: ClassVar[Sequence[Any]]
    refused: ClassVar[Sequence[Any]] = ()
    infos: ClassVar[Sequence[Mapping[str, Any]]] = ()
    refused_infos: ClassVar[Sequence[Mapping[str, Any]]] = ()
    info: ClassVar[Mapping[str, Any] | None] = None
    data_key: ClassVar[str] = "value"
    heavy: ClassVar[tuple[str, ...]] = ()

    def own_info(self) -> dict[str, Any]:
        """What ``prepare`` and ``data`` get as info, fresh each time."""
        info = self.htype().spec().info if self.info is None else self.info
        return copy.deepcopy(dict(info))

    # ------------------------------------------------------------------ the class
    def plugin_class(self) -> type[Plugin]:
        return self.htype

    # ------------------------------------------------------------------ spec
    def test_spec_is_constant(self) -> None:
        htype = self.htype()
        spec = htype.spec()
        before = copy.deepcopy(spec)
        for sample in self.samples:
            htype.prepare(sample, self.own_info())
        htype.check_info(self.own_info())
        assert htype.spec() == before
        assert self.htype().spec() == before

    def test_spec_is_consistent(self) -> None:
        spec = self.htype().spec()
        assert isinstance(spec, HtypeSpec)
        assert spec.name
        assert not set(spec.name) & set("[] /")
        assert spec.payload in get_args(Payload)
        assert spec.media <= set(get_args(Media)) - {"bytes"}, "bytes are allowed anyway"
        assert spec.compression in ("optional", "required", "sample")
        assert spec.chunk_size is None or spec.chunk_size > 0
        if spec.compression == "sample":
            assert spec.media, "a sample compression must be given, but none is allowed"
        if spec.payload in _DTYPES:
            assert spec.dtype == _DTYPES[spec.payload]
            assert not spec.media, "only arrays are encoded as files"
        elif spec.dtype is not None:
            assert np.dtype(spec.dtype).kind in "biufc"
        if spec.downsamples:
            assert spec.payload == "array", "only arrays have sizes to reduce"
        assert json.loads(json.dumps(spec.info)) == dict(spec.info), "info is stored as JSON"

    # ------------------------------------------------------------------ own meta
    def test_info_is_validated_once_and_for_all(self) -> None:
        htype = self.htype()
        for info in ({}, *self.infos):
            given_info = copy.deepcopy(dict(info))
            checked = htype.check_info(given_info)
            assert isinstance(checked, dict)
            assert json.loads(json.dumps(checked)) == checked, "info is stored as JSON"
            assert htype.check_info(copy.deepcopy(checked)) == checked

    def test_wrong_info_is_refused(self) -> None:
        for info in self.refused_infos:
            problem = _problem_of_info(self.htype(), info)
            assert problem is not None, f"check_info takes {info!r}"

    @_few_examples
    @given(data=st.data())
    def test_any_info_is_taken_or_refused(self, data: st.DataObject) -> None:
        htype = self.htype()
        keys = st.text(max_size=5)
        if htype.spec().info:
            keys = keys | st.sampled_from(sorted(htype.spec().info))
        info = data.draw(st.dictionaries(keys, anything(), min_size=1, max_size=3))
        if _problem_of_info(htype, info) is None:
            checked = htype.check_info(info)
            assert json.loads(json.dumps(checked)) == checked, "info is stored as JSON"

    # ------------------------------------------------------------------ samples
    def test_samples_are_taken(self) -> None:
        assert len(self.samples), "without samples the suite tests little"
        for sample in self.samples:
            _, _, prepared = self._prepared(sample)
            assert self._problem_of_shape(prepared) is None

    def test_prepare_changes_neither_sample_nor_info(self) -> None:
        for sample in self.samples:
            mine, info = copy.deepcopy(sample), self.own_info()
            self.htype().prepare(mine, info)
            assert same(mine, sample)
            assert same(info, self.own_info()), "changed info is returned, not edited"

    def test_prepare_is_pure_and_idempotent(self) -> None:
        htype = self.htype()
        for sample in self.samples:
            info, changed, prepared = self._prepared(sample)
            again, _ = self.htype().prepare(sample, copy.deepcopy(info))
            assert same(again, prepared), "the same sample is prepared differently"
            after = info if changed is None else changed
            twice, more = htype.prepare(prepared, after)
            assert same(twice, prepared), f"prepared twice, {prepared!r} becomes {twice!r}"
            assert more is None, "what is prepared needs no change of info"
            if changed is not None:
                known, more = htype.prepare(sample, changed)
                assert same(known, prepared)
                assert more is None, "the same change of info again"

    def test_wrong_samples_are_refused(self) -> None:
        for sample in self.refused:
            prepared, _, problem = self._tried(sample)
            if problem is None:
                assert self._problem_of_shape(prepared), f"{sample!r} is taken"

    def test_odd_samples_are_taken_or_refused(self) -> None:
        for sample in ODD:
            self._check_any(sample)

    @_examples
    @given(sample=anything())
    @example(sample={"a": 1.5})  # no array, and nothing like one: now and then none is drawn
    def test_any_sample_is_taken_or_refused(self, sample: Any) -> None:
        self._check_any(sample)

    @_examples
    @given(shape=strategies.shapes(max_dims=5))
    def test_check_shape_answers_in_words(self, shape: tuple[int, ...]) -> None:
        problem: Any = self.htype().check_shape(shape)
        assert problem is None or isinstance(problem, str)
        assert problem == self.htype().check_shape(shape)
        if problem is not None:
            assert str(shape) in problem, "the message names the shape"

    def test_empty_samples_have_a_shape(self) -> None:
        for ndim in range(1, 5):
            assert self.htype().check_shape((0,) * ndim) is None, "a None of any ndim is stored"

    # ------------------------------------------------------------------ data
    def test_data_is_a_dict_with_the_sample(self) -> None:
        htype = self.htype()
        values = []
        for sample in self.samples:
            before_it, changed, prepared = self._prepared(sample)
            info = before_it if changed is None else changed
            value = np.asarray(prepared) if htype.spec().payload == "array" else prepared
            values.append(value)
            for given_value, batch in ((value, False), ([value, value], True)):
                before = copy.deepcopy(given_value)
                data = htype.data(given_value, info, batch=batch)
                assert isinstance(data, dict)
                assert all(isinstance(key, str) for key in data)
                assert self.data_key in data
                assert same(given_value, before), "data changes the value it is given"
        data = htype.data(values, self.own_info(), batch=True)
        assert len(data[self.data_key]) == len(values)

    # ------------------------------------------------------------------ what the tests share
    def _prepared(self, sample: Any) -> tuple[dict[str, Any], Mapping[str, Any] | None, Any]:
        """Info, changed info, and the prepared sample."""
        info = self.own_info()
        result = self.htype().prepare(sample, info)
        assert isinstance(result, tuple)
        prepared, changed = result
        if changed is not None:
            assert set(changed) >= set(info), "changed info is the whole of it"
            assert json.loads(json.dumps(changed)) == changed, "info is stored as JSON"
            assert not same(changed, info), "unchanged info is None"
        self._check_payload(prepared)
        return info, changed, prepared

    def _tried(self, sample: Any) -> tuple[Any, Mapping[str, Any] | None, Exception | None]:
        """The prepared sample and changed info, or what ``prepare`` raised."""
        problem: Exception
        try:
            return *self.htype().prepare(sample, self.own_info()), None
        except (TypeError, ValueError) as error:
            problem = error
        # Not a subclass that slipped out of some call, like UnicodeEncodeError.
        meant = type(problem) in (TypeError, ValueError) or isinstance(problem, DeepLakeError)
        assert meant, f"{type(problem).__name__} is none of the documented errors"
        assert str(problem), f"no word about {sample!r}"
        return None, None, problem

    def _check_any(self, sample: Any) -> None:
        prepared, changed, problem = self._tried(sample)
        if problem is not None:
            return
        assert changed is None or isinstance(changed, Mapping)
        self._check_payload(prepared)
        info = self.own_info() if changed is None else changed
        twice, more = self.htype().prepare(prepared, info)
        assert same(twice, prepared), f"prepared twice, {prepared!r} becomes {twice!r}"
        assert more is None, "what is prepared needs no change of info"

    def _check_payload(self, prepared: Any) -> None:
        payload = self.htype().spec().payload
        if payload == "text":
            assert type(prepared) is str
        elif payload == "list":
            assert type(prepared) is list
        elif payload == "polygon":
            assert type(prepared) is list
            assert all(isinstance(polygon, np.ndarray) for polygon in prepared)

    def _problem_of_shape(self, prepared: Any) -> str | None:
        if self.htype().spec().payload != "array":
            return None
        shape = np.asarray(prepared).shape
        return self.htype().check_shape(shape or (1,))


def _problem_of_info(htype: HtypePlugin, info: Mapping[str, Any]) -> str | None:
    """What ``check_info`` raises, in words."""
    problem: Exception
    try:
        htype.check_info(info)
    except (KeyError, TypeError, ValueError) as error:
        problem = error
    else:
        return None
    assert str(problem), f"no word about {info!r}"
    return str(problem)


def same(a: Any, b: Any) -> bool:
    """Equal to the last bit, in type too; arrays, NaN and nested containers included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            return False
        return same(a.tolist(), b.tolist()) if a.dtype == object else a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    return a is b or bool(a == b)


__all__ = ["ODD", "HtypeContract", "anything", "same"]
