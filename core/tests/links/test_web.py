"""Files on web servers: redirects, credentials, ranges, and servers that do not do what they should."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

import deeplake
from deeplake import links
from deeplake.errors import (
    GetDataFromLinkError,
    LinkChangedError,
    LinkRefusedError,
    SampleReadError,
    UnableToReadFromUrlError,
)
from deeplake.links import Policy, connection
from deeplake.links.web import WebSource

DATA = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture
def policy() -> Policy:
    return Policy.for_links(local=True)


def test_a_file_is_read_as_it_is(web: Any) -> None:
    url = web.put("/a b.bin", DATA)
    assert links.read_bytes(url) == DATA
    assert web.asked[0].path == "/a%20b.bin"
    assert web.asked[0].headers["accept-encoding"] == "identity"
    assert links.read_bytes(web.put("/empty", b"")) == b""
    web.put("/%C3%A9", b"unicode")
    assert links.read_bytes(web.url + "/é?x=ü&y=1 2") == b"unicode"
    assert web.asked[-1].path == "/%C3%A9?x=%C3%BC&y=1%202"


def test_connections_are_used_again(web: Any) -> None:
    url = web.put("/a", DATA)
    for _ in range(5):
        links.read_bytes(url)
    assert web.connections == 1
    assert web.count("/a") == 5


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(web: Any) -> None:
    url = web.put("/a", b"one")
    links.read_bytes(url)
    kept = connection._idle[next(iter(connection._idle))][0]
    kept.sock.sock.shutdown(2)
    assert links.read_bytes(url) == b"one"
    assert web.connections == 2


def test_size_and_version_come_without_the_file(web: Any, policy: Policy) -> None:
    source = WebSource(web.put("/a", DATA, etag="v1"), policy)
    stat = source.stat()
    assert (stat.size, stat.version, stat.modified) == (len(DATA), '"v1"', 1e9)
    assert [asked.range for asked in web.asked] == ["bytes=0-0"]
    assert source.stat() is stat


def test_a_weak_etag_is_no_version(web: Any, policy: Policy) -> None:
    assert WebSource(web.put("/a", DATA, etag='W/"1"'), policy).stat().version == ""


def test_a_server_without_ranges_is_read_once(web: Any, policy: Policy) -> None:
    source = WebSource(web.put("/a", DATA, ranges=False, length=False), policy)
    assert source.stat().size == len(DATA)
    assert source.read(10, 20) == DATA[10:20]
    assert source.read(len(DATA) - 2, len(DATA) + 5) == DATA[-2:]
    assert web.count("/a") == 1


@pytest.mark.parametrize("status", [401, 403, 404, 410, 418])
def test_a_status_that_is_no_success(web: Any, status: int) -> None:
    url = web.put("/a?signature=secret", b"text of the error", status=status)
    with pytest.raises(UnableToReadFromUrlError, match=f"answered {status}") as caught:
        links.read_bytes(url)
    assert caught.value.status == status  # type: ignore[attr-defined]
    assert isinstance(caught.value, (SampleReadError, OSError))
    assert "secret" not in str(caught.value)
    assert len(web.asked) == 1


def test_what_passes_is_tried_again(web: Any, clock: list[float]) -> None:
    assert links.read_bytes(web.put("/a", b"at last", status=[503, 429, 200])) == b"at last"
    assert clock == [0.2, 0.4]
    with pytest.raises(UnableToReadFromUrlError, match="500"):
        links.read_bytes(web.put("/b", status=500))
    assert web.count("/b") == 3


def test_an_answer_that_ends_early_is_never_taken_for_the_file(
    web: Any, clock: list[float]
) -> None:
    url = web.put("/a", DATA, truncate=1000, faults=1)
    assert links.read_bytes(url) == DATA
    with pytest.raises(UnableToReadFromUrlError, match="ended early|reset"):
        links.read_bytes(web.put("/b", DATA, truncate=1000))
    assert web.count("/b") == 3
    with pytest.raises(UnableToReadFromUrlError):
        links.open_file(web.put("/c", DATA, truncate=0)).read(100)


def test_a_server_that_is_not_there(clock: list[float]) -> None:
    with pytest.raises(UnableToReadFromUrlError, match="refused"):
        links.read_bytes("http://127.0.0.1:1/a")
    with pytest.raises(UnableToReadFromUrlError, match="cannot be read"):
        links.read_bytes("http://no-such-host.invalid/a")
    for url in ("http://", "http:///a", "http://[::1/a", "http://h:99999/a"):
        with pytest.raises(GetDataFromLinkError):
            links.read_bytes(url)


# --------------------------------------------------------------------------- time and size
def test_a_server_that_says_nothing(web: Any, settings: Any) -> None:
    settings["read_timeout"] = 0.2
    url = web.put("/a", DATA, stall=30)
    with pytest.raises(UnableToReadFromUrlError, match="did not answer in time"):
        links.read_bytes(url)
    assert web.count("/a") == 1


def test_a_server_that_trickles(web: Any, settings: Any) -> None:
    settings["total_timeout"] = 0.5
    url = web.put("/a", DATA, trickle=0.05)
    with pytest.raises(UnableToReadFromUrlError, match="in time"):
        links.read_bytes(url)


def test_timeout_of_one_read(web: Any) -> None:
    url = web.put("/a", DATA, stall=30)
    sample = deeplake.read(url, timeout=0.2)
    with pytest.raises(UnableToReadFromUrlError, match="in time"):
        sample.array


@pytest.mark.parametrize("length", [True, False])
def test_a_file_that_is_too_large(web: Any, settings: Any, length: bool) -> None:
    settings["max_bytes"] = 1000
    with pytest.raises(LinkRefusedError, match="max_bytes"):
        links.read_bytes(web.put("/a", DATA, length=length))
    assert links.read_bytes(web.put("/b", DATA[:1000], length=length)) == DATA[:1000]
    # A part of a large file is not large.
    assert links.open_file(web.url + "/b").read(10) == DATA[:10]


def test_a_part_that_is_not_the_one_that_was_asked_for(web: Any) -> None:
    url = web.put("/a", DATA, headers={"Content-Range": "bytes 5-10/1048576"})
    with pytest.raises(UnableToReadFromUrlError, match="asked for"):
        links.open_file(url).read(100)


def test_what_is_compressed_though_nobody_asked(web: Any) -> None:
    url = web.put("/a", b"x", headers={"Content-Encoding": "gzip"})
    with pytest.raises(UnableToReadFromUrlError, match="compressed with gzip"):
        links.read_bytes(url)


# --------------------------------------------------------------------------- redirects
def test_redirects_are_followed(web: Any, web2: Any) -> None:
    target = web2.put("/c", DATA)
    web.put("/b", status=307, location=target)
    url = web.put("/a", status=301, location="b")
    assert links.read_bytes(url) == DATA
    assert links.open_file(url).read(5) == DATA[:5]


def test_redirects_end(web: Any, settings: Any) -> None:
    url = web.put("/a", status=302, location="/a")
    with pytest.raises(UnableToReadFromUrlError, match="more than 5 redirects"):
        links.read_bytes(url)
    assert web.count("/a") == 6
    settings["max_redirects"] = 0
    with pytest.raises(UnableToReadFromUrlError, match="more than 0 redirects"):
        links.read_bytes(url)
    assert web.count("/a") == 7
    with pytest.raises(UnableToReadFromUrlError, match="nowhere"):
        links.read_bytes(web.put("/b", status=302))


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/a", "data:,x"])
def test_a_redirect_leads_to_web_pages_only(web: Any, location: str) -> None:
    with pytest.raises(LinkRefusedError, match="no web page"):
        links.read_bytes(web.put("/a", status=302, location=location))


def test_credentials_stay_with_their_server(web: Any, web2: Any) -> None:
    target = web2.put("/there", b"data")
    url = web.put("/a", status=302, location=target)
    creds = {"Authorization": "Bearer s3cret", "X-Key": "also-secret"}
    assert links.read_bytes(url, creds) == b"data"
    assert web.asked[0].headers["authorization"] == "Bearer s3cret"
    assert web.asked[0].headers["x-key"] == "also-secret"
    assert "authorization" not in web2.asked[0].headers
    assert "x-key" not in web2.asked[0].headers
    # On the same server they go along.
    same = web.put("/b", status=302, location="/c")
    web.put("/c", b"data", authorization="Bearer s3cret")
    assert links.read_bytes(same, creds) == b"data"


def test_a_password_in_a_url_stays_too(web: Any, web2: Any) -> None:
    url = web.put("/a", status=302, location=web2.put("/b", b"data"))
    assert links.read_bytes(url.replace("://", "://me:pass%20word@")) == b"data"
    assert web.asked[0].headers["authorization"] == "Basic bWU6cGFzcyB3b3Jk"
    assert "authorization" not in web2.asked[0].headers
    with pytest.raises(UnableToReadFromUrlError) as caught:
        links.read_bytes(web.url.replace("://", "://me:hush@") + "/none")
    assert "hush" not in str(caught.value)


def test_credentials_are_asked_for(web: Any) -> None:
    url = web.put("/a", b"data", authorization="Bearer good")
    with pytest.raises(UnableToReadFromUrlError, match="401.*creds="):
        links.read_bytes(url)
    with pytest.raises(UnableToReadFromUrlError, match="403") as caught:
        links.read_bytes(url, {"Authorization": "Bearer wrong"})
    assert "wrong" not in str(caught.value)
    assert links.read_bytes(url, {"Authorization": "Bearer good"}) == b"data"
    with pytest.raises(GetDataFromLinkError, match="dict of HTTP headers"):
        links.read_bytes(url, "token")


def test_headers_cannot_smuggle_lines(web: Any) -> None:
    with pytest.raises(UnableToReadFromUrlError, match="headers") as caught:
        links.read_bytes(web.put("/a", b"x"), {"Authorization": "secret\r\nX: y"})
    shown = repr(caught.value) + repr(caught.value.__cause__)
    assert "secret" not in shown
    assert web.asked == []


# --------------------------------------------------------------------------- addresses
def test_private_addresses_are_refused_when_asked_to(web: Any, settings: Any) -> None:
    url = web.put("/a", b"data")
    assert links.read_bytes(url) == b"data"
    settings["addresses"] = "public"
    for address in (url, url.replace("localhost", "127.0.0.1"), url.replace("localhost", "[::1]")):
        with pytest.raises(LinkRefusedError, match="has the address"):
            links.read_bytes(address)
    assert web.count("/a") == 1


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "[fe80::1]", "[fd00:ec2::254]",
                                  "[::ffff:169.254.169.254]", "2852039166"])  # fmt: skip
def test_where_clouds_hand_out_credentials(host: str) -> None:
    with pytest.raises(LinkRefusedError, match="has the address"):
        links.read_bytes(f"http://{host}/latest/meta-data")


def test_a_redirect_is_checked_like_a_link(web: Any) -> None:
    url = web.put("/a", status=302, location="http://169.254.169.254/latest/meta-data")
    with pytest.raises(LinkRefusedError, match="169.254.169.254"):
        links.read_bytes(url)


class _Names:
    """Names of hosts that do not exist, and where connections to them really go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
        self.answers: dict[str, list[str]] = {}
        self.dialled: list[str] = []
        real = socket.getaddrinfo
        connect = socket.socket.connect

        def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
            if host not in self.answers:
                return real(host, *args, **kwargs)
            found = self.answers[host]
            address = found.pop(0) if len(found) > 1 else found[0]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        def dial(sock: socket.socket, address: Any) -> None:
            self.dialled.append(address[0])
            if address[0].startswith("93.184."):
                address = ("127.0.0.1", port)
            connect(sock, address)

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(socket.socket, "connect", dial)


def test_a_public_server_does_not_redirect_to_a_private_one(
    web: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = _Names(monkeypatch, web.port)
    names.answers["public.test"] = ["93.184.1.1"]
    web.put("/inside", b"data")
    web.put("/a", status=302, location=f"http://127.0.0.1:{web.port}/inside")
    with pytest.raises(LinkRefusedError, match="less public"):
        links.read_bytes(f"http://public.test:{web.port}/a")
    assert web.count("/inside") == 0


def test_a_name_that_has_another_address_the_next_time(
    web: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings["addresses"] = "public"
    names = _Names(monkeypatch, web.port)
    names.answers["rebinds.test"] = ["93.184.1.1", "127.0.0.1"]
    url = web.put("/a", b"data").replace("localhost", "rebinds.test")
    assert links.read_bytes(url) == b"data"
    # Connected to what was checked: the name was not looked up a second time in between.
    assert names.dialled == ["93.184.1.1"]
    connection.close_all()
    with pytest.raises(LinkRefusedError, match="127.0.0.1"):
        links.read_bytes(url)


# --------------------------------------------------------------------------- ranges
def test_a_file_fetches_what_is_read(web: Any) -> None:
    with links.open_file(web.put("/a", DATA)) as file:
        assert file.size == len(DATA)
        assert file.read(10) == DATA[:10]
        file.seek(-5, 2)
        assert file.read() == DATA[-5:]
        assert file.read() == b""
        assert file.requests == 2
        assert file.read_at(5, 15) == DATA[5:15]
        assert file.requests == 2
        with pytest.raises(ValueError, match="before the file"):
            file.seek(-1)
    with pytest.raises(ValueError, match="closed"):
        file.read(1)


def test_reading_from_front_to_back_takes_few_requests(web: Any) -> None:
    file = links.file.RangeFile(
        links.Opener(Policy.for_reads()).open(web.put("/a", DATA)), block=16 << 10, kept=8
    )
    assert b"".join(iter(lambda: file.read(1000), b"")) == DATA
    assert file.requests <= 20  # of 64 blocks
    file.seek(0)
    assert file.readall() == DATA
    buffer = bytearray(100)
    file.seek(50)
    assert file.readinto(buffer) == 100
    assert bytes(buffer) == DATA[50:150]


def test_a_file_that_changes_while_it_is_read(web: Any) -> None:
    file = links.open_file(web.put("/a", DATA, etag="v1"))
    file.read(10)
    web.put("/a", DATA[::-1], etag="v2")
    with pytest.raises(LinkChangedError, match="replaced"):
        file.read_at(900_000, 900_010)


# --------------------------------------------------------------------------- TLS, proxies
def test_certificates_are_checked(
    tls: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = tls.put("/a", DATA)
    with pytest.raises(UnableToReadFromUrlError, match="(?i)certificate"):
        links.read_bytes(url)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    assert links.read_bytes(url) == DATA
    assert links.open_file(url).read(10) == DATA[:10]
    with pytest.raises(UnableToReadFromUrlError, match="(?i)certificate|mismatch"):
        links.read_bytes(url.replace("localhost", "127.0.0.1"))


def test_what_was_encrypted_stays_so(
    tls: Any, web: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    url = tls.put("/a", status=302, location=web.put("/b", b"data"))
    with pytest.raises(LinkRefusedError, match="not encrypted"):
        links.read_bytes(url)
    assert web.asked == []


def test_proxies_of_the_environment(
    web: Any, web2: Any, tls: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", web2.url.replace("http://", "http://me:word@"))
    target = f"http://example.test:{web.port}/a"
    web2.put("/a", b"by proxy")
    web2.pages[target] = web2.pages["/a"]
    assert links.read_bytes(target) == b"by proxy"
    assert web2.asked[0].headers["proxy-authorization"] == "Basic bWU6d29yZA=="
    assert web2.asked[0].headers["host"] == f"example.test:{web.port}"
    monkeypatch.setenv("no_proxy", "localhost")
    assert links.read_bytes(web.put("/direct", b"direct")) == b"direct"
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    monkeypatch.setenv("https_proxy", web2.url)
    assert links.read_bytes(tls.put("/secure", DATA)) == DATA
    assert web2.asked[-1].path == f"CONNECT localhost:{tls.port}"
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1")
    connection.close_all()
    with pytest.raises(UnableToReadFromUrlError, match="NO_PROXY"):
        links.read_bytes(tls.url + "/secure")
