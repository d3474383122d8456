"""What the operating system says of a file, in the words of the contract, and what to do about it."""

from __future__ import annotations

import errno

from deeplake.errors import CredentialsError, ObjectNotFoundError, StorageError

_ADVICE = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space: a quota is used up",
    errno.EFBIG: "raise the limit on the size of a file",
    errno.EACCES: "change the permissions, or open the dataset with read_only=True",
    errno.EPERM: "change the permissions, or open the dataset with read_only=True",
    errno.EROFS: "mount the file system for writing, or open the dataset with read_only=True",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENOLCK: "the file system cannot lock files: keep the dataset on one that can",
    errno.ENOTSUP: "the file system cannot do this: keep the dataset on one that can",
    errno.ENAMETOOLONG: "keep the dataset under a shorter path",
    errno.EIO: "check the disk",
}


def told(error: OSError, action: str, key: str, root: str) -> StorageError:
    """The error of the contract for one of the operating system.

    Args:
        error: What the system said.
        action: What was tried: ``"read"``, ``"map"``, ``"write"`` …
        key: Of the object.
        root: Path of the store.
    """
    failure: StorageError
    absent = isinstance(error, (FileNotFoundError, NotADirectoryError, IsADirectoryError))
    if absent and action in ("read", "map"):
        failure = ObjectNotFoundError(f"{root} has no object {key!r}")
    else:
        code = errno.errorcode.get(error.errno or 0, "unknown")
        advice = _ADVICE.get(error.errno or 0)
        message = f"cannot {action} {key!r} in {root}: {error.strerror or error} ({code})"
        if advice is not None:
            message += f"; {advice}"
        kind = CredentialsError if isinstance(error, PermissionError) else StorageError
        failure = kind(message)
    failure.errno = error.errno
    return failure


__all__ = ["told"]
