"""Datasets on Google Cloud Storage: ``gs://bucket/path``, also written ``gcs://`` and ``gcp://``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deeplake.errors import InvalidPathException
from deeplake.spi import Store, StorePlugin


class Gcs(StorePlugin, api=(1, 0)):
    """Opens ``gs://bucket/path``."""

    def open(self, url: str, *, creds: Mapping[str, Any] | str | None = None) -> Store:
        """The store of a bucket, or of a folder in it.

        Args:
            url: ``gs://bucket/path``.
            creds: See ``credentials.Bucket``.

        Raises:
            InvalidPathException: The URL names no bucket.
            CredentialsError: The credentials are not of a form that is known.
        """
        from deeplake_storage_gcs.credentials import Bucket
        from deeplake_storage_gcs.store import GcsStore

        bucket, _, prefix = url.partition("://")[2].partition("/")
        if not bucket:
            raise InvalidPathException(f"{url!r} names no bucket: write gs://bucket/path")
        return GcsStore(url, Bucket.of(bucket, prefix.strip("/"), creds))


__all__ = ["Gcs"]
