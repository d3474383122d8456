"""Names under which linked samples find their credentials.

The names are part of the dataset. The credentials themselves are never stored: they live in the
memory of the handle that was given them, and are given again after each load.

A link keeps the *id* of a name, which is the name that it was added with, so that names can change
while links stay as they are.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from deeplake.dataset.checkout import Checkout
from deeplake.errors import MissingCredsError
from deeplake.format.links import CREDS_KEY, ENV, creds_names

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _or_creds_key(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """Take ``creds_key=`` for ``key=``: scripts of Deep Lake 3 write either."""

    @wraps(method)
    def called(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        if "creds_key" in kwargs and "key" not in kwargs:
            kwargs["key"] = kwargs.pop("creds_key")
        return method(*args, **kwargs)

    return called


def populated(checkout: Checkout) -> dict[str, Mapping[str, Any] | str]:
    """Credentials by name that this working copy was given; empty ones are the environment's."""
    return checkout.lender.values


def names_by_id(checkout: Checkout) -> dict[str, str]:
    """Names of credentials of a dataset, by the ids that links have."""
    return creds_names(checkout.session.extra)


def id_of(checkout: Checkout, name: str) -> str:
    """The id of a name. Raises ``MissingCredsError``."""
    known = names_by_id(checkout)
    for key, value in known.items():
        if value == name:
            return key
    raise MissingCredsError(
        f"there are no credentials called {name!r}; there are "
        f"{', '.join(map(repr, known.values())) or 'none'}: add_creds_key adds a name"
    )


def adopt(checkout: Checkout, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """Take over the names that copied links have, and in memory what they stand for."""
    known = names_by_id(checkout)
    new = {key: name for key, name in names.items() if key not in known}
    if not new:
        return
    with checkout.change(rows_move=False) as session:
        for key, name in new.items():
            session.set_extra(CREDS_KEY + key, name)
    for name in new.values():
        if name in values:
            populated(checkout).setdefault(name, values[name])


class Credentials:
    """Names of credentials of a dataset."""

    __slots__ = ()

    if TYPE_CHECKING:
        _checkout: Checkout

        def _check_root(self, what: str) -> None: ...

    def get_creds_keys(self) -> set[str]:
        """All names."""
        return set(names_by_id(self._checkout).values())

    def get_managed_creds_keys(self) -> set[str]:
        """Names whose credentials a service keeps: none."""
        return set()

    @_or_creds_key
    def add_creds_key(self, key: str, managed: bool = False) -> None:
        """Add a name.

        Args:
            key: The name. ``"ENV"`` is always there: it stands for the environment.
            managed: Only False: no service keeps credentials.

        Raises:
            ValueError: There is such a name already, or ``managed`` is True.
        """
        self._check_root("add_creds_key")
        _check_unmanaged(key, managed)
        self._check_new(key)
        known = names_by_id(self._checkout)
        ident = key
        while ident in known:  # names that were given up still are ids
            ident = f"{key}-{secrets.token_hex(4)}"
        self._set_name(ident, key)

    @_or_creds_key
    def populate_creds(
        self,
        key: str,
        creds: Mapping[str, Any] | str | None = None,
        from_environment: bool = False,
    ) -> None:
        """Give the credentials of a name, for this handle.

        They are kept in memory, and go along to child processes that are started from this one. They
        are in no pickle and no message.

        Args:
            key: The name.
            creds: The credentials, as the store takes them: a dict, or a str (the path of a file with
                them, for Google Cloud Storage); a dict of HTTP headers for web servers.
            from_environment: Take those that the environment has instead.

        Raises:
            MissingCredsError: There is no such name.
            ValueError: Both, or neither of ``creds`` and ``from_environment`` is given.
        """
        id_of(self._checkout, key)
        if from_environment == (creds is not None):
            raise ValueError(f"credentials {key!r}: give either creds or from_environment=True")
        if creds is not None and not isinstance(creds, (Mapping, str)):
            raise TypeError(
                f"credentials {key!r}: a dict of what the store takes, or a str, not a "
                f"{type(creds).__name__}"
            )
        kept = creds if isinstance(creds, str) else dict(creds or {})
        populated(self._checkout)[key] = kept

    @_or_creds_key
    def update_creds_key(
        self, key: str, new_creds_key: str | None = None, managed: bool | None = None
    ) -> None:
        """Give credentials another name; links that use them follow.

        Args:
            key: The name that they have.
            new_creds_key: The new one; None: it stays.
            managed: Only None and False: no service keeps credentials.

        Raises:
            MissingCredsError: There is no such name.
            ValueError: The new name is taken, or ``managed`` is True.
        """
        self._check_root("update_creds_key")
        ident = id_of(self._checkout, key)
        _check_unmanaged(key, bool(managed))
        if new_creds_key is None or new_creds_key == key:
            return
        self._check_new(new_creds_key)
        self._set_name(ident, new_creds_key)
        values = populated(self._checkout)
        if key in values:
            values[new_creds_key] = values.pop(key)

    def _check_new(self, creds_key: Any) -> None:
        if not isinstance(creds_key, str) or not creds_key or not creds_key.isprintable():
            raise ValueError("a name of credentials is a printable str that is not empty")
        if creds_key == ENV:
            raise ValueError("credentials 'ENV' are always there: those of the environment")
        if creds_key in self.get_creds_keys():
            raise ValueError(f"there are credentials called {creds_key!r} already")

    def _set_name(self, key: str, name: str) -> None:
        with self._checkout.change(rows_move=False) as session:
            session.set_extra(CREDS_KEY + key, name)


def _check_unmanaged(creds_key: str, managed: bool) -> None:
    if managed:
        raise ValueError(
            f"credentials {creds_key!r} cannot be managed: no service keeps them; use populate_creds"
        )


__all__ = ["Credentials", "adopt", "id_of", "names_by_id", "populated"]
