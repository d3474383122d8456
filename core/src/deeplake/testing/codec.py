"""Contract suites of codecs.

A plugin's tests derive from one and name the class::

    class TestJpeg(SampleCodecContract):
        codec = Jpeg
        layouts = (("uint8", None), ("uint8", 3))

        def bombs(self) -> dict[str, bytes]:
            return {"a header of 65,500 x 65,500 pixels": ...}

pytest then runs every test below on it. For messages with the values that were compared, say
``pytest.register_assert_rewrite("deeplake.testing.codec")`` in ``conftest.py``.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deeplake.errors import CorruptedSampleError, SampleCompressionError
from deeplake.spi import API, ChunkCodec, Codec, SampleCodec
from deeplake.testing import strategies
from deeplake.testing.measure import memory_growth, share_of_gil
from deeplake.types import Buffer, SampleHeader

MEGABYTE = 1 << 20
THREADS = 8

# The tests are inherited, so hypothesis sees one test run by several classes: that is meant.
_examples = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)

_DTYPES = (*strategies.DTYPES, "datetime64[s]", "timedelta64[ns]", "S3", "U3", "O", "V4")
_SHAPES: tuple[tuple[int, ...], ...] = (
    *((), (1,), (7,), (5, 4), (5, 4, 1), (5, 4, 2), (5, 4, 3), (5, 4, 4), (5, 4, 5)),
    *((1, 1), (1, 1, 3), (1, 9), (9, 1), (2, 5, 4, 3), (300, 2), (2, 300, 3)),
)
_EMPTY_SHAPES: tuple[tuple[int, ...], ...] = ((0,), (0, 0), (0, 4), (4, 0), (4, 0, 3), (4, 4, 0))

_FOREIGN: Mapping[str, bytes] = {
    "nothing": b"",
    "one byte": b"\xff",
    "zeros": bytes(600),
    "text": b"The quick brown fox jumps over the lazy dog.\n" * 12,
    "json": b'{"images": [], "annotations": []}',
    "html": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "zip": b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + bytes(40),
    "elf": b"\x7fELF\x02\x01\x01\x00" + bytes(56),
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
}


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal to the last bit, NaN and -0.0 included."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _rotted(data: bytes, position: int, bit: int) -> bytes:
    damaged = bytearray(data)
    damaged[position] ^= 1 << bit
    return bytes(damaged)


def _spread(length: int, most: int) -> list[int]:
    """Every position below ``length``, or ``most`` of them if there are more."""
    if length <= most:
        return list(range(length))
    return sorted({round(i * (length - 1) / (most - 1)) for i in range(most)})


@contextmanager
def _eager_switching() -> Iterator[None]:
    """Threads change places as often as the interpreter can manage."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _together(jobs: list[Callable[[], Any]]) -> list[Any]:
    """Results of some calls that were all started at the same moment in threads of their own."""
    gate = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        gate.wait()
        return job()

    with _eager_switching(), ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(run, job) for job in jobs]]


class _CodecContract:
    """What both suites ask.

    Attributes:
        codec: The class under test.
        heavy: Modules that importing the codec's module must not load.
    """

    codec: ClassVar[type[Codec]]
    heavy: ClassVar[tuple[str, ...]] = ()

    def test_states_what_the_registry_needs(self) -> None:
        codec = self.codec
        assert codec.api is not None, f"class {codec.__name__}(..., api=(1, 0)): the api is missing"
        assert codec.api[0] == API[0]
        assert codec.api[1] <= API[1]
        assert codec.name == codec.name.lower()
        assert codec.name
        assert isinstance(codec.lossless, bool)
        # As the registry does it: without arguments.
        assert isinstance(codec(), codec)

    def test_import_is_cheap(self) -> None:
        if not self.heavy:
            return
        code = (
            f"import sys, {self.codec.__module__}\n"
            f"print([name for name in {self.heavy!r} if name in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "[]", f"importing {self.codec.__module__} loads {done.stdout}"


class ChunkCodecContract(_CodecContract):
    """Suite for a ``ChunkCodec``.

    Attributes:
        codec: The class under test.
        compresses: Whether it makes zeros smaller (``raw`` does not).
        memory: Bytes by which decompressing hostile input may make the process grow.
    """

    codec: ClassVar[type[ChunkCodec]]
    compresses: ClassVar[bool] = True
    memory: ClassVar[int] = 16 * MEGABYTE

    def test_is_for_bytes_and_lossless(self) -> None:
        assert issubclass(self.codec, ChunkCodec)
        assert self.codec.media == "bytes"
        assert self.codec.lossless

    @_examples
    @given(data=st.one_of(st.binary(max_size=2000), strategies.arrays().map(np.ndarray.tobytes)))
    def test_round_trip(self, data: bytes) -> None:
        codec = self.codec()
        packed = codec.compress(data)
        assert isinstance(packed, bytes)
        assert bytes(codec.decompress(packed, len(data))) == data

    @pytest.mark.parametrize("size", [0, 1, 255, 4096, 65_536, 3 * MEGABYTE + 1])
    def test_round_trip_of_sizes(self, size: int) -> None:
        codec = self.codec()
        noise = np.random.default_rng(size).integers(0, 256, size).astype(np.uint8).tobytes()
        for data in (noise, bytes(size), (b"0123456789abcdef" * (size // 16 + 1))[:size]):
            packed = codec.compress(data)
            assert bytes(codec.decompress(packed, size)) == data
            assert len(packed) <= size + size // 50 + 1024, "noise must not grow by more than 2 %"
        if self.compresses and size >= 4096:
            assert len(codec.compress(bytes(size))) < size // 4

    def test_any_buffer_is_taken(self) -> None:
        codec = self.codec()
        words = np.arange(1000, dtype=np.int32)
        expected = words.tobytes()
        packed = codec.compress(expected)
        views: list[Buffer] = [bytearray(expected), memoryview(expected), words.data]
        for view in [*views, memoryview(bytearray(b"x" + expected + b"y"))[1:-1]]:
            assert codec.compress(view) == packed
        for view in (bytearray(packed), memoryview(b"x" + packed + b"y")[1:-1]):
            assert bytes(codec.decompress(view, len(expected))) == expected

    def test_result_does_not_change_with_the_input(self) -> None:
        codec = self.codec()
        data = bytearray(range(200))
        packed = codec.compress(data)
        data[:] = bytes(200)
        assert bytes(codec.decompress(packed, 200)) == bytes(range(200))

    @_examples
    @given(data=st.binary(max_size=300), claim=st.integers(0, 2**40))
    def test_another_size_is_refused(self, data: bytes, claim: int) -> None:
        codec = self.codec()
        packed = codec.compress(data)
        for size in {claim, len(data) + 1, max(0, len(data) - 1), 0, 2**33} - {len(data)}:
            with pytest.raises(CorruptedSampleError):
                codec.decompress(packed, size)

    def test_truncation_at_every_length_is_refused(self) -> None:
        codec = self.codec()
        data = bytes(range(256)) + b"deep lake " * 40
        packed = codec.compress(data)
        for length in range(len(packed)):
            with pytest.raises(CorruptedSampleError):
                codec.decompress(packed[:length], len(data))

    def test_trailing_bytes_are_refused(self) -> None:
        codec = self.codec()
        data = b"deep lake " * 40
        packed = codec.compress(data)
        for tail in (b"\0", b"\xff", packed):
            with pytest.raises(CorruptedSampleError):
                codec.decompress(packed + tail, len(data))

    def test_bit_rot_never_gives_another_size(self) -> None:
        codec = self.codec()
        data = bytes(range(256)) + b"deep lake " * 40
        packed = codec.compress(data)
        for position in _spread(len(packed), 600):
            for bit in (0, 3, 7):
                try:
                    result = codec.decompress(_rotted(packed, position, bit), len(data))
                except CorruptedSampleError:
                    continue
                assert memoryview(result).nbytes == len(data)

    @_examples
    @given(data=st.binary(max_size=400), size=st.integers(0, 10_000))
    def test_foreign_bytes_never_crash(self, data: bytes, size: int) -> None:
        try:
            result = self.codec().decompress(data, size)
        except CorruptedSampleError:
            return
        assert memoryview(result).nbytes == size

    def test_bombs_are_refused_in_bounded_memory(self) -> None:
        codec = self.codec()
        bomb = codec.compress(bytes(64 * MEGABYTE))

        def explode() -> None:
            with pytest.raises(CorruptedSampleError):
                codec.decompress(bomb, 1000)
            # And a few bytes that are said to be very many.
            with pytest.raises(CorruptedSampleError):
                codec.decompress(codec.compress(b"deep lake"), 2**46)

        explode()
        assert memory_growth(explode) < self.memory

    def test_threads_share_one_codec(self) -> None:
        codec = self.codec()
        inputs = [bytes([i]) * 5_000 + bytes(range(256)) * (40 + i) for i in range(THREADS)]

        def job(data: bytes) -> bool:
            return all(
                bytes(codec.decompress(codec.compress(data), len(data))) == data for _ in range(25)
            )

        assert all(_together([partial(job, data) for data in inputs]))

    def test_gil_is_released(self) -> None:
        codec = self.codec()
        noise = np.random.default_rng(0).integers(0, 64, 16 * MEGABYTE).astype(np.uint8)
        data = noise.tobytes()
        packed = codec.compress(data)
        if not self.compresses:
            return  # nothing is computed
        assert share_of_gil(lambda: codec.compress(data), enough=0.5) < 0.5
        assert share_of_gil(lambda: codec.decompress(packed, len(data)), enough=0.5) < 0.5


class SampleCodecContract(_CodecContract):
    """Suite for a ``SampleCodec``.

    Attributes:
        codec: The class under test.
        layouts: What it can encode: ``(dtype, channels)``; channels None for arrays ``(H, W)``.
            Override ``samples`` for codecs of other things than pictures.
        tolerance: For lossy codecs: greatest mean difference of ``soft_sample`` and its copy, as a
            share of the dtype's range.
        memory: Bytes by which refusing a bomb may make the process grow.
        part_share: For codecs with ``parts``: greatest share of ``long_file`` that may be read for
            one item of it.
        gil: Whether decoding a large sample is checked to leave the GIL alone.
    """

    codec: ClassVar[type[SampleCodec]]
    layouts: ClassVar[tuple[tuple[str, int | None], ...]] = (("uint8", None), ("uint8", 3))
    tolerance: ClassVar[float] = 0.02
    memory: ClassVar[int] = 64 * MEGABYTE
    part_share: ClassVar[float] = 0.25
    gil: ClassVar[bool] = True
    _cached: ClassVar[dict[str, bytes]]
    _decoded: ClassVar[dict[str, tuple[np.ndarray, SampleHeader]]]

    # ------------------------------------------------------------------ what a suite may state
    def samples(self) -> st.SearchStrategy[np.ndarray]:
        """Arrays that the codec must be able to encode."""
        return strategies.pictures(self.layouts)

    def files(self) -> Mapping[str, bytes]:
        """Files the codec must read, by a name for messages. Needed if it is not writable."""
        return {}

    def bombs(self) -> Mapping[str, bytes]:
        """Small files that claim to be huge. Each must be refused in bounded memory."""
        raise AssertionError(
            f"{type(self).__name__} must override bombs(): files whose header claims far more than "
            "their bytes can hold; return {} if files of the format cannot claim anything"
        )

    def long_file(self) -> bytes:
        """For codecs with ``parts``: a file that is much longer than one item of its first axis."""
        raise AssertionError(
            f"{type(self).__name__} must override long_file(): the codec says it can decode parts, "
            "and a test counts what it reads of a long file for one of them"
        )

    def soft_sample(self) -> np.ndarray:
        """A natural-looking sample of the last layout, 96 long on its first two axes."""
        name, channels = self.layouts[-1]
        y, x = np.mgrid[0:96, 0:96] / 95
        planes = [(np.sin(3 * x + i) * np.cos(2 * y - i) + 1) / 2 for i in range(channels or 1)]
        unit = np.stack(planes, axis=-1) if channels else planes[0]
        return strategies.quantised(unit, name)

    def large_sample(self) -> np.ndarray:
        """A sample that takes tens of milliseconds to decode."""
        soft = self.soft_sample()
        large = np.tile(soft, (20, 20, *[1] * (soft.ndim - 2)))
        if large.dtype.kind in "ui":
            # Noise in the low bits: real pictures have it, and it is what entropy decoders chew on.
            large = large ^ np.random.default_rng(0).integers(0, 16, large.shape).astype(
                large.dtype
            )
        return large

    # ------------------------------------------------------------------ what the tests share
    def _encoded(self) -> dict[str, bytes]:
        """The suite's files, and small ones made by the codec itself; the same in all tests."""
        cls = type(self)
        if "_cached" not in cls.__dict__:
            cls._cached = self._make_files()
        return cls._cached

    def _make_files(self) -> dict[str, bytes]:
        files = dict(self.files())
        if self.codec.writable:
            codec = self.codec()
            for name, channels in (
                self.layouts if type(self).samples is SampleCodecContract.samples else ()
            ):
                shape = (9, 7) if channels is None else (9, 7, channels)
                unit = np.random.default_rng(7).random(shape)
                files[f"{name} {shape}"] = codec.encode(strategies.quantised(unit, name))
        assert files, f"{type(self).__name__} must override files(): there is nothing to read"
        return files

    def _smallest(self) -> bytes:
        return min(self._encoded().values(), key=len)

    def _outcome(self, data: Buffer) -> np.ndarray | None:
        """What decoding gives: None if it is refused. Probe and decode must agree."""
        codec = self.codec()
        try:
            header = codec.probe(data)
        except CorruptedSampleError:
            with pytest.raises(CorruptedSampleError):
                codec.decode(data)
            return None
        try:
            array = codec.decode(data)
        except CorruptedSampleError:
            return None
        assert array.shape == header.shape
        assert array.dtype.name == np.dtype(header.dtype).name
        return array

    def _assert_copy(self, original: np.ndarray, copy: np.ndarray) -> None:
        """The copy has the original's dtype and shape, and its values if the codec is lossless.

        An axis of length 1 at the end may be missing: many formats cannot tell gray pictures with
        one channel from those without a channel axis, and whoever encoded one knows the shape.
        """
        assert copy.dtype == original.dtype
        assert copy.shape in {
            original.shape,
            original.shape[:-1] if original.shape[-1:] == (1,) else (),
        }
        if self.codec.lossless:
            assert _same(copy.reshape(original.shape), original), "not lossless"

    # ------------------------------------------------------------------ class
    def test_is_a_sample_codec(self) -> None:
        assert issubclass(self.codec, SampleCodec)
        assert self.codec.media != "bytes"
        assert isinstance(self.codec.writable, bool)
        assert isinstance(self.codec.crops, bool)
        assert self.codec.extensions
        for extension in self.codec.extensions:
            assert extension == extension.lower().lstrip(".")

    # ------------------------------------------------------------------ encode
    @_examples
    @given(data=st.data())
    def test_round_trip(self, data: st.DataObject) -> None:
        if not self.codec.writable:
            return
        codec = self.codec()
        array = data.draw(self.samples())
        before = array.copy()
        packed = codec.encode(array)
        assert isinstance(packed, bytes)
        assert _same(array, before), "encode changed its argument"
        header = codec.probe(packed)
        copy = codec.decode(packed)
        assert copy.shape == header.shape
        assert copy.dtype.name == np.dtype(header.dtype).name
        self._assert_copy(array, copy)
        assert codec.sniff(packed[:512])

    @pytest.mark.parametrize("shape", _SHAPES + _EMPTY_SHAPES, ids=str)
    def test_every_dtype_is_kept_or_refused(self, shape: tuple[int, ...]) -> None:
        codec = self.codec()
        unit = np.random.default_rng(3).random(shape)
        refusals = []
        for name in _DTYPES:
            if np.dtype(name).kind in "buif":
                array = strategies.quantised(unit, name).reshape(shape)
            else:
                array = np.zeros(shape, name)
            try:
                packed = codec.encode(array)
            except SampleCompressionError as error:
                refusals.append(str(error))
                continue
            assert self.codec.writable, "a codec that is not writable must refuse to encode"
            self._assert_copy(array, codec.decode(packed))
        assert all(refusals), "say what the format can hold"

    def test_layout_in_memory_does_not_matter(self) -> None:
        if not self.codec.writable:
            return
        codec = self.codec()
        array = self.soft_sample()
        expected = codec.encode(array)
        frozen = array.copy()
        frozen.flags.writeable = False
        larger = np.zeros((2 * array.shape[0], *array.shape[1:]), array.dtype)
        larger[::2] = array
        same = {
            "read-only": frozen,
            "Fortran order": np.asfortranarray(array),
            "every other row": larger[::2],
            "negative strides": np.flip(np.ascontiguousarray(np.flip(array))),
            "transposed": np.ascontiguousarray(array.swapaxes(0, 1)).swapaxes(0, 1),
            "big endian": array.astype(array.dtype.newbyteorder(">")),
            "little endian": array.astype(array.dtype.newbyteorder("<")),
        }
        for name, variant in same.items():
            assert codec.encode(variant) == expected, f"{name}: encoded differently"

    def test_lossy_copies_are_near(self) -> None:
        if not self.codec.writable:
            return
        codec = self.codec()
        array = self.soft_sample()
        copy = codec.decode(codec.encode(array))
        self._assert_copy(array, copy)
        span = float(np.iinfo(array.dtype).max) if array.dtype.kind in "ui" else 1.0
        difference = np.abs(copy.reshape(array.shape).astype(float) - array.astype(float)).mean()
        assert difference <= self.tolerance * span

    # ------------------------------------------------------------------ read
    def test_probe_says_what_decode_returns(self) -> None:
        codec = self.codec()
        for name, data in self._encoded().items():
            header = codec.probe(data)
            array = codec.decode(data)
            assert array.shape == header.shape, name
            assert array.dtype.name == np.dtype(header.dtype).name, name
            assert array.dtype.isnative, f"{name}: not in this machine's byte order"
            assert array.flags.c_contiguous, name
            assert array.flags.writeable, f"{name}: the caller owns the array"
            assert json.loads(json.dumps(dict(header.meta))) == dict(header.meta), name

    def test_sniffs_its_own_files(self) -> None:
        codec = self.codec()
        for name, data in self._encoded().items():
            assert codec.sniff(data[:512]) is True, name
            assert codec.sniff(memoryview(data)[:512]) is True, name

    @pytest.mark.parametrize("name", _FOREIGN)
    def test_foreign_files_are_refused(self, name: str) -> None:
        codec = self.codec()
        assert codec.sniff(_FOREIGN[name][:512]) is False
        for read in (codec.probe, codec.decode):
            with pytest.raises(CorruptedSampleError) as caught:
                read(_FOREIGN[name])
            assert str(caught.value), "say what is wrong"

    @_examples
    @given(head=st.binary(max_size=512))
    def test_sniff_answers_anything(self, head: bytes) -> None:
        assert isinstance(self.codec().sniff(head), bool)

    def test_decodes_into_an_array(self) -> None:
        codec = self.codec()
        for name, data in self._encoded().items():
            expected = codec.decode(data)
            guarded = np.full((3, *expected.shape), _poison(expected.dtype))
            out = guarded[1]
            result = codec.decode(data, out=out)
            assert result is out, f"{name}: decode must return the array it was given"
            assert _same(out, expected), f"{name}: the array does not hold the sample"
            blank = np.full_like(expected, _poison(expected.dtype))
            assert _same(guarded[0], blank), f"{name}: written before the array's start"
            assert _same(guarded[2], blank), f"{name}: written behind the array's end"

    def test_any_buffer_is_taken(self) -> None:
        codec = self.codec()
        for data in self._encoded().values():
            expected = codec.decode(data)
            views: list[Buffer] = [bytearray(data), memoryview(data), memoryview(bytearray(data))]
            for view in [*views, memoryview(b"x" + data + b"y")[1:-1]]:
                assert codec.probe(view).shape == expected.shape
                assert _same(codec.decode(view), expected)
                assert bytes(view) == data, "decode changed its input"

    def test_result_does_not_change_with_the_input(self) -> None:
        codec = self.codec()
        for data in self._encoded().values():
            mutable = bytearray(data)
            array = codec.decode(mutable)
            before = array.copy()
            mutable[:] = bytes(len(mutable))
            assert _same(array, before), "the array shares memory with the file's bytes"
            again = codec.decode(data)
            assert _same(again, before)
            assert not np.shares_memory(again, array), "decode keeps arrays that it returned"

    # ------------------------------------------------------------------ damage
    def test_truncation_is_refused_or_harmless(self) -> None:
        """At every length: refused, or so near the end that nothing of the sample is missing."""
        for data in sorted(self._encoded().values(), key=len)[:3]:
            whole = self.codec().decode(data)
            for length in _spread(len(data), 1500):
                part = self._outcome(data[:length])
                assert part is None or _same(part, whole), f"the first {length} bytes give a part"

    def test_bit_rot_never_gives_another_shape(self) -> None:
        data = self._smallest()
        for position in _spread(len(data), 400):
            for bit in (0, 4, 7):
                self._outcome(_rotted(data, position, bit))

    @_examples
    @given(data=st.data())
    def test_spliced_files_never_crash(self, data: st.DataObject) -> None:
        original = self._smallest()
        start = data.draw(st.integers(0, len(original)))
        stop = data.draw(st.integers(start, min(len(original), start + 20)))
        self._outcome(original[:start] + data.draw(st.binary(max_size=20)) + original[stop:])

    def test_bombs_are_refused_in_bounded_memory(self) -> None:
        codec = self.codec()
        codec.decode(self._smallest())  # what is loaded on first use is no growth
        for name, bomb in self.bombs().items():
            refuse = partial(self._refuse, codec, bomb)
            assert refuse(), f"{name} was decoded"
            growth = memory_growth(refuse)
            assert growth < self.memory, f"{name}: {growth >> 20} MiB to refuse it"

    def _refuse(self, codec: SampleCodec, bomb: bytes) -> bool:
        with suppress(CorruptedSampleError):
            codec.probe(bomb)  # may answer, in bounded memory
        try:
            codec.decode(bomb)
        except CorruptedSampleError:
            return True
        return False

    # ------------------------------------------------------------------ threads
    def test_threads_share_one_codec(self) -> None:
        codec = self.codec()
        files = list(self._encoded().values())
        if self.codec.writable:
            soft = self.soft_sample()
            files += [codec.encode(np.ascontiguousarray(soft[: 90 - i])) for i in range(THREADS)]
        expected = [codec.decode(data) for data in files]

        def job(first: int) -> bool:
            # Each thread meets the files in another order, so different files are in the works.
            order = [(first + i) % len(files) for i in range(max(24, len(files)))]
            return all(_same(codec.decode(files[i]), expected[i]) for i in order)

        assert all(_together([partial(job, i) for i in range(THREADS)])), "not thread-safe"
        if self.codec.writable:
            arrays = [np.ascontiguousarray(soft[: 90 - i]) for i in range(THREADS)]
            again = _together([partial(codec.encode, array) for array in arrays])
            assert again == files[-THREADS:], "encode is not thread-safe"

    def test_gil_is_released(self) -> None:
        if not (self.gil and self.codec.writable):
            return
        codec = self.codec()
        data = codec.encode(self.large_sample())
        out = codec.decode(data)
        assert share_of_gil(lambda: codec.decode(data, out=out), enough=0.5) < 0.5

    # ------------------------------------------------------------------ crops
    @_examples
    @given(data=st.data())
    def test_crops_are_parts_of_the_whole(self, data: st.DataObject) -> None:
        codec = self.codec()
        if not codec.crops:
            return
        for encoded in self._encoded().values():
            whole = codec.decode(encoded)
            height, width = whole.shape[:2]
            top = data.draw(st.integers(0, height - 1))
            left = data.draw(st.integers(0, width - 1))
            crop = (
                *(top, left),
                data.draw(st.integers(1, height - top)),
                data.draw(st.integers(1, width - left)),
            )
            part = whole[top : top + crop[2], left : left + crop[3]]
            result = codec.decode(encoded, crop=crop)
            assert _same(result, np.ascontiguousarray(part))
            size = (data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12)))
            out = np.zeros((*size, *whole.shape[2:]), whole.dtype)
            assert codec.decode(encoded, crop=crop, size=size, out=out) is out
            assert _same(codec.decode(encoded, crop=crop, size=size), out)

    def test_resized_crops_look_like_the_whole(self) -> None:
        codec = self.codec()
        if not (codec.crops and codec.writable):
            return
        soft = self.soft_sample()
        encoded = codec.encode(np.repeat(np.repeat(soft, 3, axis=0), 4, axis=1))
        span = float(np.iinfo(soft.dtype).max) if soft.dtype.kind in "ui" else 1.0
        for top, left, height, width in [(0, 0, 96, 96), (7, 20, 64, 48), (32, 0, 16, 80)]:
            crop = (3 * top, 4 * left, 3 * height, 4 * width)
            part = soft[top : top + height, left : left + width].astype(float)
            for factor in (1, 2, 4, 8):
                size = (height // factor, width // factor)
                averages = part.reshape(size[0], factor, size[1], factor, *part.shape[2:]).mean(
                    axis=(1, 3)
                )
                result = codec.decode(encoded, crop=crop, size=size).astype(float)
                assert np.abs(result - averages).mean() <= 2 * self.tolerance * span
                assert np.abs(result.mean() - averages.mean()) <= self.tolerance * span

    # ------------------------------------------------------------------ parts
    def test_parts_are_refused_where_there_are_none(self) -> None:
        if self.codec.parts:
            return
        codec, data = self.codec(), self._smallest()
        with pytest.raises(NotImplementedError):
            codec.decode_part(io.BytesIO(data), slice(0, 1), header=codec.probe(data))

    @_examples
    @given(data=st.data())
    def test_parts_are_items_of_the_whole(self, data: st.DataObject) -> None:
        codec = self.codec()
        if not codec.parts:
            return
        name = data.draw(st.sampled_from(sorted(self._encoded())))
        encoded = self._encoded()[name]
        whole, header = self._whole(name)
        part = data.draw(st.one_of(st.slices(len(whole)), _any_slices(len(whole))))
        bare = SampleHeader(header.shape, header.dtype)
        result = codec.decode_part(io.BytesIO(encoded), part, header=bare)
        assert _same(result, np.ascontiguousarray(whole[part])), f"{name}: {part}"
        assert result.flags.writeable, f"{name}: the caller owns the array"

    def test_a_part_reads_little_of_the_file(self) -> None:
        codec = self.codec()
        if not codec.parts:
            return
        data = self.long_file()
        header = codec.probe(data)
        whole = codec.decode(data)
        for place in (0, len(whole) // 2, len(whole) - 1):
            file = CountingFile(data)
            part = codec.decode_part(file, slice(place, place + 1), header=header)
            assert _same(part, np.ascontiguousarray(whole[place : place + 1]))
            assert file.read_bytes <= self.part_share * len(data), (
                f"item {place} of {len(whole)}: {file.read_bytes} of {len(data)} bytes were read"
            )

    def test_parts_of_damaged_files(self) -> None:
        """Refused, or right: whether all is there need not be known to read a part of it."""
        codec = self.codec()
        if not codec.parts:
            return
        for name, encoded in sorted(self._encoded().items(), key=lambda item: len(item[1]))[:3]:
            whole, header = self._whole(name)
            for length in _spread(len(encoded), 200):
                with suppress(CorruptedSampleError):
                    part = codec.decode_part(
                        io.BytesIO(encoded[:length]), slice(0, 2), header=header
                    )
                    assert _same(part, np.ascontiguousarray(whole[:2])), f"{name}[:{length}]"
            for position in _spread(len(encoded), 200):
                with suppress(CorruptedSampleError):
                    part = codec.decode_part(
                        io.BytesIO(_rotted(encoded, position, 4)), slice(0, 2), header=header
                    )
                    assert (part.shape, part.dtype) == (whole[:2].shape, whole.dtype), name

    def test_threads_decode_parts(self) -> None:
        codec = self.codec()
        if not codec.parts:
            return
        names = sorted(self._encoded())

        def job(first: int) -> bool:
            for i in range(len(names)):
                name = names[(first + i) % len(names)]
                whole, header = self._whole(name)
                file = io.BytesIO(self._encoded()[name])
                part = slice(first % max(1, len(whole)), None)
                result = codec.decode_part(file, part, header=header)
                if not _same(result, np.ascontiguousarray(whole[part])):
                    return False
            return True

        for name in names:
            self._whole(name)
        assert all(_together([partial(job, i) for i in range(THREADS)])), "not thread-safe"

    def _whole(self, name: str) -> tuple[np.ndarray, SampleHeader]:
        """A file of the suite decoded, and its header; decoded once for all tests."""
        cls = type(self)
        if "_decoded" not in cls.__dict__:
            cls._decoded = {}
        if name not in cls._decoded:
            data, codec = self._encoded()[name], self.codec()
            cls._decoded[name] = (codec.decode(data), codec.probe(data))
        return cls._decoded[name]


class CountingFile(io.BytesIO):
    """A file in memory that counts the bytes that are read of it.

    Attributes:
        read_bytes: Sum of the lengths of all reads.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        count = super().readinto(buffer)
        self.read_bytes += count
        return count


def _any_slices(length: int) -> st.SearchStrategy[slice]:
    """Slices as people write them: from the end, beyond it, backwards."""
    place = st.one_of(st.none(), st.integers(-length - 3, length + 3))
    step = st.one_of(st.none(), st.integers(-3, 3).filter(bool))
    return st.builds(slice, place, place, step)


def _poison(dtype: np.dtype[Any]) -> np.ndarray:
    """A scalar of the dtype that a forgotten element would show."""
    pattern = {"b": True, "f": -12345.0}.get(
        dtype.kind, 0xA5 % (np.iinfo(dtype).max if dtype.kind in "ui" else 2)
    )
    return np.array(pattern, dtype)


__all__ = ["ChunkCodecContract", "CountingFile", "SampleCodecContract"]
