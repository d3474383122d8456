"""Tests of damaged and hostile files."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import CorruptedSampleError
from deeplake.spi import SampleCodec
from deeplake.testing.codec.base import (
    examples,
    rotted,
    same,
    spread,
)
from deeplake.testing.codec.suite import SampleSuite
from deeplake.testing.measure import memory_growth


class DamageTests(SampleSuite):
    """Refused, in bounded memory; never another shape, never a crash."""

    def test_truncation_is_refused_or_harmless(self) -> None:
        """At every length: refused, or so near the end that nothing of the sample is missing."""
        for data in sorted(self._encoded().values(), key=len)[:3]:
            whole = self.codec().decode(data)
            for length in spread(len(data), 1500):
                part = self._outcome(data[:length])
                assert part is None or same(part, whole), f"the first {length} bytes give a part"

    def test_bit_rot_never_gives_another_shape(self) -> None:
        data = self._smallest()
        for position in spread(len(data), 400):
            for bit in (0, 4, 7):
                self._outcome(rotted(data, position, bit))

    @examples
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


__all__ = ["DamageTests"]
