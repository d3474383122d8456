"""What goes wrong with a bucket is said by an error of its own, and leaves nothing behind."""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import deeplake
from deeplake.errors import (
    BucketNotFoundError,
    CredentialsError,
    CredentialsExpiredError,
    DatasetNotFoundError,
    StorageError,
    StorageUnreachableError,
    WrongRegionError,
)
from deeplake.testing.faults import FaultServer
from deeplake.testing.servers import READER, Server
from deeplake_storage_obstore.failure import told
from deeplake_storage_s3 import S3
from deeplake_storage_s3.credentials import ANSWER_TIMEOUT, CONNECT_TIMEOUT, RETRY_SECONDS

KEYS = {
    "aws_access_key_id": "AKID", "aws_secret_access_key": "hush-hush", "aws_region": "us-east-1",
}  # fmt: skip


def error(code: str, message: str, more: str = "") -> str:
    return (
        f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>"
    )


ANSWERS: dict[str, tuple[int, dict[str, str], str, type[StorageError], str]] = {
    "expired": (
        400, {}, error("ExpiredToken", "The provided token has expired."),
        CredentialsExpiredError, "give fresh ones",
    ),
    "redirect": (
        301, {"x-amz-bucket-region": "eu-west-1"},
        error("PermanentRedirect", "must be addressed using the specified endpoint"),
        WrongRegionError, "aws_region",
    ),
    "region": (
        400, {"x-amz-bucket-region": "eu-west-1"},
        error(
            "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'",
            "<Region>eu-west-1</Region>",
        ),
        WrongRegionError, "it is 'eu-west-1'",
    ),
    "bucket": (
        404, {}, error("NoSuchBucket", "The specified bucket does not exist"),
        BucketNotFoundError, "create it",
    ),
    "denied": (
        403, {}, error("AccessDenied", "Access Denied"), CredentialsError, "what they may do",
    ),
    "key": (
        403, {}, error("InvalidAccessKeyId", "does not exist in our records"),
        CredentialsError, "check keys",
    ),
}  # fmt: skip
"""Status, headers and body as Amazon answers; the error that it becomes, and what that says."""


@pytest.fixture
def aws() -> Iterator[Callable[[int, dict[str, str], str], str]]:
    """Starts servers that answer every request alike; gives their addresses."""
    with ExitStack() as stack:

        def start(status: int, headers: dict[str, str], body: str) -> str:
            class Handler(BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def log_message(self, *args: Any) -> None:
                    return

                def answer(self) -> None:
                    self.rfile.read(int(self.headers.get("Content-Length") or 0))
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(body.encode())

                do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield start


@pytest.mark.parametrize("operation", [deeplake.load, deeplake.empty, deeplake.exists])
@pytest.mark.parametrize("what", ANSWERS)
def test_as_amazon_answers(aws: Any, what: str, operation: Callable[..., Any]) -> None:
    status, headers, body, kind, said = ANSWERS[what]
    creds = {**KEYS, "endpoint_url": aws(status, headers, body)}
    if what == "bucket" and operation is deeplake.exists:
        assert not deeplake.exists("s3://bucket/ds", creds=creds)
        return
    with pytest.raises(kind, match=said) as caught:
        operation("s3://bucket/ds", creds=creds)
    assert type(caught.value) is kind
    assert "s3://bucket/ds" in str(caught.value)
    assert "hush-hush" not in str(caught.value)


def test_errors_are_told_apart() -> None:
    kinds = {kind for *_, kind, _ in ANSWERS.values()} | {StorageUnreachableError}
    assert len(kinds) == 5


def test_no_credentials_at_all() -> None:
    """The machine's own address for credentials, asked when there are none, may refuse in any words."""
    refused = PermissionError(
        "PUT http://169.254.169.254/latest/api/token: status code: 403 Forbidden"
    )
    error = told(refused, "s3://bucket/ds", "read", "x")
    assert type(error) is CredentialsError
    assert "no credentials were found; pass creds=" in str(error)


@pytest.fixture
def silence() -> Iterator[str]:
    """An address where connections are neither taken nor refused, as behind some firewalls."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):  # nobody accepts them, and there is room for no more
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("operation", [deeplake.load, deeplake.empty, deeplake.exists])
@pytest.mark.parametrize("where", ["silence", "nobody", "no host"])
def test_no_network(silence: str, where: str, operation: Callable[..., Any]) -> None:
    endpoint = {
        "silence": silence, "nobody": "http://127.0.0.1:9", "no host": "http://no.such.invalid",
    }[where]  # fmt: skip
    creds = {**KEYS, "endpoint_url": endpoint, "connect_timeout": 0.2, "max_retries": 1}
    with pytest.raises(StorageUnreachableError, match="check the network and the endpoint"):
        operation("s3://bucket/ds", creds=creds)


@pytest.mark.parametrize("operation", [deeplake.load, deeplake.empty, deeplake.exists])
def test_a_server_that_never_answers(operation: Callable[..., Any]) -> None:
    """Connections are taken, and nothing comes."""
    with FaultServer("http://127.0.0.1:9") as faults:
        faults.plan = lambda request: "stall"
        creds = {**KEYS, "endpoint_url": faults.endpoint, "answer_timeout": 0.5, "max_retries": 0}
        with pytest.raises(StorageUnreachableError, match="did not answer in time.*answer_timeout"):
            operation("s3://bucket/ds", creds=creds)
        assert len(faults.requests) <= 1


def test_a_server_that_has_answered_may_take_its_time(server: Server, url: str) -> None:
    with FaultServer(server.endpoint) as faults:
        creds = {**server.creds, "endpoint_url": faults.endpoint, "answer_timeout": 2}
        store = S3().open(url, creds=creds)
        version = store.put("big", bytes(1 << 20))  # a small request goes first
        assert [request.method for request in faults.requests] == ["HEAD", "PUT"]
        faults.latency = 3.0
        assert store.get_versioned("big") == (bytes(1 << 20), version)
        late = S3().open(url, creds=creds)
        with pytest.raises(StorageUnreachableError, match="answer_timeout"):
            late.get("big")
        faults.latency = 0.0
        assert late.get("big") == bytes(1 << 20)


def test_an_answer_that_does_not_come_is_asked_for_again(server: Server, url: str) -> None:
    """As after a machine has slept: all timeouts are over at once."""
    ds = deeplake.empty(url, creds=server.creds)
    ds.create_tensor("x", dtype="int64")
    ds.x.extend([1, 2, 3])
    with FaultServer(server.endpoint) as faults:
        creds = {**server.creds, "endpoint_url": faults.endpoint, "timeout": 1}
        mine = deeplake.load(url, creds=creds)
        stalled = []

        def plan(request: Any) -> str | None:
            if stalled:
                return None
            stalled.append(request)
            return "stall"

        faults.plan = plan
        assert mine.x.numpy().ravel().tolist() == [1, 2, 3]
        assert stalled


@pytest.mark.parametrize("fault", ["lost", "503"])
def test_slow_tries_are_not_the_last_ones(
    server: Server, url: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one try takes longer than obstore goes on trying, the kernel tries again."""
    ds = deeplake.empty(url, creds=server.creds)
    ds.create_tensor("x", dtype="int64")
    ds.x.extend([1, 2, 3])
    monkeypatch.setattr("deeplake_storage_s3.credentials.RETRY_SECONDS", 0.1)
    with FaultServer(server.endpoint, latency=0.3) as faults:
        mine = deeplake.load(url, creds={**server.creds, "endpoint_url": faults.endpoint})
        faults.clear()
        faults.plan = lambda request: fault if request.number == 0 else None
        assert mine.x.numpy().ravel().tolist() == [1, 2, 3]
        assert len(faults.requests) > 1


def test_no_network_is_said_within_ten_seconds() -> None:
    assert ANSWER_TIMEOUT < 10
    # Of reads, the last try begins before one and takes the other; puts on a condition, which are
    # tried by the kernel, begin the last one before five.
    assert RETRY_SECONDS + CONNECT_TIMEOUT < 10
    assert 5 + CONNECT_TIMEOUT < 10


# ------------------------------------------------------------------------------ and nothing is left
@pytest.fixture
def url() -> str:
    return f"s3://public/{uuid.uuid4().hex}/ds"


def reader(server: Server) -> dict[str, Any]:
    return {
        **server.creds, "aws_access_key_id": READER[0], "aws_secret_access_key": READER[1],
    }  # fmt: skip


def test_who_may_only_read_changes_nothing(server: Server, url: str) -> None:
    with pytest.raises(CredentialsError):
        deeplake.empty(url, creds=reader(server))
    assert not deeplake.exists(url, creds=server.creds)
    with pytest.raises(DatasetNotFoundError):
        deeplake.load(url, creds=server.creds)
    ds = deeplake.empty(url, creds=server.creds)
    ds.create_tensor("x", dtype="int64")
    ds.x.extend([1, 2, 3])
    ds.commit("made")
    before = {info.key: info.version for info in S3().open(url, creds=server.creds).list()}
    mine = deeplake.load(url, creds=reader(server))

    def together() -> None:
        with mine:
            mine.x.append(4)

    for change in (
        lambda: mine.x.append(4), lambda: mine.x.pop(0), lambda: mine.create_tensor("y"), together,
        lambda: mine.commit("more", allow_empty=True), lambda: mine.create_branch("other"),
        lambda: mine.create_tag("tag"), lambda: mine.delete(),
    ):  # fmt: skip
        with pytest.raises(CredentialsError, match="may do in this bucket"):
            change()
    after = {info.key: info.version for info in S3().open(url, creds=server.creds).list()}
    assert after == before
    assert deeplake.load(url, creds=server.creds).x.numpy().ravel().tolist() == [1, 2, 3]


def test_credentials_that_end_while_writing(server: Server, url: str) -> None:
    """Writes fail from some moment on; a provider of fresh ones goes on where they ended."""
    good = [True]

    def provide() -> dict[str, Any]:
        return {
            "access_key_id": server.creds["aws_access_key_id"],
            "secret_access_key": server.creds["aws_secret_access_key"] if good[0] else "old",
            "token": None,
            "expires_at": datetime.now(UTC) + timedelta(milliseconds=1),
        }

    creds = {"credential_provider": provide, "endpoint_url": server.endpoint}
    ds = deeplake.empty(url, creds=creds)
    ds.create_tensor("x", dtype="int64")
    ds.x.append(1)
    good[0] = False
    for _ in range(2):
        with pytest.raises(CredentialsError, match="refused"):
            deeplake.load(url, creds=creds)
        with pytest.raises(CredentialsError, match="refused"):
            ds.x.append(2)
    assert deeplake.load(url, creds=server.creds).x.numpy().ravel().tolist() == [1]
    good[0] = True
    again = deeplake.load(url, creds=creds)
    again.x.append(3)
    again.commit("later")
    assert deeplake.load(url, creds=server.creds).x.numpy().ravel().tolist() == [1, 3]


def test_a_network_that_ends_in_the_midst(server: Server, url: str) -> None:
    """Wherever a creation ends, there is a whole dataset or none, and it can be made again."""
    with FaultServer(server.endpoint) as faults:
        creds = {**server.creds, "endpoint_url": faults.endpoint, "max_retries": 0}
        for last in range(20):
            place = f"{url}{last}"
            faults.clear()
            faults.plan = lambda request, last=last: "reset" if request.number >= last else None
            try:
                deeplake.empty(place, creds=creds).create_tensor("x")
                break
            except StorageUnreachableError:
                pass
            finally:
                faults.plan = lambda request: None
            if deeplake.exists(place, creds=server.creds):
                assert not deeplake.load(place, creds=server.creds).tensors
            else:
                assert not deeplake.empty(place, creds=server.creds).tensors
        else:
            pytest.fail("it never ends")
        assert last > 2
