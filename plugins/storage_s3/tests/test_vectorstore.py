"""Vector stores in a bucket."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

import deeplake
from deeplake import VectorStore
from deeplake.errors import CredentialsError
from deeplake.testing.servers import Server


def test_a_vector_store(server: Server) -> None:
    url = f"s3://bench/{uuid.uuid4().hex}/store"
    rows = np.random.default_rng(0).standard_normal((3000, 32)).astype(np.float32)
    store = VectorStore(url, creds=server.creds, verbose=False)
    store.add(text=[f"text {k}" for k in range(3000)], embedding=rows)
    store.commit()
    store.delete(row_ids=[5])
    again = VectorStore(url, creds=server.creds, read_only=True)
    assert len(again) == 2999
    assert again.search(embedding=rows[7], k=1)["text"] == ["text 7"]
    assert again.search(embedding=rows[5], k=1)["text"] != ["text 5"]
    assert again.search(query="SELECT * WHERE text == 'text 9'")["text"] == ["text 9"]
    with pytest.raises(CredentialsError):
        VectorStore(url, creds={**server.creds, "aws_secret_access_key": "wrong"})
    VectorStore.delete_by_path(url, creds=server.creds)
    assert not deeplake.exists(url, creds=server.creds)
