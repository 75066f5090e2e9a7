"""Small flows of every library, moved away from the identity at random or trained for a moment: one contract table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """A named flow: how to make it, its context, its dimension, and whether it may be rearranged."""

    name: str
    make: Callable[[], Any]
    context: tuple[float, ...] | None = None
    dim: int = 2
    exact: bool = True  # its maps are the model's own
    double: bool = False


def perturbed(module: Any, scale: float = 0.3, seed: int = 0) -> Any:
    """Return a module after its parameters were moved at random."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64).to(parameter)
    return module


def zuko_flow(kind: str, *, double: bool = False, scale: float = 0.3, **options: Any) -> Any:
    import torch
    import zuko

    torch.manual_seed(0)
    model = getattr(zuko.flows, kind)(**{"features": 2, "transforms": 2, "hidden_features": (16, 16), **options})
    return perturbed(model.double() if double else model, scale)


def zuko_cnf() -> Any:
    import torch
    import zuko

    torch.manual_seed(0)
    return zuko.flows.CNF(features=2, hidden_features=(16,), exact=True)


def zuko_box() -> Any:
    """Return a spline flow between a box and the plane: uniform base on [-1, 3] x [-1, 3]."""
    import torch
    import zuko

    base = zuko.lazy.UnconditionalDistribution(
        zuko.distributions.BoxUniform, torch.tensor([-1.0, 0.5]), torch.tensor([3.0, 1.0]), buffer=True
    )
    return zuko.lazy.Flow([zuko_flow("MAF", scale=0.2).transform], base)


def zuko_gaussian() -> Any:
    """Return a flow with a base of another mean and covariance."""
    import torch
    import zuko

    base = zuko.lazy.UnconditionalDistribution(
        torch.distributions.MultivariateNormal,
        torch.tensor([1.0, -2.0]),
        covariance_matrix=torch.tensor([[2.0, 0.7], [0.7, 0.5]]),
        buffer=True,
    )
    return zuko.lazy.Flow([zuko_flow("MAF", scale=0.2).transform], base)


def nflows_flow(*, context: int | None = None, batch_norm: bool = False, base: Any = None) -> Any:
    import torch
    from nflows.distributions import StandardNormal
    from nflows.flows import Flow
    from nflows.transforms import (
        BatchNorm,
        CompositeTransform,
        MaskedAffineAutoregressiveTransform,
        MaskedPiecewiseRationalQuadraticAutoregressiveTransform,
        ReversePermutation,
    )

    torch.manual_seed(0)
    spline = MaskedPiecewiseRationalQuadraticAutoregressiveTransform(
        2, 16, context_features=context, num_bins=6, tails="linear", tail_bound=4.0
    )
    affine = MaskedAffineAutoregressiveTransform(2, 16, context_features=context)
    middle = [BatchNorm(2)] if batch_norm else []
    transform = CompositeTransform([affine, *middle, ReversePermutation(2), spline])
    flow = perturbed(Flow(transform, StandardNormal([2]) if base is None else base), 0.1)
    if batch_norm:  # a few training passes leave running statistics and the training mode on
        for _ in range(5):
            flow.log_prob(torch.randn(256, 2) * 2 + 1)
    return flow


def normflows_flow(kind: str) -> Any:
    import normflows as nf
    import torch

    torch.manual_seed(0)
    base = nf.distributions.DiagGaussian(2, trainable=False)
    if kind == "realnvp":
        layers = []
        for _ in range(3):
            layers += [nf.flows.AffineCouplingBlock(nf.nets.MLP([1, 16, 2], init_zeros=False)), nf.flows.Permute(2)]
        return perturbed(nf.NormalizingFlow(base, layers), 0.2)
    if kind == "spline":
        layers = [nf.flows.AutoregressiveRationalQuadraticSpline(2, 1, 16) for _ in range(2)]
        return perturbed(nf.NormalizingFlow(nf.distributions.DiagGaussian(2, trainable=True), layers), 0.2)
    if kind == "residual":
        layers = []
        for _ in range(2):
            net = nf.nets.LipschitzMLP([2, 16, 2], init_zeros=False, lipschitz_const=0.7)
            layers.append(nf.flows.Residual(net, reduce_memory=False))
        return perturbed(nf.NormalizingFlow(base, layers), 0.2)
    layers = [nf.flows.Planar((2,), u=torch.tensor([[0.6, -0.3]]), w=torch.tensor([[1.0, 0.5]]), b=torch.zeros(1))]
    return nf.NormalizingFlow(base, layers)


def normflows_conditional() -> Any:
    import normflows as nf
    import torch

    torch.manual_seed(0)
    layers = [
        nf.flows.CoupledRationalQuadraticSpline(2, 1, 16, num_context_channels=3, reverse_mask=bool(i)) for i in (0, 1)
    ]
    return perturbed(nf.ConditionalNormalizingFlow(nf.distributions.DiagGaussian(2, trainable=False), layers), 0.2)


def torch_flow(cache_size: int = 1) -> Any:
    import torch
    from torch import distributions as law
    from torch.distributions import transforms

    base = law.Independent(law.Normal(torch.tensor([0.5, 0.0]), torch.tensor([2.0, 1.0])), 1)
    bend = [
        transforms.AffineTransform(0.0, 0.3, cache_size=cache_size),
        transforms.SigmoidTransform(cache_size=cache_size),
        transforms.SigmoidTransform(cache_size=cache_size).inv,
        transforms.AffineTransform(1.0, 2.0, cache_size=cache_size),
    ]
    return law.TransformedDistribution(base, bend)


def pyro_flow(kind: str, *, base: Any = None) -> Any:
    import pyro.distributions as dist
    import pyro.distributions.transforms as T
    import torch

    torch.manual_seed(0)
    if base is None:
        base = dist.Normal(torch.zeros(2), torch.ones(2)).to_event(1)
    if kind == "planar":
        planar = T.Planar(2)
        with torch.no_grad():
            planar.u.copy_(torch.tensor([0.6, -0.3])), planar.w.copy_(torch.tensor([1.0, 0.5]))
        return dist.TransformedDistribution(base, [planar])
    if kind == "conditional":
        return dist.ConditionalTransformedDistribution(
            base, [perturbed(T.conditional_affine_autoregressive(2, 3, hidden_dims=[16]), 0.2)]
        )
    layers = [T.affine_autoregressive(2, hidden_dims=[16]), T.permute(2), T.spline_autoregressive(2, hidden_dims=[16])]
    return dist.TransformedDistribution(base, [perturbed(m, 0.2) if hasattr(m, "parameters") else m for m in layers])


def flowjax_flow(kind: str, *, context: int | None = None) -> Any:
    import jax
    import jax.numpy as jnp
    from flowjax import bijections, flows
    from flowjax.distributions import Normal

    key = jax.random.key(0)
    base = Normal(jnp.zeros(2))
    if kind == "planar":
        return flows.planar_flow(key, base_dist=base, flow_layers=2, invert=False)
    options = {"base_dist": base, "cond_dim": context, "flow_layers": 2, "nn_width": 16}
    if kind == "spline":
        spline = bijections.RationalQuadraticSpline(knots=6, interval=4)
        flow = flows.masked_autoregressive_flow(key, transformer=spline, **options)
    else:
        flow = flows.coupling_flow(key, **options)
    leaves, tree = jax.tree_util.tree_flatten(flow)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    floats = [jnp.issubdtype(getattr(leaf, "dtype", jnp.int32), jnp.floating) and leaf.ndim == 2 for leaf in leaves]
    moved = [
        leaf + 0.2 * jax.random.normal(k, leaf.shape) if is_float else leaf
        for leaf, k, is_float in zip(leaves, keys, floats, strict=True)
    ]
    return jax.tree_util.tree_unflatten(tree, moved)


def distrax_flow() -> Any:
    import distrax
    import jax.numpy as jnp

    def conditioner(x: Any) -> Any:
        other = x[..., ::-1]
        return jnp.stack([1.5 * jnp.sin(other) + other, 0.4 * jnp.cos(2 * other)], axis=-1)

    def affine(parameters: Any) -> Any:
        return distrax.ScalarAffine(shift=parameters[..., 0], log_scale=parameters[..., 1])

    layers = [distrax.MaskedCoupling(jnp.array(m), conditioner, affine) for m in ([True, False], [False, True])]
    base = distrax.MultivariateNormalDiag(jnp.zeros(2), jnp.ones(2))
    return distrax.Transformed(base, distrax.Chain(layers))


def tfp_flow() -> Any:
    import tensorflow_probability.substrates.jax as tfp

    tfd, tfb = tfp.distributions, tfp.bijectors

    def shift_and_log_scale(x: Any, size: int) -> Any:
        import jax.numpy as jnp

        return jnp.sin(2 * x[..., :size]), 0.3 * jnp.cos(x[..., :size])

    coupling = tfb.RealNVP(num_masked=1, shift_and_log_scale_fn=shift_and_log_scale)
    return tfd.TransformedDistribution(
        tfd.MultivariateNormalDiag([1.0, 0.0], [2.0, 0.5]), tfb.Chain([coupling, tfb.Permute([1, 0]), coupling])
    )


def own_torch(*, flipped: bool = False) -> Any:
    """Return a module of one's own that gives ``(value, log_det)``; many of them take data to latents by forward."""
    import torch
    from torch import nn

    class Mine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 2))
            self.drop = nn.Dropout(0.5)  # shows a training mode that is left on

        def to_data(self, z: Any) -> Any:
            shift, log_scale = self.net(z[:, :1]).unbind(1)
            return torch.stack([self.drop(z[:, 0]), z[:, 1] * log_scale.exp() + shift], dim=1), log_scale

        def to_latents(self, x: Any) -> Any:
            shift, log_scale = self.net(x[:, :1]).unbind(1)
            return torch.stack([self.drop(x[:, 0]), (x[:, 1] - shift) * (-log_scale).exp()], dim=1), -log_scale

        def forward(self, value: Any) -> Any:
            return self.to_latents(value) if flipped else self.to_data(value)

        def inverse(self, value: Any) -> Any:
            return self.to_data(value) if flipped else self.to_latents(value)

        def log_prob(self, x: Any) -> Any:
            z, log_det = self.to_latents(x)
            return -0.5 * (z**2).sum(dim=1) - float(np.log(2 * np.pi)) + log_det

        def sample(self, n: int) -> Any:
            return self.to_data(torch.randn(n, 2))[0]

    torch.manual_seed(0)
    return perturbed(Mine(), 0.5)


def own_numpy() -> Any:
    from eulerot.flows.linear import LinearFlow

    class Mine:
        inner = LinearFlow([[0.5, -1.5], [1.0, 0.5]], [1.0, 0.0])

        def forward(self, z: np.ndarray) -> np.ndarray:
            return self.inner.forward(z).astype(np.float32)

        def inverse(self, x: np.ndarray) -> np.ndarray:
            return self.inner.inverse(x).astype(np.float32)

        def log_prob(self, x: np.ndarray) -> np.ndarray:
            return self.inner.log_prob(x)

        def sample(self, n: int) -> np.ndarray:
            return self.inner.sample(n)

    return Mine()


CASES = [
    Case("zuko NSF", lambda: zuko_flow("NSF")),
    Case("zuko NSF called", lambda: zuko_flow("NSF")()),
    Case("zuko MAF double", lambda: zuko_flow("MAF", double=True), double=True),
    Case("zuko MAF conditional", lambda: zuko_flow("MAF", context=3), context=(0.5, -1.0, 2.0)),
    Case("zuko NICE", lambda: zuko_flow("NICE")),
    Case("zuko SOSPF", lambda: zuko_flow("SOSPF", scale=0.05)),
    Case("zuko CNF", zuko_cnf),
    Case("zuko uniform base", zuko_box),
    Case("zuko NCSF, on angles", lambda: zuko_flow("NCSF")),
    Case("zuko MAF, three dimensions", lambda: zuko_flow("MAF", features=3), dim=3),
    Case("zuko Gaussian base", zuko_gaussian),
    Case("zuko GMM", lambda: zuko_gmm(), exact=False),
    Case("nflows", nflows_flow),
    Case("nflows with batch norm", lambda: nflows_flow(batch_norm=True)),
    Case("nflows double", lambda: nflows_flow().double(), double=True),
    Case("nflows conditional", lambda: nflows_flow(context=3), context=(0.5, -1.0, 2.0)),
    Case("normflows RealNVP", lambda: normflows_flow("realnvp")),
    Case("normflows spline, trainable base", lambda: normflows_flow("spline")),
    Case("normflows residual", lambda: normflows_flow("residual")),
    Case("normflows planar", lambda: normflows_flow("planar"), exact=False),
    Case("normflows conditional", normflows_conditional, context=(0.5, -1.0, 2.0)),
    Case("torch", torch_flow),
    Case("pyro", lambda: pyro_flow("spline")),
    Case("pyro planar", lambda: pyro_flow("planar"), exact=False),
    Case("pyro conditional", lambda: pyro_flow("conditional"), context=(0.5, -1.0, 2.0)),
    Case("flowjax coupling", lambda: flowjax_flow("coupling")),
    Case("flowjax spline", lambda: flowjax_flow("spline")),
    Case("flowjax planar", lambda: flowjax_flow("planar"), exact=False),
    Case("flowjax conditional", lambda: flowjax_flow("coupling", context=3), context=(0.5, -1.0, 2.0)),
    Case("distrax", distrax_flow),
    Case("tfp", tfp_flow),
    Case("own torch", own_torch),
    Case("own NumPy single", own_numpy),
]


def zuko_gmm() -> Any:
    import torch
    import zuko

    torch.manual_seed(0)
    return perturbed(zuko.flows.GMM(features=2, components=3), 0.5)
