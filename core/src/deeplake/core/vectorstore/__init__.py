"""``deeplake.core.vectorstore.VectorStore`` is ``deeplake.VectorStore``."""

from deeplake.core.vectorstore.deeplake_vectorstore import DeepLakeVectorStore, VectorStore

__all__ = ["DeepLakeVectorStore", "VectorStore"]
