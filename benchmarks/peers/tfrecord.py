"""TensorFlow's TFRecord files: written and read in order, no random access."""

from __future__ import annotations

import os
from pathlib import Path

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
