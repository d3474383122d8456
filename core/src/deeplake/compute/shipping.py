"""What worker processes need to know, sent once to each: functions, and the data they read."""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from deeplake.dataset.byvalue import dumps
from deeplake.errors import DeepLakeError, TransformError

T = TypeVar("T")

REMEDY = (
    'define it at the top of a module, pip install "deeplake-core[processes]" (cloudpickle), or use '
    'threads: scheduler="threaded"'
)

_arrived: dict[str, bytes] = {}
_opened: dict[str, Any] = {}


class Shipment(Generic[T]):
    """A value that is pickled once for each process that is started, and not with every task.

    Args:
        value: What is sent.
        parts: Its parts that are the user's, by what they are called in messages.
    """

    def __init__(self, value: T, parts: Mapping[str, Any]) -> None:
        self.value = value
        self._parts = parts
        self._token = secrets.token_hex(16)

    @property
    def setup(self) -> Callable[[], None]:
        """Brings it to a new process, when it is called there."""
        return _Setup(self)

    def __reduce__(self) -> Any:
        return _open, (self._token,)

    def data(self) -> tuple[str, bytes]:
        """Name and bytes.

        Raises:
            TransformError: Something of it cannot be pickled: which, why, and what to do.
        """
        try:
            return self._token, dumps(self.value)
        except Exception as error:
            for what, part in self._parts.items():
                try:
                    dumps(part)
                except DeepLakeError:
                    raise  # it says itself what to do
                except Exception as why:
                    raise TransformError(
                        f"{what}, {part!r:.200}, cannot be sent to worker processes: "
                        f"{type(why).__name__}: {why}; {REMEDY}"
                    ) from why
            raise TransformError(
                f"the pipeline cannot be sent to worker processes: {error}; {REMEDY}"
            ) from error


class _Setup:
    """Pickled while a process is being started, as credentials that go along want it."""

    def __init__(self, shipment: Shipment[Any]) -> None:
        self._shipment = shipment

    def __reduce__(self) -> Any:
        return _Arrival, self._shipment.data()

    def __call__(self) -> None:
        _arrived.setdefault(*self._shipment.data())


class _Arrival:
    def __init__(self, token: str, data: bytes) -> None:
        self._token = token
        self._data = data

    def __call__(self) -> None:
        _arrived[self._token] = self._data


def _open(token: str) -> Shipment[Any]:
    """What has arrived, opened when the first task asks for it."""
    if token not in _opened:
        if token not in _arrived:
            raise TransformError(
                "this process was not told what to do: the executor did not call `setup` in it"
            )
        _opened[token] = Shipment(pickle.loads(_arrived[token]), {})
    found: Shipment[Any] = _opened[token]
    return found


__all__ = ["REMEDY", "Shipment"]
