"""One solver's three-dimensional tendency, timed on request from `peers.py`; see `peer_2d.py`."""

from __future__ import annotations

from peer_protocol import Case, serve, velocity_problem

TWO_PI = 6.283185307179586


def eulerot(velocity) -> Case:
    from eulerot_side import tendency_on_grid

    return Case(*tendency_on_grid(velocity))


def exponax(velocity) -> Case:
    import exponax as ex
    import jax

    jax.config.update("jax_enable_x64", True)
    n = velocity.shape[-1]
    derivative = ex.spectral.build_derivative_operator(3, TWO_PI, n)
    nonlinear = ex.nonlin_fun.ProjectedConvection3d(3, n, derivative_operator=derivative, dealiasing_fraction=2 / 3)
    run = jax.jit(lambda field_hat: nonlinear(field_hat))
    field_hat = ex.fft(jax.numpy.asarray(velocity), num_spatial_dims=3)
    return Case(
        lambda: run(field_hat).block_until_ready(),
        lambda: ex.ifft(run(field_hat), num_spatial_dims=3, num_points=n),
    )


def fluidsim(velocity) -> Case:
    import numpy as np
    from fluidsim.solvers.ns3d.solver import Simul

    params = Simul.create_default_params()
    params.oper.nx = params.oper.ny = params.oper.nz = velocity.shape[-1]
    params.oper.Lx = params.oper.Ly = params.oper.Lz = TWO_PI
    params.oper.coef_dealiasing = 2 / 3
    params.oper.type_fft = "fft3d.with_pyfftw"
    params.init_fields.type = "in_script"
    params.output.HAS_TO_SAVE = False
    simulation = Simul(params)
    # its arrays are (z, y, x): the components go in backwards with the axes
    hats = {f"v{axis}_fft": simulation.oper.fft(velocity[i]) for i, axis in enumerate("zyx")}
    simulation.state.init_statespect_from(**hats)
    state, old = simulation.state.state_spect.copy(), simulation.state.state_spect.copy()
    run = lambda: simulation.tendencies_nonlin(state, old=old)  # noqa: E731
    return Case(run, lambda: np.stack([simulation.oper.ifft(component) for component in run()][::-1]))


if __name__ == "__main__":
    serve({f.__name__: f for f in (eulerot, exponax, fluidsim)}, velocity_problem)
