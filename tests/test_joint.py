"""All geodesics refined together: the gradient, what it is for one, what it gains, and pairs as long as they pay."""

from dataclasses import replace

import numpy as np
import pytest
from differences import derivative
from swirls import monge, rotated_axes, swirled

import eulerot
from eulerot.euler.grid import Grid
from eulerot.flows.linear import LinearFlow
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.rotations import plane_rotation
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting.fit import fit_to
from eulerot.shooting.joint_objective import JointObjective, Planes
from eulerot.shooting.objective import Objective
from eulerot.shooting.options import FitOptions
from eulerot.shooting.polynomial_potential import PolynomialPotential, polynomial_potential
from eulerot.shooting.retreat import Retreat

UNKNOWNS = Grid.from_modes(3)
FIELD = UNKNOWNS.with_modes(5)


def pairs(dim, n=40, seed=0):
    """Return latents and data that are no function of them."""
    return np.random.default_rng(seed).standard_normal((2, n, dim))


def in_the_plane(z, x):
    """Return the objective of two geodesics in turned boxes."""
    sweeps = tuple(Planes(plane_rotation(angle), ((0, 1),)) for angle in (0.3, 1.0))
    return JointObjective(z, x, sweeps, FIELD, UNKNOWNS)


def in_many_dimensions(z, x):
    """Return the objective of two sweeps, the first with two planes and the second with one."""
    first, second = (Planes(rotated_axes(5, seed), planes) for seed, planes in ((1, ((0, 1), (2, 3))), (2, ((2, 3),))))
    return JointObjective(z, x, (first, second), FIELD, UNKNOWNS)


@pytest.mark.parametrize(("dim", "made"), [(2, in_the_plane), (5, in_many_dimensions)])
@pytest.mark.parametrize("estimated", [False, True])
def test_gradient_equals_central_differences(dim, made, estimated):
    objective = made(*pairs(dim, n=200))
    rng = np.random.default_rng(1)
    theta, direction = 0.3 * rng.standard_normal(objective.size), rng.standard_normal(objective.size)
    if estimated:
        objective = replace(objective, potential=objective.estimated_potential(theta))
    exact = objective(theta, 1e-3)[1] @ direction
    found = derivative(lambda h: objective(theta + h * direction, 1e-3)[0], 2e-4)
    assert abs(found - exact) < 1e-8 * np.linalg.norm(direction)


def test_one_geodesic_has_the_cost_of_its_box():
    z, x = pairs(2)
    axes = plane_rotation(0.3)
    theta = 0.3 * np.random.default_rng(1).standard_normal(9)
    joint = JointObjective(z, x, (Planes(axes, ((0, 1),)),), FIELD, UNKNOWNS)
    alone = Objective(z @ axes.T, x @ axes.T, FIELD, steps=4, unknowns=UNKNOWNS)
    assert np.allclose(joint.costs(theta), alone.costs(theta), rtol=1e-12)
    assert np.allclose(joint(theta, 1e-2)[1], alone(theta, 1e-2)[1], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(("dim", "made"), [(2, in_the_plane), (5, in_many_dimensions)])
def test_what_is_delivered_moves_latents_as_fitted(dim, made):
    objective = replace(made(*pairs(dim)), steps=64)
    theta = 0.3 * np.random.default_rng(1).standard_normal(objective.size)
    sweeps = tuple(
        Sweep(tuple(each.in_steps(64) for each in geodesics), sweep.axes, sweep.planes)
        for sweep, geodesics in zip(objective.sweeps, objective.delivered(theta), strict=True)
    )
    moved = Rearrangement(np.eye(dim), sweeps).forward(objective.z)
    assert np.abs(moved - objective.moved(theta)).max() < 1e-6


@pytest.mark.parametrize("threads", [2])
def test_threads_do_not_change_a_bit(threads):
    objective = in_many_dimensions(*pairs(5, n=3000))
    theta = 0.3 * np.random.default_rng(1).standard_normal(objective.size)
    found = []
    for each in (objective, replace(objective, threads=threads)):
        each = replace(each, potential=each.estimated_potential(theta))
        found.append(each(theta, 1e-3)[1])
    assert np.array_equal(*found)


def test_fields_that_are_too_fast_send_the_line_search_back():
    objective, fast = in_the_plane(*pairs(2)), 1e4
    assert objective(np.full(objective.size, fast), 1e-3)[0] == np.inf
    seen = Retreat(lambda theta: objective(theta, 1e-3))
    value, gradient = seen(np.zeros(objective.size))
    back, slope = seen(fast * -gradient)
    assert back == value and np.allclose(slope, -gradient, rtol=1e-12)


def test_polynomial_potential_has_the_slopes_of_its_values_and_mean_zero():
    y, x = pairs(4, n=600)
    phi = polynomial_potential(y, y + 0.3 * np.cos(y))
    assert isinstance(phi, PolynomialPotential) and len(phi.powers) > 14
    for axis in range(4):
        shift = np.eye(4)[axis]

        def cost(h, shift=shift):
            return phi.pair_costs(y + h * shift, x)[0]

        assert np.allclose(derivative(cost, 1e-2), 2 * phi.pair_costs(y, x)[1][:, axis], atol=1e-6)
    z = np.random.default_rng(3).standard_normal((200_000, 4))
    values = (phi.pair_costs(z, np.zeros_like(z))[0] - 4) / 2
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(z))


@pytest.mark.slow
def test_together_they_cost_less_than_one_after_the_other(monkeypatch):
    rng = np.random.default_rng(5)
    z, held, fresh = (rng.standard_normal((n, 2)) for n in (2000, 500, 4000))
    given = [(each, monge(swirled(each, np.eye(2), peak=2.5))) for each in (z, held)]
    options = FitOptions(modes=8, align=False, geodesics=3)
    together = fit_to(*given, options)
    monkeypatch.setattr("eulerot.shooting.sweep_fit.SweepFit._refine", lambda self: None)
    alone = fit_to(*given, options)
    errors = [
        np.mean(np.sum((each.rearrangement.forward(fresh) - swirled(fresh, np.eye(2), peak=2.5)) ** 2, axis=1))
        for each in (together, alone)
    ]
    assert errors[0] < 0.7 * errors[1]
    assert together.geodesic_error <= 1e-3


class Counted(LinearFlow):
    """A flow that counts the latents that it maps."""

    mapped = 0

    def forward(self, z):
        type(self).mapped += len(z)
        return super().forward(z)


@pytest.mark.slow
def test_more_pairs_are_drawn_while_they_pay_and_only_then(monkeypatch):
    z = np.random.default_rng(0).standard_normal((1400, 2))
    data = monge(swirled(z, np.eye(2), peak=2.5))
    given = (z[:1000], data[:1000]), (z[1000:], data[1000:])
    asked = []

    def more(n):
        asked.append(n)
        latents = np.random.default_rng(len(asked)).standard_normal((n, 2))
        return latents, monge(swirled(latents, np.eye(2), peak=2.5))

    monkeypatch.setattr("eulerot.shooting.sweep_fit._MOST_PAIRS", 4000)
    found = fit_to(*given, FitOptions(modes=6, geodesics=2), more=more)
    assert asked == [3000] and found.n_train == 4000 and found.n_held_out == 400
    # nothing is to be gained by a rotation: no pairs are asked for
    asked.clear()
    still = fit_to((z[:1000], z[:1000]), (z[1000:], z[1000:]), FitOptions(modes=6), more=more)
    assert asked == [] and still.n_train == 1000


@pytest.mark.slow
def test_a_fit_begins_with_a_part_of_many_pairs_and_says_how_many_were_enough(monkeypatch):
    z = np.random.default_rng(0).standard_normal((10_000, 2))
    z = z[np.argsort(z[:, 0])]  # the part must be no corner of the sample
    x = monge(swirled(z, np.eye(2), peak=1.5))
    whole = eulerot.fit(z, x, modes=8, geodesics=2)
    assert whole.n_train == 8750 and "were enough" not in whole.message
    monkeypatch.setattr("eulerot.shooting.sweep_fit._FIRST", 1000)
    part = eulerot.fit(z, x, modes=8, geodesics=2)
    assert part.n_train == 8750 and "were enough" not in part.message  # eight times as many are asked for once
    assert part.cost_after < whole.cost_after + 0.01 * (whole.cost_before - whole.cost_after)
    monkeypatch.setattr("eulerot.shooting.sweep_fit._PAYS", 1.0)
    first = eulerot.fit(z, x, modes=8, geodesics=2)
    assert first.n_train == 1000 and first.n_held_out == 1250
    assert first.message.endswith("1000 pairs were enough: 7750 more promised to gain next to nothing.")


def test_held_out_pairs_are_no_part_of_the_sequence_of_the_others():
    # of one low-discrepancy sequence, the held-out points have too much of what the others have too little of
    seen = []

    class Flow(LinearFlow):
        def forward(self, z):
            seen.append(np.array(z))
            return super().forward(z)

    eulerot.rearrange(Flow([[0.0, -1.0], [2.0, 0.0]], [0.0, 0.0]), n_pairs=512, modes=3, check=False, max_iterations=2)
    train, held = seen[0][:448], seen[0][448:]
    assert len(held) == 64
    again = eulerot.latent.source.normal_points(512, 2)
    assert np.array_equal(train, again[:448]) and not np.any(np.isin(held, again))
