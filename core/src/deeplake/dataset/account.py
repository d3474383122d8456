"""What scripts for a hosted service ask of a dataset; here there is no account."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset


class Account:
    """Attributes of the account that a dataset belongs to, for scripts that ask for them."""

    __slots__ = ()

    @property
    def token(self) -> str | None:
        """The token that ``set_token`` was given; nothing needs one."""
        token: str | None = cast("Dataset", self)._token
        return token

    def set_token(self, new_token: str | None) -> None:
        """Keep a token, in memory only."""
        object.__setattr__(self, "_token", new_token)

    @property
    def org_id(self) -> str | None:
        """None: datasets belong to no organisation."""
        return None

    @property
    def public(self) -> bool:
        """False: who can read the store can read the dataset."""
        return False

    @property
    def username(self) -> str:
        """The author of commits where no other is known."""
        return "public"


__all__ = ["Account"]
