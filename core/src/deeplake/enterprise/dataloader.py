"""``deeplake.enterprise.dataloader``: the class of loaders, and ``ds.dataloader()`` as a function."""

from deeplake.dataset.dataset import Dataset
from deeplake.loader.loader import DeepLakeDataLoader


def dataloader(
    dataset: Dataset, ignore_errors: bool = False, verbose: bool = False
) -> DeepLakeDataLoader:
    """``dataset.dataloader(ignore_errors, verbose)``."""
    return dataset.dataloader(ignore_errors=ignore_errors, verbose=verbose)


__all__ = ["DeepLakeDataLoader", "dataloader"]
