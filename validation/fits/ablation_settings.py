"""Define the settings of the ablation, and fit with them; what no option of a fit can change is changed by a patch."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from unittest import mock

import numpy as np
from scipy.optimize import OptimizeResult, minimize

import eulerot
from eulerot.latent.source import normal_points
from eulerot.shooting.initial_guess import InitialGuess
from eulerot.shooting.parametrisation import Parametrisation
from eulerot.shooting.potential import Potential, half_square

__all__ = ["FLOWS", "OF_ALL_FLOWS", "OF_ONE_FLOW", "fitted"]

FLOWS = ("pinwheel", "two_moons", "checkerboard", "eight_gaussians")
OF_ALL_FLOWS: dict[str, dict[str, dict]] = {
    "as it is": {"one geodesic": {}, "in the axes of the latent space": {"axes": 0.0}, "aligned": {"align": True}},
    "geodesics": {"2": {"geodesics": 2}},
}


def optimiser(**changed: float) -> dict:
    """Return options of L-BFGS in place of the fit's own."""
    return {"optimiser": changed}


def start(make: Callable[[InitialGuess, np.ndarray], np.ndarray]) -> dict:
    """Return options that start from other unknowns than those of the coarse fit."""
    return {"patches": [mock.patch.object(InitialGuess, "unknowns", make)]}


def at_rest(guess: InitialGuess, axes: np.ndarray) -> np.ndarray:
    """Return the unknowns of no motion."""
    return np.zeros(guess._objective(axes, guess.modes).size)


def at_random(guess: InitialGuess, axes: np.ndarray, *, seed: int) -> np.ndarray:
    """Return a smooth random field of kinetic energy 0.2, that of the maps which are sought."""
    objective = guess._objective(axes, guess.modes)
    theta = np.random.default_rng(seed).standard_normal(objective.size) / objective.grid.laplacian.ravel()
    return theta * math.sqrt(0.4 / float(theta @ theta))


palinstrophy = Parametrisation.stiffness


def enstrophy(parametrisation: Parametrisation) -> np.ndarray:
    """Return the weights of ``R = 1/2 mean |omega_0|^2``."""
    return np.sqrt(palinstrophy.__get__(parametrisation))


def no_control_variate(y: np.ndarray, x: np.ndarray, *_: object, **options: object) -> Potential:
    """Return the potential with which (12') is the cost itself."""
    return half_square(y.shape[1])


NORM = {"patches": [mock.patch.object(Parametrisation, "stiffness", property(enstrophy))]}
PLAIN = {"patches": [mock.patch("eulerot.shooting.objective.regressed_potential", no_control_variate)]}
REST = start(at_rest)
RANDOM = {f"random start, seed {i}": start(lambda c, axes, i=i: at_random(c, axes, seed=i)) for i in (1, 2)}
LONG = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
OF_ONE_FLOW: dict[str, dict[str, dict]] = {
    "as it is": {"one geodesic": {}}
    | {f"fitted to other pairs, seed {i}": {"seed": i} for i in (11, 12)}
    | {f"measured on other pairs, seed {i}": {"fresh": i} for i in (2, 3, 4, 5)},
    "modes": {str(k): {"modes": k} for k in (8, 12, 20, 24)},
    "geodesics": {str(m): {"geodesics": m} for m in (2, 3, 4)}
    | {f"{m}, aligned": {"geodesics": m, "align": True} for m in (1, 2, 3, 4)},
    "weight": {f"{w:.0e} alone": {"regularisation": w} for w in (1e-3, 1e-4, 1e-5, 1e-6)}
    | {"1e-02 .. 1e-07": {"regularisation": LONG}, "1e-02 .. 1e-07, from rest": {"regularisation": LONG, **REST}},
    "norm": {"enstrophy, 1e-2 .. 1e-4": {"regularisation": (1e-2, 1e-3, 1e-4), **NORM}},
    "steps": {str(n): {"steps": n} for n in (4, 16, 32)},
    "pairs": {str(n): {"n_pairs": n} for n in (512, 1024, 2048, 4096, 16384, 32768)},
    "independent": {str(n): {"n_pairs": n, "independent": True} for n in (512, 2048, 8192)},
    "held out": {f"{share:.0%}": {"held_out": share} for share in (0.05, 0.25, 0.5)},
    "control variate": {"none": PLAIN, "none, independent pairs": {"independent": True, **PLAIN}},
    "optimiser": {f"memory {m}": optimiser(maxcor=m) for m in (5, 10)}
    | {f"tolerance {t:.0e}": optimiser(ftol=t) for t in (1e-3, 1e-6, 1e-8)}
    | {f"at most {n} iterations": {"max_iterations": n} for n in (5, 10, 20)},
    "start": {"at rest": REST, **RANDOM},
    "axes": {f"{angle} degrees": {"axes": math.radians(angle)} for angle in (25, 35, 40, 45, 55)},
    "latent axes": {
        label: {"axes": 0.0, **options}
        for label, options in {
            "one geodesic": {},
            "24 modes": {"modes": 24},
            **RANDOM,
            "1e-02 .. 1e-07, from rest": {"regularisation": LONG, **REST},
            "enstrophy, 1e-2 .. 1e-4": {"regularisation": (1e-2, 1e-3, 1e-4), **NORM},
            "no control variate": PLAIN,
            "32768 pairs": {"n_pairs": 32768},
        }.items()
    },
}


def fitted(
    flow,
    *,
    n_pairs: int = 8192,
    independent: bool = False,
    seed: int = 0,
    optimiser: dict | None = None,
    patches: tuple | list = (),
    **options,
) -> tuple[eulerot.FitResult, int]:
    """Return a fit, and how often it evaluated (J, grad J), coarse fits aside."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n_pairs, 2)) if independent else normal_points(n_pairs, 2, seed)
    evaluations = 0

    def counted(*args, callback: Callable | None, options: dict, **keywords) -> OptimizeResult:
        nonlocal evaluations
        if callback is None:  # a coarse fit
            return minimize(*args, options=options, **keywords)
        found = minimize(*args, callback=callback, options={**options, **(optimiser or {})}, **keywords)
        evaluations += found.nfev
        return found

    with ExitStack() as stack:
        for patch in (mock.patch("eulerot.shooting.journal.minimize", counted), *patches):
            stack.enter_context(patch)
        strict = {"geodesics": 1, "align": False, "seed": seed, "tolerance": 1e-7}
        result = eulerot.fit(z, flow.forward(z), **strict | options)
    return result, evaluations
