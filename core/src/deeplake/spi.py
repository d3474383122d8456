"""The whole contract between the kernel and its plugins. One screenful a kind.

A plugin is a class that derives from one of the ABCs below, names the API it was written for, and
is announced as an entry point: group ``deeplake.<kind>``, name = key, value = the class::

    [project.entry-points."deeplake.storage"]
    s3 = "deeplake_storage_s3:S3"

    class S3(StorePlugin, api=(1, 0)): ...

The kernel makes one instance a process, without arguments, when the key is first used. Importing
the module of a plugin must be cheap: import heavy libraries inside the methods that need them.

Plugins import ``deeplake.spi``, ``deeplake.types``, ``deeplake.errors`` and ``deeplake.testing``,
and nothing else of deeplake.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal, TypeAlias, TypeVar, cast

from deeplake.errors import IngestionError
from deeplake.types import (
    Buffer,
    ByteRange,
    Data,
    ObjectInfo,
    SampleHeader,
    Shape,
    StoreCapabilities,
    TensorSchema,
)

if TYPE_CHECKING:
    import argparse

    import numpy as np

API = (1, 0)
"""Version of this contract. A plugin of the same major and of no later minor works."""

T = TypeVar("T")
R = TypeVar("R")


class Plugin(ABC):  # noqa: B024 - the kinds have the abstract methods
    """Base of every kind of plugin.

    Attributes:
        kind: Kind, and last part of the entry-point group.
        api: The contract's version that the class was written for; each plugin class states it.
    """

    kind: ClassVar[str] = ""
    api: ClassVar[tuple[int, int] | None] = None

    def __init_subclass__(cls, *, api: tuple[int, int] | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if api is not None:
            cls.api = api


# --------------------------------------------------------------------------- storage
PartWriter: TypeAlias = Callable[[int, Buffer], None]
"""Takes where a part of an object begins, and the part."""


class Store(ABC):
    """A flat ``key -> bytes`` space below one URL: synchronous, thread-safe.

    Keys are ``/``-separated ASCII, never absolute, never with ``.`` or ``..`` components. A put is
    all or nothing: readers see the old object or the whole new one. When ``put`` returns, the
    object survives whatever the store promises to survive (a local store: power loss).

    A store whose ``capabilities.persistent`` is true can be pickled, and works after a fork and in
    a new process; connections are made in the process that uses them.
    """

    url: str
    capabilities: StoreCapabilities

    @abstractmethod
    def get(self, key: str, byte_range: ByteRange | None = None) -> Buffer:
        """The object, or the part of it inside ``byte_range`` (less at the end of the object).

        Raises:
            ObjectNotFoundError: No object has this key.
            StorageError: Anything else.
        """

    @abstractmethod
    def get_versioned(self, key: str) -> tuple[Buffer, str]:
        """The object and the version that these very bytes have, read atomically."""

    def get_many(self, requests: Sequence[tuple[str, ByteRange | None]]) -> list[Buffer]:
        """Several gets, answered in the order asked; in parallel where that is faster."""
        return [self.get(key, byte_range) for key, byte_range in requests]

    def map(self, key: str) -> memoryview:
        """A read-only view of a whole object without copying it (``capabilities.mapping``)."""
        raise NotImplementedError(f"{type(self).__name__} cannot map objects")

    def map_private(self, key: str, byte_range: ByteRange) -> memoryview | None:
        """A part of an object, not copied, that may be written to without anybody else seeing it.

        Args:
            key: Key.
            byte_range: The part.

        Returns:
            The part, writable; pages that are written to become memory of this process. None where
            that cannot be had, for now or at all, or the object ends before: whoever asked makes a
            copy then.

        Raises:
            ObjectNotFoundError: No object has this key.
            StorageError: It cannot be mapped.
        """
        return None

    @abstractmethod
    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        """Write an object and return its new version.

        Args:
            key: Key.
            data: One buffer, or several that are written one after the other.
            if_match: Write only if the object has this version.
            if_absent: Write only if there is no object.

        Raises:
            PreconditionFailedError: The condition does not hold; nothing was written.
            StorageError: Anything else; it may or may not have been written.
        """

    def assemble(self, key: str, size: int) -> AbstractContextManager[PartWriter] | None:
        """A new object whose parts are written one by one, in any order.

        As a ``put`` it is all or nothing: the object is there, and survives whatever the store
        promises to survive, when the context was left without an error, and not at all before.

        Args:
            key: Key of no object.
            size: Bytes of the object. All of them are written.

        Returns:
            In its context, a function that takes where a part begins, and the part. None where that
            cannot be had: the object is put as a whole then.

        Raises:
            StorageError: On entering, on leaving, or in between: it cannot be written.
        """
        return None

    @abstractmethod
    def head(self, key: str) -> ObjectInfo:
        """Size and version. Raises ``ObjectNotFoundError``."""

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; keys without an object are ignored."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key starts with ``prefix``, in byte order of their keys."""

    def turn(self) -> AbstractContextManager[None]:
        """A queue for those who change one object with conditional puts.

        Nothing depends on it: it only keeps fast writers from always being ahead of a slow one. It
        must end by itself when the holder dies. Default: there is no queue.
        """
        return nullcontext()

    def sweep(self, older_than: float, *, dry_run: bool = False) -> int:
        """Remove what killed writers left behind and no key names (temporary files, parts of
        uploads).

        Args:
            older_than: Age in seconds since the last write; younger leftovers may still be written.
            dry_run: Only count.

        Returns:
            Bytes that were freed, or would be.
        """
        return 0

    def close(self) -> None:  # noqa: B027 - most stores hold nothing
        """Release connections and files. A closed store may be used again."""


class StorePlugin(Plugin):
    """Opens stores for URL schemes. Key: the scheme (``s3``)."""

    kind = "storage"

    @abstractmethod
    def open(self, url: str, *, creds: Mapping[str, Any] | str | None = None) -> Store:
        """The store whose root is ``url``. No request is made before it is used."""

    def create(self, url: str, *, creds: Mapping[str, Any] | str | None = None) -> Store:
        """The store for a new dataset: like ``open``, but an ephemeral store starts empty."""
        return self.open(url, creds=creds)


# --------------------------------------------------------------------------- codecs
Media = Literal["bytes", "image", "audio", "video", "dicom", "nifti", "point_cloud", "mesh"]


class Codec(Plugin):
    """What both kinds of codec share. Key: the name of the compression (``jpeg``).

    Attributes:
        name: Canonical name; further entry-point keys of the same class are aliases (``jpg``).
        media: What it encodes: ``"bytes"`` compresses any bytes, anything else encodes samples.
        lossless: ``decode(encode(x))`` equals ``x``.
        estimate: Bytes that a byte of an array becomes, nominally: it decides which arrays are so
            large that they are stored in tiles.
    """

    kind = "codec"
    name: ClassVar[str]
    media: ClassVar[Media]
    lossless: ClassVar[bool] = True
    estimate: ClassVar[float] = 1.0


class ChunkCodec(Codec):
    """Compresses bytes: frames of a chunk, or single samples of any htype."""

    media = "bytes"

    @abstractmethod
    def compress(self, data: Buffer) -> bytes:
        """Compressed bytes. Must release the GIL for long inputs."""

    @abstractmethod
    def decompress(self, data: Buffer, size: int) -> Buffer:
        """The ``size`` bytes that were compressed.

        Never allocates much more than ``size``, whatever the input claims.

        Raises:
            CorruptedSampleError: Not valid, or not exactly ``size`` bytes.
        """


class SampleCodec(Codec):
    """Encodes one sample as the bytes of a file of its format.

    Attributes:
        extensions: File extensions, lower case, without the dot.
        writable: False when only original files can be stored.
        crops: ``decode`` honours ``crop`` and ``size`` (otherwise they are never passed).
        parts: ``decode_part`` is there (otherwise it is never called).
        scattered: ``decode_some`` is there (otherwise it is never called).
        axis: The axis whose items ``decode_part`` decodes: 0, or -1 where a format stores the last
            axis outermost (volumes in Fortran's order).
    """

    extensions: ClassVar[tuple[str, ...]] = ()
    writable: ClassVar[bool] = True
    crops: ClassVar[bool] = False
    parts: ClassVar[bool] = False
    scattered: ClassVar[bool] = False
    axis: ClassVar[int] = 0

    @abstractmethod
    def sniff(self, head: Buffer) -> bool:
        """Whether a file that starts with these (up to 512) bytes is of this format."""

    @abstractmethod
    def probe(self, data: Buffer) -> SampleHeader:
        """Shape and dtype that ``decode`` will return, from the header alone.

        Raises:
            CorruptedSampleError: Not a file of this format.
        """

    @abstractmethod
    def encode(self, array: np.ndarray) -> bytes:
        """The array as a file of this format.

        Raises:
            SampleCompressionError: The format cannot hold this shape or dtype.
        """

    @abstractmethod
    def decode(
        self,
        data: Buffer,
        *,
        out: np.ndarray | None = None,
        crop: tuple[int, int, int, int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> np.ndarray:
        """Decode one sample. Must release the GIL, and is called from many threads at once.

        Args:
            data: The file's bytes.
            out: C-contiguous array of the right shape and dtype to decode into, and to return.
            crop: ``(top, left, height, width)`` in pixels of the whole image.
            size: ``(height, width)`` that the crop (or the image) is resized to.

        Raises:
            CorruptedSampleError: The file cannot be decoded, or claims a size that its bytes cannot
                hold. Nothing large is allocated before the header has been checked.
        """

    def is_whole(self, data: Buffer) -> bool:
        """Whether a file ends where it should, as far as a look at its bytes tells; default: yes.

        One that does not seem to is decoded before it is stored, so that a download that was cut off
        is refused while its path is known. ``probe`` has taken the file.

        Args:
            data: The file's bytes.
        """
        return True

    def probe_file(self, file: BinaryIO) -> SampleHeader:
        """As ``probe``, of a file that is read by ranges; where a header can be read alone, it is.

        Args:
            file: The whole file, seekable, at its start.
        """
        return self.probe(file.read())

    def fields(self, file: BinaryIO) -> dict[str, np.ndarray]:
        """What the file holds besides the array, by name, for ``tensor.data()``.

        The ``timestamps`` of a video's frames, the dimensions of a cloud's points, the faces of a
        mesh. Default: nothing.

        Args:
            file: The whole file, seekable, at its start.

        Raises:
            CorruptedSampleError: It cannot be read.
        """
        return {}

    def decode_part(self, file: BinaryIO, part: slice, *, header: SampleHeader) -> np.ndarray:
        """Decode some items of one axis: frames of a video, samples of a sound, slices of a volume.

        It gives what ``decode(…)[part]`` gives (``decode(…)[..., part]`` if ``axis`` is -1), and reads
        little more of the file than those items take. Must release the GIL, and is called from many
        threads at once.

        Args:
            file: The whole file; seekable, and each ``read`` fetches a range of a stored object, so
                what is not needed should not be read, and reads should not be tiny.
            part: Any slice: with a step, from the end, empty, beyond the end as in NumPy.
            header: Shape and dtype of the whole sample, as ``probe`` said when it was stored; its
                ``meta`` may be empty.

        Raises:
            CorruptedSampleError: The file cannot be decoded, or is not the file of this header.
        """
        raise NotImplementedError(f"{type(self).__name__} decodes whole samples only")

    def decode_some(
        self, file: BinaryIO, items: Sequence[int], *, header: SampleHeader
    ) -> np.ndarray:
        """As ``decode_part``, of items that lie anywhere, where the codec knows what is near: the frames
        of a video that one key frame leads to.

        Args:
            file: As in ``decode_part``.
            items: Their numbers in ascending order, each once; one at least, none beyond the end.
            header: As in ``decode_part``.

        Raises:
            CorruptedSampleError: The file cannot be decoded, or is not the file of this header.
        """
        raise NotImplementedError(f"{type(self).__name__} decodes neighbouring items only")


# --------------------------------------------------------------------------- htypes
Payload = Literal["array", "text", "json", "list", "polygon"]


@dataclass(frozen=True, slots=True)
class HtypeSpec:
    """How samples of an htype look.

    Attributes:
        name: Name, also the key.
        payload: How a sample is stored: as an array, as text, as a json value, as a list, or as
            polygons.
        dtype: Default dtype; None: the first sample's.
        media: Media of the sample codecs that are allowed, besides ``"bytes"``.
        compression: ``"optional"``; ``"required"`` (one of sample and chunk compression must be
            given, None explicitly if wanted); ``"sample"`` (a sample compression must be given).
        info: Own meta keys that users find in ``info``, with defaults.
        chunk_size: Target bytes of a chunk; None: by the size of a sample.
        default_compression: Sample compression where none is given.
        downsamples: Whether ``downsampling=`` makes sense.
    """

    name: str
    payload: Payload = "array"
    dtype: str | None = None
    media: frozenset[str] = frozenset()
    compression: Literal["optional", "required", "sample"] = "optional"
    info: Mapping[str, Any] = field(default_factory=dict)
    chunk_size: int | None = None
    default_compression: str | None = None
    downsamples: bool = False


class HtypePlugin(Plugin):
    """One htype. Key: its name (``bbox``)."""

    kind = "htype"

    @abstractmethod
    def spec(self) -> HtypeSpec:
        """What the kernel needs to know; constant."""

    def check_info(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Own meta given to ``create_tensor``, validated and made JSON.

        Raises:
            KeyError, TypeError, ValueError: What is wrong with which key.
        """
        return dict(info)

    def prepare(self, value: Any, info: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any] | None]:
        """Turn what the user appended into what is stored; called once per sample or ndarray batch.

        Returns:
            The value, and changed ``info`` or None (class names that the value adds).

        Raises:
            TypeError, ValueError, SampleHtypeMismatchError: The value cannot be of this htype.
        """
        return value, None

    def check_shape(self, shape: Shape) -> str | None:
        """What is wrong with the shape of one sample, in words, or None."""
        return None

    def reconcile(
        self, ours: Mapping[str, Any], theirs: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], np.ndarray] | None:
        """One info for rows that were stored with two (class names of two branches).

        Returns:
            The info, and what each value stored with ``theirs`` becomes (``mapping[value]``); None
            if stored values mean the same whatever the info says.
        """
        return None

    def data(self, value: Any, info: Mapping[str, Any], *, batch: bool) -> dict[str, Any]:
        """What ``tensor.data()`` returns for a decoded sample, or for several if ``batch``."""
        return {"value": value}

    def describe(
        self, data: dict[str, Any], fields: Mapping[str, Any], sample_info: Any
    ) -> dict[str, Any]:
        """What ``tensor.data()`` returns where samples are files; only for htypes that ask for a
        compression.

        Args:
            data: What ``data`` returned.
            fields: What the codec's ``fields`` gave; lists of it for several samples that differ.
            sample_info: As ``tensor.sample_info``.
        """
        return {**data, **fields, "sample_info": sample_info}


# --------------------------------------------------------------------------- frameworks
class FrameworkAdapter(Plugin):
    """Turns batches into what a training framework takes. Key: ``torch``.

    Attributes:
        widen: NumPy dtype name -> dtype name, for dtypes that the framework lacks; applied before
            transforms.
    """

    kind = "framework"
    widen: ClassVar[Mapping[str, str]] = {}

    def configured(self, options: Mapping[str, Any]) -> FrameworkAdapter:
        """The adapter for one loader; it is sent to worker processes.

        Args:
            options: Arguments that only this framework knows, as they were given.

        Raises:
            ValueError: One of them makes no sense.
        """
        return self

    @abstractmethod
    def convert(self, batch: Mapping[str, Any]) -> Any:
        """A batch of columns: arrays with a leading batch axis, lists where samples are ragged,
        text or objects. Arrays become tensors without a copy where the framework allows; the arrays
        belong to the adapter from here on.
        """

    @abstractmethod
    def collate(self, samples: Sequence[Any]) -> Any:
        """Transformed samples, made one batch as the framework's users expect by default."""

    def reduce(self, value: Any) -> Any:
        """How a tensor that ``collate`` made travels from a worker process: what a ``__reduce__``
        method returns, made of arrays, which travel without a copy; ``NotImplemented`` for anything
        else. Other values are pickled.
        """
        return NotImplemented

    def wrap(self, loader: Any) -> Any:
        """The object users iterate: ``loader`` as the framework's own kind of loader."""
        return loader

    def map_style(self, samples: Any) -> Any:
        """Samples by number (``len``, ``[i]``, ``__getitems__([i, …])``) as the framework's own kind
        of data set.
        """
        return samples


# --------------------------------------------------------------------------- queries, sampling
@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Samples of some rows of one column, in one of four forms, without a copy where that can be.

    ===========  ==========================  ====================  =========================
    form         ``data``                    ``ends``              ``shapes``
    ===========  ==========================  ====================  =========================
    dense        array ``(rows, *shape)``    None                  None
    ragged       array of all elements       ``int64[rows]``       ``int64[rows, ndim]``
    text         ``uint8`` of all UTF-8      ``int64[rows]``       None
    objects      list: arrays, json values   None                  None
    ===========  ==========================  ====================  =========================

    Attributes:
        data: The values.
        ends: Where each sample ends in ``data``; each begins where the one before ends, the first
            one at ``begin``.
        shapes: Shapes of the samples.
        nulls: ``bool[rows]``, which of them are None; None: none is.
        begin: Where the first sample begins in ``data``.
        memo: What a query engine wants to remember about values that are kept: those of a whole
            chunk. None: they are not kept.
        offset: First row in what ``memo`` is about.
    """

    data: np.ndarray | list[Any]
    ends: np.ndarray | None = None
    shapes: np.ndarray | None = None
    nulls: np.ndarray | None = None
    begin: int = 0
    memo: dict[Any, Any] | None = None
    offset: int = 0

    def __len__(self) -> int:
        return len(self.data) if self.ends is None else len(self.ends)

    def part(self, start: int, stop: int) -> Values:
        """Rows ``start`` to ``stop`` of these, without a copy."""
        if start == 0 and stop == len(self):
            return self
        nulls = None if self.nulls is None else self.nulls[start:stop]
        offset = self.offset + start
        if self.ends is None:
            return Values(self.data[start:stop], None, None, nulls, 0, self.memo, offset)
        begin = int(self.ends[start - 1]) if start else self.begin
        shapes = None if self.shapes is None else self.shapes[start:stop]
        return Values(self.data, self.ends[start:stop], shapes, nulls, begin, self.memo, offset)


class Columns(ABC):
    """What a query reads: columns of one snapshot (the kernel provides it).

    Attributes:
        schema: Schemas by name. ``dtype`` is ``"str"`` for text, ``"json"`` for json values, lists
            and tags, and None where there is no value yet.
        visible: Names of those that ``SELECT *`` means.
        rows: The rows that the query is about: row ``i`` of the query is ``rows[i]`` here.
    """

    schema: Mapping[str, TensorSchema]
    visible: Sequence[str]
    rows: range | np.ndarray

    @abstractmethod
    def __len__(self) -> int:
        """Rows of the longest column; in shorter ones, what is missing is None."""

    @abstractmethod
    def info(self, name: str) -> Mapping[str, Any]:
        """``info`` of a tensor: class names and the like."""

    @abstractmethod
    def read(self, name: str, rows: np.ndarray | slice) -> Values:
        """Values of some rows. A slice inside one piece is not copied where the store can be mapped,
        and kept where it had to be decoded. Any number of threads may read.
        """

    @abstractmethod
    def shapes(self, name: str, rows: np.ndarray | slice) -> np.ndarray:
        """``int64[rows, ndim]``: shapes of samples, without decoding them; items first of sequences,
        -1 where items differ.
        """

    @abstractmethod
    def sample_info(self, name: str, rows: np.ndarray | slice) -> list[Any]:
        """What the files of samples say of themselves, as ``tensor.sample_info``."""

    @abstractmethod
    def pieces(self, name: str) -> Mapping[str, np.ndarray]:
        """Statistics by piece, in row order: ``start``, ``count``, ``null_count`` (at most), ``min``
        and ``max``, whether they are ``valid``, ``domain`` (bit k: ``min + k`` may occur; 0:
        unknown) and ``nbytes`` of the chunk. All of one length.
        """


class QueryEnvironment(ABC):
    """What a query may ask for besides the columns it is about (the kernel provides it)."""

    @abstractmethod
    def open(self, path: str) -> Columns:
        """The dataset at a path, for ``FROM "path"``."""

    @abstractmethod
    def sample(
        self, weights: np.ndarray, rows: range | np.ndarray, *, size: int, replace: bool
    ) -> np.ndarray:
        """``size`` positions among some rows, drawn by weight.

        Raises:
            WeightsError: Weights that make no sense.
        """

    @abstractmethod
    def generator(self) -> np.random.Generator:
        """Random numbers that follow from ``deeplake.random.seed``."""


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """Samples of a stored column, as they are.

    Attributes:
        source: Whose column it is.
        name: The column.
        rows: ``int64[n]``: its rows; -1: None.
    """

    source: Columns
    name: str
    rows: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class ResultColumn:
    """A column that a query made.

    Attributes:
        schema: Its schema; ``id`` does not matter. Of a sequence, ``counts`` says how many items
            each row has.
        info: Class names and the like.
        read: ``read(start, stop)``: values of some rows, or of items where these are sequences.
        taken: Where the values come from if they are stored already.
        counts: ``int64[rows]``: items of each row, if rows are sequences.
    """

    schema: TensorSchema
    info: Mapping[str, Any]
    read: Callable[[int, int], Values]
    taken: Taken | None = None
    counts: np.ndarray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class QueryResult:
    """Rows of a source, or new columns.

    Attributes:
        source: What the rows are rows of; None: of what the query was run on.
        rows: ``int64[n]``: row numbers of the source (not positions in its ``rows``).
        columns: New columns by name, all of one length; None: those of the source.
        length: How many rows there are.
        names: The columns of the source that were asked for; None: all.
        text: What to print: the plan, of ``EXPLAIN``.
    """

    source: Columns | None = None
    rows: np.ndarray | None = None
    columns: Mapping[str, ResultColumn] | None = None
    length: int = 0
    names: Sequence[str] | None = None
    text: str | None = None


class Query(ABC):
    """A query that was parsed."""

    @abstractmethod
    def run(self, columns: Columns | None, environment: QueryEnvironment) -> QueryResult:
        """Check names and types, and evaluate.

        Args:
            columns: What it is about; None: only what its ``FROM`` names.
            environment: What else it may ask for.

        Raises:
            QueryError: It does not fit the columns.
        """

    @abstractmethod
    def explain(self, columns: Columns | None, environment: QueryEnvironment) -> str:
        """The plan, in words."""


class QueryEngine(Plugin):
    """Compiles queries. Key: the language (``tql``)."""

    kind = "query"

    @abstractmethod
    def compile(self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Query:
        """Parse a query.

        Args:
            text: The query.
            parameters: What its placeholders stand for, by place or by name: values, never text.

        Raises:
            QueryError: It is none; the message points at the place in the text.
        """

    @abstractmethod
    def condition(self, text: str) -> str | None:
        """A query for the rows for which an expression is true; None: it is no expression.

        Raises:
            QueryError: It is one that goes beyond a limit.
        """


class Sampler(Plugin):
    """Draws rows. Key: its name (``weighted``). Pure: the same arguments give the same rows."""

    kind = "sampler"

    @abstractmethod
    def order(
        self, weights: np.ndarray, *, size: int, replace: bool, rng: np.random.Generator
    ) -> np.ndarray:
        """Row numbers, in the order in which they are drawn.

        Args:
            weights: One value a row: numbers in proportion to which rows are drawn, or what else the
                sampler goes by. Any dtype; it is not changed.
            size: How many to draw, at least 0; without ``replace`` at most ``len(weights)``.
            replace: Whether a row can be drawn again.
            rng: Where all random numbers come from.

        Returns:
            ``int64[size]``.

        Raises:
            WeightsError: Values that make no sense; it names the first such row.
        """


# --------------------------------------------------------------------------- execution
class Executor(Plugin):
    """Runs a function over items. Key: the scheduler's name (``threaded``)."""

    kind = "executor"

    @abstractmethod
    def run(
        self,
        fn: Callable[[T], R],
        items: Sequence[T],
        *,
        num_workers: int,
        setup: Callable[[], object] | None = None,
    ) -> Iterator[R]:
        """Results in the order of ``items``, each as soon as it and those before it are there.

        The error of the first item that fails is raised in its place, of the type that ``fn`` raised.
        It ends the run, as closing or dropping the iterator does: no further item begins. After the
        end no thread or process is left.

        Args:
            fn: Called once with each item. Executors with other processes pickle it.
            items: What it is called with.
            num_workers: How many items are worked on at once, at most; 0 means 1.
            setup: Called in each process that is started for the run, before its first item; it is
                pickled while the process starts. An executor that starts none does not call it.

        Raises:
            WorkerError: A process ended without an answer.
        """


# --------------------------------------------------------------------------- outer surfaces
class Viewer(Plugin):
    """Shows a dataset. Key: its name."""

    kind = "viewer"

    @abstractmethod
    def show(self, dataset: Any, **options: Any) -> Any:
        """Show it and return at once.

        Args:
            dataset: A dataset, a view of rows, or one tensor of them (``tensor.play()``). It is not
                changed, and not read as a whole.
            **options: ``width`` and ``height`` in pixels, as CSS, or None, and what the viewer takes
                besides.

        Returns:
            A handle whose ``close()`` ends what was started for it; closing it twice is no error.

        Raises:
            TypeError: Not a dataset, or an unknown option.
        """


class Command(Plugin):
    """A subcommand of ``deeplake``. Key: its name.

    Attributes:
        help: What it does, in one line.
    """

    kind = "command"
    help: ClassVar[str] = ""

    @abstractmethod
    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare arguments, each with its help; nothing else is done or imported."""

    @abstractmethod
    def run(self, args: argparse.Namespace) -> int:
        """Do it and return the exit code: 0, or 1 where a check found something.

        Results go to stdout, as one JSON document where ``--json`` asks for it; anything else to
        stderr.

        Raises:
            DeepLakeError: It failed. The program prints the message and exits with 1.
        """


class Ingestor(Plugin):
    """Turns data of another format into rows. Key: the format.

    The source is read and not changed. Options are keyword arguments with values that a command line
    can give: text, numbers, booleans.
    """

    kind = "ingest"

    @abstractmethod
    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        """Arguments of ``create_tensor`` by tensor name, in the order of the tensors.

        Raises:
            IngestionError: The source is not of this format.
            TypeError: An unknown option.
        """

    @abstractmethod
    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        """Rows, as ``ds.append`` takes them, with the names of the schema; each is read when it is
        asked for, and belongs to the caller.

        Raises:
            IngestionError: A row cannot be read; the message names the place in the source.
        """

    def batches(self, source: Any, **options: Any) -> Iterator[Mapping[str, Sequence[Any]]]:
        """The rows as columns, some at a time, in their order: what is appended to a dataset.

        By default they are made of ``rows``. A format that has columns gives those, arrays as they
        are; files may be given unread (``deeplake.read``), and fail when they are appended.

        Raises:
            IngestionError: As ``rows``.
        """
        rows, number = self.rows(source, **options), 0
        while batch := list(islice(rows, 256)):
            names = batch[0].keys()
            for row in batch:
                if row.keys() != names:
                    raise IngestionError(
                        f"{source}: row {number} has other names than the one before: "
                        f"{sorted(map(str, row.keys() ^ names))}"
                    )
                number += 1
            yield {name: [row[name] for row in batch] for name in names}


# --------------------------------------------------------------------------- hooks
class Hooks:
    """Hookspecs of the group ``deeplake.hooks`` (pluggy; any number of providers).

    A provider is a module or an object whose functions have these names, marked ``hookimpl``. Hooks
    are for coarse events: a call costs microseconds, so nothing calls them per sample.
    """

    def deeplake_wrap_store(self, store: Store, url: str) -> Store | None:
        """Replace the store that a dataset is opened on; None leaves it."""

    def deeplake_dataset_opened(self, dataset: Any) -> None:
        """A dataset was opened or created."""

    def deeplake_before_commit(self, dataset: Any, message: str | None) -> None:
        """A commit is about to be made, by a merge or a checkout too; raise to veto it."""

    def deeplake_committed(self, dataset: Any, commit_id: str) -> None:
        """A commit was made."""

    def deeplake_epoch_started(self, loader: Any, epoch: int) -> None:
        """A loader starts an epoch."""

    def deeplake_epoch_finished(self, loader: Any, epoch: int) -> None:
        """A loader has delivered the last batch of an epoch."""


def hookimpl(function: T) -> T:
    """Mark a function as the implementation of the hook of the same name."""
    import pluggy

    marker = cast(Callable[[T], T], pluggy.HookimplMarker("deeplake"))
    return marker(function)


KINDS: Mapping[str, type[Plugin]] = {
    cls.kind: cls
    for cls in (
        StorePlugin,
        Codec,
        HtypePlugin,
        FrameworkAdapter,
        QueryEngine,
        Sampler,
        Executor,
        Viewer,
        Command,
        Ingestor,
    )
}
"""Kind -> base class. The group of a kind is ``deeplake.<kind>``; hooks have their own."""

__all__ = [
    "API",
    "KINDS",
    "ChunkCodec",
    "Codec",
    "Columns",
    "Command",
    "Executor",
    "FrameworkAdapter",
    "Hooks",
    "HtypePlugin",
    "HtypeSpec",
    "Ingestor",
    "Plugin",
    "Query",
    "QueryEngine",
    "QueryEnvironment",
    "QueryResult",
    "ResultColumn",
    "SampleCodec",
    "Sampler",
    "Store",
    "StoreCapabilities",
    "StorePlugin",
    "Taken",
    "Values",
    "Viewer",
    "hookimpl",
]
