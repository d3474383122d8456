"""From a URL to the store that the kernel works on."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import Any

from deeplake import plugins
from deeplake.errors import PluginNotFoundError
from deeplake.plugins.catalog import EXTRAS
from deeplake.spi import Store, StorePlugin
from deeplake.storage.guard import ReadOnly, SingleWriter

ANY = "fsspec"
"""Key of the plugin for every protocol that has none of its own."""

_log = logging.getLogger(__name__)


def open_store(
    url: str,
    scheme: str,
    creds: Mapping[str, Any] | str | None = None,
    *,
    fresh: bool = False,
    single_writer: bool = False,
    alone: bool = False,
) -> Store:
    """The store of a URL, as plugins want it wrapped.

    Args:
        url: URL without a version address.
        scheme: Its scheme.
        creds: Credentials.
        fresh: It is for a new dataset.
        single_writer: The user says that nobody else writes; asked for only where a store cannot keep
            several writers apart.
        alone: As ``single_writer``, without a warning: it was said before, or all there is will be
            deleted.

    Raises:
        PluginNotFoundError: Nothing knows the scheme; the message says what to install.
        ValueError: The credentials are to be looked up by a service.
    """
    if isinstance(creds, Mapping) and "creds_key" in creds:
        raise ValueError(
            f"{url}: creds={{'creds_key': …}} stands for credentials that a service manages, and there "
            "is no service here; pass the credentials themselves, or leave creds out to take those of "
            "the environment"
        )
    plugin = _plugin(scheme)
    store = plugin.create(url, creds=creds) if fresh else plugin.open(url, creds=creds)
    able = store.capabilities
    if able.writable and not able.conditional_put:
        if alone:
            store = SingleWriter(store)
        elif single_writer:
            warnings.warn(
                f"{url}: this kind of store cannot keep several writers apart; writing elsewhere at "
                "the same time would lose commits",
                stacklevel=4,
            )
            store = SingleWriter(store)
        else:
            store = ReadOnly(store)
    elif single_writer:
        _log.info("%s keeps several writers apart: single_writer has no effect", url)
    return plugins.wrap_store(store, url)


def _plugin(scheme: str) -> StorePlugin:
    try:
        return plugins.get("storage", scheme)
    except PluginNotFoundError:
        from fsspec.registry import known_implementations, registry

        if scheme in EXTRAS["storage"] or scheme not in {
            *known_implementations,
            *registry,
            "azure",
        }:
            raise
        return plugins.get("storage", ANY)


__all__ = ["open_store"]
