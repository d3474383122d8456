"""COCO: a folder of images, and JSON files of what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from posixpath import basename, splitext
from typing import Any

from deeplake import plugins
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.sample import Creds
from deeplake.errors import DeepLakeError, IngestionError
from deeplake.exchange.cocofile import CocoFile
from deeplake.exchange.dataframe import tensor_name
from deeplake.exchange.filling import Filling, told
from deeplake.exchange.images import common_format, images
from deeplake.exchange.options import Options
from deeplake.exchange.order import shuffled
from deeplake.exchange.parameters import Params, Tensors
from deeplake.exchange.target import Target
from deeplake.exchange.tree import Tree, refuse_same
from deeplake.spi import Ingestor
from deeplake.types import PathLike

BATCH = 256
"""Images of a batch."""


class Coco(Ingestor, api=(1, 0)):
    """Images and their annotations: the tensor ``images``, and one for each key of annotations.

    The source is the path or URL of the folder of images, or a ``Tree``.

    Options:
        annotations: JSON files, separated by commas; by default those in the folder. The keys of
            several are in groups that are called as the files.
        groups: Other names of the groups, in the order of the files.
        flat: With one file: no group. True by default.
        ignore: Keys that are left out, separated by commas.
        inspect: Annotations that are looked at to find the keys.
        shuffle: Take the images in a random order.
    """

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        return _Source(source, options).schema()

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        return _rows(_Source(source, options))

    def batches(self, source: Any, **options: Any) -> Iterator[Mapping[str, Sequence[Any]]]:
        return _Source(source, options).batches()


class _Source:
    """A folder of images with files of annotations."""

    def __init__(self, source: Any, given: Mapping[str, Any]) -> None:
        options = Options(
            {"flat": True, **given}, "annotations", "groups", "flat", "ignore", "inspect", "shuffle"
        )
        self.tree = source if isinstance(source, Tree) else Tree(source)
        self.images = images(self.tree.names)
        common_format(
            self.images or self.tree.names, self.tree.root
        )  # or it says why there is none
        self.files = _files(self.tree, options)
        if not self.files:
            raise IngestionError(f"{self.tree.root}: no file of annotations is given")
        names = options.names("groups") or [group_of(file.path) for file in self.files]
        if len(set(names)) < len(names) or len(names) != len(self.files):
            raise IngestionError(
                f"groups are called differently, one a file: not {', '.join(names)}"
            )
        alone = len(names) == 1 and options.flag("flat")
        self.groups = [""] if alone else [f"{name}/" for name in names]
        if options.flag("shuffle"):
            self.images = shuffled(self.images)

    def schema(self) -> dict[str, dict[str, Any]]:
        form = common_format(self.images, self.tree.root)
        found: dict[str, dict[str, Any]] = {
            "images": {"htype": "image", "sample_compression": form}
        }
        for group, file in zip(self.groups, self.files, strict=True):
            for key in file.keys:
                if group + key in found:
                    raise IngestionError(
                        f"{file.path}: annotations have a key {key!r}, as the images' tensor is called"
                    )
                found[group + key] = file.schema(key)
        return found

    def batches(self) -> Iterator[dict[str, Sequence[Any]]]:
        for start in range(0, len(self.images), BATCH):
            part = self.images[start : start + BATCH]
            batch: dict[str, Sequence[Any]] = {"images": [self.tree.sample(name) for name in part]}
            for group, file in zip(self.groups, self.files, strict=True):
                numbers = file.images(part)
                batch.update({group + key: file.column(key, numbers) for key in file.keys})
            yield batch


def _files(tree: Tree, options: Options) -> list[CocoFile]:
    found = options.get("annotations")
    if isinstance(found, list) and all(isinstance(file, CocoFile) for file in found):
        return found
    paths = options.names("annotations") or [
        tree.path(name) for name in tree.names if name.lower().endswith(".json")
    ]
    ignored, limit = options.names("ignore"), int(options.get("inspect", 1_000_000))
    return [CocoFile(path, ignored=ignored, limit=limit) for path in paths]


def _rows(source: _Source) -> Iterator[Mapping[str, Any]]:
    for name in source.images:
        sample = source.tree.sample(name)
        try:
            _ = sample.array
        except (DeepLakeError, OSError) as error:
            raise IngestionError(f"{source.tree.path(name)} cannot be read: {error}") from error
        row: dict[str, Any] = {"images": sample}
        for group, file in zip(source.groups, source.files, strict=True):
            numbers = file.images([name])
            row.update({group + key: file.column(key, numbers)[0] for key in file.keys})
        yield row


def group_of(path: str) -> str:
    """The group of a file of annotations: its name without the extension."""
    return tensor_name(splitext(basename(path.replace("\\", "/")))[0])


def ingest_coco(
    images_directory: PathLike,
    annotation_files: PathLike | Sequence[PathLike],
    dest: PathLike | Dataset,
    key_to_tensor_mapping: Mapping[str, str] | None = None,
    file_to_group_mapping: Mapping[str, str] | None = None,
    ignore_one_group: bool = True,
    ignore_keys: Sequence[str] | None = None,
    image_params: Params = None,
    image_creds_key: str | None = None,
    src_creds: Creds = None,
    dest_creds: Creds = None,
    inspect_limit: int = 1_000_000,
    progressbar: bool = True,
    shuffle: bool = False,
    num_workers: int = 0,
    token: str | None = None,
    connect_kwargs: Mapping[str, Any] | None = None,
    **dataset_kwargs: Any,
) -> Dataset:
    """Make a dataset of a folder of images and files of annotations in COCO's format.

    Each image is a row, with all of its annotations, in the file's order, in each tensor:

    * ``bbox``: boxes of left, top, width and height in pixels (htype ``bbox``, float32, ``(n, 4)``);
    * ``category_id``: ``class_label``, with the names of ``categories``, whose places are the indexes;
    * ``segmentation``: ``polygon``, one for each object. Several parts become one polygon, with bridges
      without width; masks as run lengths become their outline; NaN stands for none;
    * ``keypoints``: ``keypoints_coco``, with names and connections (which count from 0) of the category;
    * any other key: an array, if its values are numbers (NaN stands for none), else a ``list``.

    Images are found by their path from the folder, or else by their name; those without annotations
    are rows without objects. They are stored byte for byte. One that cannot be read is None, and is
    named in what is printed. Nothing is committed yet.

    Args:
        images_directory: Path or URL of the folder of images.
        annotation_files: Path or URL of a JSON file, or a list of them.
        dest: Path or URL of the new dataset; or a dataset that gets the tensors.
        key_to_tensor_mapping: Names of tensors by key of annotations; else they are the keys.
        file_to_group_mapping: Names of groups by name of file; else they are the names without
            ``.json``.
        ignore_one_group: With one file, put its tensors beside the images instead of into a group.
        ignore_keys: Keys that are left out.
        image_params: Arguments of ``create_tensor`` for the images, and ``name``.
        image_creds_key: Name of the credentials of images of htype ``link[image]``.
        src_creds, dest_creds: Credentials of the stores.
        inspect_limit: Annotations that are looked at, of each file, to find the keys.
        progressbar: Count rows on stderr.
        shuffle: Store images in a random order, which ``deeplake.random.seed`` fixes; else by path.
        num_workers, token: Accepted for compatibility: files of stores are read on threads.
        connect_kwargs: Refused, as ``Dataset.connect`` is.
        **dataset_kwargs: Arguments of ``deeplake.empty``: ``overwrite=True`` and the like.

    Returns:
        The dataset.

    Raises:
        IngestionError: A file of annotations is broken (the message names the file and the place), or
            two tensors or groups would have one name.
        InvalidPathException: There is no folder, or it has no files.
        InvalidFileExtension: No file is an image.
        SamePathException: ``images_directory`` is ``dest``.
        DatasetHandlerError: There is a dataset at ``dest``, and ``overwrite`` is not given.
        StorageError: A store failed. Whatever fails, no half of a dataset is left behind.
    """
    if not isinstance(dest, Dataset):
        refuse_same(images_directory, dest)
    target = Target(dest, dest_creds, connect_kwargs, dataset_kwargs)
    paths = _paths(annotation_files)
    groups = _groups(paths, file_to_group_mapping)
    _check_names("key_to_tensor_mapping", key_to_tensor_mapping)
    tree = Tree(images_directory, src_creds)
    files = [
        CocoFile(path, src_creds, ignored=tuple(ignore_keys or ()), limit=inspect_limit)
        for path in paths
    ]
    options = {"annotations": files, "groups": groups, "flat": ignore_one_group, "shuffle": shuffle}
    ingestor = plugins.get("ingest", "coco")
    schema = ingestor.schema(tree, **options)
    params: dict[str, Params] = {"images": image_params}
    for key in list(schema)[1:]:
        group, slash, last = key.rpartition("/")
        params[key] = {"name": group + slash + (key_to_tensor_mapping or {}).get(last, last)}
    tensors = Tensors(schema, params, creds_key=image_creds_key)
    batches = map(tensors.columns, ingestor.batches(tree, **options))
    with target.open() as ds:
        tensors.create(ds, src_creds)
        for key, arguments in schema.items():
            if arguments.get("htype") == "polygon":
                ds[tensors.names[key]].info["coords"] = {"type": "pixel"}
        filling = Filling(ds, lenient=True)
        filling.extend(batches, total=len(images(tree.names)), progressbar=progressbar)
    if filling.unread:
        print(told(filling.unread))
    return ds


def _paths(files: PathLike | Sequence[PathLike]) -> list[str]:
    given = list(files) if isinstance(files, (list, tuple)) else [files]
    return [str(path) for path in given]


def _groups(paths: Sequence[str], mapping: Mapping[str, str] | None) -> list[str]:
    _check_names("file_to_group_mapping", mapping)
    names = mapping or {}
    groups = []
    for path in paths:
        last = basename(path.replace("\\", "/"))
        keys = (path, last, splitext(last)[0])
        groups.append(next((names[key] for key in keys if key in names), group_of(path)))
    return groups


def _check_names(what: str, mapping: Mapping[str, str] | None) -> None:
    values = list((mapping or {}).values())
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise IngestionError(
            f"{what} has {', '.join(map(repr, twice))} twice: names are for one each"
        )


__all__ = ["Coco", "group_of", "ingest_coco"]
