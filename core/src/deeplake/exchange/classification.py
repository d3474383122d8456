"""``deeplake.ingest_classification``: folders of images, one a class, perhaps in sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deeplake import plugins
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.sample import Creds
from deeplake.errors import IngestionError, InvalidPathException
from deeplake.exchange.filling import Columns, Filling, told
from deeplake.exchange.folders import classes
from deeplake.exchange.images import common_format
from deeplake.exchange.parameters import Params, Tensors, checked
from deeplake.exchange.target import Target
from deeplake.exchange.tree import Tree, refuse_same, text_of
from deeplake.types import PathLike

TABLES = (".csv", ".txt")


def ingest_classification(
    src: PathLike,
    dest: PathLike | Dataset,
    image_params: Params = None,
    label_params: Params = None,
    dest_creds: Creds = None,
    progressbar: bool = True,
    summary: bool = True,
    num_workers: int = 0,
    shuffle: bool = True,
    token: str | None = None,
    connect_kwargs: Mapping[str, Any] | None = None,
    indra: bool = False,
    *,
    src_creds: Creds = None,
    **dataset_kwargs: Any,
) -> Dataset:
    """Make a dataset of images that lie in one folder a class.

    ``src/cat/1.jpg`` and ``src/dog/7.png`` become the tensors ``images`` and ``labels``. Sets,
    ``src/train/cat/1.jpg`` and ``src/test/cat/2.jpg``, become groups: ``train/images``,
    ``train/labels``, ``test/images`` … with the same class names; one set alone needs no group, and
    folders around all sets may be there. Files are stored byte for byte if they have the tensor's
    compression. A file that cannot be read gives a row with None in place of its image. What begins
    with a dot, and what lies beside the class folders, is left out. Nothing is committed yet.

    Args:
        src: Path or URL of the folder. A table (``.csv``, ``.txt``) becomes a tensor for each column,
            as ``ingest_dataframe`` makes them.
        dest: Path or URL of the new dataset; or a dataset that gets the tensors.
        image_params: Arguments of ``create_tensor`` for the images, and ``name``. ``sample_compression``
            is, if none is given, the format that most of the files have.
        label_params: The same for the labels.
        dest_creds, src_creds: Credentials of the stores.
        progressbar: Count rows on stderr.
        summary: Print how many files there were, and which could not be read.
        shuffle: Store the files of each set in a random order, which ``deeplake.random.seed`` fixes;
            else by path.
        num_workers, token, indra: Accepted for compatibility: files of stores are read on threads.
        connect_kwargs: Refused, as ``Dataset.connect`` is.
        **dataset_kwargs: Arguments of ``deeplake.empty``: ``overwrite=True`` and the like.

    Returns:
        The dataset.

    Raises:
        SamePathException: ``src`` is ``dest``.
        InvalidPathException: ``src`` is no folder, or has no files in folders.
        InvalidFileExtension: No file has the extension of an image, and no compression is given.
        AutoCompressionError: No file has any extension, and no compression is given.
        IngestionError: Files lie deeper than ``set/class/file``, or both with and without sets.
        DatasetHandlerError: There is a dataset at ``dest``, and ``overwrite`` is not given.
        StorageError: A store failed. Whatever fails, no half of a dataset is left behind.
    """
    if not isinstance(dest, Dataset):
        refuse_same(src, dest)
    if text_of(src).lower().endswith(TABLES):
        from deeplake.exchange.dataframe import ingest_table

        return ingest_table(
            src, Target(dest, dest_creds, connect_kwargs, dataset_kwargs), src_creds,
            progressbar=progressbar,
        )  # fmt: skip
    target = Target(dest, dest_creds, connect_kwargs, dataset_kwargs)
    layout = _layout(Tree(src, src_creds))
    params = {
        "images": _image_params(checked("image_params", image_params), layout),
        "labels": dict(checked("label_params", label_params)),
    }
    params["labels"].setdefault("class_names", layout.classes)
    if str(params["labels"].get("htype", "class_label")) != "class_label":
        del params["labels"]["class_names"]
    ingestor = plugins.get("ingest", "folders")
    options = {"shuffle": shuffle, "compression": layout.compression or "png"}
    sets = [
        (tree, Tensors(ingestor.schema(tree, **options), params, prefix=f"{name}/" if name else ""))
        for name, tree in layout.sets.items()
    ]

    def batches() -> Iterator[Columns]:
        for tree, tensors in sets:
            for batch in ingestor.batches(tree, **options):
                yield tensors.columns(batch)

    with target.open() as ds:
        for _, tensors in sets:
            tensors.create(ds, src_creds)
        filling = Filling(ds, lenient=True)
        filling.extend(batches(), total=layout.count, progressbar=progressbar)
    if summary:
        _print_summary(filling, layout, ds)
    return ds


@dataclass
class _Layout:
    """What is in a folder of folders.

    Attributes:
        sets: Folder of the classes of each set, by its name; one alone has none.
        classes: Of all sets.
        count: Of files.
        others: How many files lie beside the class folders.
        compression: That most files have; None until it is asked for.
    """

    sets: Mapping[str, Tree]
    classes: Sequence[str]
    count: int
    others: int
    compression: str | None = None
    files: Sequence[str] = ()
    root: str = ""


def _layout(tree: Tree) -> _Layout:
    names = tree.names
    folders = {name.partition("/")[0] for name in names if "/" in name}
    while len(folders) == 1 and max(name.count("/") for name in names) > 2:
        # An archive's own folder around everything.
        tree = tree.below(folders.pop())
        names = tree.names
        folders = {name.partition("/")[0] for name in names if "/" in name}
    files = [name for name in names if "/" in name]
    if not files:
        raise InvalidPathException(
            f"{tree.root} has no files in folders: there is one folder for each class, and files in it"
        )
    depths = {name.count("/"): name for name in reversed(files)}
    if max(depths) > 2:
        raise IngestionError(
            f"{tree.path(depths[max(depths)])} lies too deep: files are in class/ or in set/class/"
        )
    if len(depths) > 1:
        raise IngestionError(
            f"{tree.root} has files in class/ ({depths[1]}) and in set/class/ ({depths[2]}): one "
            "dataset is made of one kind"
        )
    sets = {"": tree}
    if 2 in depths:
        found = dict.fromkeys(name.partition("/")[0] for name in files)
        sets = {name: tree.below(name) for name in found}
        if len(sets) == 1:
            sets = {"": next(iter(sets.values()))}
    return _Layout(
        sets, classes(files), len(files), len(names) - len(files), files=files, root=tree.root
    )


def _image_params(given: Mapping[str, Any], layout: _Layout) -> dict[str, Any]:
    """The parameters of images, with a compression."""
    params = dict(given)
    if params.get("sample_compression") == "auto":
        del params["sample_compression"]
    if "sample_compression" not in params and "chunk_compression" not in params:
        layout.compression = common_format(layout.files, layout.root)
    return params


def _print_summary(filling: Filling, layout: _Layout, ds: Dataset) -> None:
    files = f"{filling.rows} {'file' if filling.rows == 1 else 'files'}"
    classes = f"{len(layout.classes)} {'class' if len(layout.classes) == 1 else 'classes'}"
    print(f"{files} of {classes} in {ds.path}")
    if layout.others:
        files = "file lies" if layout.others == 1 else "files lie"
        print(f"{layout.others} {files} beside the class folders, and were left out")
    if filling.unread:
        print(told(filling.unread))


__all__ = ["ingest_classification"]
