"""Commit objects and refs as values, and their JSON (spec, sections 6 and 7).

Keys that this version does not know are kept in ``extra`` and written back, so that a dataset that
a
newer version wrote loses nothing when an older one changes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from deeplake.errors import FormatError, UnsupportedFormatError
from deeplake.types import TensorSchema

FORMAT = (1, 0)
READ_FEATURES: frozenset[str] = frozenset()
WRITE_FEATURES: frozenset[str] = frozenset()
RETIRED = "retired"
"""Write feature that nobody has: the branch is about to be deleted, and takes nothing more."""
"""Features beyond format 1.0 that this version reads, and writes."""

MAX_NDIM = 32
MAX_AXIS = 1 << 32
MAX_SEGMENT = 8 << 20
MAX_CHUNK = 1 << 40
MAX_PIECES = 4096
MAX_OFFSET = 1 << 46
MAX_ROWS = 1 << 48
"""Bounds of what a commit may claim, so that no arithmetic on it overflows (spec, section 6)."""
END_OF_TIME = 253402300800.0
"""The year 10000: what later times are called is not defined."""

INDEX, PIECE = 1, 2
"""Levels of references beside 0, a segment: an index block, and one piece that needs no block."""

_ID = re.compile(r"[0-9a-f]{32,64}")
_TENSOR_ID = re.compile(r"[0-9a-f]{16,64}")
_OBJECT = re.compile(r"[0-9a-f]{32}")
_CHECKSUM = re.compile(r"[0-9a-f]{16}")
_WORD = re.compile(r"0|[1-9a-f][0-9a-f]{0,15}")
_DTYPE = re.compile(r"[<|][biufc]\d{1,2}")


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


def _is_below(number: Any, limit: int) -> bool:
    return type(number) is int and 0 <= number < limit


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """Where a segment lies, and what it holds.

    Attributes:
        object: Id of its data object, 32 hex digits.
        offset, length: Its place in the object.
        pieces, rows: How many it holds.
        checksum: Of the segment block.
        low, high: Bounds of the shapes of its samples.
        level: 0 for a segment, 1 for an index: a block whose "pieces" are references to segments,
            2 for one piece: the object, offset, length and checksum are those of its chunk.
        piece: Of a piece: header, start, session, counter, edit, nulls; flags, min, max, domain.
    """

    object: str
    offset: int
    length: int
    pieces: int
    rows: int
    checksum: int
    low: tuple[int, ...] = ()
    high: tuple[int, ...] = ()
    level: int = 0
    piece: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from others: no two blocks lie at the same place; pieces may share theirs."""
        if self.level == PIECE:
            return (self.object, self.offset, self.rows, self.piece)
        return (self.object, self.offset)

    def to_json(self) -> list[Any]:
        """As it stands in a commit."""
        place = [self.object, self.offset, self.length, self.pieces, self.rows]
        fields = [*place, f"{self.checksum:016x}", list(self.low), list(self.high)]
        if self.level == PIECE:
            header, start, session, counter, edit, nulls, *bounds = self.piece
            fields += [self.level, header, start, f"{session:x}", counter, f"{edit:x}", nulls]
            if any(bounds):
                fields += [bounds[0], *(f"{bits:x}" for bits in bounds[1:])]
            return fields
        return fields if self.level == 0 else [*fields, self.level]

    @classmethod
    def from_json(cls, value: Any, name: str) -> SegmentRef:
        """Read it back; raises ``FormatError``."""
        try:
            oid, offset, length, pieces, rows, checksum, low, high, *more = value
            level = more[0] if more else 0
            piece = _piece(more[1:], length, pieces, rows) if level == PIECE else ()
            longest = MAX_CHUNK if level == PIECE else MAX_SEGMENT
            limits = (MAX_OFFSET, longest, MAX_PIECES + 1, MAX_ROWS, PIECE + 1)
            numbers = (offset, length, pieces, rows, level)
            if not _OBJECT.fullmatch(oid) or not _CHECKSUM.fullmatch(checksum):
                raise ValueError(value)
            if not all(map(_is_below, numbers, limits)) or 0 in (pieces, rows) or offset % 64:
                raise ValueError(value)
            if not all(_is_below(axis, MAX_AXIS) for axis in (*low, *high)):
                raise ValueError(value)
            reversed_ = any(a > b for a, b in zip(low, high, strict=True))
            if len(low) > MAX_NDIM or reversed_ or (more[1:] and not piece):
                raise ValueError(value)
            return cls(
                oid, offset, length, pieces, rows, int(checksum, 16), tuple(low), tuple(high),
                level, piece,
            )  # fmt: skip
        except (TypeError, ValueError) as error:
            raise FormatError(f"{name}: {value!r:.200} is not a reference to a segment") from error


_PIECE_LIMITS = (1 << 32, 1 << 24, 1 << 64, 1 << 48, 1 << 64, 1 << 32, 12, *(1 << 64,) * 3)


def _piece(values: Sequence[Any], length: int, pieces: int, rows: int) -> tuple[int, ...]:
    """What a reference to one piece says of it beyond the rest; raises ``ValueError``."""
    if len(values) not in (6, 10) or pieces != 1 or rows > 1 << 24:
        raise ValueError(values)
    numbers = [
        int(value, 16) if place in (2, 4, 7, 8, 9) and _WORD.fullmatch(value) else value
        for place, value in enumerate([*values, 0, "0", "0", "0"][:10])
    ]
    if not all(map(_is_below, numbers, _PIECE_LIMITS)) or numbers[0] > length:
        raise ValueError(values)
    if numbers[6] >= 4 and (rows > 1 or numbers[1]):
        raise ValueError(values)  # a chunk that holds one sample
    return tuple(numbers)


@dataclass(frozen=True, slots=True)
class TensorState:
    """One tensor in one commit.

    Attributes:
        schema: What is the same for all its samples.
        length: Rows.
        segments: Where its pieces are.
        info: What users keep in ``tensor.info``, class names included.
    """

    schema: TensorSchema
    length: int = 0
    segments: tuple[SegmentRef, ...] = ()
    info: Mapping[str, Any] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class Commit:
    """One state of the whole dataset.

    Attributes:
        id: 40 hex digits, random.
        parents: The user commits it follows: none, one, or two after a merge.
        author: Who.
        time: Seconds since the epoch.
        message: What the user said; None for a snapshot (uncommitted data).
        branch: Branch it was made on.
        tensors: States by tensor id, in order of creation.
        groups: Full names of groups.
        info: ``ds.info``.
        extra: Keys of other versions.
        processed: Of the checkpoint of a transform: samples of its input that it had come to.
    """

    id: str
    parents: tuple[str, ...] = ()
    author: str = "public"
    time: float = 0.0
    message: str | None = None
    branch: str = "main"
    tensors: Mapping[str, TensorState] = field(default_factory=_empty)
    groups: tuple[str, ...] = ()
    info: Mapping[str, Any] = field(default_factory=_empty)
    extra: Mapping[str, Any] = field(default_factory=_empty)
    processed: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The commit object's JSON."""
        return {
            **self.extra,
            **({} if self.processed is None else {"processed": self.processed}),
            "id": self.id,
            "parents": list(self.parents),
            "author": self.author,
            "time": self.time,
            "message": self.message,
            "branch": self.branch,
            "tensors": [_tensor_json(state) for state in self.tensors.values()],
            "groups": list(self.groups),
            "info": dict(self.info),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], name: str) -> Commit:
        """Read it back.

        Raises:
            FormatError: A key is missing or of the wrong type.
        """
        known = {f.name for f in fields(cls)} - {"extra"}
        get = _getter(value, name)
        processed = value.get("processed")
        if processed is not None and not _is_below(processed, MAX_ROWS):
            raise FormatError(f"{name}: {processed!r:.90} is no number of processed samples")
        tensors: dict[str, TensorState] = {}
        for item in get("tensors", list):
            state = _tensor(item, name)
            tensors[state.schema.id] = state
        if len({s.schema.name for s in tensors.values()}) != len(value["tensors"]):
            raise FormatError(f"{name}: two tensors have the same id or name")
        return cls(
            id=_id(get("id", str), name),
            parents=tuple(_id(p, name) for p in get("parents", list)),
            author=get("author", str),
            time=_time(get("time", (int, float)), name),
            message=get("message", (str, type(None))),
            branch=get("branch", str),
            tensors=tensors,
            groups=tuple(_strings(get("groups", list), name)),
            info=get("info", dict),
            processed=processed,
            extra={k: v for k, v in value.items() if k not in known},
        )


_SCHEMA_KEYS: Mapping[str, tuple[type, ...]] = {
    "id": (str,), "name": (str,), "htype": (str,), "dtype": (str, type(None)),
    "ndim": (int, type(None)), "sample_compression": (str, type(None)),
    "chunk_compression": (str, type(None)), "is_sequence": (bool,), "is_link": (bool,),
    "hidden": (bool,), "verify": (bool,), "max_chunk_size": (int, type(None)),
    "tiling_threshold": (int, type(None)), "meta": (dict,),
}  # fmt: skip
_TENSOR_KEYS = {*_SCHEMA_KEYS, "length", "segments", "info"}


_DEFAULTS: Mapping[str, Any] = {
    **{f.name: f.default for f in fields(TensorSchema) if f.name in _SCHEMA_KEYS},
    "meta": {}, "info": {}, "segments": [], "length": 0,
}  # fmt: skip
"""Keys that are left out of a tensor's JSON when they have this value: most of them, mostly."""


def _tensor_json(state: TensorState) -> dict[str, Any]:
    schema = state.schema
    value = {
        **{key: getattr(schema, key) for key in _SCHEMA_KEYS if key != "meta"},
        "meta": dict(schema.meta),
        "length": state.length,
        "segments": [ref.to_json() for ref in state.segments],
        "info": dict(state.info),
    }
    return {
        **schema.extra,
        **{key: given for key, given in value.items() if given != _DEFAULTS[key]},
    }


def _tensor(value: Any, name: str) -> TensorState:
    if not isinstance(value, dict):
        raise FormatError(f"{name}: {value!r:.80} is not a tensor")
    get = _getter({**_TENSOR_DEFAULTS, **value}, name)
    meta = {key: get(key, types) for key, types in _SCHEMA_KEYS.items()}
    _id(meta["id"], name, _TENSOR_ID)
    if not is_dtype(meta["dtype"]):
        raise FormatError(f"{name}: tensor {meta['name']!r} has dtype {meta['dtype']!r:.80}")
    if meta["ndim"] is not None and not 0 <= meta["ndim"] <= MAX_NDIM:
        raise FormatError(f"{name}: tensor {meta['name']!r} has {meta['ndim']} dimensions")
    schema = TensorSchema(**meta, extra={k: v for k, v in value.items() if k not in _TENSOR_KEYS})
    segments = tuple(SegmentRef.from_json(ref, name) for ref in get("segments", list))
    length = get("length", int)
    if sum(ref.rows for ref in segments) != length:
        raise FormatError(
            f"{name}: tensor {schema.name!r} has {length} rows, its segments do not add up to that"
        )
    return TensorState(schema, length, segments, get("info", dict))


def is_dtype(name: str | None) -> bool:
    """Whether a tensor can have this dtype: None, ``"str"``, ``"json"``, or numbers and bool."""
    if name is None or name in ("str", "json"):
        return True
    # NumPy's parser takes much more than names, and has errors of all kinds for the rest.
    if _DTYPE.fullmatch(name) is None:
        return False
    try:
        return np.dtype(name).str == name
    except TypeError:
        return False


def _time(value: float, name: str) -> float:
    """A moment that can be shown to people; raises ``FormatError``."""
    if not 0 <= value < END_OF_TIME:
        raise FormatError(f"{name}: its 'time' is {value!r:.80}")
    return float(value)


_TENSOR_DEFAULTS = {key: given for key, given in _DEFAULTS.items() if given is not MISSING}


@dataclass(frozen=True, slots=True)
class Ref:
    """The one mutable object of a branch.

    Attributes:
        dataset: Uuid of the dataset.
        branch: Name of the branch.
        commit: Last user commit, None before the first.
        head: Latest state: that commit, or a snapshot after it.
        pending: Id that the next user commit will take, if nobody takes it first.
        nonce: Random; tells a writer whether an update without an answer was its own.
        seq: Number of updates so far.
        inline: The head's commit object, when it is small.
        extra: Keys of other versions.
    """

    dataset: str
    branch: str
    commit: str | None
    head: str
    pending: str
    nonce: str
    seq: int = 0
    inline: Commit | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The ref object's JSON."""
        return {
            "read_features": [],
            "write_features": [],
            **self.extra,
            "format": list(FORMAT),
            "dataset": self.dataset,
            "branch": self.branch,
            "commit": self.commit,
            "head": self.head,
            "pending": self.pending,
            "nonce": self.nonce,
            "seq": self.seq,
            "inline": None if self.inline is None else self.inline.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], name: str) -> Ref:
        """Read it back.

        Raises:
            UnsupportedFormatError: The dataset needs a feature that this version cannot read.
            FormatError: A key is missing or of the wrong type.
        """
        get = _getter(value, name)
        major = get("format", list)
        if len(major) != 2 or major[0] != FORMAT[0]:
            raise UnsupportedFormatError(
                f"{name}: the dataset has format {major}, this version of deeplake reads "
                f"{FORMAT[0]}.x; upgrade deeplake-core"
            )
        unknown = set(_strings(get("read_features", list), name)) - READ_FEATURES
        if unknown:
            raise UnsupportedFormatError(
                f"{name}: the dataset uses {', '.join(sorted(unknown))}, which this version of "
                "deeplake cannot read; upgrade deeplake-core"
            )
        _strings(get("write_features", list), name)
        known = {f.name for f in fields(cls)} - {"extra"}
        inline = get("inline", (dict, type(None)))
        commit = get("commit", (str, type(None)))
        ref = cls(
            dataset=get("dataset", str),
            branch=get("branch", str),
            commit=None if commit is None else _id(commit, name),
            head=_id(get("head", str), name),
            pending=_id(get("pending", str), name),
            nonce=get("nonce", str),
            seq=get("seq", int),
            inline=None if inline is None else Commit.from_json(inline, name),
            extra={k: v for k, v in value.items() if k not in known | {"format"}},
        )
        if ref.inline is not None and ref.inline.id != ref.head:
            raise FormatError(f"{name}: carries commit {ref.inline.id} for its head {ref.head}")
        return ref

    @property
    def read_only_features(self) -> frozenset[str]:
        """Features without which nobody may write to the dataset, and that we lack."""
        features: Sequence[str] = self.extra.get("write_features", ())
        return frozenset(features) - WRITE_FEATURES

    @property
    def is_retired(self) -> bool:
        """Whether the branch is about to be deleted, or was and its ref was left behind."""
        return RETIRED in self.read_only_features

    def retired(self, nonce: str) -> Ref:
        """The ref after which there is none."""
        features = sorted({*self.extra.get("write_features", ()), RETIRED})
        extra = {**self.extra, "write_features": features}
        return replace(self, nonce=nonce, seq=self.seq + 1, extra=extra)

    def moved(self, commit: Commit, *, pending: str, nonce: str, inline: bool) -> Ref:
        """The ref after ``commit`` became the head."""
        return replace(
            self,
            commit=self.commit if commit.message is None else commit.id,
            head=commit.id,
            pending=pending,
            nonce=nonce,
            seq=self.seq + 1,
            inline=commit if inline else None,
        )


def _getter(value: Mapping[str, Any], name: str) -> Callable[[str, Any], Any]:
    def get(key: str, types: Any) -> Any:
        try:
            found = value[key]
        except KeyError:
            raise FormatError(f"{name}: has no {key!r}") from None
        wrong = not isinstance(found, types)
        if (
            not wrong
            and isinstance(found, bool)
            and types in (int, (int, float), (int, type(None)))
        ):
            wrong = True
        if wrong:
            raise FormatError(f"{name}: its {key!r} is {found!r:.80}")
        return found

    return get


def _id(value: Any, name: str, pattern: re.Pattern[str] = _ID) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise FormatError(f"{name}: {value!r:.80} is not an id")
    return value


def _strings(values: list[Any], name: str) -> list[str]:
    for value in values:
        if not isinstance(value, str):
            raise FormatError(f"{name}: {value!r:.80} is not a name")
    return values


__all__ = [
    "FORMAT",
    "INDEX",
    "PIECE",
    "RETIRED",
    "Commit",
    "Ref",
    "SegmentRef",
    "TensorState",
    "is_dtype",
]
