"""Run one solver for some steps in this process, on request from `runs.py`; needs only NumPy and that solver.

Each function takes a field on the grid, the vorticity in two dimensions and the velocity in three, a step and their
number, and returns a `Run`: a call that makes all steps from that field by the scheme that users of the solver take,
with the energy after each, and returns the energies; and one that returns the field at the end of the last run.
Viscosity, drag and forcing are off, numbers are double precision.
"""

from __future__ import annotations

import numpy as np
from peer_worker import TWO_PI, Run, fluidsim_params, serve_runs


def eulerot(field: np.ndarray, dt: float, steps: int) -> Run:
    """Return a solve of this package, all that it measures at each step included."""
    from eulerot import Grid, solve_euler

    grid, ends = Grid(field.shape if field.ndim == 2 else field.shape[1:]), list[np.ndarray]()

    def solve() -> np.ndarray:
        solution = solve_euler(field, grid, time=dt * steps, steps=steps, tail_limit=None)
        ends[:] = [solution.field]
        return solution.energy[1:]

    return Run(solve, lambda: ends[0])


def exponax(field: np.ndarray, dt: float, steps: int) -> Run:
    """Return a run of exponax, by its exponential Runge-Kutta scheme of order four."""
    import exponax as ex
    import jax

    jax.config.update("jax_enable_x64", True)
    n, dim = len(field.T), 2 if field.ndim == 2 else 3
    kind = ex.stepper.NavierStokesVorticity if dim == 2 else ex.stepper.NavierStokesVelocity
    stepper = kind(dim, TWO_PI, n, dt, diffusivity=0.0, order=4)
    sign = -1.0 if dim == 2 else 1.0  # its velocity has the other sign for a vorticity
    start = ex.fft(jax.numpy.asarray(sign * field).reshape(-1, *[n] * dim), num_spatial_dims=dim)

    def on_grid(state: object) -> object:
        return sign * ex.ifft(state, num_spatial_dims=dim, num_points=n)

    return _jax_run(stepper.step_fourier, start, steps, n, dim, on_grid)


def jax_cfd(vorticity: np.ndarray, dt: float, steps: int) -> Run:
    """Return a run of jax-cfd, by its Runge-Kutta scheme of five stages; two dimensions only."""
    import jax

    jax.config.update("jax_enable_x64", True)
    from jax_cfd.base.grids import Grid
    from jax_cfd.spectral.equations import NavierStokes2D
    from jax_cfd.spectral.time_stepping import crank_nicolson_rk4

    grid = Grid(vorticity.shape, domain=((0, TWO_PI), (0, TWO_PI)))
    step = crank_nicolson_rk4(NavierStokes2D(viscosity=0.0, grid=grid, smooth=True), dt)
    start = jax.numpy.fft.rfftn(jax.numpy.asarray(vorticity))
    return _jax_run(step, start, steps, len(vorticity), 2, jax.numpy.fft.irfftn)


def torch_cfd(vorticity: np.ndarray, dt: float, steps: int) -> Run:
    """Return a run of torch-cfd, by its Runge-Kutta scheme of five stages; two dimensions only."""
    import torch

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    from torch_cfd.grids import Grid
    from torch_cfd.spectral import NavierStokes2DSpectral, RK4CrankNicolsonStepper

    grid = Grid(vorticity.shape, domain=((0, TWO_PI), (0, TWO_PI)))
    equation = NavierStokes2DSpectral(viscosity=0.0, grid=grid, smooth=True)
    stepper, start = RK4CrankNicolsonStepper(), torch.fft.rfft2(torch.as_tensor(vorticity))
    weights, ends = torch.as_tensor(_energy_weights(len(vorticity), 2)), list[torch.Tensor]()

    @torch.inference_mode()
    def run() -> np.ndarray:
        state, energies = start, []
        for _ in range(steps):
            state = stepper(state, dt, equation)
            energies.append(float(torch.sum(weights * torch.abs(state) ** 2)))
        ends[:] = [state]
        return np.array(energies)

    return Run(run, lambda: torch.fft.irfft2(ends[0]).numpy())


def fluidsim(field: np.ndarray, dt: float, steps: int) -> Run:
    """Return a run of fluidsim, by the classical Runge-Kutta scheme."""
    dim, (solver, params) = 2 if field.ndim == 2 else 3, fluidsim_params(field)
    params.time_stepping.USE_CFL, params.time_stepping.deltat0 = False, dt
    params.time_stepping.type_time_scheme = "RK4"
    params.init_fields.type = "in_script"
    params.output.HAS_TO_SAVE = False
    simulation = solver.Simul(params)
    # its arrays are (z, y, x): the components go in backwards with the axes, and a vorticity has the other sign
    fields = {"rot_fft": -field} if dim == 2 else {f"v{axis}_fft": field[i] for i, axis in enumerate("zyx")}
    start = {name: simulation.oper.fft(values) for name, values in fields.items()}

    def run() -> np.ndarray:
        simulation.state.init_statespect_from(**start)
        energies = []
        for _ in range(steps):
            simulation.time_stepping.one_time_step_computation()
            energies.append(simulation.output.compute_energy())
        return np.array(energies)

    def on_grid() -> np.ndarray:
        values = [simulation.oper.ifft(each) for each in simulation.state.state_spect]
        return -values[0] if dim == 2 else np.stack(values[::-1])

    return Run(run, on_grid)


def pyqg(vorticity: np.ndarray, dt: float, steps: int) -> Run:
    """Return a run of pyqg, barotropic without beta, by Adams and Bashforth's scheme of order three; in the plane."""
    from pyqg import BTModel

    weights, models = _energy_weights(len(vorticity), 2), list[BTModel]()

    def run() -> np.ndarray:
        model = BTModel(nx=len(vorticity), L=TWO_PI, beta=0.0, rek=0.0, log_level=0, ntd=1, dt=dt, taveint=1e9)
        model.q = -vorticity[None]  # its arrays are (y, x), in which a vorticity has the other sign
        energies = []
        for _ in range(steps):
            model._step_forward()
            energies.append(float(np.sum(weights * np.abs(model.qh[0]) ** 2)))
        models[:] = [model]
        return np.array(energies)

    return Run(run, lambda: -models[0].q[0])


def _jax_run(step: object, start: object, steps: int, n: int, dim: int, on_grid: object) -> Run:
    """Return a run by a step of coefficients, compiled with the energy after it."""
    import jax

    weights, ends = jax.numpy.asarray(_energy_weights(n, dim)), []

    @jax.jit
    def stepped(state: object) -> tuple[object, object]:
        state = step(state)
        return state, jax.numpy.sum(weights * jax.numpy.abs(state) ** 2)

    def run() -> np.ndarray:
        state, energies = start, []
        for _ in range(steps):
            state, energy = stepped(state)
            energies.append(float(energy))
        ends[:] = [state]
        return np.array(energies)

    return Run(run, lambda: np.asarray(on_grid(ends[0])))


def _energy_weights(n: int, dim: int) -> np.ndarray:
    """Return the weights of squared coefficients, half a spectrum: of vorticity in the plane, velocity in space."""
    full, half = np.fft.fftfreq(n, 1 / n), np.arange(n // 2 + 1.0)
    square = sum(k**2 for k in np.meshgrid(*[full] * (dim - 1), half, indexing="ij"))
    twice = np.where((half == 0) | (half == n // 2), 1.0, 2.0)
    return 0.5 * twice / (np.where(square > 0, square, np.inf) if dim == 2 else 1.0) / n ** (2 * dim)


if __name__ == "__main__":
    serve_runs({solver.__name__: solver for solver in (eulerot, exponax, jax_cfd, torch_cfd, fluidsim, pyqg)})
