"""What datasets do with whole rows: the part of ``Dataset`` that adds, changes, drops, chooses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from deeplake.dataset import rows
from deeplake.dataset.filtering import filter_rows, filter_text

if TYPE_CHECKING:
    from deeplake.dataset.dataset import Dataset
    from deeplake.types import PathLike


class Rowwise:
    """Rows of a dataset: appended, updated, popped, filtered."""

    __slots__ = ()

    if TYPE_CHECKING:

        def _check_root(self, what: str) -> None: ...

    def append(self, sample: Any, skip_ok: bool = False, append_empty: bool = False) -> None:
        """Add one row: all of it, or nothing.

        Args:
            sample: Samples by tensor name, or a view of one row.
            skip_ok: Leave tensors alone that ``sample`` does not name.
            append_empty: Append None to them.

        Raises:
            KeyError: A tensor is not named.
            TensorDoesNotExistError: A name is no tensor.
            SampleAppendingError: Not a dict.
            SampleAppendError: A sample does not fit; no tensor was changed.
            ValueError: The tensors have different lengths.
        """
        self._check_root("append")
        rows.append(cast("Dataset", self), sample, skip_ok=skip_ok, append_empty=append_empty)

    def extend(
        self,
        samples: Any,
        skip_ok: bool = False,
        append_empty: bool = False,
        ignore_errors: bool = False,
        progressbar: bool = False,
    ) -> None:
        """Add rows.

        Args:
            samples: Sequences of equal length by tensor name (arrays are stored in one pass), or a
                dataset or view.
            skip_ok: Leave tensors alone that ``samples`` does not name.
            append_empty: Append None to them.
            ignore_errors: Leave out rows that do not fit.
            progressbar: Show progress.

        Raises:
            SampleExtendError: A row does not fit; complete rows before it were added.
            ValueError: The sequences have different lengths.
        """
        self._check_root("extend")
        rows.extend(
            cast("Dataset", self),
            samples,
            skip_ok=skip_ok,
            append_empty=append_empty,
            ignore_errors=ignore_errors,
            progressbar=progressbar,
        )

    def pop(self, index: int | Sequence[int] | None = None) -> None:
        """Remove rows from all tensors.

        Args:
            index: Row, rows, or None for the last one (of the longest tensor). Tensors that are too
                short for a row keep theirs.

        Raises:
            IndexError: No tensor has such a row; rows are not counted from the end here.
            ValueError: A row is named twice.
        """
        self._check_root("pop")
        rows.pop(cast("Dataset", self), index)

    def update(self, sample: Mapping[str, Any]) -> None:
        """New samples for the rows that this view selects: all of them, or none.

        Args:
            sample: By tensor name: a sample if this is one row (``ds[i].update(…)``), otherwise one
                for each row.

        Raises:
            SampleUpdateError: A sample does not fit; nothing was changed.
            ValueError: The view goes into samples.
        """
        rows.update(cast("Dataset", self), sample)

    def filter(
        self,
        function: Callable[[Dataset], Any] | str,
        num_workers: int = 0,
        scheduler: str = "threaded",
        progressbar: bool = True,
        save_result: bool = False,
        result_path: PathLike | None = None,
        result_ds_args: Mapping[str, Any] | None = None,
    ) -> Dataset:
        """A view of the rows for which a function or an expression is true.

        Args:
            function: Takes a view of one row. Or a text, ``"labels == 'dog' and x.max > 3"``: see
                :mod:`deeplake.dataset.expression`; or what may stand behind WHERE in a query.
            num_workers: Threads or processes; 0: none but this one.
            scheduler: ``"serial"``, ``"threaded"`` or ``"processed"``.
            progressbar: Show progress.
            save_result: Save the view with ``save_view``.
            result_path: Where to save it; None: in this dataset.
            result_ds_args: Arguments of ``deeplake.empty`` for ``result_path``.

        Raises:
            FilterError: The function failed in a worker; without workers its own error.
            FilterTextError: The text means nothing, or the values do not fit it.
        """
        view = filter_text(cast("Dataset", self), function) if isinstance(function, str) else None
        if view is None:
            view = filter_rows(
                cast("Dataset", self),
                function,
                num_workers=num_workers,
                scheduler=scheduler,
                progressbar=progressbar,
            )
        if isinstance(function, str):
            object.__setattr__(view, "_query", function)
        if save_result:
            view.save_view(path=result_path, **(result_ds_args or {}))
        return view

    def query(
        self,
        query_string: str,
        runtime: Mapping[str, Any] | None = None,
        return_data: bool = False,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
        *,
        language: str = "tql",
    ) -> Dataset:
        """The rows, or new columns, that a query asks for, in TQL or another language.

        ``SELECT *`` with conditions, order, limits and samples gives a view of rows of this dataset;
        expressions and groups give a read-only view with columns of its own. The language is
        described in ``docs/reference/tql.md``.

        Args:
            query_string: The query: ``"SELECT * WHERE labels == 'dog' LIMIT 10"``.
            runtime: Accepted for compatibility: queries run here.
            return_data: Must be False.
            parameters: Values of the placeholders ``?`` (a list) or ``:name`` (a dict).
            language: Key of the query engine.

        Raises:
            QueryError: Its syntax, a name, a type or a limit is wrong; the message points at the place.
            PluginNotFoundError: No query engine is installed; the message says how to get it.
            ValueError: ``return_data`` is True.
        """
        from deeplake.dataset import querying

        if return_data:
            raise ValueError(
                "return_data=True needs a managed database; read the view that is returned"
            )
        return querying.query(cast("Dataset", self), query_string, parameters, language)


__all__ = ["Rowwise"]
