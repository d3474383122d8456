import numpy as np

import deeplake
from deeplake.testing.sampler import SamplerContract
from hello_sampler import HALF_LIFE, Recent


class TestRecent(SamplerContract):
    sampler = Recent
    values = ([0, 30, 60, 90], np.arange(0, 100, 7))
    refused = ([1, float("nan")], ["monday", "friday"], [[1], [2]], [float("inf"), 1])

    def chances(self, values):
        chances = np.exp2(values / HALF_LIFE)
        return chances / chances.sum()


def test_a_view_has_the_newest_rows():
    ds = deeplake.empty("mem://hello_sampler")
    ds.create_tensor("day").extend(np.arange(100_000))
    deeplake.random.seed(1)
    days = ds.day.numpy().ravel()
    view = ds.sample_by(days, size=50, replace=False, sampler="recent")
    assert len(set(view.day.numpy().ravel())) == 50
    assert view.day.numpy().min() > 99_000
