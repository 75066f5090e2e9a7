"""Warnings of samples that should be trusted less: each where it is due, and none for ordinary samples."""

import warnings

import numpy as np
import pytest

import eulerot
from eulerot.latent.source import normal_points
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting.pairs import warn_of_pairs

Z = normal_points(1024, 2)


def words(z, x, n_held_out=128):
    """All that is said of pairs."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_pairs(z, x, n_held_out=n_held_out)
    assert all(one.category is eulerot.SampleWarning for one in caught)
    return [str(one.message) for one in caught]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "digits" else name for name in eulerot.zoo.names()]
)
@pytest.mark.parametrize("n", [128, pytest.param(1024, marks=pytest.mark.slow)])
def test_nothing_is_said_of_trained_flows(name, n):
    flow = eulerot.zoo.load(name)
    z = np.random.default_rng(0).standard_normal((n, flow.dim))
    assert words(z, flow.forward(z)) == []


@pytest.mark.parametrize(
    "x",
    [Z, np.random.default_rng(1).laplace(size=Z.shape), Z * [10.0, 0.1] + 1e6, Z * 0.3 + 4 * (Z[:, :1] > 1), 0 * Z],
    ids=["normal", "laplace", "stretched", "mixture", "constant"],
)
def test_nothing_is_said_of_ordinary_data(x):
    assert words(Z, x) == []


def test_heavy_tails_of_the_data():
    cauchy = np.random.default_rng(0).standard_cauchy((1024, 2))
    far = np.sort(np.sum((cauchy - cauchy.mean(axis=0)) ** 2, axis=1))[::-1]
    (said,) = words(Z, cauchy)
    assert said.startswith("x: expected tails that a mean of squares can bear; got 11 rows of 1024 with ")
    assert f"{far[:11].sum() / far.sum():.0%}" in said
    outlier = Z.copy()
    outlier[7] = 50.0
    for x in (np.exp(1.5 * Z), outlier):
        (said,) = words(Z, x)
        assert said.startswith("x: expected tails")


def test_repeated_latents():
    repeated = Z.copy()
    repeated[:20] = Z[20:40]
    (said,) = words(repeated, np.tanh(Z))
    assert said.startswith("z: expected distinct latents; got 20 rows of 1024 that repeat another")
    repeated[:15] = Z[:15]  # five are within a hundredth
    assert words(repeated, np.tanh(Z)) == []
    assert words(Z, np.repeat(Z[:512], 2, axis=0)) == []  # equal data of different latents are no repetition


def test_few_held_out_pairs():
    assert words(Z, Z, n_held_out=32) == []
    (said,) = words(Z[:200], Z[:200], n_held_out=25)
    assert said.startswith("held_out: expected at least 32 held-out pairs; got 25 of 200")


def test_a_fit_warns_where_it_is_called():
    with pytest.warns(eulerot.SampleWarning, match="got 25 of 200") as caught:
        eulerot.fit(Z[:200], 2 * Z[:200], modes=2, max_iterations=1)
    assert [one.filename for one in caught] == [__file__]
    assert eulerot.fit(Z[:50, :1], Z[:50, :1]).rearrangement.is_identity  # on one axis nothing is chosen


def test_latents_that_are_clipped():
    grid = eulerot.Grid((8, 8), "cube")
    x, y = grid.mesh()
    sweep = Sweep((eulerot.Geodesic(np.sin(x) * np.sin(y), grid),), np.eye(2))
    s = eulerot.Rearrangement(np.eye(2), (sweep,))
    far, near = np.array([[0.5, 1.0], [0.0, -38.0]]), np.array([[0.5, 1.0], [0.0, -37.0]])
    expected = s.forward(near)  # no warning
    with pytest.warns(eulerot.SampleWarning, match="z: expected latents within 37 standard deviations"):
        assert np.array_equal(s.forward(far), expected)
    assert np.array_equal(eulerot.Rearrangement.identity(2).forward(far), far)  # nothing is clipped

    z = Z.copy()
    z[3] = [-40.0, 0.0]
    with pytest.warns(eulerot.SampleWarning, match="within 37 standard deviations"):
        eulerot.fit(z, 2 * Z, modes=2, max_iterations=1, align=False)
