"""What obstore raises, said in the words of the contract."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from deeplake.errors import (
    BucketNotFoundError,
    CredentialsError,
    CredentialsExpiredError,
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageTimeoutError,
    StorageUnreachableError,
    TransientStorageError,
    WrongRegionError,
)

# What obstore raises is final, as it has tried again what was worth it: nothing is said to be passing
# but what obstore does not try again: a broken connection during a conditional put, and a request that
# took longer than all of its tries may (the machine may be slow, or have slept).
# obstore has one class for everything that a server or the network may do wrong, so the text decides.
_TIMEOUT = re.compile(r"timed out|operation timeout|deadline|\bkind: Timeout\b", re.IGNORECASE)
_BUCKET = re.compile(r"NoSuchBucket|bucket does not exist|notFound.*bucket", re.IGNORECASE)
_EXPIRED = re.compile(r"ExpiredToken|TokenExpired|token has expired|invalid_grant", re.IGNORECASE)
_REFUSED = re.compile(
    r"InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied|InvalidToken"
    r"|\b40[13] (?:Unauthorized|Forbidden)",
    re.IGNORECASE,
)
_NO_CREDENTIALS = re.compile(
    r"169\.254\.169\.254|metadata\.google|instance metadata|credentials? (?:not found|provider)",
    re.IGNORECASE,
)
_REGION = re.compile(
    r"(?:AuthorizationHeaderMalformed|PermanentRedirect|IllegalLocationConstraint|wrong region"
    r"|BareRedirect|redirect without LOCATION)",
    re.IGNORECASE,
)
_EXPECTED_REGION = re.compile(
    r"expecting '?([a-z0-9-]+)'?|<Region>([a-z0-9-]+)</Region>", re.IGNORECASE
)
_BUSY = re.compile(r"status code: (429|5\d\d)\b")
_TRIES = re.compile(r"\bretries: (\d+),\s+max_retries: (\d+),")
_NETWORK = re.compile(
    r"error sending request|connect|dns error|connection (?:refused|reset|closed)|broken pipe",
    re.IGNORECASE,
)


@contextmanager
def translated(
    url: str, what: str, key: str | None = None, *, once: bool = False, temporary: bool = False
) -> Iterator[None]:
    """Run requests; whatever goes wrong becomes a ``StorageError``.

    Args:
        url: The store.
        what: What is done, for the message: ``"read"``.
        key: The object.
        once: obstore does not try this again by itself.
        temporary: The credentials are a token that ends by itself.
    """
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        failure = told(error, url, what, key, temporary=temporary)
        if once and isinstance(failure, StorageUnreachableError):
            failure.errno = errno.ECONNRESET  # it may pass: the kernel tries again
        raise failure from error


def told(
    error: Exception, url: str, what: str, key: str | None, *, temporary: bool = False
) -> StorageError:
    """The error of the contract for an error of obstore; arguments as for ``translated``."""
    text = _first_line(error)
    name = type(error).__name__
    where = f"{key!r} in {url}" if key else url
    if _BUCKET.search(str(error)):
        return BucketNotFoundError(
            f"cannot {what} {where}: there is no such bucket; create it, or correct the path ({text})"
        )
    if isinstance(error, FileNotFoundError):
        return ObjectNotFoundError(f"there is no object {where}")
    if name in ("AlreadyExistsError", "PreconditionError"):
        return PreconditionFailedError(
            f"{where} is not in the state that was expected: another writer changed it; nothing was "
            "written"
        )
    if _EXPIRED.search(str(error)) or (temporary and name == "UnauthenticatedError"):
        return CredentialsExpiredError(
            f"cannot {what} {where}: the credentials have expired; give fresh ones, or a provider that "
            f"refreshes them ({text})"
        )
    if _REGION.search(str(error)):
        found = _EXPECTED_REGION.search(str(error))
        region = next((group for group in found.groups() if group), "") if found else ""
        hint = f"it is {region!r}" if region else "look it up where the bucket was made"
        return WrongRegionError(
            f"cannot {what} {where}: the bucket is in another region: {hint}; pass "
            f'creds={{"aws_region": …}} or set AWS_REGION ({text})'
        )
    if _NO_CREDENTIALS.search(str(error)):
        # Before what is refused: whoever was asked for credentials may refuse, too.
        return CredentialsError(
            f"cannot {what} {where}: no credentials were found; pass creds=, set the environment "
            f"variables, or say that the bucket is public ({text})"
        )
    if name in ("PermissionDeniedError", "UnauthenticatedError") or _REFUSED.search(str(error)):
        return CredentialsError(
            f"cannot {what} {where}: the server refused the credentials; check keys, and what they "
            f"may do in this bucket ({text})"
        )
    if busy := _BUSY.search(str(error)):
        return (TransientStorageError if _out_of_time(error) else StorageError)(
            f"cannot {what} {where}: the server has too much to do, or fails ({busy[1]}), and was "
            f"asked several times; try again later ({text})"
        )
    if _TIMEOUT.search(str(error)):
        return StorageTimeoutError(f"cannot {what} {where}: no answer in time ({text})")
    if _NETWORK.search(str(error)):
        failure = StorageUnreachableError(
            f"cannot {what} {where}: the server cannot be reached; check the network and the endpoint "
            f"({text})"
        )
        if _out_of_time(error):
            failure.errno = errno.ECONNRESET  # it may pass: the kernel tries again
        return failure
    return StorageError(f"cannot {what} {where}: {text}")


def _out_of_time(error: Exception) -> bool:
    """Whether obstore would have tried again, had not so much time gone by, and there is a server."""
    tries = _TRIES.search(str(error))
    return (
        tries is not None and int(tries[1]) < int(tries[2]) and "kind: Connect," not in str(error)
    )


def _first_line(error: Exception) -> str:
    """What obstore says, without the structures that it prints for debugging."""
    lines = [line.strip() for line in str(error).split("Debug source:")[0].splitlines()]
    text = " ".join(line for line in lines if line)
    return text if len(text) <= 500 else f"{text[:500]}…"


__all__ = ["told", "translated"]
