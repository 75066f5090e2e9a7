"""The map in jax: bijections of flowjax and bijectors of distrax, exact and from tables."""

import copy
import pickle

import numpy as np
import pytest
from maps import planar_geodesic, small_maps

from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.sweep import Sweep

pytestmark = [pytest.mark.flows, pytest.mark.filterwarnings("ignore")]
MAPS = small_maps()


@pytest.fixture
def double():
    import jax

    with jax.enable_x64(True):
        yield


def both_ways(there):
    """Return the map and its inverse of rows, with log-determinants, of an object of either library."""
    import jax

    if hasattr(there, "forward_and_log_det"):
        return there.forward_and_log_det, there.inverse_and_log_det
    return jax.vmap(there.transform_and_log_det), jax.vmap(there.inverse_and_log_det)


@pytest.fixture(scope="module")
def table():
    exact = Rearrangement(MAPS["reflected"].rotation, (Sweep((planar_geodesic(0, 0.3),), np.eye(2)),) * 2)
    return exact.tabulated(error=1e-4)


def latents(n, dim):
    return np.random.default_rng(0).standard_normal((n, dim))


@pytest.mark.parametrize("library", ["flowjax", "distrax"])
@pytest.mark.parametrize("name", list(MAPS))
def test_values_are_those_of_numpy(name, library, double):
    import jax

    exact, z = MAPS[name], latents(6, MAPS[name].dim)
    forward, inverse = both_ways(exact.to_jax(library=library))
    for move, numpy in ((forward, exact.forward), (inverse, exact.inverse)):
        moved, log_det = jax.jit(move)(z)
        assert np.abs(moved - numpy(z)).max() < 1e-13
        jacobians = jax.vmap(jax.jacrev(lambda row, move=move: move(row[None])[0][0]))(z)
        assert np.abs(log_det - np.linalg.slogdet(jacobians)[1]).max() < 1e-6
        slope = jax.jit(jax.grad(lambda z, move=move: (move(z)[0] ** 2).sum() + move(z)[1].sum()))(z)
        step = 1e-5 * np.random.default_rng(1).standard_normal(z.shape)
        ahead, behind = (sum(float(part.sum()) for part in (v[0] ** 2, v[1])) for v in (move(z + step), move(z - step)))
        assert np.isclose(float((slope * step).sum()), (ahead - behind) / 2, rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize("library", ["flowjax", "distrax"])
def test_tables_are_those_of_numpy(table, library, double):
    import jax

    z = latents(2000, 2)
    forward, inverse = both_ways(table.to_jax(library=library))
    moved, log_det = jax.jit(forward)(z)
    assert np.abs(moved - table.forward(z)).max() < 1e-12
    assert np.abs(jax.jit(inverse)(z)[0] - table.inverse(z)).max() < 1e-12
    change = np.asarray(log_det) - 0.5 * np.sum(np.asarray(moved) ** 2 - z**2, axis=1)
    assert np.abs(change - table.log_abs_det(z)).max() < 1e-12
    few = z[:5]
    by_reverse = jax.vmap(jax.jacrev(lambda row: forward(row[None])[0][0]))(few)
    by_forward = jax.vmap(jax.jacfwd(lambda row: forward(row[None])[0][0]))(few)
    assert np.abs(by_reverse - by_forward).max() < 1e-12
    assert np.abs(np.linalg.slogdet(by_forward)[1] - log_det[:5]).max() < 1e-12
    assert "callback" not in str(jax.make_jaxpr(forward)(few))


@pytest.mark.parametrize("library", ["flowjax", "distrax"])
def test_single_precision(table, library):
    z = latents(500, 2).astype(np.float32)
    for there, numpy in ((table.to_jax(library=library), table), (table.exact.to_jax(library=library), table.exact)):
        forward, inverse = both_ways(there)
        assert forward(z)[0].dtype == np.float32
        assert np.abs(forward(z)[0] - numpy.forward(z)).max() < 1e-5
        assert np.abs(inverse(z)[0] - numpy.inverse(z)).max() < 1e-5


def test_copies_and_what_is_not_finite():
    import jax

    there = MAPS["reflected"].to_jax(library="flowjax")
    z = latents(4, 2)
    for other in (pickle.loads(pickle.dumps(there)), copy.deepcopy(there)):
        assert np.array_equal(jax.vmap(other.transform)(z), jax.vmap(there.transform)(z))
    z[1, 0] = np.nan
    moved = np.asarray(jax.vmap(there.transform)(z))
    assert np.isnan(moved[1]).all() and np.isfinite(np.delete(moved, 1, axis=0)).all()
    with pytest.raises(ValueError, match="library: expected 'flowjax' or 'distrax'; got 'haiku'"):
        MAPS["reflected"].to_jax(library="haiku")


def test_tables_are_not_trained(table):
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    from flowjax.bijections import Affine, Chain
    from flowjax.distributions import StandardNormal, Transformed
    from flowjax.train import fit_to_data

    there = table.to_jax()
    flow = Transformed(StandardNormal((2,)), Chain([there, Affine(jnp.zeros(2))]))
    flow, _ = fit_to_data(jax.random.key(0), flow, latents(64, 2) + 1, max_epochs=1, show_progress=False)
    after = flow.bijection.bijections[0]
    leaves = zip(jax.tree_util.tree_leaves(there.arrays), jax.tree_util.tree_leaves(after.arrays), strict=True)
    assert all(np.array_equal(one, other) for one, other in leaves)
    assert float(jnp.abs(flow.bijection.bijections[1].loc).max()) > 0
    assert eqx.filter_jit(flow.log_prob)(latents(3, 2)).shape == (3,)
