"""The contract of stores, on a real S3 server."""

from __future__ import annotations

import uuid
from typing import Any

import boto3
import pytest

from deeplake.spi import Store
from deeplake.testing.servers import Server
from deeplake.testing.store import StoreContract
from deeplake_storage_s3 import S3


class TestS3(StoreContract):
    # SeaweedFS keeps a folder that became empty for a while, and calls it an object.
    frees_folders = False

    @pytest.fixture
    def store(self, server: Server) -> Store:
        self.prefix = f"contract/{uuid.uuid4().hex}"
        self.boto = boto3.client(
            "s3",
            **{k: v for k, v in server.creds.items() if k != "aws_region"},
            region_name="us-east-1",
        )
        return S3().open(f"s3://bench/{self.prefix}", creds=server.creds)

    def backdoor_put(self, store: Store, key: str, data: bytes) -> None:
        self.boto.put_object(Bucket="bench", Key=f"{self.prefix}/{key}", Body=data)

    def backdoor_get(self, store: Store, key: str) -> bytes | None:
        try:
            found: Any = self.boto.get_object(Bucket="bench", Key=f"{self.prefix}/{key}")
        except self.boto.exceptions.NoSuchKey:
            return None
        body: bytes = found["Body"].read()
        return body
