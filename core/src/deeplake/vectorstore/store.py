"""``deeplake.VectorStore``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deeplake.dataset import entry
from deeplake.errors import DeepMemoryAccessError
from deeplake.vectorstore import search as searching
from deeplake.vectorstore.addition import Addition
from deeplake.vectorstore.distance import COS, metric
from deeplake.vectorstore.embedding import Pace, of_documents, of_query, query_vector
from deeplake.vectorstore.opening import DEFAULT_TENSORS, MAIN, opened
from deeplake.vectorstore.search import ENGINE, PYTHON, SCORE
from deeplake.vectorstore.selecting import Filter, check_tensor, selected
from deeplake.vectorstore.update import new_embeddings, replaced

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.dataset.tensor import Tensor
    from deeplake.types import PathLike

_log = logging.getLogger(__name__)


class VectorStore:
    """Texts, metadata and embeddings, searched by nearest neighbours, filters and queries.

    It is a dataset with methods for such rows: versions, branches, views, loaders and every store
    work as with any other (``store.dataset``). Search is exact and runs here; there is no index to
    build.

    Args:
        path: Directory, ``mem://name``, ``s3://bucket/path`` or any URL that a plugin knows: of a store,
            of any dataset, or where a store is to be made.
        dataset: An open dataset in place of a path.
        tensor_params: Tensors of a new store: a dict of arguments of ``create_tensor`` for each. Unless
            one is called ``id`` or ``ids``, a tensor ``id`` is added.
        embedding_function: Makes embeddings where ``add`` and ``search`` get data: a function of a list
            of data that gives a list of embeddings, or an object with ``embed_documents(list)`` and
            ``embed_query(one)``.
        read_only: Refuse changes; None: where the store can only be read.
        ingestion_batch_size: Rows that are embedded and stored at a time.
        index_params: ``"distance_metric"`` in it is what ``search`` uses where nothing else is said;
            the rest is accepted for compatibility.
        exec_option: ``"auto"``; ``"python"``: queries in TQL are refused; ``"compute_engine"``: filters
            that are functions are. All search in the same way.
        overwrite: Replace what is at the path.
        verbose: Show progress of embedding, and print a summary after ``add``.
        creds: Credentials of the store.
        logger: Gets warnings; None: ``deeplake.vectorstore.store``.
        branch: Where to go; it is made where it does not exist.
        token, runtime, org_id, indra: Accepted for compatibility.
        **kwargs: Other arguments of ``deeplake.load`` and ``deeplake.empty``.

    Attributes:
        path: Of the dataset.
        embedding_function: As given; may be changed.
        ingestion_batch_size: As given; may be changed.
        verbose: As given; may be changed.

    Raises:
        ValueError: ``exec_option`` is none, or needs a server; the tensors make no sense.
        ConflictingDatasetParametersError: Both ``path`` and ``dataset`` are given.
        DatasetHandlerError: There is nothing at the path, and ``read_only`` is given.
        CheckoutError: There is no such branch, and the store is read only.
    """

    def __init__(
        self,
        path: PathLike | None = None,
        dataset: Dataset | None = None,
        tensor_params: Sequence[Mapping[str, Any]] = DEFAULT_TENSORS,
        embedding_function: Any = None,
        read_only: bool | None = None,
        ingestion_batch_size: int = 1000,
        index_params: Mapping[str, Any] | None = None,
        exec_option: str | None = searching.AUTO,
        token: str | None = None,
        overwrite: bool = False,
        verbose: bool = True,
        runtime: Mapping[str, Any] | None = None,
        creds: Mapping[str, Any] | str | None = None,
        org_id: str | None = None,
        logger: logging.Logger | None = None,
        branch: str = MAIN,
        indra: bool = False,
        **kwargs: Any,
    ) -> None:
        self._exec_option = searching.exec_option(exec_option)
        if runtime and runtime.get("tensor_db"):
            searching.exec_option("tensor_db")
        if embedding_function is not None:
            of_documents(embedding_function)
        if isinstance(ingestion_batch_size, bool) or ingestion_batch_size < 1:
            raise ValueError(f"ingestion_batch_size is at least 1, not {ingestion_batch_size!r}")
        self._metric = metric((index_params or {}).get("distance_metric") or COS.name)
        kwargs.pop("num_workers", None)  # scripts of older versions pass it
        self._dataset = opened(
            path, dataset, tensor_params, read_only=read_only, overwrite=overwrite, branch=branch,
            arguments={"creds": creds, "token": token, "org_id": org_id, **kwargs},
        )  # fmt: skip
        self.path = self._dataset.path
        self.tensor_params = tensor_params
        self.embedding_function = embedding_function
        self.ingestion_batch_size = ingestion_batch_size
        self.index_params = index_params
        self.verbose = verbose
        self.creds = creds
        self.token = token
        self.org_id = org_id
        self.logger = _log if logger is None else logger

    @property
    def dataset(self) -> Dataset:
        """The dataset behind the store."""
        return self._dataset

    @property
    def exec_option(self) -> str:
        """``"python"`` or ``"compute_engine"``: what ``"auto"`` means is decided."""
        return ENGINE if self._exec_option == ENGINE else PYTHON

    def add(
        self,
        embedding_function: Any = None,
        embedding_data: Any = None,
        embedding_tensor: str | Sequence[str] | None = None,
        return_ids: bool = False,
        rate_limiter: Mapping[str, Any] | None = None,
        batch_byte_size: int | None = None,
        **tensors: Any,
    ) -> list[str] | None:
        """Add rows: all of them, or, after any error, none.

        Args:
            embedding_function: In place of the store's; a list of them for several tensors.
            embedding_data: What embeddings are made of: a list, one for each row; or the name of a
                tensor whose data are given. A list of lists for several tensors.
            embedding_tensor: Where embeddings go; needed where there are several tensors of them.
            return_ids: Return the ids of the rows.
            rate_limiter: ``{"enabled": True, "bytes_per_minute": 1_800_000}``: wait where functions
                would be given more.
            batch_byte_size: Bytes of data that are embedded at a time, besides ``ingestion_batch_size``;
                None: 10,000 where the rate is limited, else any number.
            **tensors: Lists of one length by tensor: data; embeddings; or ``(function, data)``, of which
                embeddings are made. Json values that are not given are ``{}``, and ids are made. Texts
                for tensors of images and the like are paths of files.

        Returns:
            The ids, if they are asked for.

        Raises:
            ValueError: A name is no tensor; a tensor has no data; lengths differ; arguments exclude each
                other, or the store has no tensor of ids to return.
            IncorrectEmbeddingShapeError: Embeddings are longer or shorter than others, or there are not
                as many as data.
            SampleExtendError: A sample does not fit its tensor.
            ReadOnlyModeError: The store cannot be written.
        """
        self._dataset._checkout.check_writable()
        pace = Pace(rate_limiter)
        if batch_byte_size is not None and batch_byte_size < 1:
            raise ValueError(f"batch_byte_size is at least 1, not {batch_byte_size!r}")
        addition = Addition(
            self._dataset, tensors, default=self.embedding_function, function=embedding_function,
            data=embedding_data, tensor=embedding_tensor,
        )  # fmt: skip
        if return_ids and not addition.has_ids:
            raise ValueError(f"return_ids: {self.path} has no tensor 'id' or 'ids'")
        addition.store(self.ingestion_batch_size, pace, batch_byte_size, shown=self.verbose)
        if self.verbose:
            self.summary()
        return addition.ids if return_ids else None

    def search(
        self,
        embedding_data: str | Sequence[Any] | None = None,
        embedding_function: Any = None,
        embedding: Sequence[float] | np.ndarray | None = None,
        k: int = 4,
        distance_metric: str | None = None,
        query: str | None = None,
        filter: Filter | None = None,
        exec_option: str | None = None,
        embedding_tensor: str = searching.EMBEDDING,
        return_tensors: str | Sequence[str] | None = None,
        return_view: bool = False,
        deep_memory: bool = False,
        return_tql: bool = False,
    ) -> Any:
        """Find rows: the nearest to an embedding, those that a filter keeps, or what a query says.

        Args:
            embedding_data: What is searched for: its embedding is made by the embedding function. One
                datum, or a list of one.
            embedding_function: In place of the store's.
            embedding: The embedding that is searched for, in place of data.
            k: How many rows at most.
            distance_metric: ``"cos"`` (similarity of directions, at most 1), ``"l2"``, ``"l1"`` or
                ``"max"`` (also ``"linf"``; distances); None: ``"cos"``.
            query: A query in TQL, alone: the plugin ``deeplake-core[tql]`` runs it.
            filter: Which rows are looked at: ``{"metadata": {"key": value}}``, ``{"key": value}`` for
                metadata, ``{"tensor": value}``: all must be equal. Or a function of a view of one row,
                as ``Dataset.filter`` takes.
            exec_option: In place of the store's.
            embedding_tensor: Which embeddings are searched.
            return_tensors: Tensors whose data are returned; ``"*"``: all; None: all but
                ``embedding_tensor``.
            return_view: Return a view of the rows.
            deep_memory: Must be False: that is a service of the cloud.
            return_tql: Return the search as a query, too.

        Returns:
            A dict: lists of samples by tensor, best first, and under ``"score"`` the measure of each
            (of a search for an embedding); or the view; or with ``return_tql``
            ``{"data": dict, "tql": text}``. Rows at the same distance are in the order of the store,
            rows whose embeddings have NaN come last, rows without an embedding are left out. The
            cosine of zeros is 0.

        Raises:
            ValueError: Nothing is searched for, arguments exclude each other, or the store is empty.
            IncorrectEmbeddingShapeError: Embeddings of the store are longer or shorter.
            TensorDoesNotExistError: A name is no tensor.
            QueryError: The query is wrong.
            PluginNotFoundError: No query engine is installed, for ``query``.
            DeepMemoryAccessError: ``deep_memory`` is True.
        """
        if deep_memory:
            raise DeepMemoryAccessError(
                "deep_memory is a service of the cloud; searches here are exact"
            )
        self._option(exec_option, filter, query)
        k = searching.count(k)
        if query is not None:
            others = {
                "embedding_data": embedding_data, "embedding_function": embedding_function,
                "embedding": embedding, "distance_metric": distance_metric, "filter": filter,
                "return_tensors": return_tensors,
            }  # fmt: skip
            given = [name for name, value in others.items() if value is not None]
            if given:
                raise ValueError(f"a query says all of a search: leave out {', '.join(given)}")
            view = self._dataset.query(query)
            if return_view:
                return view
            data = searching.data_of(view, list(view.tensors))
            return {"data": data, "tql": query} if return_tql else data
        vector = self._vector(embedding_data, embedding_function, embedding)
        if vector is None and filter is None:
            raise ValueError(
                "say what to search for: embedding, embedding_data with an embedding function, filter "
                "or query"
            )
        measure = self._metric if distance_metric is None else metric(distance_metric)
        name = (
            None if vector is None else searching.embedding_column(self._dataset, embedding_tensor)
        )
        names = searching.returned(
            self._dataset, return_tensors, embedding_tensor if name is None else name
        )
        results: dict[str, list[Any]] = {}
        if vector is not None and name is not None:
            rows, scores = searching.found(self._dataset, name, vector, measure, k, filter)
            results[SCORE] = scores.tolist()
        else:
            rows = searching.filtered(self._dataset, filter, k)
        text = (
            searching.query_text(self._dataset, name, vector, measure, k, filter)
            if return_tql
            else ""
        )
        view = self._dataset[rows.tolist()]
        if return_view:
            return view
        results = {
            **results,
            **{n: v for n, v in searching.data_of(view, names).items() if n not in results},
        }
        return {"data": results, "tql": text} if return_tql else results

    def _option(self, option: str | None, filter: Filter | None, query: str | None) -> None:
        """Refuse what the way to search does not take."""
        chosen = self._exec_option if option is None else searching.exec_option(option)
        if chosen == PYTHON and query is not None:
            raise ValueError("exec_option 'python' takes no queries in TQL: use 'auto'")
        if chosen == ENGINE and filter is not None and not isinstance(filter, Mapping):
            if option is not None:
                raise ValueError(
                    "exec_option 'compute_engine' takes no filter that is a function: give a dict, or "
                    "use 'auto'"
                )
            self.logger.warning("the filter is a function: exec_option is 'python' for this search")

    def _vector(self, data: Any, function: Any, embedding: Any) -> np.ndarray | None:
        """The embedding that is searched for, if any."""
        if embedding is not None:
            if data is not None:
                raise ValueError("give either embedding or embedding_data, not both")
            return query_vector(embedding)
        if data is None:
            if function is not None:
                raise ValueError("embedding_function needs embedding_data: what is searched for")
            return None
        if function is None:
            function = self.embedding_function
        if function is None:
            raise ValueError(
                "embedding_data needs an embedding_function, here or when the store is opened"
            )
        listed = list(data) if isinstance(data, (list, tuple)) else [data]
        if len(listed) != 1:
            raise ValueError(f"a search is for one thing; embedding_data has {len(listed)}")
        return query_vector(of_query(function)(listed))

    def delete(
        self,
        row_ids: Iterable[int] | int | None = None,
        ids: Iterable[Any] | str | None = None,
        filter: Filter | None = None,
        query: str | None = None,
        exec_option: str | None = None,
        delete_all: bool | None = None,
    ) -> bool:
        """Delete rows: all that one of the arguments means.

        Args:
            row_ids: Row numbers.
            ids: Ids; those that no row has are passed over.
            filter: As ``search`` takes.
            query: A query in TQL for the rows: ``SELECT * WHERE …``.
            exec_option: In place of the store's.
            delete_all: Delete all rows; tensors stay, and so do versions that were committed
                (``delete_by_path`` deletes these, too).

        Returns:
            True.

        Raises:
            ValueError: Nothing says which rows, or more than one argument does.
            IndexError: There is no such row.
        """
        self._dataset._checkout.check_writable()
        if delete_all:
            if any(one is not None for one in (row_ids, ids, filter, query)):
                raise ValueError("delete_all means all rows: leave out what says which")
            rows = np.arange(self._dataset.max_len)
        else:
            rows = self._rows(row_ids, ids, filter, query, exec_option)
        if len(rows):
            self._dataset.pop(rows.tolist())
        return True

    def update_embedding(
        self,
        row_ids: Iterable[int] | int | None = None,
        ids: Iterable[Any] | str | None = None,
        filter: Filter | None = None,
        query: str | None = None,
        exec_option: str | None = None,
        embedding_function: Any = None,
        embedding_source_tensor: str | Sequence[str] = "text",
        embedding_tensor: str | Sequence[str] | None = None,
        embedding_dict: Mapping[str, Any] | None = None,
    ) -> None:
        """Make embeddings of rows anew: of all that one of the first four arguments means, or of none.

        Args:
            row_ids: Row numbers.
            ids: Ids; those that no row has are passed over.
            filter: As ``search`` takes.
            query: A query in TQL for the rows: ``SELECT * WHERE …``.
            exec_option: In place of the store's.
            embedding_function: In place of the store's; a list of them for several tensors.
            embedding_source_tensor: What embeddings are made of; a list of names for several tensors.
            embedding_tensor: Where embeddings go; needed where there are several tensors of them.
            embedding_dict: Embeddings by tensor, one for each row in the order of the store, in place
                of a function.

        Raises:
            ValueError: Nothing says which rows, or several arguments do; there is no function; there are
                not as many functions and tensors.
            IncorrectEmbeddingShapeError: Embeddings are longer or shorter than others, or there are not
                as many as rows.
        """
        self._dataset._checkout.check_writable()
        rows = self._rows(row_ids, ids, filter, query, exec_option)
        if embedding_dict is not None:
            if embedding_function is not None:
                raise ValueError("give either embedding_function or embedding_dict, not both")
            for name in embedding_dict:
                check_tensor(self._dataset, name)
            changes = dict(embedding_dict)
        else:
            changes = new_embeddings(
                self._dataset, rows, source=embedding_source_tensor, tensor=embedding_tensor,
                function=self.embedding_function if embedding_function is None else embedding_function,
                batch=self.ingestion_batch_size, shown=self.verbose,
            )  # fmt: skip
        replaced(self._dataset, rows, changes)

    def _rows(
        self, row_ids: Any, ids: Any, filter: Filter | None, query: str | None, option: str | None
    ) -> np.ndarray:
        self._option(option, filter, query)
        return selected(self._dataset, row_ids=row_ids, ids=ids, filter=filter, query=query)

    @staticmethod
    def delete_by_path(
        path: PathLike,
        token: str | None = None,
        force: bool = False,
        creds: Mapping[str, Any] | str | None = None,
    ) -> None:
        """Delete the store at a path, all versions included.

        Args:
            path: Directory or URL.
            token: Accepted for compatibility.
            force: Delete whatever is below the path.
            creds: Credentials of the store.

        Raises:
            DatasetHandlerError: There is none, or it may not be deleted.
        """
        entry.delete(path, force=force, large_ok=True, creds=creds, token=token)

    def commit(self, allow_empty: bool = True, message: str | None = None) -> str:
        """Make a commit of everything so far.

        Args:
            allow_empty: Also when nothing changed.
            message: What changed.

        Returns:
            The commit's id.
        """
        return self._dataset.commit(message, allow_empty=allow_empty)

    def checkout(self, branch: str = MAIN, create: bool = False) -> str | None:
        """Go to a branch or commit.

        Args:
            branch: Its name, or the id of a commit.
            create: Make the branch.

        Returns:
            The id of the last commit there.
        """
        return self._dataset.checkout(branch, create=create)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return self._dataset.tensors

    def summary(self) -> None:
        """Print a table of the tensors."""
        self._dataset.summary()

    def __len__(self) -> int:
        return len(self._dataset)

    def __repr__(self) -> str:
        return f"VectorStore(path={self.path!r}, tensors={list(self._dataset.tensors)})"


__all__ = ["VectorStore"]
