"""``deeplake.core.vectorstore.deeplake_vectorstore.VectorStore`` is ``deeplake.VectorStore``."""

from deeplake.vectorstore.store import VectorStore

DeepLakeVectorStore = VectorStore

__all__ = ["DeepLakeVectorStore", "VectorStore"]
