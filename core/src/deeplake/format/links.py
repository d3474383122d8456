"""Links as bytes: where a file is, and what it was when it was linked (spec, section 4.9)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deeplake.errors import CorruptedSampleError, InvalidSampleValueError
from deeplake.types import Buffer

CREDS_KEY = "creds_key:"
"""Keys of a commit: this and an id, with the name of credentials as value. One each, so that branches
which add different ones can be merged."""

ENV = "ENV"
"""Id and name of the credentials that the environment has; always there."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """What a file was when it was linked.

    Attributes:
        size: Bytes.
        sha256: Of its first ``hashed`` bytes, as hex.
        hashed: All of its bytes, unless it is large.
        format: Codec that reads it; empty where it is none of a codec's.
        version: Etag or generation that the server gave it; empty without.
        modified: Seconds since the epoch of its last change, where known.
    """

    size: int
    sha256: str
    hashed: int
    format: str = ""
    version: str = ""
    modified: float | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A file elsewhere.

    Attributes:
        path: Path or URL.
        creds: Id of the name of the credentials for it; ``"ENV"``: those of the environment; None:
            none.
        pin: What it was; None if it was not opened when it was linked.
    """

    path: str
    creds: str | None = None
    pin: Pin | None = None

    def to_bytes(self) -> bytes:
        """The link as it is stored.

        Raises:
            InvalidSampleValueError: The path cannot be written as UTF-8.
        """
        value: dict[str, Any] = {"path": self.path}
        if self.creds is not None:
            value["creds"] = self.creds
        pin = self.pin
        if pin is not None:
            value["size"] = pin.size
            value["sha256"] = pin.sha256
            if pin.hashed != pin.size:
                value["hashed"] = pin.hashed
            if pin.format:
                value["format"] = pin.format
            if pin.version:
                value["version"] = pin.version
            if pin.modified is not None:
                value["modified"] = pin.modified
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        except UnicodeEncodeError as error:
            raise InvalidSampleValueError(
                f"{self.path!r} cannot be linked: the path has characters that are none"
            ) from error

    @classmethod
    def from_bytes(cls, data: Buffer) -> Link:
        """The link that was stored; keys that are not known are ignored.

        Raises:
            CorruptedSampleError: It is none.
        """
        try:
            value = json.loads(str(data, "utf-8"))
        except (ValueError, RecursionError) as error:
            raise CorruptedSampleError(f"a stored link is no JSON: {error}") from error
        if not isinstance(value, dict) or not isinstance(value.get("path"), str):
            raise CorruptedSampleError("a stored link has no path")
        creds = value.get("creds")
        if creds is not None and not isinstance(creds, str):
            raise CorruptedSampleError(f"a stored link has credentials {creds!r}")
        return cls(value["path"], creds, _pin(value))


def _pin(value: dict[str, Any]) -> Pin | None:
    if "size" not in value and "sha256" not in value:
        return None
    size: Any = value.get("size")
    sha256 = value.get("sha256")
    hashed = value.get("hashed", size)
    texts = value.get("format", ""), value.get("version", "")
    modified = value.get("modified")
    good = (
        _is_count(size)
        and _is_count(hashed)
        and hashed <= size
        and isinstance(sha256, str)
        and _SHA256.fullmatch(sha256) is not None
        and all(isinstance(text, str) for text in texts)
        and (modified is None or (isinstance(modified, (int, float)) and abs(modified) < 1e18))
    )
    if not good:
        raise CorruptedSampleError("a stored link says nonsense of its file's size or digest")
    return Pin(size, str(sha256), hashed, *texts, modified=modified)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def creds_names(extra: Mapping[str, Any]) -> dict[str, str]:
    """Names of credentials by id, from the further keys of a commit."""
    return {
        key.removeprefix(CREDS_KEY): str(name)
        for key, name in extra.items()
        if key.startswith(CREDS_KEY)
    }


__all__ = ["CREDS_KEY", "ENV", "Link", "Pin", "creds_names"]
