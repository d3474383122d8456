"""What goes wrong is said by an error of its own, and leaves nothing behind; signed URLs."""

from __future__ import annotations

import hashlib
import json
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import deeplake
from deeplake.errors import (
    BucketNotFoundError,
    CredentialsError,
    CredentialsExpiredError,
    ObjectNotFoundError,
    StorageError,
    StorageUnreachableError,
)
from deeplake.testing.faults import FaultServer
from deeplake.testing.servers import Server
from deeplake_storage_gcs import Gcs

ANSWERS: dict[str, tuple[int, str, Any, type[StorageError], str]] = {
    "who": (401, "Invalid Credentials", "anon", CredentialsError, "refused the credentials"),
    "expired": (401, "Invalid Credentials", None, CredentialsExpiredError, "give (a )?fresh"),
    "denied": (403, "no storage.objects.get access", "anon", CredentialsError, "may do in this"),
    "bucket": (404, "The specified bucket does not exist.", "anon", BucketNotFoundError, "create"),
    "busy": (503, "We encountered an internal error.", "anon", StorageError, "try again later"),
}
"""Status and message as Google answers, the token; the error that it becomes, and what that says."""


KEY = rsa.generate_private_key(65537, 2048)


def account(token_uri: str) -> dict[str, Any]:
    """What the file of a service account has in it."""
    form = serialization.PrivateFormat.PKCS8
    pem = KEY.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return {
        "type": "service_account", "client_email": "me@lab.iam.gserviceaccount.com",
        "private_key": pem.decode(), "private_key_id": "1", "project_id": "lab",
        "token_uri": token_uri,
    }  # fmt: skip


@pytest.fixture
def google() -> Iterator[Callable[[int, str], str]]:
    """Starts servers that answer every request alike; gives their addresses."""
    with ExitStack() as stack:

        def start(status: int, message: str) -> str:
            body = json.dumps({"error": {"code": status, "message": message}}).encode()

            class Handler(BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def log_message(self, *args: Any) -> None:
                    return

                def answer(self) -> None:
                    self.rfile.read(int(self.headers.get("Content-Length") or 0))
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(body)

                do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield start


@pytest.mark.parametrize("operation", [deeplake.load, deeplake.empty])
@pytest.mark.parametrize("what", ANSWERS)
def test_as_google_answers(google: Any, what: str, operation: Callable[..., Any]) -> None:
    status, message, token, kind, said = ANSWERS[what]
    creds = {"endpoint_url": google(status, message), "max_retries": 1}
    creds |= {"token": token} if token else {"gcs_oauth_token": "hush-hush"}
    with pytest.raises(kind, match=said) as caught:
        operation("gs://bucket/ds", creds=creds)
    assert type(caught.value) is kind
    assert "gs://bucket/ds" in str(caught.value)
    assert "hush-hush" not in str(caught.value)


@pytest.mark.parametrize("operation", [deeplake.load, deeplake.empty, deeplake.exists])
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://no.such.invalid"])
def test_no_network(endpoint: str, operation: Callable[..., Any]) -> None:
    creds = {"token": "anon", "endpoint_url": endpoint, "connect_timeout": 0.2, "max_retries": 1}
    with pytest.raises(StorageUnreachableError, match="check the network and the endpoint"):
        operation("gs://bucket/ds", creds=creds)


@pytest.mark.parametrize("operation", [deeplake.load, deeplake.empty, deeplake.exists])
def test_a_server_that_never_answers(operation: Callable[..., Any]) -> None:
    """Connections are taken, and nothing comes."""
    with FaultServer("http://127.0.0.1:9") as faults:
        faults.plan = lambda request: "stall"
        creds = {
            "token": "anon",
            "endpoint_url": faults.endpoint,
            "answer_timeout": 0.5,
            "max_retries": 0,
        }
        with pytest.raises(StorageUnreachableError, match="did not answer in time.*answer_timeout"):
            operation("gs://bucket/ds", creds=creds)


def test_a_server_that_has_answered_may_take_its_time(server: Server) -> None:
    with FaultServer(server.endpoint) as faults:
        creds = {**server.creds, "endpoint_url": faults.endpoint, "answer_timeout": 2}
        store = Gcs().open(f"gs://bench/{uuid.uuid4().hex}", creds=creds)
        store.put("x", b"contents")
        with pytest.raises(ObjectNotFoundError):
            store.get("absent")
        faults.latency = 3.0
        store.put("x", b"others")
        with pytest.raises(ObjectNotFoundError):
            store.get("absent")
        assert Gcs().open(store.url, creds=server.creds).get("x") == b"others"


@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize("operation", [deeplake.load, deeplake.empty])
def test_tokens_that_nobody_gives(silent: bool, operation: Callable[..., Any]) -> None:
    """The server of access tokens is another one than that of the data."""
    with FaultServer("http://127.0.0.1:9") as faults:
        faults.plan = lambda request: "stall"
        tokens = faults.endpoint if silent else "http://127.0.0.1:9"
        creds = {"token": account(f"{tokens}/token"), "answer_timeout": 0.5, "max_retries": 0,
                 "connect_timeout": 0.5}  # fmt: skip
        with pytest.raises(StorageUnreachableError, match="check the network"):
            operation("gs://bucket/ds", creds=creds)


def test_a_network_that_ends_in_the_midst(server: Server) -> None:
    """Wherever a creation ends, there is a whole dataset or none, and it can be made again."""
    with FaultServer(server.endpoint) as faults:
        creds = {**server.creds, "endpoint_url": faults.endpoint, "max_retries": 0}
        for last in range(20):
            place = f"gs://bench/{uuid.uuid4().hex}/ds"
            faults.clear()
            faults.plan = lambda request, last=last: "reset" if request.number >= last else None
            try:
                deeplake.empty(place, creds=creds).create_tensor("x")
                break
            except StorageError:
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


# ------------------------------------------------------------------------------------- signed URLs
def test_signed_urls(server: Server) -> None:
    folder = uuid.uuid4().hex
    store = Gcs().open(f"gs://bench/{folder}", creds=account("http://127.0.0.1:9/token"))
    # Nothing is asked of anybody: there is no network here that would answer.
    url = urlsplit(store.sign("a b/c", seconds=60))
    assert (url.netloc, url.path) == ("storage.googleapis.com", f"/bench/{folder}/a%20b/c")
    query, _, signature = url.query.rpartition("&X-Goog-Signature=")
    given = {name: values[0] for name, values in parse_qs(query).items()}
    assert given["X-Goog-Expires"] == "60"
    scope = given["X-Goog-Credential"].partition("/")[2]
    asked = f"GET\n{url.path}\n{query}\nhost:{url.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(asked.encode()).hexdigest()
    text = f"{given['X-Goog-Algorithm']}\n{given['X-Goog-Date']}\n{scope}\n{digest}"
    KEY.public_key().verify(
        bytes.fromhex(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    Gcs().open(f"gs://bench/{folder}", creds=server.creds).put("a b/c", b"contents")
    with urllib.request.urlopen(f"{server.endpoint}{url.path}?{url.query}") as answer:
        assert answer.read() == b"contents"


def test_who_cannot_sign(server: Server) -> None:
    with pytest.raises(CredentialsError, match="service account"):
        Gcs().open("gs://bench/x", creds=server.creds).sign("x")
