"""TensorFlow's TFRecord files: written and read in order, no random access."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import roles

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

REQUIREMENTS = ["tensorflow-cpu==2.21.0", "numpy"]


def example(data: bytes, label: int) -> bytes:
    """One record."""
    feature = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[data])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    record: bytes = tf.train.Example(
        features=tf.train.Features(feature=feature)
    ).SerializeToString()
    return record


class DataModel(roles.DataModel):
    def write_files(self, folder: Path, paths: list[Path], labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(folder / "images")) as writer:
            for path, label in zip(paths, labels.tolist(), strict=True):
                writer.write(example(path.read_bytes(), label))

    def write_arrays(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        folder.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(folder / "images")) as writer:
            for image, label in zip(images, labels.tolist(), strict=True):
                writer.write(example(image.tobytes(), label))


class Loader(DataModel):
    """``tf.data`` on two threads, with the decoder that crops, and a shuffle buffer of 1,000."""

    def crops(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        def work(image: Any, label: Any) -> Any:
            shape = tf.io.extract_jpeg_shape(image)
            begin, size, _ = tf.image.sample_distorted_bounding_box(
                shape, tf.zeros([0, 0, 4]), area_range=(0.08, 1.0),
                aspect_ratio_range=(3 / 4, 4 / 3), use_image_if_no_bounding_boxes=True,
            )  # fmt: skip
            window = tf.stack([begin[0], begin[1], size[0], size[1]])
            crop = tf.image.decode_and_crop_jpeg(image, window, channels=3)
            return tf.cast(tf.image.resize(crop, (224, 224)), tf.uint8), label

        return self._epoch(folder, shuffle, 64, work)

    def rows(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        def work(image: Any, label: Any) -> Any:
            return tf.reshape(tf.io.decode_raw(image, tf.uint8), (-1, 32, 32, 3)), label

        return self._epoch(folder, shuffle, 64, work, together=True)

    def images(self, folder: Path, shuffle: bool) -> list[np.ndarray]:
        def work(image: Any, label: Any) -> Any:
            return tf.io.decode_jpeg(image, channels=3), label

        return self._epoch(folder, shuffle, 8, work)

    def _epoch(
        self, folder: Path, shuffle: bool, size: int, work: Any, together: bool = False
    ) -> list[np.ndarray]:
        begin = time.perf_counter()
        fields = {
            "image": tf.io.FixedLenFeature([], tf.string),
            "label": tf.io.FixedLenFeature([], tf.int64),
        }

        def parsed(record: Any) -> Any:
            parse = tf.io.parse_example if together else tf.io.parse_single_example
            found = parse(record, fields)
            return work(found["image"], found["label"])

        records = tf.data.TFRecordDataset(str(folder / "images"))
        if shuffle:
            records = records.shuffle(1000)
        if together:  # "vectorise user-defined functions", says TensorFlow's guide
            batches = records.batch(size).map(parsed, num_parallel_calls=2).prefetch(2)
        else:
            batches = records.map(parsed, num_parallel_calls=2).batch(size).prefetch(2)
        return roles.counted(begin, (images for images, _ in batches))
