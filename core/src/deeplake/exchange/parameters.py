"""What users say of single tensors: ``image_params`` and its like, laid over an ingestor's schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deeplake import plugins
from deeplake.dataset.credentials import Credentials
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.linked import link
from deeplake.dataset.sample import Creds, Sample
from deeplake.errors import IngestionError, PluginNotFoundError
from deeplake.format.links import ENV

_COMPRESSIONS = ("sample_compression", "chunk_compression")

Params = Mapping[str, Any] | None


class Tensors:
    """The tensors of an ingestion: their arguments, and what they are called.

    Args:
        schema: Arguments of ``create_tensor`` by the ingestor's names.
        params: Arguments that come before those, and ``name``, by the ingestor's names.
        prefix: Group of the tensors.
        creds_key: Name of the credentials of links.

    Raises:
        IngestionError: Two tensors would have one name.
        TypeError: The arguments of a tensor are no dict.
    """

    def __init__(
        self,
        schema: Mapping[str, Mapping[str, Any]],
        params: Mapping[str, Params] | None = None,
        *,
        prefix: str = "",
        creds_key: str | None = None,
    ) -> None:
        self.names: dict[str, str] = {}
        self._arguments: dict[str, dict[str, Any]] = {}
        self._creds_key = creds_key
        for key, arguments in schema.items():
            found = checked(f"the parameters of {key!r}", (params or {}).get(key))
            name = prefix + possible(str(found.get("name") or key))
            if name in self._arguments:
                raise IngestionError(f"two tensors would be called {name!r}: give one a 'name'")
            self.names[key] = name
            self._arguments[name] = _merged(
                arguments, {key: value for key, value in found.items() if key != "name"}
            )

    def create(self, ds: Dataset, creds: Creds = None) -> None:
        """Make the tensors.

        Args:
            ds: Gets them.
            creds: Credentials of files that are linked.
        """
        for name, arguments in self._arguments.items():
            if self._is_link(name) and self._creds_key is not None:
                _add_key(ds, self._creds_key, creds)
            ds.create_tensor(name, **arguments)

    def columns(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
        """A batch of the ingestor, by the tensors' names."""
        found = {}
        for key, column in batch.items():
            name = self.names[key]
            found[name] = self._links(column) if self._is_link(name) else column
        return found

    def _is_link(self, name: str) -> bool:
        return is_link(str(self._arguments[name].get("htype", "")))

    def _links(self, column: Sequence[Any]) -> list[Any]:
        return [
            link(value.path, creds_key=self._creds_key)
            if isinstance(value, Sample) and value.path is not None
            else value
            for value in column
        ]


def checked(what: str, given: Any) -> Mapping[str, Any]:
    """Parameters, which are a dict or None.

    Raises:
        TypeError: They are neither.
    """
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"{what}: a dict of arguments of create_tensor, not {given!r:.80}")
    return given or {}


def possible(name: str) -> str:
    """The name, with a ``_`` behind it where ``ds.name`` would mean something else."""
    parts = (f"{part}_" if part in Dataset._RESERVED else part for part in name.split("/"))
    return "/".join(parts)


def _merged(arguments: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(arguments)
    if is_link(str(given.get("htype", ""))) or any(key in given for key in _COMPRESSIONS):
        kept = {key: value for key, value in kept.items() if key not in _COMPRESSIONS}
    new, old = (base_of(str(found.get("htype") or "generic")) for found in (given, kept))
    if "htype" in given and new != old:
        # Another kind of tensor: class names, say, are not for it.
        alike = new.partition(".")[0] == old.partition(".")[0] and _media(new)
        kept = {key: value for key, value in kept.items() if key in _COMPRESSIONS and alike}
    return {**kept, **given}


def is_link(htype: str) -> bool:
    """Whether tensors of an htype hold links."""
    return "link[" in htype


def base_of(htype: str) -> str:
    """The htype of items and files, in sequences and links."""
    return htype.replace("sequence[", "").replace("link[", "").rstrip("]") or "generic"


def _media(htype: str) -> bool:
    """Whether samples of an htype are files."""
    try:
        return plugins.get("htype", htype).spec().compression == "required"
    except PluginNotFoundError:
        return False


def _add_key(ds: Credentials, key: str, creds: Creds) -> None:
    if key == ENV:
        return
    if key not in ds.get_creds_keys():
        ds.add_creds_key(key)
    if isinstance(creds, Mapping):
        ds.populate_creds(key, creds)
    else:
        ds.populate_creds(key, from_environment=True)


__all__ = ["Params", "Tensors", "base_of", "checked", "is_link", "possible"]
