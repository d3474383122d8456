"""What links and URLs may lead to: schemes, addresses, sizes, times."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Any

from deeplake import config
from deeplake.errors import LinkRefusedError

PUBLIC, PRIVATE, SPECIAL = range(3)
"""How far an address is from the open internet; a greater number is more to be wary of."""

_LEVELS = {"public": PUBLIC, "private": PRIVATE, "any": SPECIAL}

# Where clouds hand out credentials to whatever runs on a machine, besides the link-local range.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"))
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Policy:
    """What is allowed, taken from ``deeplake.config["links"]``.

    Attributes:
        schemes: URL schemes; None: any.
        local_files: Whether files of this machine may be read.
        level: Addresses up to this level may be connected to.
        max_bytes: Size of a file that is read as a whole.
        connect_timeout, read_timeout, total_timeout: Seconds.
        max_redirects: Redirects that are followed.
        chained: Whether several file systems may be chained (``zip://a::https://b``).
    """

    schemes: frozenset[str] | None
    local_files: bool
    level: int
    max_bytes: int
    connect_timeout: float
    read_timeout: float
    total_timeout: float
    max_redirects: int
    chained: bool

    @classmethod
    def for_links(cls, *, local: bool) -> Policy:
        """For links that are stored in a dataset: somebody else may have written it.

        Args:
            local: Whether the dataset is on this machine.
        """
        settings = _settings()
        files = settings["local_files"]
        return cls._of(
            settings,
            schemes=frozenset(settings["schemes"]),
            local_files=local if files == "auto" else files,
            chained=False,
        )

    @classmethod
    def for_reads(cls, timeout: float | None = None) -> Policy:
        """For paths that the user of this process gave.

        Args:
            timeout: Seconds between two pieces of an answer, where they should be others.
        """
        settings = _settings()
        given = tuple(settings.values())
        kept, policy = _for_reads
        if policy is None or kept != given:
            # Made once for many files: reading a small one takes about as long.
            policy = cls._of(settings, schemes=None, local_files=True, chained=True)
            _remember(given, policy)
        if timeout is None:
            return policy
        return replace(
            policy,
            connect_timeout=timeout,
            read_timeout=timeout,
            total_timeout=max(policy.total_timeout, timeout),
        )

    @classmethod
    def _of(
        cls,
        settings: Any,
        *,
        schemes: frozenset[str] | None,
        local_files: bool,
        chained: bool,
    ) -> Policy:
        return cls(
            schemes=schemes,
            local_files=local_files,
            level=_LEVELS[settings["addresses"]],
            max_bytes=settings["max_bytes"],
            connect_timeout=settings["connect_timeout"],
            read_timeout=settings["read_timeout"],
            total_timeout=settings["total_timeout"],
            max_redirects=settings["max_redirects"],
            chained=chained,
        )

    def check_scheme(self, scheme: str, url: str) -> None:
        """Raise ``LinkRefusedError`` if URLs of a scheme may not be followed.

        Args:
            scheme: The scheme.
            url: The URL, as messages show it.
        """
        if self.schemes is not None and scheme not in self.schemes:
            raise LinkRefusedError(
                f"{url}: links to {scheme!r} are not followed; if you trust the dataset, add "
                f"{scheme!r} to deeplake.config['links']['schemes']"
            )
        if scheme == "file" and not self.local_files:
            raise LinkRefusedError(
                f"{url}: links to files of this machine are not followed here: the dataset may be "
                "somebody else's; if you trust it, set deeplake.config['links']['local_files'] = True"
            )

    def check_size(self, size: int, url: str) -> None:
        """Raise ``LinkRefusedError`` if a file is too large to be read as a whole."""
        if size > self.max_bytes:
            raise LinkRefusedError(
                f"{url}: {size:,} bytes are more than the {self.max_bytes:,} that are read at once; "
                "deeplake.config['links']['max_bytes'] sets the limit"
            )


def level_of(address: str) -> int:
    """How public an IP address is: ``PUBLIC``, ``PRIVATE`` or ``SPECIAL``."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return SPECIAL
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return level_of(str(inner))
    if ip in _METADATA or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return SPECIAL
    if ip.is_global:
        return PUBLIC
    if ip.is_private or ip.is_loopback or ip in ipaddress.ip_network("100.64.0.0/10"):
        return PRIVATE
    return SPECIAL


def _settings() -> Any:
    return config["links"]


_for_reads: tuple[tuple[Any, ...], Policy | None] = ((), None)


def _remember(given: tuple[Any, ...], policy: Policy) -> None:
    global _for_reads
    _for_reads = given, policy


__all__ = ["PRIVATE", "PUBLIC", "SPECIAL", "Policy", "level_of"]
