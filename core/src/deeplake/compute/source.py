"""``data_in``: where the samples come from, and how workers get at them."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Set
from typing import Any

from deeplake.dataset import versions
from deeplake.dataset.checkout import Checkout
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.tensor import Tensor
from deeplake.errors import InvalidInputDataError


class Source(ABC):
    """Samples by their number.

    Args:
        data: What they are taken from.

    Attributes:
        data: As given.
    """

    def __init__(self, data: Any) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def part(self, start: int, stop: int) -> Any:
        """What a worker is sent for a range of samples; None: it has the data itself."""
        return None

    @abstractmethod
    def samples(self, start: int, stop: int, part: Any) -> Iterator[Any]:
        """The samples of a range; ``part`` is what was sent for it."""

    def one(self, i: int) -> Any:
        """One sample."""
        return next(self.samples(i, i + 1, self.part(i, i + 1)))

    @property
    def checkout(self) -> Checkout | None:
        """The working copy of the dataset that the data are of, if they are of one."""
        return self.data._checkout if isinstance(self.data, (Dataset, Tensor)) else None

    def __reduce__(self) -> Any:
        return type(self), (self.data,)


class Whole(Source):
    """Data that workers get as a whole: datasets, and whatever knows itself how to read a sample."""

    def samples(self, start: int, stop: int, part: Any) -> Iterator[Any]:
        return (self.data[i] for i in range(start, stop))


class Pieces(Source):
    """Data of which workers get what they need: lists, arrays."""

    def part(self, start: int, stop: int) -> Any:
        return self.data[start:stop]

    def samples(self, start: int, stop: int, part: Any) -> Iterator[Any]:
        return iter(part)

    def __reduce__(self) -> Any:
        return type(self), (None,)  # the pieces come with what is to be done


class Frame(Pieces):
    """A pandas DataFrame: its samples are frames of one row."""

    def samples(self, start: int, stop: int, part: Any) -> Iterator[Any]:
        return (part[i : i + 1] for i in range(len(part)))


def source_of(data: Any, *, pad: bool) -> Source:
    """How samples are taken from what the user gave.

    Args:
        data: A dataset, a view, a list, an array, a DataFrame, or anything else with
            ``__getitem__`` and ``__len__``.
        pad: Of a dataset with tensors of unequal length, as many rows as the longest has.

    Raises:
        InvalidInputDataError: It has no samples that can be counted and taken by their numbers.
    """
    if isinstance(data, Dataset):
        return Whole(data.max_view if pad else data)
    indexed = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    if not indexed or isinstance(data, (Mapping, Set, type)):
        what = "a dict" if isinstance(data, Mapping) else f"a {type(data).__name__}"
        remedy = "list(data_in)" if hasattr(data, "__iter__") else "a list"
        raise InvalidInputDataError(
            "data_in needs __getitem__ and __len__, by the number of a sample, which "
            f"{what} has not: pass {remedy}"
        )
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return Frame(data)
    numpy = sys.modules.get("numpy")
    if isinstance(data, (list, tuple, range, str, bytes)) or (
        numpy is not None and isinstance(data, numpy.ndarray)
    ):
        return Pieces(data)
    try:
        len(data)
    except TypeError as error:
        raise InvalidInputDataError(f"data_in has no length: {error}") from error
    return Whole(data)


def apart(source: Source, checkout: Checkout) -> Source:
    """The same samples, where they stay as they are while a working copy changes.

    Args:
        source: The samples.
        checkout: What will be changed.
    """
    data = source.data
    if source.checkout is not checkout:
        return source
    if isinstance(data, Dataset):
        data._check_valid()
        bound = data._selection.bind(data._length())
    else:
        bound = data._selection.bind(data._total)
    frozen = versions.freeze(checkout)
    still = versions.thaw(checkout.repository.store, checkout.path, frozen, read_only=True)
    if not isinstance(data, Dataset):
        return Whole(Tensor(still, data._tid, bound))
    group, names, padded = data._group, data._names, data._padded
    return Whole(Dataset(still, selection=bound, group=group, names=names, padded=padded))


__all__ = ["Source", "apart", "source_of"]
