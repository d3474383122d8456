from collections.abc import Iterator

import pytest

from deeplake.testing.servers import Server, fake_gcs


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with fake_gcs() as running:
        running.make_bucket("bench")
        yield running
