"""What paths say."""

from __future__ import annotations

import string
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeplake.errors import InvalidDatasetNameException, InvalidPathException
from deeplake.storage.url import Location, check_name, name_of, scheme_of, split


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("ds", ("ds", "file", None)),
        ("  ./a/b \n", ("./a/b", "file", None)),
        ("/data/my ds", ("/data/my ds", "file", None)),
        ("~/ds", ("~/ds", "file", None)),
        ("dänisch/ds", ("dänisch/ds", "file", None)),
        ("/data/ds@main", ("/data/ds", "file", "main")),
        ("/data/ds@a@b", ("/data/ds", "file", "a@b")),
        ("file:///data/ds@v1", ("file:///data/ds", "file", "v1")),
        ("FILE:///data/ds", ("FILE:///data/ds", "file", None)),
        (r"C:\data\ds", (r"C:\data\ds", "file", None)),
        ("C:/data/ds@x", ("C:/data/ds", "file", "x")),
        (r"\\server\share\ds", (r"\\server\share\ds", "file", None)),
        ("a:b/c", ("a:b/c", "file", None)),
        ("ab::cd", ("ab::cd", "file", None)),
        ("://x", ("://x", "file", None)),
        ("mem://x", ("mem://x", "mem", None)),
        ("mem://x@feature/y", ("mem://x", "mem", "feature/y")),
        ("s3://bucket/a/b", ("s3://bucket/a/b", "s3", None)),
        ("S3://bucket/a@v", ("S3://bucket/a", "s3", "v")),
        ("s3://bucket@v", ("s3://bucket", "s3", "v")),
        ("hub://org/name@0f3c", ("hub://org/name", "hub", "0f3c")),
        ("gcs://b/x", ("gcs://b/x", "gcs", None)),
        ("sftp://me@host/ds", ("sftp://me@host/ds", "sftp", None)),
        ("sftp://me:p@ss@host/ds@v", ("sftp://me:p@ss@host/ds", "sftp", "v")),
        ("SFTP://me@host/ds@v", ("SFTP://me@host/ds", "sftp", "v")),
        ("https://u:p@host:8080/a/ds@v", ("https://u:p@host:8080/a/ds", "https", "v")),
        (
            "abfs://c@acc.dfs.core.windows.net/ds",
            ("abfs://c@acc.dfs.core.windows.net/ds", "abfs", None),
        ),
        ("az://container/ds@v", ("az://container/ds", "az", "v")),
        ("simplecache::s3://b/ds@v", ("simplecache::s3://b/ds", "simplecache", "v")),
        ("zip://in::sftp://me@h/x.zip@v", ("zip://in::sftp://me@h/x.zip", "zip", "v")),
        (PurePosixPath("/data/ds@v"), ("/data/ds", "file", "v")),
        (PureWindowsPath(r"C:\data\ds"), (r"C:\data\ds", "file", None)),
    ],
)
def test_split(path: object, expected: tuple[str, str, str | None]) -> None:
    assert split(path) == expected


@pytest.mark.parametrize("path", ["", "  ", "@", "@main", "ds@", " @ ", "s3://bucket/ds@"])
def test_paths_that_name_nothing(path: str) -> None:
    with pytest.raises(InvalidPathException) as caught:
        split(path)
    assert isinstance(caught.value, ValueError)
    assert repr(path) in str(caught.value)


@pytest.mark.parametrize("path", [None, 3, b"ds", ["ds"]])
def test_things_that_are_no_paths(path: object) -> None:
    with pytest.raises(InvalidPathException, match="pathlib"):
        split(path)


def test_parts_have_names() -> None:
    location = split(Path("ds@v"))
    assert isinstance(location, Location)
    assert (location.url, location.scheme, location.address) == ("ds", "file", "v")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("ds", "ds"),
        ("/data/my ds-1.0_x", "my ds-1.0_x"),
        ("/data/ds/", "ds"),
        ("./", "."),
        ("~/ds", "ds"),
        ("dänisch/ds", "ds"),
        (r"C:\data\ds", "ds"),
        ("C:\\data\\ds\\", "ds"),
        (r"\\server\share\ds", "ds"),
        ("file:///data/v1.0", "v1.0"),
        ("mem://x-y_z", "x-y_z"),
        ("mem://", ""),
        ("s3://bucket/a/b-c_D9/", "b-c_D9"),
        ("s3://bucket", "bucket"),
        ("hub://org/name", "name"),
        ("simplecache::s3://bucket/ds", "ds"),
    ],
)
def test_names(url: str, name: str) -> None:
    assert name_of(url) == name
    assert check_name(url) == name


@pytest.mark.parametrize(
    "url",
    [
        "/data/a$b",
        "/data/dänisch",
        "a?b",
        "a\\b",
        "C:\\data\\a+b",
        "s3://bucket/v1.0",
        "s3://bucket/my ds",
        "hub://org/a.b",
        "mem://a b",
        "gs://bucket/ü",
    ],
)
def test_names_that_no_dataset_can_have(url: str) -> None:
    with pytest.raises(InvalidDatasetNameException, match="ASCII") as caught:
        check_name(url)
    assert isinstance(caught.value, ValueError)
    assert name_of(url) in str(caught.value) or repr(name_of(url))[1:-1] in str(caught.value)


# --------------------------------------------------------------------------- properties
component = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=8)
parts = st.lists(component, min_size=1, max_size=4)
address = st.one_of(st.none(), st.text(string.ascii_letters + "@/:.-_", min_size=1, max_size=12))
bucket_scheme = st.sampled_from(["s3", "gs", "gcs", "gcp", "hub", "az", "mem", "hf", "gdrive"])
user_scheme = st.sampled_from(["sftp", "ssh", "ftp", "http", "https", "abfs", "wasbs", "hdfs"])


def with_address(url: str, version: str | None) -> str:
    return url if version is None else f"{url}@{version}"


@given(parts, address)
def test_local_paths(names: list[str], version: str | None) -> None:
    for url in ("/".join(names), "/" + "/".join(names), "D:\\" + "\\".join(names)):
        assert split(with_address(url, version)) == (url, "file", version)
        assert check_name(url) == names[-1]


@given(bucket_scheme, parts, address)
def test_buckets(scheme: str, names: list[str], version: str | None) -> None:
    url = f"{scheme}://" + "/".join(names)
    assert split(with_address(url, version)) == (url, scheme, version)
    assert check_name(url) == names[-1]


@given(user_scheme, component, component, parts, address)
def test_urls_with_users(
    scheme: str, user: str, host: str, names: list[str], version: str | None
) -> None:
    url = f"{scheme}://{user}@{host}/" + "/".join(names)
    assert split(with_address(url, version)) == (url, scheme, version)
    assert check_name(url) == names[-1]


@given(st.text(max_size=40))
def test_any_text_is_split_or_refused(text: str) -> None:
    try:
        url, scheme, version = split(text)
    except InvalidPathException:
        return
    assert with_address(url, version) == text.strip()
    assert scheme == scheme_of(url)
    assert scheme == scheme.lower()
    try:
        name = check_name(url)
    except InvalidDatasetNameException:
        return
    assert name in url
