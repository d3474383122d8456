"""``deeplake.integrations.huggingface.ingest_huggingface`` is ``deeplake.ingest_huggingface``."""

from deeplake.exchange.huggingface import ingest_huggingface

__all__ = ["ingest_huggingface"]
