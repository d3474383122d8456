"""A bucket of Google Cloud Storage: obstore reads, Google's client writes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from deeplake.errors import (
    BucketNotFoundError,
    CredentialsError,
    CredentialsExpiredError,
    ObjectNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageTimeoutError,
    StorageUnreachableError,
)
from deeplake.types import Data, check_key, joined
from deeplake_storage_gcs.credentials import RETRY_SECONDS, Bucket
from deeplake_storage_obstore import Method, ObstoreStore

DELETES_IN_FLIGHT = 16
WHOLE = 8 << 20
"""Bytes that are sent in one request; more in parts, of which the last makes the object."""


class GcsStore(ObstoreStore):
    """Objects below a prefix of a bucket. Versions are generations.

    Args:
        url: URL of the root.
        bucket: The bucket, and how to get at it.
    """

    def __init__(self, url: str, bucket: Bucket) -> None:
        super().__init__(url, bucket, token="version")
        self._bucket = bucket
        self._answered = False
        self._writers = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_writers": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._writers = threading.local()

    def _blob(self, key: str) -> Any:
        """Google's object; connections are not shared by threads, and not by processes."""
        if getattr(self._writers, "pid", None) != os.getpid():
            self._writers.bucket, self._writers.pid = self._bucket.writer(), os.getpid()
        prefix = self._bucket.prefix
        return self._writers.bucket.blob(f"{prefix}/{key}" if prefix else key)

    def put(
        self, key: str, data: Data, *, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        check_key(key)
        generation: int | None = None
        if if_absent:
            generation = 0
        elif if_match is not None:
            if not if_match.isdigit() or int(if_match) == 0:
                raise self._changed(key)
            generation = int(if_match)
        with self._translated("write", key):
            blob = self._blob(key)
            blob.upload_from_string(
                joined(data),
                content_type="application/octet-stream",
                if_generation_match=generation,
                timeout=self._timeouts(),
                checksum="crc32c",
                retry=self._retry(),
            )
            return str(blob.generation)

    def sign(self, key: str, *, method: Method = "GET", seconds: float = 3600) -> str:
        if not self._bucket.account or self._bucket.endpoint:
            raise CredentialsError(
                f"cannot sign a request for {key!r} in {self.url}: the key of a service account does "
                "that; pass its file as creds"
            )
        return super().sign(key, method=method, seconds=seconds)

    def delete(self, keys: Iterable[str]) -> None:
        names = list(map(check_key, keys))
        if len(names) < 2:
            for name in names:
                self._delete_one(name)
            return
        with ThreadPoolExecutor(DELETES_IN_FLIGHT, thread_name_prefix="deeplake-gcs") as threads:
            for _ in threads.map(self._delete_one, names):
                continue

    def _delete_one(self, key: str) -> None:
        from google.api_core.exceptions import NotFound

        with self._translated("delete", key):
            try:
                self._blob(key).delete(
                    retry=self._retry(),
                    timeout=self._timeouts(),
                )
            except NotFound as error:
                if "bucket" in str(error).lower():
                    raise

    def _timeouts(self) -> tuple[float, float]:
        """Seconds to connect, and for an answer: a server that has not given any yet has fewer."""
        known = self._bucket
        return known.connect_timeout, known.timeout if self._answered else known.answer_timeout

    def _retry(self) -> Any:
        """Google's own rule of what may be sent again, for as long as the reads try."""
        from google.cloud.storage.retry import DEFAULT_RETRY

        return DEFAULT_RETRY.with_timeout(min(RETRY_SECONDS, 2.0 * self._bucket.max_retries))

    @contextmanager
    def _translated(self, what: str, key: str) -> Iterator[None]:
        """Whatever goes wrong becomes a ``StorageError``."""
        where = f"{key!r} in {self.url}"
        try:
            with self._told(what, key, where):
                yield
        except StorageTimeoutError as error:
            if self._answered:
                raise
            raise StorageUnreachableError(
                f"cannot {what} {where}: the server did not answer in time; check the network and the "
                'endpoint, or allow it more: creds={"answer_timeout": seconds} '
                f"({error.__cause__})"
            ) from error.__cause__
        except StorageUnreachableError:
            raise
        except StorageError:
            self._answered = True
            raise
        self._answered = True

    @contextmanager
    def _told(self, what: str, key: str, where: str) -> Iterator[None]:
        import requests
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError, TransportError

        try:
            yield
        except StorageError:
            raise
        except exceptions.PreconditionFailed as error:
            raise self._changed(key) from error
        except exceptions.NotFound as error:
            if what == "write" or "bucket" in str(error).lower():
                raise BucketNotFoundError(
                    f"cannot {what} {where}: there is no such bucket; create it, or correct the path"
                ) from error
            raise ObjectNotFoundError(f"there is no object {where}") from error
        except TransportError as error:
            raise StorageUnreachableError(
                f"cannot {what} {where}: the server that gives access tokens cannot be reached; check "
                f"the network, and token_uri of the service account ({error})"
            ) from error
        except (exceptions.Forbidden, exceptions.Unauthorized, GoogleAuthError) as error:
            if self._bucket.temporary and not isinstance(error, exceptions.Forbidden):
                raise CredentialsExpiredError(
                    f"cannot {what} {where}: the credentials have expired; give a fresh token, or "
                    f"credentials that refresh it ({error})"
                ) from error
            raise CredentialsError(
                f"cannot {what} {where}: the server refused the credentials; check which account they "
                f"are of, and what it may do in this bucket ({error})"
            ) from error
        except requests.ConnectionError as error:
            raise StorageUnreachableError(
                f"cannot {what} {where}: the server cannot be reached; check the network and the "
                f"endpoint ({error})"
            ) from error
        except (exceptions.RetryError, requests.Timeout) as error:
            if isinstance(error.__cause__, (requests.ConnectionError, TransportError)):
                raise StorageUnreachableError(
                    f"cannot {what} {where}: the server cannot be reached; check the network and the "
                    f"endpoint ({error.__cause__})"
                ) from error
            if isinstance(error.__cause__, requests.Timeout) or not error.__cause__:
                raise StorageTimeoutError(
                    f"cannot {what} {where}: no answer in time ({error})"
                ) from error
            raise StorageError(
                f"cannot {what} {where}: the server has too much to do, or fails, and was asked "
                f"several times; try again later ({error.__cause__})"
            ) from error
        except (exceptions.GoogleAPIError, requests.RequestException, OSError) as error:
            raise StorageError(f"cannot {what} {where}: {error}") from error

    def _changed(self, key: str) -> PreconditionFailedError:
        return PreconditionFailedError(
            f"{key!r} in {self.url} is not in the state that was expected: another writer changed it; "
            "nothing was written"
        )


__all__ = ["GcsStore"]
