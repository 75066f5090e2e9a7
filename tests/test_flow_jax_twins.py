"""The contract of twins in jax: the NumPy twin, in the library of the flow, with gradients."""

from functools import cache

import numpy as np
import pytest
from flow_models import CASES, distrax_flow, flowjax_flow, zuko_flow
from maps import planar_geodesic

import eulerot
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.sweep import Sweep

pytestmark = [pytest.mark.flows, pytest.mark.filterwarnings("ignore")]
TURN = np.array([[0.6, -0.8], [0.8, 0.6]])


def uniform_flowjax():
    import jax.numpy as jnp
    from flowjax.bijections import Affine, Chain, Tanh
    from flowjax.distributions import Transformed, Uniform

    return Transformed(Uniform(jnp.array([-1.0, 0.0]), jnp.array([2.0, 1.0])), Chain([Tanh((2,)), Affine(jnp.ones(2))]))


def gaussian_distrax():
    import distrax
    import jax.numpy as jnp

    base = distrax.MultivariateNormalTri(jnp.array([1.0, -1.0]), jnp.array([[2.0, 0.0], [0.5, 0.3]]))
    return distrax.Transformed(base, distrax_flow().bijector)


def nested_distrax():
    import distrax
    import jax.numpy as jnp

    inner = distrax.Transformed(distrax.Normal(jnp.zeros(2), jnp.ones(2)), distrax.Tanh())
    return distrax.Transformed(distrax.Independent(inner, 1), distrax_flow().bijector)


NAMES = "flowjax coupling", "flowjax spline", "flowjax conditional", "distrax", "tfp"
MAKERS = {case.name: (case.make, case.context) for case in CASES if case.name in NAMES} | {
    "flowjax uniform base": (uniform_flowjax, None),
    "distrax Gaussian base": (gaussian_distrax, None),
    "distrax nested": (nested_distrax, None),
}


def numpy_twin(model, context=None):
    exact = Rearrangement(TURN, (Sweep((planar_geodesic(0, 1.0),), np.eye(2)),))
    return eulerot.RearrangedFlow(eulerot.flow(model, context=context, check=False), exact)


@cache
def twins(name):
    make, context = MAKERS[name]
    twin = numpy_twin(make(), context)
    return twin, twin.to_jax()


@pytest.mark.parametrize("name", list(MAKERS))
def test_it_is_the_twin(name):
    import equinox as eqx
    import jax

    twin, there = twins(name)
    y, x = twin.pairs(64, seed=1)
    density = eqx.filter_jit(there.log_prob)(x.astype(np.float32))
    assert np.quantile(np.abs(density - twin.log_prob(x)), 0.9) < 2e-3
    values = twin.flow.base.from_normal(y).astype(np.float32)  # latents in units of the model's base
    assert np.quantile(np.abs(there.forward(values) - x), 0.9) < 2e-3
    assert np.quantile(np.abs(there.inverse(x.astype(np.float32)) - values), 0.9) < 2e-3
    key = jax.random.key(0)
    samples = there.sample(key, (100,)) if "flowjax" in name else there.sample(seed=key, sample_shape=(100,))
    assert samples.shape == (100, 2) and np.isfinite(there.log_prob(samples)).mean() > 0.98


@pytest.mark.parametrize("name", list(MAKERS))
def test_gradients_reach_latents_and_data(name):
    import jax

    twin, there = twins(name)
    y, x = (rows.astype(np.float32) for rows in twin.pairs(8))
    values = twin.flow.base.from_normal(y).astype(np.float32)
    slope = jax.jit(jax.grad(lambda y: (there.forward(y) ** 2).sum()))(values)
    assert np.isfinite(slope).all() and (np.abs(slope).sum(1) > 0).all()
    assert np.isfinite(jax.grad(lambda x: there.log_prob(x).sum())(x)).all()


def test_gradients_reach_parameters_and_training_keeps_the_map():
    import equinox as eqx
    import jax
    from flowjax.train import fit_to_data

    twin, there = twins("flowjax coupling")
    _, x = twin.pairs(128)
    slopes = eqx.filter_grad(lambda flow: flow.log_prob(x.astype(np.float32)).sum())(there)
    assert max(float(np.abs(leaf).max()) for leaf in jax.tree_util.tree_leaves(slopes)) > 0
    trained, losses = fit_to_data(jax.random.key(0), there, x + 1, max_epochs=3, show_progress=False)
    assert losses["train"][-1] < losses["train"][0]
    assert type(trained) is type(there)


@pytest.mark.parametrize("name", ["flowjax coupling", "distrax Gaussian base", "flowjax uniform base"])
def test_a_twin_of_tables(name):
    import jax

    twin, exact = twins(name)
    tables = twin.to_jax(error=1e-3)
    _, x = twin.pairs(50)
    rows = x.astype(np.float32)
    assert np.quantile(np.abs(tables.inverse(rows) - exact.inverse(rows)), 0.9) < 3e-3
    assert np.quantile(np.abs(tables.log_prob(rows) - exact.log_prob(rows)), 0.9) < 2e-2
    assert "callback" not in str(jax.make_jaxpr(tables.log_prob)(rows))


def test_kinds_and_what_has_no_twin_there():
    import distrax
    import flowjax.distributions

    assert isinstance(twins("flowjax spline")[1], flowjax.distributions.Transformed)
    assert isinstance(twins("tfp")[1], distrax.Transformed)
    again = eulerot.flow(twins("distrax")[1])
    y, x = twins("distrax")[0].pairs(20)
    assert np.abs(again.forward(y) - x).max() < 1e-4
    with pytest.raises(eulerot.FlowError, match=r"to_jax: expected .* got that of zuko. Its map alone goes there"):
        numpy_twin(zuko_flow("MAF")).to_jax()
    assert flowjax_flow("coupling").shape == (2,)
