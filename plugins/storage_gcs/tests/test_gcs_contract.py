"""The contract of stores, on a server of Google Cloud Storage's protocol."""

from __future__ import annotations

import uuid

import pytest
import requests

from deeplake.spi import Store
from deeplake.testing.servers import Server
from deeplake.testing.store import StoreContract
from deeplake_storage_gcs import Gcs


class TestGcs(StoreContract):
    @pytest.fixture
    def store(self, server: Server) -> Store:
        self.prefix = f"contract/{uuid.uuid4().hex}"
        self.api = server.endpoint
        return Gcs().open(f"gs://bench/{self.prefix}", creds=server.creds)

    def _name(self, key: str) -> str:
        return requests.utils.quote(f"{self.prefix}/{key}", safe="")

    def backdoor_put(self, store: Store, key: str, data: bytes) -> None:
        url = f"{self.api}/upload/storage/v1/b/bench/o?uploadType=media&name={self._name(key)}"
        requests.post(url, data=data, timeout=30).raise_for_status()

    def backdoor_get(self, store: Store, key: str) -> bytes | None:
        url = f"{self.api}/storage/v1/b/bench/o/{self._name(key)}?alt=media"
        found = requests.get(url, timeout=30)
        if found.status_code == 404:
            return None
        found.raise_for_status()
        return found.content
