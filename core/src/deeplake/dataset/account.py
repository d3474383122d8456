"""What scripts for a hosted service ask of a dataset; here there is no account."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, cast

from deeplake.errors import (
    DatasetConnectError,
    InvalidDestinationPathError,
    InvalidSourcePathError,
)

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.types import PathLike


_CLOUDS = ("s3", "gcs", "gcp", "gs", "az", "azure")


def connect(
    src_path: PathLike,
    creds_key: str,
    dest_path: str | None = None,
    org_id: str | None = None,
    ds_name: str | None = None,
    token: str | None = None,
) -> NoReturn:
    """Register a dataset of a cloud store at the service of Deep Lake 3. There is none here.

    Args:
        src_path: The dataset: ``s3://…``, ``gcs://…`` or ``azure://…``.
        creds_key: Name of credentials that the service keeps.
        dest_path: ``hub://organisation/name``.
        org_id, ds_name: The same in parts.
        token: Accepted for compatibility.

    Raises:
        InvalidSourcePathError: The path is not that of a cloud store.
        InvalidDestinationPathError: Neither ``dest_path`` nor ``org_id`` is given, both are, or
            ``dest_path`` is no ``hub://`` path.
        DatasetConnectError: Always otherwise: who can read the store can open the dataset.
    """
    path = str(src_path).strip()
    if path.partition("://")[0] not in _CLOUDS:
        raise InvalidSourcePathError(
            f"{path} cannot be connected: only datasets of {', '.join(_CLOUDS)} can"
        )
    if (dest_path is None) == (org_id is None and ds_name is None):
        raise InvalidDestinationPathError(
            "give either dest_path='hub://organisation/name', or org_id and ds_name"
        )
    if dest_path is None and org_id is None:
        raise InvalidDestinationPathError("ds_name needs org_id")
    if dest_path is not None and not str(dest_path).startswith("hub://"):
        raise InvalidDestinationPathError(f"{dest_path} is no hub:// path")
    raise DatasetConnectError(
        f"{path} is not registered anywhere: there is no service. deeplake.load({path!r}, creds=…) "
        "opens it from wherever its store can be read"
    )


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

    def connect(
        self,
        creds_key: str,
        dest_path: str | None = None,
        org_id: str | None = None,
        ds_name: str | None = None,
        token: str | None = None,
    ) -> None:
        """Register the dataset at a service: see :func:`connect`."""
        path = cast("Dataset", self).path
        connect(path, creds_key, dest_path, org_id, ds_name, token)

    @property
    def username(self) -> str:
        """The author of commits where no other is known."""
        return "public"


__all__ = ["Account", "connect"]
