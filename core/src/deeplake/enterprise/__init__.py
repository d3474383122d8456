"""Import paths of Deep Lake 3 (``deeplake.enterprise``): the loader of ``ds.dataloader()``."""

from deeplake.enterprise.dataloader import DeepLakeDataLoader, dataloader

__all__ = ["DeepLakeDataLoader", "dataloader"]
