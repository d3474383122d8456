"""Import paths of Deep Lake 3 (``deeplake.integrations``)."""

from deeplake.integrations import huggingface, wandb

__all__ = ["huggingface", "wandb"]
