"""Flows of the user's own: objects and functions, their bases, missing maps, and contradictions that are caught."""

import numpy as np
import pytest

import eulerot
from eulerot.flows.adapters.adapted import AdaptedFlow
from eulerot.flows.adapters.bases import NormalBase, UniformBase, standardised
from eulerot.flows.adapters.inversion import NumericalInverse
from eulerot.flows.diagnosis import raise_with_cause
from eulerot.flows.linear import LinearFlow
from eulerot.flows.protocol import check_flow
from eulerot.latent.source import log_normal, normal_points

LINEAR = LinearFlow([[0.5, -1.5], [1.0, 0.5]], [1.0, 0.0])


def bend(z):
    """A shear along each axis in turn, of unit volume: inverted in closed form."""
    x = z.copy()
    x[:, 1] += np.sin(2 * x[:, 0])
    x[:, 0] += 0.5 * x[:, 1] ** 2
    return x


def unbend(x):
    z = x.copy()
    z[:, 0] -= 0.5 * z[:, 1] ** 2
    z[:, 1] -= np.sin(2 * z[:, 0])
    return z


def bent_log_prob(x):
    return log_normal(unbend(x))


def test_functions_make_a_flow():
    flow = eulerot.flow(forward=bend, inverse=unbend, log_prob=bent_log_prob, dim=2)
    assert isinstance(flow, AdaptedFlow) and flow.numerical is None
    z = normal_points(100, 2)
    assert np.array_equal(flow.forward(z), bend(z))
    assert flow.sample(4, seed=0).shape == (4, 2)
    twin = eulerot.rearrange(flow, n_pairs=512, modes=4)
    assert twin.flow is flow and twin.fit.cost_after < twin.fit.cost_before


def test_flows_of_the_package_are_left_alone():
    assert eulerot.flow(LINEAR) is LINEAR
    assert eulerot.rearrange(LINEAR, n_pairs=256, modes=3).flow is LINEAR


def test_context_is_passed_on():
    class Shifted:
        dim = 2

        def forward(self, z, context):
            return z + context

        def inverse(self, x, context):
            return x - context

        def log_prob(self, x, context):
            return log_normal(x - context)

    flow = eulerot.flow(Shifted(), context=[1.0, 2.0])
    assert np.array_equal(flow.forward([[0.0, 0.0]]), [[1.0, 2.0]])
    with pytest.raises(eulerot.FlowError, match="pass context="):
        eulerot.flow(Shifted())


@pytest.mark.parametrize("missing", ["inverse", "forward"])
@pytest.mark.parametrize("with_density", [True, False])
def test_a_missing_map_is_found_numerically(missing, with_density):
    functions = {"forward": bend, "inverse": unbend, "log_prob": bent_log_prob if with_density else None}
    functions[missing] = None
    flow = eulerot.flow(**functions, dim=2)
    assert flow.numerical == missing and f"its {missing} map found numerically" in flow.map
    assert ("its density from its Jacobian" in flow.map) != with_density
    z = 1.5 * normal_points(500, 2, 1)
    x = bend(z)
    # z -> x has a derivative of up to some tens here, and the residual is allowed to be 1e-10 (1 + |x|)
    assert np.abs(flow.forward(z) - x).max() < 1e-6
    assert np.abs(flow.inverse(x) - z).max() < 1e-6
    assert np.abs(flow.log_prob(x) - bent_log_prob(x)).max() < 1e-4


def test_pairs_from_samples_where_only_the_inverse_is_known():
    def sample(n, seed=0):
        return bend(np.random.default_rng(seed).standard_normal((n, 2)))

    flow = eulerot.flow(inverse=unbend, log_prob=bent_log_prob, sample=sample)
    z, x = flow.pairs(100, seed=3)
    assert np.array_equal(z, unbend(x)) and np.array_equal(x, flow.pairs(100, seed=3)[1])
    twin = eulerot.rearrange(flow, n_pairs=512, modes=4)
    assert twin.fit.cost_after < twin.fit.cost_before
    check_flow(twin)


def test_numerical_inverse_says_what_share_it_did_not_find():
    def square(z):  # no preimage for negative targets
        return z**2

    starts = np.linspace(0.1, 3, 50)[:, None]
    inverse = NumericalInverse(square, starts, square(starts), 1e-16, "inverse")
    assert np.allclose(inverse(np.array([[4.0], [2.0]])), [[2.0], [np.sqrt(2)]])
    with pytest.raises(eulerot.FlowError, match=r"inverse was sought numerically, and not found for 25\.00% of 4 rows"):
        inverse(np.array([[4.0], [-1.0], [1.0], [2.0]]))


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_normal_bases_are_recognised_by_their_density(dim):
    rng = np.random.default_rng(dim)
    mean, factor = 10 * rng.normal(size=dim), np.tril(rng.normal(size=(dim, dim))) + 2 * np.eye(dim)

    def log_prob(b):
        return log_normal(np.linalg.solve(factor, (b - mean).T).T) - np.log(np.abs(np.diag(factor))).sum()

    samples = mean + rng.normal(size=(256, dim)) @ factor.T
    base = standardised(log_prob, samples, precision=2.2e-16)
    assert isinstance(base, NormalBase) and not base.is_standard
    assert np.allclose(base.mean, mean, atol=1e-6) and np.allclose(base.factor @ base.factor.T, factor @ factor.T)
    u = rng.normal(size=(50, dim))
    assert np.allclose(base.to_normal(base.from_normal(u)), u)


@pytest.mark.parametrize("raises", [True, False])
def test_uniform_boxes_are_recognised_by_their_density(raises):
    low, high = np.array([-1.0, 2.0]), np.array([3.0, 2.5])

    def log_prob(b):
        inside = ((b >= low) & (b <= high)).all(axis=1)
        if raises and not inside.all():
            raise ValueError("outside of the support")
        return np.where(inside, -np.log(np.prod(high - low)), -np.inf)

    rng = np.random.default_rng(0)
    base = standardised(log_prob, rng.uniform(low, high, (256, 2)), precision=2.2e-16)
    assert isinstance(base, UniformBase)
    assert np.allclose(base.low, low) and np.allclose(base.high, high)
    u = rng.normal(size=(1000, 2))
    assert np.abs(base.to_normal(base.from_normal(u)) - u).max() < 1e-9
    b = base.from_normal(u)
    assert (b > low).all() and (b < high).all()
    assert np.abs(((b - low) / (high - low)).mean(axis=0) - 0.5).max() < 0.05


def test_other_bases_are_refused_with_the_size():
    rng = np.random.default_rng(0)
    with pytest.raises(eulerot.SourceError, match=r"differs from that of the nearest normal law by \d"):
        standardised(lambda b: -np.abs(b).sum(axis=1) - 2 * np.log(2), rng.laplace(size=(256, 2)), precision=1e-16)


def refused(error, message, **functions):
    with pytest.raises(error, match=message):
        eulerot.flow(**functions)
    eulerot.flow(**functions, check=False)


def test_swapped_direction():
    refused(
        eulerot.FlowError,
        r"differs .* by \d.* at \d+% of 128 points .*swapped direction; .* differs by [\d.e-]+ only",
        forward=unbend,
        inverse=bend,
        log_prob=bent_log_prob,
        dim=2,
    )


def test_stale_cache():
    kept = {}

    def log_prob(x):
        return kept.setdefault(len(x), bent_log_prob(x))

    refused(eulerot.FlowError, r"same data in another order differs, by \d.*stale or random", forward=bend,
            inverse=unbend, log_prob=log_prob, dim=2)  # fmt: skip


def test_wrong_base_shows_in_the_samples():
    def scaled(z):
        return bend(2 * z + [1.0, 0.0])

    def sample(n, seed=0):
        return scaled(np.random.default_rng(seed).standard_normal((n, 2)))

    def log_prob(x):
        return log_normal((unbend(x) - [1.0, 0.0]) / 2) - 2 * np.log(2)

    message = r"wrong base\. The density implies a base of mean \[1\. -?0\. ?\] and covariance \[\[4\.0.*Kolmogorov"
    refused(eulerot.SourceError, message, forward=bend, inverse=unbend, log_prob=log_prob, sample=sample)
    flow = eulerot.flow(forward=scaled, inverse=lambda x: (unbend(x) - [1.0, 0.0]) / 2, log_prob=log_prob, dim=2)
    assert np.allclose(flow.log_prob(sample(5)), log_prob(sample(5)))


def test_density_without_its_constant():
    refused(eulerot.FlowError, "The density lacks a constant, 1.5", forward=bend, inverse=unbend,
            log_prob=lambda x: bent_log_prob(x) + 1.5, dim=2)  # fmt: skip


def test_wrong_inverse():
    refused(eulerot.FlowError, r"inverse\(forward\(z\)\) differs from z, by .* at 100% of 128", forward=bend,
            inverse=lambda x: unbend(x) + 0.5, log_prob=bent_log_prob, dim=2)  # fmt: skip


def test_the_cause_never_hides_the_contradiction():
    z = normal_points(64, 2)
    with pytest.raises(eulerot.FlowError, match=r"^flow: something is off by 3\. Check"):
        raise_with_cause(LINEAR, "something is off by 3", z, LINEAR.forward(z), log_base=np.full(64, np.nan))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "expected a model or functions; got neither"),
        ({"model": LINEAR, "batch_size": 0}, "batch_size: expected a positive whole number; got 0"),
        ({"forward": bend, "inverse": unbend}, "Pass dim="),
        ({"model": object(), "dim": 2}, "object offers no forward, inverse or log_prob"),
        ({"sample": lambda n: np.zeros((n, 2))}, "callables offers no forward, inverse or log_prob"),
        ({"forward": lambda z: z[:, :1], "dim": 2}, r"expected forward \(latents to data\) of shape \(2, 2\)"),
        ({"forward": lambda z: 1 / 0, "dim": 2}, "ZeroDivisionError: division by zero"),
        ({"forward": bend, "sample": lambda n: np.zeros((n, 2, 2))}, r"got \(2, 2, 2\).* flatten"),
    ],
)
def test_refused_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        eulerot.flow(**arguments)


def test_float32_functions_are_checked_in_their_precision():
    flow = eulerot.flow(
        forward=lambda z: bend(z.astype(np.float32)), inverse=lambda x: unbend(x.astype(np.float32)), dim=2
    )
    assert flow.precision > 1e-8
    assert flow.forward([[0.0, 0.0]]).dtype == np.float64
