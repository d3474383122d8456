"""What links may lead to: addresses, settings."""

from __future__ import annotations

from typing import Any

import pytest

import deeplake
from deeplake.errors import SettingError, SettingTypeError, UnknownSettingError
from deeplake.links import Policy, shown
from deeplake.links.policy import PRIVATE, PUBLIC, SPECIAL, level_of


@pytest.mark.parametrize(
    ("address", "level"),
    [
        ("93.184.216.34", PUBLIC),
        ("2606:2800:220:1:248:1893:25c8:1946", PUBLIC),
        ("10.0.0.1", PRIVATE),
        ("172.16.3.4", PRIVATE),
        ("192.168.1.1", PRIVATE),
        ("100.64.0.1", PRIVATE),
        ("127.0.0.1", PRIVATE),
        ("::1", PRIVATE),
        ("fd12::1", PRIVATE),
        ("::ffff:10.0.0.1", PRIVATE),
        ("64:ff9b::10.0.0.1", PRIVATE),
        ("2002:0a00:0001::", PRIVATE),
        ("169.254.169.254", SPECIAL),
        ("fe80::1%eth0", SPECIAL),
        ("fd00:ec2::254", SPECIAL),
        ("100.100.100.200", SPECIAL),
        ("168.63.129.16", SPECIAL),
        ("::ffff:169.254.169.254", SPECIAL),
        ("64:ff9b::169.254.169.254", SPECIAL),
        ("0.0.0.0", SPECIAL),
        ("::", SPECIAL),
        ("224.0.0.1", SPECIAL),
        ("255.255.255.255", SPECIAL),
        ("no address", SPECIAL),
    ],
)
def test_how_public_an_address_is(address: str, level: int) -> None:
    assert level_of(address) == level or (address == "255.255.255.255" and level_of(address) > 0)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("/a/b c.png", "/a/b c.png"),
        ("file:///a?b", "file:///a?b"),
        ("https://me:pass@host/a?sig=x#y", "https://host/a?…"),
        ("s3://bucket/a@b.png", "s3://bucket/a@b.png"),
        ("http://host", "http://host"),
    ],
)
def test_what_messages_show_of_a_url(url: str, text: str) -> None:
    assert shown(url) == text


def test_settings_of_links(settings: Any) -> None:
    settings["schemes"] = ["HTTPS"]
    assert settings["schemes"] == ("https",)
    assert Policy.for_links(local=True).schemes == {"https"}
    assert Policy.for_reads().schemes is None
    assert Policy.for_links(local=True).local_files
    assert not Policy.for_links(local=False).local_files
    assert Policy.for_reads().local_files
    settings["local_files"] = False
    assert not Policy.for_links(local=True).local_files
    deeplake.config["links"] = {"max_bytes": 10}
    assert deeplake.config["links"]["schemes"][0] == "file"
    assert Policy.for_links(local=True).max_bytes == 10
    policy = Policy.for_reads(timeout=3)
    assert (policy.connect_timeout, policy.read_timeout) == (3, 3)


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("scheme", [], UnknownSettingError),
        ("schemes", "https", SettingTypeError),
        ("schemes", 3, SettingTypeError),
        ("local_files", 1, SettingError),
        ("local_files", "yes", SettingError),
        ("addresses", "all", SettingError),
        ("changed", None, SettingError),
        ("max_bytes", 0, SettingError),
        ("max_bytes", 1.5, SettingError),
        ("max_bytes", "1 GB", SettingTypeError),
        ("max_redirects", -1, SettingError),
        ("read_timeout", True, SettingTypeError),
        ("threads", 0, SettingError),
    ],
)
def test_settings_that_cannot_be(settings: Any, key: str, value: Any, error: Any) -> None:
    before = dict(settings)
    with pytest.raises(error, match=key):
        settings[key] = value
    with pytest.raises(error, match=key):
        settings.update({key: value})
    with pytest.raises(error, match=key):
        deeplake.config["links"] = {key: value}
    assert dict(deeplake.config["links"]) == before


def test_defaults_come_back(settings: Any) -> None:
    settings["threads"] = 3
    del settings["threads"]
    assert settings["threads"] == 16
