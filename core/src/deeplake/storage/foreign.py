"""What anybody's file systems raise, said in the words of the contract."""

from __future__ import annotations

import errno
import socket

from deeplake.errors import (
    CredentialsError,
    DeepLakeError,
    ObjectNotFoundError,
    StorageError,
    StorageTimeoutError,
    StorageUnreachableError,
    TransientStorageError,
)

_PASSING = (429, 500, 502, 503, 504)
"""What web servers answer that may answer otherwise a moment later (``status`` of aiohttp's errors,
``status_code`` of Azure's, that of a ``response`` of httpx's and Hugging Face's)."""

_REFUSED = (401, 403)
"""What they answer to who may not do this."""

_REFUSALS = frozenset({"AuthenticationException", "ClientAuthenticationError"})
"""Errors of paramiko and Azure that mean the same."""

_SLOW = frozenset({"TimeoutException", "Timeout", "ServiceResponseTimeoutError"})
"""Errors of httpx, requests and Azure about answers that do not come."""

_BROKEN = frozenset(
    {
        "ClientConnectionError", "ClientPayloadError", "EOFError", "NoValidConnectionsError",
        "ServiceRequestError", "ServiceResponseError", "TransportError",
    }
)  # fmt: skip
"""Errors of aiohttp, paramiko, Azure and httpx about connections."""


# What paramiko has no classes for.
_SLOW_WORDS = (
    "Authentication timeout", "No existing session", "SSH protocol banner", "Timeout opening channel",
)  # fmt: skip
_BROKEN_WORDS = ("Socket is closed", "saw EOF", "SSH session not active", "Channel is not open")
_REFUSAL_WORDS = ("No authentication methods available",)


_NETWORK = (StorageTimeoutError, StorageUnreachableError, TransientStorageError)


def told(error: Exception, what: str, where: str) -> DeepLakeError:
    """The error of the contract for one of a file system.

    Args:
        error: What was raised.
        what: What was tried: ``"read"``, ``"write"`` …
        where: The object and the store.
    """
    if isinstance(error, DeepLakeError):
        return error
    # File systems are anybody's, and so are their errors.
    status = _status(error)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, (FileNotFoundError, NotADirectoryError, IsADirectoryError)):
        if isinstance(error.__cause__, Exception):
            # Web file systems say so of whatever goes wrong.
            failure = told(error.__cause__, what, where)
            if isinstance(failure, _NETWORK):
                return failure
        if what == "write":
            return StorageError(f"cannot write {where}: {error}")
        return ObjectNotFoundError(f"there is no object {where}")
    text = str(error)
    if isinstance(error, TimeoutError) or kinds & _SLOW or _has(text, _SLOW_WORDS):
        return StorageTimeoutError(f"cannot {what} {where}: no answer in time ({text})")
    if "BadHostKeyException" in kinds:
        return CredentialsError(
            f"cannot {what} {where}: the server is not the one that known_hosts has ({text})"
        )
    if (
        isinstance(error, (ConnectionError, socket.gaierror))
        or kinds & _BROKEN
        or _has(text, _BROKEN_WORDS)
    ):
        return _unreachable(error, what, where)
    if (
        isinstance(error, PermissionError)
        or status in _REFUSED
        or kinds & _REFUSALS
        or _has(text, _REFUSAL_WORDS)
    ):
        answer = f" ({status or type(error).__name__})" if not isinstance(error, OSError) else ""
        return CredentialsError(
            f"cannot {what} {where}: refused{answer}; check the credentials and what they may do "
            f"({text})"
        )
    if "SSHException" in kinds:
        return _unreachable(error, what, where)
    return (TransientStorageError if status in _PASSING else StorageError)(
        f"cannot {what} {where}: {type(error).__name__}: {error}"
    )


def _unreachable(error: Exception, what: str, where: str) -> StorageUnreachableError:
    failure = StorageUnreachableError(
        f"cannot {what} {where}: the server cannot be reached; check the network and the address "
        f"({type(error).__name__}: {error})"
    )
    failure.errno = errno.ECONNRESET  # it may pass: the kernel tries again
    return failure


def _has(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)


def _status(error: Exception) -> int | None:
    """What the server answered, if it did."""
    response = getattr(error, "response", None)
    for holder, name in ((error, "status"), (error, "status_code"), (response, "status_code")):
        found = getattr(holder, name, None)
        if isinstance(found, int) and found:
            return found
    return None


__all__ = ["told"]
