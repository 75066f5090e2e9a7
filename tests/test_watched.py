"""Particles that take fewer steps where these are enough: what raises doubts, and what comes of it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from fields import random_field
from naive_steps import carried, naive_steps

from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.particles import watched
from eulerot.euler.particles.advection import Advection
from eulerot.euler.particles.schemes import adams
from eulerot.euler.particles.watched import WatchedAdvection, few_steps
from eulerot.latent.chart import chart_distance, to_box

GRIDS = [Grid.from_modes(5), Grid.from_modes(4, domain="torus"), Grid((6, 6, 6), "cube")]
on_every_grid = pytest.mark.parametrize("grid", GRIDS, ids=str)
distance = partial(chart_distance, domain="cube")
rng = np.random.default_rng(7)
LATENTS = np.concatenate([rng.standard_normal((3000, 2)), 2.5 * rng.standard_normal((300, 2))])


def corrections(advection, phases):
    """By how much steps correct each particle at most, of the sine of its angle with the nearest wall: naively."""
    most = np.zeros(len(phases))
    for stages, seen in naive_steps(advection, phases):
        if stages == 1:
            predicted, corrected = seen
            sine = np.abs(np.sin(predicted)) if advection.grid.walls else 1.0
            most = np.maximum(most, np.max(np.abs(corrected - predicted) / sine, axis=1))
    return most


@pytest.fixture(scope="module")
def geodesic():
    """A field of as many modes as those of fits have, in steps that are enough for 1e-9."""
    grid = Grid.from_modes(20)
    field = 40 * random_field(grid, decay=1.0)
    return Geodesic.from_coefficients(field, grid, steps=24, field_steps=60, multistep=True, few_steps=11)


def in_doubt(corrections, tolerance):
    return corrections > watched._CORRECTED * tolerance


@on_every_grid
def test_corrections_against_their_definition(grid):
    advection, phases = carried(grid, adams(14, 0.03), margin=0.01)
    ends, found = advection.advance_watched(phases)
    expected = corrections(advection, phases)
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-14) and expected.min() > 0
    assert np.array_equal(ends, advection.advance(phases))


@on_every_grid
def test_those_in_doubt_take_all_steps(grid):
    (few, phases), (whole, _) = (
        carried(grid, adams(14, 0.03), margin=0.01),
        carried(grid, adams(28, 0.015), margin=0.01),
    )
    ends, found = few.advance_watched(phases)
    tolerance = np.median(found) / watched._CORRECTED
    both = WatchedAdvection(grid, whole.carriers, whole.steps, few=few, tolerance=tolerance)
    expected = np.where(in_doubt(found, tolerance)[:, None], whole.advance(phases), ends)
    assert np.array_equal(both.advance(phases), expected)
    assert np.array_equal(both.advance(phases[30:31]), expected[30:31])
    assert np.array_equal(replace(both, threads=2).advance(phases), expected)
    # all else is that of all steps
    assert np.array_equal(both.advance_jacobian(phases)[1], whole.advance_jacobian(phases)[1])
    assert np.array_equal(both.log_abs_det(phases), whole.log_abs_det(phases))
    coarse = both.coarser()
    assert (coarse.margin, coarse.few.margin) == (whole.coarser().margin, few.coarser().margin)


def test_maps_are_within_the_tolerance_where_few_steps_are_not(geodesic):
    phases, flow_map = to_box(LATENTS), geodesic.flow_map
    finest = geodesic.in_steps(60, 120).flow_map.advance(phases)
    ends, found = flow_map.few.advance_watched(phases)
    assert distance(flow_map.advance(phases), finest) < 1e-9
    assert distance(ends, finest) > 1e-8
    assert 0.01 < in_doubt(found, 1e-9).mean() < 0.3
    # the inverse is as accurate, starts there aside
    back = geodesic.inverse_flow_map
    exact = geodesic.in_steps(60, 60).inverse_flow_map.advance(phases)
    assert distance(back.advance(phases), exact) < 1e-9 < distance(back.few.advance(phases), exact)


@pytest.mark.parametrize("tolerance", [1e-6, 1e-8, 1e-10])
def test_corrections_tell_the_error(geodesic, tolerance):
    # of so few steps that many are wrong: no error above the tolerance without a doubt, and no idle doubts
    phases = to_box(LATENTS)
    finest = geodesic.in_steps(60, 60).flow_map.advance(phases)
    for steps in (8, 12, 16):
        ends, found = geodesic.in_steps(steps, 60, multistep=True).flow_map.advance_watched(phases)
        doubtful = in_doubt(found, tolerance)
        assert (~doubtful).sum() > 10 and distance(ends[~doubtful], finest[~doubtful]) < tolerance
        errors = np.array([distance(*pair) for pair in zip(ends[:, None], finest[:, None], strict=True)])
        assert doubtful.mean() < 0.02 + np.mean(errors > 0.01 * tolerance)


def test_the_best_number_is_found_from_two_others(geodesic):
    phases = to_box(LATENTS)

    def found(steps):
        return geodesic.in_steps(steps, 60, multistep=True).flow_map.advance_watched(phases)[1]

    def cost(steps):
        return watched._WATCHED * steps + watched._AGAIN * 24 * in_doubt(found(steps), 1e-9).mean()

    best = few_steps({count: found(count) for count in (18, 27)}, 24, 1e-9)
    assert best == few_steps({count: found(count) for count in (40, 27, 18)}, 24, 1e-9)
    assert 9 < best < 17 and cost(best) < 1.03 * min(map(cost, range(8, 24)))
    # none if all are in doubt, or nobody but in steps that are hardly fewer
    assert few_steps({count: 1.0 + 0 * found(count) for count in (18, 27)}, 24, 1e-9) is None
    assert few_steps({18: found(18), 27: found(27)}, 10, 1e-12) is None
    assert few_steps({3: found(3), 5: found(5)}, 3, 1e-9) is None
    # those that stay where they are take the fewest, without a warning
    still = np.zeros(10)
    assert few_steps({18: still, 27: still}, 24, 1e-9) == 3


def test_few_steps_are_tried_only_by_several_steps(geodesic):
    for other in ({"few_steps": None}, {"few_steps": 24}, {"multistep": False}):
        assert type(replace(geodesic, **other).flow_map) is Advection
    (part,) = geodesic.parts([0.5])
    assert (part.steps, part.few_steps, part.tolerance) == (12, 6, 1e-9)
    assert type(part.flow_map) is WatchedAdvection
