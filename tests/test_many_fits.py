"""Many fits at once, by joblib and by Dask: the results are those of one process."""

import numpy as np
import pytest

import eulerot


def fitted(seed):
    """Return a small map of one seed as a file."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((256, 2))
    x = z + np.sin(2 * z[:, ::-1]) * [1.0, -1.0]
    options = {"modes": 2, "geodesics": 1, "max_iterations": 4, "regularisation": (1e-3,)}
    return eulerot.fit(z, x, seed=seed, threads=1, **options).rearrangement.to_bytes()


@pytest.fixture(scope="module")
def expected():
    """The maps of one process, each of which is another."""
    maps = [fitted(seed) for seed in range(4)]
    assert len(set(maps)) == 4
    return maps


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # so few pairs are warned of
def test_joblib_returns_the_maps_of_one_process(expected):
    joblib = pytest.importorskip("joblib")
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(fitted)(seed) for seed in range(4)) == expected


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_dask_returns_the_maps_of_one_process(expected):
    dask = pytest.importorskip("dask")
    tasks = [dask.delayed(fitted)(seed) for seed in range(4)]
    assert list(dask.compute(*tasks, scheduler="processes", num_workers=2)) == expected
