from collections.abc import Iterator

import pytest

from deeplake.testing.servers import Server, seaweedfs


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A real S3 server, with a bucket that everybody may read."""
    with seaweedfs(readable=["public"]) as running:
        running.make_bucket("bench")
        running.make_bucket("public")
        yield running
