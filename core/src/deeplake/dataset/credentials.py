"""Names under which linked samples find their credentials.

The names are part of the dataset. The credentials themselves are never stored: they live in the
memory of the handle that was given them, and are given again after each load.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from deeplake.dataset.checkout import Checkout
from deeplake.errors import MissingCredsError

_KEY = "creds_keys"
_values: WeakKeyDictionary[Checkout, dict[str, Mapping[str, Any]]] = WeakKeyDictionary()


def populated(checkout: Checkout) -> dict[str, Mapping[str, Any]]:
    """Credentials by name that this working copy was given; empty ones are the environment's."""
    return _values.setdefault(checkout, {})


class Credentials:
    """Names of credentials of a dataset."""

    __slots__ = ()

    if TYPE_CHECKING:
        _checkout: Checkout

        def _check_root(self, what: str) -> None: ...

    def get_creds_keys(self) -> set[str]:
        """All names."""
        return set(self._checkout.session.extra.get(_KEY, ()))

    def get_managed_creds_keys(self) -> set[str]:
        """Names whose credentials a service keeps: none."""
        return set()

    def add_creds_key(self, creds_key: str, managed: bool = False) -> None:
        """Add a name.

        Args:
            creds_key: The name.
            managed: Only False: no service keeps credentials.

        Raises:
            ValueError: There is such a name already, or ``managed`` is True.
        """
        self._check_root("add_creds_key")
        _check_unmanaged(creds_key, managed)
        if not creds_key:
            raise ValueError("a name of credentials is a str that is not empty")
        if creds_key in self.get_creds_keys():
            raise ValueError(f"there are credentials called {creds_key!r} already")
        self._set_names([*self._names_in_order(), creds_key])

    def populate_creds(
        self,
        creds_key: str,
        creds: Mapping[str, Any] | None = None,
        from_environment: bool = False,
    ) -> None:
        """Give the credentials of a name, for this handle.

        Args:
            creds_key: The name.
            creds: The credentials, as the store takes them.
            from_environment: Take those that the environment has instead.

        Raises:
            MissingCredsError: There is no such name.
            ValueError: Both, or neither of ``creds`` and ``from_environment`` is given.
        """
        self._check_known(creds_key)
        if from_environment == (creds is not None):
            raise ValueError(
                f"credentials {creds_key!r}: give either creds or from_environment=True"
            )
        populated(self._checkout)[creds_key] = {} if creds is None else dict(creds)

    def update_creds_key(
        self, creds_key: str, new_creds_key: str | None = None, managed: bool | None = None
    ) -> None:
        """Give credentials another name.

        Args:
            creds_key: The name that they have.
            new_creds_key: The new one; None: it stays.
            managed: Only None and False: no service keeps credentials.

        Raises:
            MissingCredsError: There is no such name.
            ValueError: The new name is taken, or ``managed`` is True.
        """
        self._check_root("update_creds_key")
        self._check_known(creds_key)
        _check_unmanaged(creds_key, bool(managed))
        if new_creds_key is None or new_creds_key == creds_key:
            return
        if new_creds_key in self.get_creds_keys():
            raise ValueError(f"there are credentials called {new_creds_key!r} already")
        names = [new_creds_key if name == creds_key else name for name in self._names_in_order()]
        self._set_names(names)
        values = populated(self._checkout)
        if creds_key in values:
            values[new_creds_key] = values.pop(creds_key)

    def _names_in_order(self) -> list[str]:
        return list(self._checkout.session.extra.get(_KEY, ()))

    def _set_names(self, names: list[str]) -> None:
        with self._checkout.change(rows_move=False) as session:
            session.set_extra(_KEY, names)

    def _check_known(self, creds_key: str) -> None:
        names = self._names_in_order()
        if creds_key not in names:
            raise MissingCredsError(
                f"there are no credentials called {creds_key!r}; there are "
                f"{', '.join(map(repr, names)) or 'none'}: add_creds_key adds a name"
            )


def _check_unmanaged(creds_key: str, managed: bool) -> None:
    if managed:
        raise ValueError(
            f"credentials {creds_key!r} cannot be managed: no service keeps them; use populate_creds"
        )


__all__ = ["Credentials", "populated"]
