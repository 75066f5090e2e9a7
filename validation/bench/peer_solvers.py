"""Build the tendency of one solver in this process, on request from `solvers.py`; needs only NumPy and that solver.

Each function takes a field on the grid, the vorticity in two dimensions and the velocity in three, and returns a
`Case`: a call that evaluates one tendency and waits for it, and one that returns it on the grid. Viscosity, drag and
forcing are off, numbers are double precision.
"""

from __future__ import annotations

import numpy as np
from peer_worker import TWO_PI, Case, fluidsim_params, serve


def eulerot(field: np.ndarray) -> Case:
    """Return the tendency of this package."""
    from eulerot_side import tendency_on_grid

    return Case(*tendency_on_grid(field))


def exponax(field: np.ndarray) -> Case:
    """Return the tendency of exponax, vorticity convection in 2-D and projected convection in 3-D."""
    import exponax as ex
    import jax

    jax.config.update("jax_enable_x64", True)
    n, dim = len(field.T), 2 if field.ndim == 2 else 3
    kinds = {2: ex.nonlin_fun.VorticityConvection2d, 3: ex.nonlin_fun.ProjectedConvection3d}
    derivative = ex.spectral.build_derivative_operator(dim, TWO_PI, n)
    nonlinear = kinds[dim](dim, n, derivative_operator=derivative, dealiasing_fraction=2 / 3)
    evaluate = jax.jit(lambda field_hat: nonlinear(field_hat))
    channels = jax.numpy.asarray(field).reshape(-1, *[n] * dim)
    field_hat = ex.fft(channels, num_spatial_dims=dim)
    return Case(
        lambda: evaluate(field_hat).block_until_ready(),
        lambda: ex.ifft(evaluate(field_hat), num_spatial_dims=dim, num_points=n),
    )


def jax_cfd(vorticity: np.ndarray) -> Case:
    """Return the tendency of jax-cfd; two dimensions only."""
    import jax

    jax.config.update("jax_enable_x64", True)
    from jax_cfd.base.grids import Grid
    from jax_cfd.spectral.equations import NavierStokes2D

    grid = Grid(vorticity.shape, domain=((0, TWO_PI), (0, TWO_PI)))
    evaluate = jax.jit(NavierStokes2D(viscosity=0.0, grid=grid, smooth=True).explicit_terms)
    field_hat = jax.numpy.fft.rfftn(jax.numpy.asarray(vorticity))
    return Case(lambda: evaluate(field_hat).block_until_ready(), lambda: jax.numpy.fft.irfftn(evaluate(field_hat)))


def torch_cfd(vorticity: np.ndarray) -> Case:
    """Return the tendency of torch-cfd; two dimensions only."""
    import torch

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    from torch_cfd.grids import Grid
    from torch_cfd.spectral import NavierStokes2DSpectral

    grid = Grid(vorticity.shape, domain=((0, TWO_PI), (0, TWO_PI)))
    equation = NavierStokes2DSpectral(viscosity=0.0, grid=grid, smooth=True)
    field_hat = torch.fft.rfft2(torch.as_tensor(vorticity))
    evaluate = torch.inference_mode()(lambda: equation.explicit_terms(field_hat))
    return Case(evaluate, lambda: torch.fft.irfft2(evaluate()))


def fluidsim(field: np.ndarray) -> Case:
    """Return the tendency of fluidsim."""
    dim, (solver, params) = 2 if field.ndim == 2 else 3, fluidsim_params(field)
    params.init_fields.type = "in_script"
    params.output.HAS_TO_SAVE = False
    simulation = solver.Simul(params)
    # its arrays are (z, y, x): the components go in backwards with the axes
    fields = {"rot_fft": field} if dim == 2 else {f"v{axis}_fft": field[i] for i, axis in enumerate("zyx")}
    simulation.state.init_statespect_from(**{name: simulation.oper.fft(values) for name, values in fields.items()})
    state, old = simulation.state.state_spect.copy(), simulation.state.state_spect.copy()

    def evaluate() -> np.ndarray:
        return simulation.tendencies_nonlin(state, old=old)

    return Case(evaluate, lambda: np.stack([simulation.oper.ifft(component) for component in evaluate()][::-1]))


def pyqg(vorticity: np.ndarray) -> Case:
    """Return the tendency of pyqg, barotropic without beta; two dimensions only."""
    from pyqg import BTModel

    model = BTModel(nx=len(vorticity), L=TWO_PI, beta=0.0, rek=0.0, log_level=0, ntd=1)
    model.q = vorticity[None].copy()
    field_hat = model.qh.copy()

    def evaluate() -> None:
        model.qh = field_hat  # with the inverse transform to q, which a step takes too
        model._invert()
        model._do_advection()

    return Case(evaluate, lambda: (evaluate(), model.ifft(model.dqhdt.copy())[0])[1])


if __name__ == "__main__":
    serve({solver.__name__: solver for solver in (eulerot, exponax, jax_cfd, torch_cfd, fluidsim, pyqg)})
