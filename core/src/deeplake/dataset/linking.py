"""What the links of a dataset lead to: fetched with its credentials, compared with what was linked."""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any
from typing import cast as cast_type

import numpy as np

from deeplake import config
from deeplake.dataset.casting import STORED_KINDS, cast
from deeplake.dataset.lender import Lender
from deeplake.dataset.sample import Sample
from deeplake.errors import (
    CorruptedSampleError,
    DeepLakeError,
    LinkChangedError,
    MissingCredsError,
    SampleHtypeMismatchError,
    TensorInvalidSampleShapeError,
    UnsupportedCompressionError,
)
from deeplake.format import values
from deeplake.format.encoding import codec_plugin, htype_plugin
from deeplake.format.links import ENV, Link, Pin, creds_names
from deeplake.links import Opener, Policy, RangeFile, Source, shown
from deeplake.spi import SampleCodec
from deeplake.types import Shape, TensorSchema
from deeplake.versioning.workingcopy import WorkingCopy

HASHED = 64 << 20
"""Bytes from the start of a file that its digest is of."""


class Linker:
    """Reads what links of one dataset lead to. Any number of threads may use it.

    Args:
        lender: Credentials by name.
        session: The version of the dataset, which knows the names of credentials.
        local: The dataset is on this machine.
    """

    def __init__(self, lender: Lender, session: WorkingCopy, *, local: bool) -> None:
        self.lender = lender
        self.session = session
        self._local = local
        self._opener: Opener | None = None

    def _names(self) -> dict[str, str]:
        """Names of credentials by the ids that links have."""
        return creds_names(self.session.extra)

    # ---- files
    def name_of(self, creds: str | None) -> str | None:
        """The name of the credentials that links have the id of."""
        return creds if creds in (None, ENV) else self._names().get(creds, creds)

    def id_of(self, name: str) -> str | None:
        """The id that links have of credentials of a name."""
        return next((key for key, known in self._names().items() if known == name), None)

    def _creds(self, link: Link) -> Any:
        if link.creds is None or link.creds == ENV:
            return link.creds
        name = self._names().get(link.creds)
        if name is None:
            raise MissingCredsError(
                f"{shown(link.path)}: there are no credentials called {link.creds!r} in the dataset; "
                "ds.add_creds_key adds a name"
            )
        found = self.lender.values.get(name)
        if found is None:
            raise MissingCredsError(
                f"{shown(link.path)}: credentials {name!r} are not there; give them with "
                f"ds.populate_creds({name!r}, …): they are never stored"
            )
        return found or ENV

    def open(self, link: Link) -> Source:
        """The file that a link leads to; nothing is asked for before it is used.

        Raises:
            MissingCredsError: Its credentials were not given.
            LinkRefusedError: ``deeplake.config["links"]`` does not allow it.
        """
        policy = Policy.for_links(local=self._local)
        if self._opener is None or self._opener.policy != policy:
            self._opener = Opener(policy)
        return self._opener.open(link.path, self._creds(link))

    def fetch(self, link: Link, changed: str | None = None) -> bytes:
        """The file's bytes, the ones that were linked.

        Args:
            link: The link.
            changed: What to do with others (``"error"``, ``"warn"``, ``"ignore"``); None: what the
                settings say.

        Raises:
            LinkChangedError: They are others.
            GetDataFromLinkError: They cannot be read.
            MissingCredsError: Credentials are missing.
        """
        source = self.open(link)
        try:
            data = source.read_all()
        finally:
            source.close()
        if link.pin is not None:
            _compare(link, len(data), data, changed)
        return data

    def file(self, link: Link) -> RangeFile:
        """The file, to be read in ranges: its version, or its size and first bytes, are compared.

        Raises:
            LinkChangedError: It is another one.
            GetDataFromLinkError: It cannot be read.
            MissingCredsError: Credentials are missing.
        """
        file = RangeFile(self.open(link))
        pin = link.pin
        try:
            if pin is not None and not (
                file.size == pin.size
                and ((pin.version and file.info.version == pin.version)
                     or (pin.modified is not None and not pin.version
                         and file.info.modified == pin.modified))
            ):  # fmt: skip
                _compare(link, file.size, file.read_at(0, pin.hashed))
        except BaseException:
            file.close()
            raise
        return file

    def pinned(self, link: Link) -> tuple[Link, bytes]:
        """The link with what its file is now, and the file's bytes.

        Raises:
            GetDataFromLinkError: It cannot be read.
            MissingCredsError: Credentials are missing.
        """
        source = self.open(link)
        try:
            data = source.read_all()
            stat = source.stat()
        finally:
            source.close()
        hashed = min(len(data), HASHED)
        digest = hashlib.sha256(memoryview(data)[:hashed]).hexdigest()
        pin = Pin(len(data), digest, hashed, "", stat.version, stat.modified)
        return Link(link.path, link.creds, pin), data

    def sample(self, link: Link) -> Sample:
        """The file as ``deeplake.read`` would give it."""
        return sample_of(link, self.fetch(link))

    # ---- many
    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Run all, at a time as many as ``deeplake.config["links"]["threads"]`` says."""
        if len(jobs) < 2 or getattr(_thread, "waits", False):
            # A thread of the pool must not wait for the others: they may all do the same.
            for job in jobs:
                job()
            return
        for _ in _threads().map(_call, jobs):
            continue


def _call(job: Callable[[], None]) -> None:
    job()


_pool: tuple[int, int, ThreadPoolExecutor] | None = None
_pool_lock = threading.Lock()
_thread = threading.local()


def _mark() -> None:
    _thread.waits = True


def _threads() -> ThreadPoolExecutor:
    """Threads of this process that wait for files; few of them compute at a time."""
    global _pool
    count = int(config["links"]["threads"])
    with _pool_lock:
        if _pool is None or _pool[:2] != (os.getpid(), count):
            pool = ThreadPoolExecutor(count, thread_name_prefix="deeplake-link", initializer=_mark)
            _pool = os.getpid(), count, pool
        return _pool[2]


# --------------------------------------------------------------------------- what was linked
def _compare(link: Link, size: int, data: bytes, changed: str | None = None) -> None:
    """Compare a file with what was linked, and do what the settings say if it is another one.

    Args:
        link: The link.
        size: Bytes that the file has.
        data: The file, or as many of its first bytes as the digest is of.
        changed: What to do; None: what the settings say.
    """
    pin = link.pin
    reaction = changed or config["links"]["changed"]
    if pin is None or reaction == "ignore":
        return
    if size != pin.size:
        problem = f"it has {size:,} bytes, and had {pin.size:,}"
    elif hashlib.sha256(memoryview(data)[: pin.hashed]).hexdigest() != pin.sha256:
        problem = f"its {size:,} bytes are others than they were"
    else:
        return
    text = (
        f"{shown(link.path)}: the file is not the one that was linked: {problem}. Link it again, or "
        "set deeplake.config['links']['changed'] to 'warn' or 'ignore' to read what is there now"
    )
    if reaction == "error":
        raise LinkChangedError(text)
    warnings.warn(text, stacklevel=2)


def sample_of(link: Link, data: bytes) -> Sample:
    """A linked file as a sample."""
    pin = link.pin
    sample = Sample(buffer=data, compression=(pin.format or None) if pin is not None else None)
    sample.path = link.path
    return sample


# --------------------------------------------------------------------------- values
def decode(link: Link, data: bytes, schema: TensorSchema, info: Mapping[str, Any]) -> Any:
    """The value of a linked file, as a sample of the tensor.

    Raises:
        CorruptedSampleError: It cannot be decoded.
        SampleHtypeMismatchError, UnsupportedCompressionError: It is no file of the htype.
        TensorInvalidSampleShapeError, TensorDtypeMismatchError: The value does not fit the tensor.
    """
    plugin = htype_plugin(schema.htype)
    spec = plugin.spec()
    if spec.payload != "array":
        try:
            if spec.payload == "text":
                return values.decode_text(data)
            value, _ = plugin.prepare(_json(data), info)
        except CorruptedSampleError as error:
            raise CorruptedSampleError(f"{shown(link.path)}: {error}") from error
        return value
    array = _array(sample_of(link, data), data, spec.media)
    if array.size and plugin.check_shape(array.shape):
        array, _ = plugin.prepare(array, info)
        array = np.asarray(array)
        problem = plugin.check_shape(array.shape)
        if problem:
            raise TensorInvalidSampleShapeError(problem)
    return array.reshape(fitted(array.shape, schema))


def value(
    linker: Linker,
    link: Link,
    schema: TensorSchema,
    info: Mapping[str, Any],
    out: np.ndarray | None = None,
) -> Any:
    """What a link leads to, as a sample of its tensor.

    Args:
        linker: Reads it.
        link: The link.
        schema, info: Of the tensor.
        out: Array of the sample's shape and dtype to decode into, and to return.

    Raises:
        LinkChangedError, GetDataFromLinkError, MissingCredsError: See ``Linker.fetch``.
        DeepLakeError: See ``decode``.
    """
    data = linker.fetch(link)
    if out is not None and decode_into(link, data, out):
        return out
    found = decode(link, data, schema, info)
    if not isinstance(found, np.ndarray):
        return found
    if schema.dtype is not None and found.dtype != np.dtype(schema.dtype):
        # What is no file of a codec has no dtype of its own: JSON has numbers.
        loose = not htype_plugin(schema.htype).spec().media
        found = cast(found, np.dtype(schema.dtype), by_value=loose, ints_by_value=True)
    if out is None:
        return found
    if found.shape != out.shape:
        raise LinkChangedError(
            f"{shown(link.path)}: has shape {found.shape}, and had {out.shape} when it was linked; "
            "read it alone or with aslist=True"
        )
    out[...] = found
    return out


def shape_of(linker: Linker, link: Link, schema: TensorSchema, info: Mapping[str, Any]) -> Shape:
    """Shape of what a link leads to; from the header of the file, where that will do."""
    plugin = htype_plugin(schema.htype)
    spec = plugin.spec()
    data = linker.fetch(link)
    if spec.payload == "array" and spec.media:
        shape = sample_of(link, data).shape
        if not plugin.check_shape(shape):
            return fitted(tuple(shape), schema)
    found = decode(link, data, schema, info)
    if isinstance(found, np.ndarray):
        return tuple(found.shape)
    return (len(found),) if spec.payload == "list" else (1,)


def fitted(shape: Shape, schema: TensorSchema) -> Shape:
    """The shape with as many dimensions as the tensor has: grey images may lack their axis."""
    ndim = schema.ndim
    if ndim is None or len(shape) == ndim:
        return shape
    if ndim == 3 and len(shape) == 2:
        return (*shape, 1)
    if ndim == 2 and len(shape) == 3 and shape[2] == 1:
        return shape[:2]
    raise TensorInvalidSampleShapeError(
        f"a file of shape {shape}, and the samples of tensor {schema.name!r} have {ndim} dimensions"
    )


def _array(sample: Sample, data: bytes, media: frozenset[str]) -> np.ndarray:
    if not media:
        # Boxes, labels and the like: no codec makes files of them.
        try:
            if data.startswith(b"\x93NUMPY"):
                return _numpy(data)
            if data[:64].lstrip()[:1] in (b"[", b"{") or data[:1].isdigit():
                return np.asarray(_json(data))
        except CorruptedSampleError as error:
            raise CorruptedSampleError(f"{shown(str(sample.path))}: {error}") from error
    if media and sample.media not in media:
        raise SampleHtypeMismatchError(
            f"{shown(str(sample.path))} is a file of {sample.media}, and the tensor links "
            f"{' or '.join(sorted(media))}"
        )
    array = sample.array
    if array.dtype.kind not in STORED_KINDS:
        raise SampleHtypeMismatchError(f"{shown(str(sample.path))} holds values of {array.dtype}")
    return array


def _numpy(data: bytes) -> np.ndarray:
    file = BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(file)
        # Before memory is allocated for what the file claims to be.
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(data) - file.tell():
            raise ValueError(f"{len(data)} bytes are no array of shape {shape} and dtype {dtype}")
        array: np.ndarray = np.load(BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise CorruptedSampleError(f"is no .npy file of numbers: {error}") from error
    return array


def _json(data: bytes) -> Any:
    try:
        return json.loads(values.decode_text(data))
    except (ValueError, RecursionError) as error:
        raise CorruptedSampleError(f"is no JSON: {error}") from error


def format_of(sample: Sample, schema: TensorSchema) -> str:
    """Codec that a linked file is read with; empty if its htype needs none."""
    spec = htype_plugin(schema.htype).spec()
    if spec.payload != "array":
        return ""
    try:
        return sample.compression or ""
    except UnsupportedCompressionError:
        if spec.media:
            raise
        return ""


def decode_into(link: Link, data: bytes, out: np.ndarray) -> bool:
    """Decode straight into an array, if the file is pinned to a format and fits; else do nothing."""
    if link.pin is None or not link.pin.format or not out.flags.c_contiguous:
        return False
    codec = codec_of(link)
    if codec is None:
        return False
    header = codec.probe(data)
    if header.shape != out.shape or np.dtype(header.dtype) != out.dtype:
        return False
    codec.decode(data, out=out)
    return True


def codec_of(link: Link) -> SampleCodec | None:
    """The codec of the file that a link was pinned to; None if that is not known."""
    if link.pin is None or not link.pin.format:
        return None
    codec = codec_plugin(link.pin.format)
    return None if codec.media == "bytes" else cast_type(SampleCodec, codec)


def located(error: DeepLakeError, tensor: str, row: Any) -> DeepLakeError:
    """The error of reading a link, with the tensor and row that it is in."""
    named = type(error)(f"tensor {tensor!r}, row {row}: {error}")
    if hasattr(error, "status"):
        named.status = error.status  # type: ignore[attr-defined]
    return named


__all__ = [
    "HASHED",
    "Linker",
    "codec_of",
    "decode",
    "decode_into",
    "fitted",
    "format_of",
    "located",
    "sample_of",
    "shape_of",
    "value",
]  # fmt: skip
