"""Flows whose base is a flow: flattened to the innermost base, whatever the libraries and the depth."""

import numpy as np
import pytest
from flow_models import (
    distrax_flow,
    flowjax_flow,
    nflows_flow,
    normflows_flow,
    perturbed,
    pyro_flow,
    tfp_flow,
    torch_flow,
    zuko_box,
    zuko_flow,
)

import eulerot
from eulerot.flows.protocol import check_flow
from eulerot.latent.source import normal_points

pytestmark = [pytest.mark.flows, pytest.mark.filterwarnings("ignore")]

SHIFT, SCALE = np.array([1.0, -1.0]), np.array([2.0, 0.5])
CONTEXT = (0.5, -1.0, 2.0)


def torch_affine(law):
    import torch
    from torch import distributions
    from torch.distributions import transforms

    shift, scale = (torch.tensor(v, dtype=torch.float32) for v in (SHIFT, SCALE))
    return distributions.TransformedDistribution(law, [transforms.AffineTransform(shift, scale, event_dim=1)])


def torch_independent(law):
    """Put the law of independent coordinates ``tanh(1 + 2 z)`` into the place of a base."""
    import torch
    from torch import distributions
    from torch.distributions import transforms

    base = distributions.Normal(torch.zeros(2), torch.ones(2))
    layers = [transforms.AffineTransform(1.0, 0.5), transforms.TanhTransform()]
    inner = distributions.TransformedDistribution(base, layers)
    return law(distributions.Independent(inner, 1))


def pyro_over(base, kind="affine_autoregressive"):
    import pyro.distributions as dist
    from pyro.distributions import transforms

    return dist.TransformedDistribution(base, [perturbed(getattr(transforms, kind)(2, hidden_dims=[16]), 0.2)])


def pyro_conditional(base):
    import pyro.distributions as dist

    return dist.ConditionalTransformedDistribution(base, pyro_flow("conditional").transforms)


def zuko_over(base):
    import zuko

    return zuko.lazy.Flow([zuko_flow("MAF").transform], base)


def zuko_law_over(law):
    import zuko

    return zuko.distributions.NormalizingFlow(zuko_flow("MAF")().transform, law)


def normflows_over(base):
    import normflows as nf

    return nf.NormalizingFlow(base, normflows_flow("realnvp").flows)


def flowjax_affine(law, *, frozen=False):
    import jax.numpy as jnp
    import paramax
    from flowjax.bijections import Affine
    from flowjax.distributions import Transformed

    return Transformed(paramax.non_trainable(law) if frozen else law, Affine(jnp.array(SHIFT), jnp.array(SCALE)))


def distrax_affine(law):
    import distrax

    return distrax.Transformed(law, distrax.Block(distrax.ScalarAffine(SHIFT, SCALE), 1))


def distrax_independent():
    import distrax
    import jax.numpy as jnp

    inner = distrax.Transformed(distrax.Normal(jnp.zeros(2), jnp.ones(2)), distrax.Tanh())
    return distrax_affine(distrax.Independent(inner, 1))


def tfp_affine(law, substrate="jax"):
    from importlib import import_module

    tfp = import_module(f"tensorflow_probability.substrates.{substrate}")
    affine = tfp.bijectors.Chain([tfp.bijectors.Shift(np.float32(SHIFT)), tfp.bijectors.Scale(np.float32(SCALE))])
    return tfp.distributions.TransformedDistribution(law, affine)


def tfp_independent():
    import jax.numpy as jnp
    import tensorflow_probability.substrates.jax as tfp

    inner = tfp.distributions.TransformedDistribution(
        tfp.distributions.Normal(jnp.zeros(2), jnp.ones(2)), tfp.bijectors.Tanh()
    )
    return tfp_affine(tfp.distributions.Independent(inner, 1))


def tfp_numpy():
    from tensorflow_probability.substrates import numpy as tfp

    base = tfp.distributions.MultivariateNormalDiag(np.zeros(2, np.float32), np.ones(2, np.float32))
    return tfp_affine(tfp.distributions.TransformedDistribution(base, tfp.bijectors.Tanh()), "numpy")


# An affine map after a flow: its data are known from those of the flow
AFFINE = {
    "torch": (torch_affine, lambda: torch_flow(cache_size=0)),
    "torch over zuko": (torch_affine, lambda: zuko_flow("NSF")()),
    "torch over pyro": (torch_affine, lambda: pyro_flow("spline")),
    "flowjax": (flowjax_affine, lambda: flowjax_flow("coupling")),
    "flowjax, frozen": (lambda law: flowjax_affine(law, frozen=True), lambda: flowjax_flow("spline")),
    "distrax": (distrax_affine, distrax_flow),
    "distrax over tfp": (distrax_affine, tfp_flow),
    "tfp": (tfp_affine, tfp_flow),
}


DEPTHS = [*((name, 1) for name in AFFINE), *((name, 3) for name in ("torch", "flowjax", "distrax", "tfp"))]


@pytest.mark.parametrize(("name", "depth"), DEPTHS)
def test_an_affine_map_of_a_flow(name, depth):
    affine, make = AFFINE[name]
    model = make()
    inner = eulerot.flow(model)
    for _ in range(depth):
        model = affine(model)
    flow = eulerot.flow(model)
    # the latents of both are standard normal, whether the base was a normal one of another mean or not
    z = normal_points(64, 2)
    x = inner.forward(z)
    for _ in range(depth):
        x = SHIFT + SCALE * x
    assert np.allclose(flow.forward(z), x, rtol=1e-4, atol=1e-4)
    assert np.allclose(flow.log_prob(x), inner.log_prob(inner.forward(z)) - depth * np.log(SCALE).sum(), atol=2e-2)


OTHERS = {
    "independent coordinates": lambda: torch_independent(torch_affine),
    "independent coordinates, deeper": lambda: torch_independent(lambda law: torch_affine(torch_affine(law))),
    "pyro over pyro": lambda: pyro_over(pyro_flow("spline")),
    "pyro over pyro over torch": lambda: pyro_over(pyro_over(torch_flow(0), "spline_autoregressive")),
    "pyro, one without an inverse": lambda: pyro_over(pyro_flow("planar")),
    "zuko over zuko": lambda: zuko_over(zuko_flow("NSF")),
    "zuko, three deep": lambda: zuko_over(zuko_over(zuko_flow("NSF"))),
    "zuko, distributions": lambda: zuko_law_over(zuko_flow("NSF")()),
    "zuko over torch": lambda: zuko_law_over(torch_flow(0)),
    "zuko over a box": lambda: zuko_over(zuko_box()),
    "nflows over nflows": lambda: nflows_flow(base=nflows_flow()),
    "normflows over normflows": lambda: normflows_over(normflows_flow("spline")),
    "distrax, independent coordinates": distrax_independent,
    "tfp, independent coordinates": tfp_independent,
    "tfp on NumPy": tfp_numpy,
}
CONDITIONAL = {
    "pyro, conditional over plain": lambda: pyro_conditional(pyro_flow("spline")),
    "pyro, conditional over conditional": lambda: pyro_conditional(pyro_flow("conditional")),
    "nflows, conditional over conditional": lambda: nflows_flow(context=3, base=nflows_flow(context=3)),
    "flowjax, plain over conditional": lambda: flowjax_affine(flowjax_flow("coupling", context=3)),
}


@pytest.mark.parametrize("name", [*OTHERS, *CONDITIONAL])
def test_nested_flows_are_one_flow(name):
    context = CONTEXT if name in CONDITIONAL else None
    flow = eulerot.flow({**OTHERS, **CONDITIONAL}[name](), context=context)
    check_flow(flow, seed=1)
    assert "normal base" in flow.map or "uniform base" in flow.map
    twin = eulerot.rearrange(flow, n_pairs=128, modes=2, max_iterations=5)
    assert np.isfinite(twin.sample(10, seed=0)).all()


def test_the_innermost_base_decides():
    import pyro.distributions as dist
    import torch

    laplace = dist.Laplace(torch.zeros(2), torch.ones(2)).to_event(1)
    with pytest.raises(eulerot.SourceError, match="normal or uniform on a box"):
        eulerot.rearrange(torch_affine(pyro_flow("spline", base=laplace)))


def test_a_base_that_is_normal_is_not_taken_apart():
    import jax.numpy as jnp
    from flowjax.distributions import Normal

    flow = eulerot.flow(flowjax_affine(Normal(jnp.array([1.0, 2.0]), jnp.array([2.0, 3.0]))))
    assert np.allclose(flow.base.mean, [1, 2], atol=1e-5) and np.allclose(flow.base.factor, np.diag([2, 3]), atol=1e-5)


def test_a_conditional_flow_follows_its_context():
    model = CONDITIONAL["nflows, conditional over conditional"]()
    a, b = (eulerot.flow(model, context=c).forward([[0.3, -0.2]]) for c in ((0.0, 0.0, 0.0), CONTEXT))
    assert np.abs(a - b).max() > 1e-2
