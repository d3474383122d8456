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

from deeplake.testing.codec.chunks import ChunkCodecContract
from deeplake.testing.codec.crops import CropTests
from deeplake.testing.codec.damage import DamageTests
from deeplake.testing.codec.parts import CountingFile, PartTests
from deeplake.testing.codec.reading import ReadingTests
from deeplake.testing.codec.writing import WritingTests


class SampleCodecContract(WritingTests, ReadingTests, DamageTests, CropTests, PartTests):
    """Suite for a ``SampleCodec``; see ``SampleSuite`` for what it states."""


__all__ = ["ChunkCodecContract", "CountingFile", "SampleCodecContract"]
