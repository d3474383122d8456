"""Texts, metadata and embeddings in one dataset, searched by nearest neighbours.

Built on datasets, whose versions, views and stores it therefore has. Search is exact and needs no
index: ``nearest`` reads all embeddings, chunk by chunk, and measures them with ``distance``.
``selecting`` finds rows by filters, ids and queries; ``addition``, ``update`` and ``embedding`` make
rows of what the user gives; ``opening`` makes the dataset.
"""

from deeplake.vectorstore.store import VectorStore

__all__ = ["VectorStore"]
