"""What processes exchange: parts, how much of a spectrum, and Ctrl-C to all of them."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from processes import ROOT

from eulerot._ranks import Ranks
from eulerot.euler.grid import Grid
from eulerot.euler.shared_grid import shared
from eulerot.euler.transforms.exchange import Exchange, as_numbers

pytestmark = pytest.mark.mpi


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
def test_parts_are_joined_in_order(comm, count):
    whole = np.arange(3.0 * count).reshape(count, 3)
    with Ranks(comm) as ranks:
        edges = ranks.edges(count)
        own = whole[edges[ranks.number] : edges[ranks.number + 1]]
        assert edges[0] == 0 and edges[-1] == count and max(np.diff(edges)) - min(np.diff(edges)) <= 1
        assert np.array_equal(ranks.joined(own), whole)
        assert np.array_equal(ranks.joined(own.T.copy(), axis=1), whole.T)
        assert np.array_equal(ranks.joined(own.astype(complex) * 1j), whole * 1j)
        assert ranks.largest(float(ranks.number)) == comm.size - 1


@pytest.mark.parametrize(
    ("grid", "plain"),
    [
        (Grid((96, 96, 96)), 96 * 96 * 49 * 16),
        (Grid((512, 512)), 512 * 257 * 16),
        (Grid((96, 96, 96), "cube"), 96**3 * 8),
    ],
    ids=str,
)
def test_of_a_spectrum_only_what_truncation_leaves_is_exchanged(comm, grid, plain):
    from mpi4py import MPI

    with Ranks(comm) as ranks:
        mine = shared(grid, ranks)
        edges = ranks.edges(grid.points[0])
        shape = 1, edges, mine.column_edges, mine.shape_hat[2:]
        exchange = Exchange(ranks, *shape, grid.dtype_hat, "scipy")
        if comm.size == 1:
            return
        values = np.random.default_rng(ranks.number).standard_normal((grid.points[0], *mine.shape_hat[1:]))
        values = values.astype(grid.dtype_hat)
        for span, part in exchange.columns:
            part[0] = as_numbers(values[span], 1)
        exchange.to_rows()
        whole = ranks.joined(values, 1)[edges[ranks.number] : edges[ranks.number + 1]]
        rows = exchange.rows
        each = np.arange(values.itemsize * int(np.prod(values.shape[2:])) // 8)  # numbers of a column
        places = rows.bases[0][:, None] + rows.strides[:, None] * np.arange(rows.count)[:, None, None] + each
        assert np.array_equal(rows.numbers[places], as_numbers(whole, 2))
        for rank, (_, part) in enumerate(exchange.columns):
            part[...] = part if rank == ranks.number else 0.0
        exchange.to_columns()
        assert all(np.array_equal(part[0], as_numbers(values[span], 1)) for span, part in exchange.columns)
        sent = sum(part.nbytes for _, part in exchange.columns)  # what stays counted in
        total = comm.allreduce(sent, MPI.SUM)
    assert total == grid.points[0] * np.prod(grid.shape_hat[1:]) * np.dtype(grid.dtype_hat).itemsize
    assert total < {("torus", 3): 0.46, ("torus", 2): 0.67, ("cube", 3): 0.46}[grid.domain, grid.dim] * plain


SOLVE = """
import sys
import numpy as np
from mpi4py import MPI
import eulerot
grid = eulerot.Grid((400, 400))
def seen(step):
    if step.number == 2 and MPI.COMM_WORLD.rank == 0:
        print("begun", flush=True)
field = np.cos(grid.mesh()[0]) + np.cos(2 * grid.mesh()[1])
solution = eulerot.solve_euler(field, grid, time=1000.0, callback=seen, comm=MPI.COMM_WORLD)
sys.stdout.write(f"{solution.status} {len(solution.times)}\\n")  # at once, lest two lines mix
"""


def test_ctrl_c_to_mpiexec_ends_all_alike(comm):
    if comm.size > 1:
        pytest.skip("starts processes of its own, once")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PMI", "HYD", "MPI"))}
    mpiexec = os.path.join(os.path.dirname(sys.executable), "mpiexec")
    process = subprocess.Popen(
        [mpiexec, "-n", "2", sys.executable, "-c", SOLVE], stdout=subprocess.PIPE, text=True,
        env=environment | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    lines = process.communicate(timeout=30)[0].splitlines()
    ends = [line for line in lines if line.startswith("interrupted")]
    assert process.returncode == 0 and len(ends) == 2 and ends[0] == ends[1]
