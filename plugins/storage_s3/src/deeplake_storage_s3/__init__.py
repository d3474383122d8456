"""Datasets on Amazon S3 and whatever speaks its protocol: ``s3://bucket/path``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deeplake.errors import InvalidPathException
from deeplake.spi import Store, StorePlugin


class S3(StorePlugin, api=(1, 0)):
    """Opens ``s3://bucket/path``."""

    def open(self, url: str, *, creds: Mapping[str, Any] | str | None = None) -> Store:
        """The store of a bucket, or of a folder in it.

        Args:
            url: ``s3://bucket/path``.
            creds: None or ``"ENV"`` for what the environment, the shared configuration of AWS or the
                machine's role give; or a dict, see ``credentials.Bucket``.

        Raises:
            InvalidPathException: The URL names no bucket.
            CredentialsError: The credentials are not ones that S3 has.
        """
        from deeplake_storage_obstore import ObstoreStore
        from deeplake_storage_s3.credentials import Bucket

        bucket, _, prefix = url.partition("://")[2].partition("/")
        if not bucket:
            raise InvalidPathException(f"{url!r} names no bucket: write s3://bucket/path")
        return ObstoreStore(url, Bucket.of(bucket, prefix.strip("/"), creds))


__all__ = ["S3"]
