"""Fits of several processes: the bits of one, errors of one for all, and one checkpoint."""

import os
import signal

import numpy as np
import pytest

from eulerot import LinearFlow, fit, rearrange
from eulerot._ranks import Ranks
from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import RK4
from eulerot.euler.trajectory import Trajectory
from eulerot.shooting.objective import Objective
from eulerot.shooting.parametrisation import Parametrisation

pytestmark = pytest.mark.mpi


def pairs(n, dim):
    z = np.random.default_rng(0).standard_normal((n, dim))
    return z, z + 0.4 * np.sin(2 * z[:, ::-1])


def check_same(one, other):
    """Check that two fits are equal to the last bit."""
    z = np.random.default_rng(5).standard_normal((100, one.rearrangement.dim))
    assert np.array_equal(one.rearrangement.forward(z), other.rearrangement.forward(z))
    costs = [[(stage.train_cost, stage.held_out_cost) for stage in each.history] for each in (one, other)]
    assert costs[0] == costs[1] and one.cost_after == other.cost_after and one.status == other.status


@pytest.mark.parametrize(("points", "particles"), [((12, 10), 9000), ((6, 7, 8), 4500), ((12, 10), 100)])
@pytest.mark.parametrize("memory", [2**29, 2**14])
def test_a_trajectory_and_its_adjoint_have_the_bits_of_one_process(comm, alone, points, particles, memory):
    grid = Grid(points, "cube")
    equation, rng = equation_of(grid), np.random.default_rng(0)
    start = equation.projected(0.1 * rng.standard_normal(equation.shape))
    phases, bar = rng.uniform(0.1, 1.5, (2, particles, grid.dim))

    def gradient(**options):
        return Trajectory(equation, RK4, 0.5, 3, memory=memory, **options).gradient(start, phases, None, bar)

    one = alone(gradient)
    with Ranks(comm) as ranks:
        several = gradient(ranks=ranks)
    assert np.array_equal(one[0], several[0]) and np.array_equal(one[1], several[1])


@pytest.mark.parametrize(
    ("n", "dim", "options"),
    [
        (300, 2, {"modes": 3, "geodesics": 2, "regularisation": 0.1}),
        (400, 2, {"modes": 3, "geodesics": 1, "axes": 0.3, "align": False, "regularisation": 0.03}),
        (600, 4, {"modes": 2, "geodesics": 1, "regularisation": 0.03}),
    ],
    ids=str,
)
def test_fits_have_the_bits_of_one_process(comm, alone, n, dim, options):
    settings = {"max_iterations": 2, "tolerance": 1e-2, "seed": 3, **options}
    one = alone(lambda: fit(*pairs(n, dim), threads=1, **settings))
    assert one.rearrangement.sweeps
    check_same(one, fit(*pairs(n, dim), comm=comm, **settings))


def test_twins_have_the_bits_of_one_process(comm, alone):
    flow = LinearFlow([[0.0, -2.0], [1.0, 0.0]], [1.0, 0.0])
    settings = {"n_pairs": 256, "modes": 3, "geodesics": 1, "axes": 0.3, "max_iterations": 2, "tolerance": 1e-2}
    one = alone(lambda: rearrange(flow, threads=1, **settings))
    check_same(one.fit, rearrange(flow, comm=comm, **settings).fit)
    # the seed of the first rank is that of all
    drawn = rearrange(flow, seed=None, comm=comm, check=False, **settings)
    assert len({each.cost_after for each in comm.allgather(drawn.fit)}) == 1


def test_an_error_and_other_arguments_on_one_rank(comm, monkeypatch):
    z, x = pairs(400, 2)
    last = comm.size - 1
    with monkeypatch.context() as patch:
        gradient = Parametrisation.gradient

        def failing(*arguments):
            if comm.rank == last:
                raise ZeroDivisionError("this one")
            return gradient(*arguments)

        patch.setattr(Parametrisation, "gradient", failing)
        with pytest.raises(ZeroDivisionError, match="this one"):
            fit(z, x, modes=4, comm=comm)
    if comm.size > 1:
        with pytest.raises(ValueError, match=r"^x: expected the same on all ranks; got another one on rank"):
            fit(z, x + (comm.rank == last), modes=4, comm=comm)
        with pytest.raises(ValueError, match=r"^modes: expected the same on all ranks"):
            fit(z, x, modes=4 + (comm.rank == last), comm=comm)
        with pytest.raises(ValueError, match=r"^modes: expected a positive whole number"):
            fit(z, x, modes=4 * (comm.rank != last), comm=comm)


def test_ctrl_c_on_one_rank_and_the_checkpoint_of_all(comm, alone, monkeypatch, tmp_path):
    path = comm.bcast(tmp_path / "fit.checkpoint")
    z, x = pairs(300, 2)
    settings = {"modes": 3, "geodesics": 2, "max_iterations": 3, "tolerance": 1e-2, "regularisation": 0.1}
    whole = alone(lambda: fit(z, x, threads=1, **settings))
    evaluate, calls = Objective.__call__, 0

    def interrupting(*arguments):
        nonlocal calls
        calls += 1
        if calls == 4 and comm.rank == comm.size - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return evaluate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Objective, "__call__", interrupting)
        stopped = fit(z, x, checkpoint=path, comm=comm, **settings)
    assert stopped.status == "interrupted" and calls <= 5
    assert len({tuple(each) for each in comm.allgather([stage.iterations for stage in stopped.history])}) == 1
    assert path.exists()
    comm.Barrier()
    check_same(whole, fit(z, x, checkpoint=path, comm=comm, **settings))
    check_same(
        whole, alone(lambda: fit(z, x, checkpoint=path, threads=1, **settings))
    )  # one process reads what several wrote
