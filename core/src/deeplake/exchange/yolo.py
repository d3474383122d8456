"""YOLO: images, and for each a text file with a line an object: its class, and a box or a polygon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from deeplake import plugins
from deeplake.dataset.dataset import Dataset
from deeplake.dataset.sample import Creds
from deeplake.errors import DeepLakeError, IngestionError, InvalidPathException
from deeplake.exchange.companions import Companions
from deeplake.exchange.filling import Filling, told
from deeplake.exchange.images import common_format, images
from deeplake.exchange.options import Options
from deeplake.exchange.order import shuffled
from deeplake.exchange.parameters import Params, Tensors, checked
from deeplake.exchange.target import Target
from deeplake.exchange.tree import Tree, decoded, read_file, refuse_same
from deeplake.spi import Ingestor
from deeplake.types import PathLike

Kind = Literal["boxes", "polygons"]

BATCH = 256
"""Images of a batch."""
COORDS = {"type": "fractional", "mode": "CCWH"}
"""What the numbers of boxes mean: centre, width and height, as parts of the image's size."""


class Yolo(Ingestor, api=(1, 0)):
    """Images with files of objects: tensors ``images``, ``labels``, and ``boxes`` or ``polygons``.

    The source is the path or URL of a folder, or a ``Tree``.

    Options:
        annotations: Folder of the text files; by default they lie beside the images, or in a folder
            ``labels`` where the images are in ``images``.
        classes: File with the name of a class a line.
        allow_no_annotation: Images without a text file are rows without objects.
        kind: ``boxes`` or ``polygons``; by default polygons if any object among the first ones has
            not four numbers.
        inspect: How many text files are looked at for that: 1000.
        shuffle: Take the images in a random order.
    """

    def schema(self, source: Any, **options: Any) -> Mapping[str, Mapping[str, Any]]:
        return _Source(source, options).schema()

    def rows(self, source: Any, **options: Any) -> Iterator[Mapping[str, Any]]:
        return _rows(_Source(source, options))

    def batches(self, source: Any, **options: Any) -> Iterator[Mapping[str, Sequence[Any]]]:
        return _Source(source, options).batches()


class _Source:
    """A folder of YOLO, and what is taken of it."""

    def __init__(self, source: Any, given: Mapping[str, Any]) -> None:
        options = Options(
            given, "annotations", "classes", "allow_no_annotation", "kind", "inspect", "shuffle"
        )
        self.tree = source if isinstance(source, Tree) else Tree(source)
        found = options.given.get("annotations")
        texts = found if isinstance(found, Tree) else Tree(found) if found else self.tree
        self.images = images(self.tree.names)
        if not self.images:
            common_format(self.tree.names, self.tree.root)  # which says why
            raise InvalidPathException(f"{self.tree.root} has no images")
        self.texts = texts
        self.files = Companions(texts, ".txt").of(self.images, self.tree)
        if not options.flag("allow_no_annotation"):
            lost = [name for name, file in self.files.items() if file is None]
            if lost:
                raise IngestionError(
                    f"{len(lost)} of {len(self.images)} images have no text file, such as "
                    f"{self.tree.path(lost[0])}: allow_no_annotation=True takes them as images "
                    "without objects"
                )
        self.classes = _classes(options.given.get("classes"))
        self.kind: Kind = options.given.get("kind") or self._kind(int(options.get("inspect", 1000)))
        if self.kind not in ("boxes", "polygons"):
            raise IngestionError(f"kind is boxes or polygons, not {self.kind!r}")
        if options.flag("shuffle"):
            self.images = shuffled(self.images)

    def _kind(self, count: int) -> Kind:
        files = [file for file in self.files.values() if file is not None][:count]
        for start in range(0, len(files), BATCH):
            part = files[start : start + BATCH]
            for file, text in zip(part, self.texts.texts(part), strict=True):
                if any(len(line) != 5 for _, line in _lines(text, self.texts.path(file))):
                    return "polygons"
        return "boxes"

    def schema(self) -> dict[str, dict[str, Any]]:
        form = common_format(self.images, self.tree.root)
        labels: dict[str, Any] = {"htype": "class_label"}
        if self.classes is not None:
            labels["class_names"] = self.classes
        objects: dict[str, Any] = {"htype": "polygon"}
        if self.kind == "boxes":
            objects = {"htype": "bbox", "coords": dict(COORDS)}
        return {
            "images": {"htype": "image", "sample_compression": form},
            "labels": labels,
            self.kind: objects,
        }

    def batches(self) -> Iterator[Mapping[str, Sequence[Any]]]:
        for start in range(0, len(self.images), BATCH):
            part = self.images[start : start + BATCH]
            files = [self.files[name] for name in part]
            texts = iter(self.texts.texts([file for file in files if file is not None]))
            found = [
                self._none() if file is None else self.objects(next(texts), self.texts.path(file))
                for file in files
            ]
            yield {
                "images": [self.tree.sample(name) for name in part],
                "labels": [labels for labels, _ in found],
                self.kind: [objects for _, objects in found],
            }

    def _none(self) -> tuple[Any, Any]:
        """Labels and objects of an image without a text file."""
        return np.zeros(0, np.uint32), None if self.kind == "polygons" else np.zeros((4, 0), "f4")

    def objects(self, text: str, path: str) -> tuple[Any, Any]:
        """Labels and boxes, or polygons, of one text file."""
        lines = list(_lines(text, path))
        if self.kind == "boxes":
            for number, line in lines:
                if len(line) != 5:
                    raise IngestionError(
                        f"{path}, line {number}: {len(line) - 1} numbers behind the class, and boxes "
                        "have 4: coordinates_params={'htype': 'polygon'} (or a larger inspect_limit) "
                        "makes polygons of all"
                    )
            values = _numbers(lines, path).reshape(-1, 5)
            return self._labels(values[:, 0], lines, path), values[:, 1:].astype(np.float32)
        rows = [_numbers([line], path) for line in lines]
        labels = self._labels(np.array([row[0] for row in rows]), lines, path)
        polygons = [
            _polygon(row[1:], number, path) for row, (number, _) in zip(rows, lines, strict=True)
        ]
        return labels, polygons or None

    def _labels(self, values: np.ndarray, lines: Sequence[Any], path: str) -> np.ndarray:
        labels = values.astype(np.uint32) if (values >= 0).all() else np.zeros(0, np.uint32)
        if len(labels) != len(values) or (labels != values).any():
            bad = np.flatnonzero((values < 0) | (values != np.floor(values)))
            number = lines[int(bad[0]) if len(bad) else 0][0]
            raise IngestionError(f"{path}, line {number}: the class is a number from 0 on")
        if self.classes is not None and len(labels) and labels.max() >= len(self.classes):
            number = lines[int(labels.argmax())][0]
            raise IngestionError(
                f"{path}, line {number}: class {labels.max()}, and the classes file has "
                f"{len(self.classes)} names"
            )
        return labels


def _rows(source: _Source) -> Iterator[Mapping[str, Any]]:
    for name in source.images:
        file = source.files[name]
        labels, objects = source._none()
        if file is not None:
            labels, objects = source.objects(source.texts.text(file), source.texts.path(file))
        sample = source.tree.sample(name)
        try:
            _ = sample.array
        except (DeepLakeError, OSError) as error:
            raise IngestionError(f"{source.tree.path(name)} cannot be read: {error}") from error
        yield {"images": sample, "labels": labels, source.kind: objects}


def _lines(text: str, path: str) -> Iterator[tuple[int, list[str]]]:
    """Numbers of the lines that are not empty, and what stands in them."""
    for number, line in enumerate(text.splitlines(), 1):
        if parts := line.split():
            if len(parts) < 5 or not len(parts) % 2:
                raise IngestionError(
                    f"{path}, line {number}: {line[:40]!r} is no class with a box (4 numbers) or a "
                    "polygon (x and y of 3 points or more)"
                )
            yield number, parts


def _numbers(lines: Sequence[tuple[int, list[str]]], path: str) -> np.ndarray:
    try:
        values = np.array([line for _, line in lines], np.float64)
    except ValueError:
        values = np.array([np.nan])
    if np.isfinite(values).all():
        return values if len(lines) != 1 else values[0]
    for number, line in lines:
        try:
            good = bool(np.isfinite(np.array(line, np.float64)).all())
        except ValueError:
            good = False
        if not good:
            raise IngestionError(f"{path}, line {number}: {' '.join(line)[:40]!r} are no numbers")
    raise AssertionError("one of the lines is wrong")


def _polygon(values: np.ndarray, number: int, path: str) -> np.ndarray:
    if len(values) == 4:  # a box among polygons
        x, y, w, h = values
        corners = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        values = np.array([[x + a * w / 2, y + b * h / 2] for a, b in corners])
    return values.reshape(-1, 2).astype(np.float32)


def _classes(file: Any) -> list[str] | None:
    if not file:
        return None
    if isinstance(file, (list, tuple)):
        return [str(name) for name in file]
    return _names(decoded(read_file(file), str(file)), str(file))


def _names(text: str, path: str) -> list[str]:
    names = [line.strip() for line in text.splitlines()]
    while names and not names[-1]:
        names.pop()
    if not all(names) or len(set(names)) < len(names):
        raise IngestionError(
            f"{path}: the name of one class a line, each another, and no line empty"
        )
    return names


def ingest_yolo(
    data_directory: PathLike,
    dest: PathLike | Dataset,
    class_names_file: PathLike | None = None,
    annotations_directory: PathLike | None = None,
    allow_no_annotation: bool = False,
    image_params: Params = None,
    label_params: Params = None,
    coordinates_params: Params = None,
    src_creds: Creds = None,
    dest_creds: Creds = None,
    image_creds_key: str | None = None,
    inspect_limit: int = 1000,
    progressbar: bool = True,
    shuffle: bool = False,
    num_workers: int = 0,
    token: str | None = None,
    connect_kwargs: Mapping[str, Any] | None = None,
    **dataset_kwargs: Any,
) -> Dataset:
    """Make a dataset of images with YOLO's text files: tensors ``images``, ``labels`` and ``boxes``.

    The text file of ``a/1.jpg`` is ``a/1.txt``, in the same folder or below ``annotations_directory``;
    of ``images/a/1.jpg`` it may be ``labels/a/1.txt``; and otherwise the only one of that name. Boxes
    are stored as they are: centre, width and height as parts of the image's size, float32 of shape
    (n, 4). If any object has not four numbers, there are ``polygons`` in place of boxes, in parts of the
    image's size too, and boxes among them become their four corners. Images are stored byte for byte.
    One that cannot be read is None, and is named in what is printed. Nothing is committed yet.

    Args:
        data_directory: Path or URL of the folder.
        dest: Path or URL of the new dataset; or a dataset that gets the tensors.
        class_names_file: Path or URL of a file with the name of a class a line.
        annotations_directory: Path or URL of the folder of text files, if they are elsewhere.
        allow_no_annotation: Take images without a text file: without labels, boxes of shape (4, 0).
        image_params, label_params, coordinates_params: Arguments of ``create_tensor``, and ``name``;
            ``coordinates_params={"htype": "polygon"}`` (or ``"bbox"``) says what objects are.
        src_creds, dest_creds: Credentials of the stores.
        image_creds_key: Name of the credentials of images of htype ``link[image]``.
        inspect_limit: Text files that are looked at to tell boxes from polygons.
        progressbar: Count rows on stderr.
        shuffle: Store images in a random order, which ``deeplake.random.seed`` fixes; else by path.
        num_workers, token: Accepted for compatibility: files of stores are read on threads.
        connect_kwargs: Refused, as ``Dataset.connect`` is.
        **dataset_kwargs: Arguments of ``deeplake.empty``: ``overwrite=True`` and the like.

    Returns:
        The dataset.

    Raises:
        IngestionError: An image has no text file, a line is no object, or a class has no name; the
            message names file and line.
        InvalidPathException: There is no folder, or it has no files.
        InvalidFileExtension: No file is an image.
        SamePathException: ``data_directory`` is ``dest``.
        DatasetHandlerError: There is a dataset at ``dest``, and ``overwrite`` is not given.
        StorageError: A store failed. Whatever fails, no half of a dataset is left behind.
    """
    if not isinstance(dest, Dataset):
        refuse_same(data_directory, dest)
    target = Target(dest, dest_creds, connect_kwargs, dataset_kwargs)
    coordinates = checked("coordinates_params", coordinates_params)
    tree = Tree(data_directory, src_creds)
    options: dict[str, Any] = {
        "allow_no_annotation": allow_no_annotation, "inspect": inspect_limit, "shuffle": shuffle,
        "kind": {"polygon": "polygons", "bbox": "boxes"}.get(str(coordinates.get("htype"))),
    }  # fmt: skip
    if annotations_directory is not None:
        options["annotations"] = Tree(annotations_directory, src_creds)
    if class_names_file is not None:
        text = decoded(read_file(class_names_file, src_creds), str(class_names_file))
        options["classes"] = _names(text, str(class_names_file))
    ingestor = plugins.get("ingest", "yolo")
    schema = ingestor.schema(tree, **options)
    options["kind"] = list(schema)[2]
    params = {"images": image_params, "labels": label_params, options["kind"]: coordinates}
    tensors = Tensors(schema, params, creds_key=image_creds_key)
    batches = map(tensors.columns, ingestor.batches(tree, **options))
    with target.open() as ds:
        tensors.create(ds, src_creds)
        if options["kind"] == "polygons":
            ds[tensors.names["polygons"]].info["coords"] = {"type": COORDS["type"]}
        filling = Filling(ds, lenient=True)
        filling.extend(batches, total=len(images(tree.names)), progressbar=progressbar)
    if filling.unread:
        print(told(filling.unread))
    return ds


__all__ = ["Yolo", "ingest_yolo"]
