import numpy as np

import deeplake
from deeplake.testing.codec import ChunkCodecContract
from hello_codec import Bz2


class TestBz2(ChunkCodecContract):
    codec = Bz2


def test_a_dataset_is_compressed_with_it(tmp_path):
    ds = deeplake.empty(tmp_path / "ds")
    ds.create_tensor("x", chunk_compression="bz2")
    ds.x.extend(np.arange(1000))
    assert deeplake.load(tmp_path / "ds").x.numpy().sum() == 499_500
