"""One solver's two-dimensional tendency, timed on request from `peers.py`; needs only NumPy and that solver.

Every case takes the vorticity on the grid and returns three calls: run one tendency, wait for it where calls are
asynchronous, and fetch the last one on the grid. Viscosity, drag and forcing are off, numbers are double precision.
"""

from __future__ import annotations

from peer_protocol import Case, serve

TWO_PI = 6.283185307179586


def eulerot(vorticity) -> Case:
    from eulerot_side import tendency_on_grid

    return Case(*tendency_on_grid(vorticity))


def exponax(vorticity) -> Case:
    import exponax as ex
    import jax

    jax.config.update("jax_enable_x64", True)
    n = len(vorticity)
    derivative = ex.spectral.build_derivative_operator(2, TWO_PI, n)
    nonlinear = ex.nonlin_fun.VorticityConvection2d(2, n, derivative_operator=derivative, dealiasing_fraction=2 / 3)
    run = jax.jit(lambda field_hat: nonlinear(field_hat))
    field_hat = ex.fft(jax.numpy.asarray(vorticity)[None], num_spatial_dims=2)
    return Case(
        lambda: run(field_hat).block_until_ready(),
        lambda: ex.ifft(run(field_hat), num_spatial_dims=2, num_points=n)[0],
    )


def jax_cfd(vorticity) -> Case:
    import jax

    jax.config.update("jax_enable_x64", True)
    from jax_cfd.base.grids import Grid
    from jax_cfd.spectral.equations import NavierStokes2D

    grid = Grid(vorticity.shape, domain=((0, TWO_PI), (0, TWO_PI)))
    run = jax.jit(NavierStokes2D(viscosity=0.0, grid=grid, smooth=True).explicit_terms)
    field_hat = jax.numpy.fft.rfftn(jax.numpy.asarray(vorticity))
    return Case(lambda: run(field_hat).block_until_ready(), lambda: jax.numpy.fft.irfftn(run(field_hat)))


def torch_cfd(vorticity) -> Case:
    import torch

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    from torch_cfd.grids import Grid
    from torch_cfd.spectral import NavierStokes2DSpectral

    grid = Grid(vorticity.shape, domain=((0, TWO_PI), (0, TWO_PI)))
    equation = NavierStokes2DSpectral(viscosity=0.0, grid=grid, smooth=True)
    field_hat = torch.fft.rfft2(torch.as_tensor(vorticity))
    run = torch.inference_mode()(lambda: equation.explicit_terms(field_hat))
    return Case(run, lambda: torch.fft.irfft2(run()))


def fluidsim(vorticity) -> Case:
    from fluidsim.solvers.ns2d.solver import Simul

    params = Simul.create_default_params()
    params.oper.nx = params.oper.ny = len(vorticity)
    params.oper.Lx = params.oper.Ly = TWO_PI
    params.oper.coef_dealiasing = 2 / 3
    params.oper.type_fft = "fft2d.with_pyfftw"
    params.init_fields.type = "in_script"
    params.output.HAS_TO_SAVE = False
    simulation = Simul(params)
    simulation.state.init_statespect_from(rot_fft=simulation.oper.fft(vorticity))
    state, old = simulation.state.state_spect.copy(), simulation.state.state_spect.copy()
    run = lambda: simulation.tendencies_nonlin(state, old=old)  # noqa: E731
    return Case(run, lambda: simulation.oper.ifft(run()[0]))


def pyqg(vorticity) -> Case:
    from pyqg import BTModel

    model = BTModel(nx=len(vorticity), L=TWO_PI, beta=0.0, rek=0.0, log_level=0, ntd=1)
    model.q = vorticity[None].copy()
    field_hat = model.qh.copy()

    def run() -> None:
        model.qh = field_hat  # with the inverse transform to q, which a step takes too
        model._invert()
        model._do_advection()

    return Case(run, lambda: (run(), model.ifft(model.dqhdt.copy())[0])[1])


if __name__ == "__main__":
    serve({f.__name__: f for f in (eulerot, exponax, jax_cfd, torch_cfd, fluidsim, pyqg)})
