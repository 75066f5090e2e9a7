"""Numba loops for conditional planes: implicit midpoint steps of one stream function for each point, and their adjoint.

A point has the stream function ``psi = sum a_kl sin(k u_1) sin(l u_2)``, ``a_kl = share s E_kl / (k^2 + l^2)``, of its
vorticity coefficients ``E``, with ``s = (1 + |E|^2 / bound^2)^(-1/2)``; equation (28). A coordinate is held as the
distance ``v`` to the wall that it is next to at the start. Seen from the wall at pi it is a reflection, ``u = pi - v``,
which multiplies ``a_kl`` by ``(-1)^k`` and leaves the equations ``v_1' = psi_2``, ``v_2' = -psi_1`` as they are.
"""

from __future__ import annotations

import math

import numpy as np

from eulerot._compiled import compiled, inlined

_FAST = {"contract", "nsz", "reassoc"}
_part = inlined(fastmath=_FAST)
# Newton's method ends where a step is so small, relative to the distance of the walls: its square is below rounding
_SMALL, _MOST = 1e-8, 40


@_part
def _workspace(modes):
    """Return the arrays of a point: coefficients and their derivative, sines and cosines of both coordinates."""
    waves = np.empty(modes), np.empty(modes), np.empty(modes), np.empty(modes)
    return np.empty((modes, modes)), np.empty((modes, modes)), waves


@_part
def _saturation(vorticity, bound):
    """Return ``s``."""
    modes, square = len(vorticity), 0.0
    for k in range(modes):
        for m in range(modes):
            square += vorticity[k, m] * vorticity[k, m]
    return 1.0 / math.sqrt(1.0 + square / (bound * bound))


@_part
def _stream(vorticity, factor, first, second, coefs):
    """Fill `coefs` with the stream function's, as they are seen from the walls of these signs."""
    modes, outer = len(coefs), factor
    for k in range(modes):
        outer *= first
        inner = outer
        for m in range(modes):
            inner *= second
            coefs[k, m] = inner * vorticity[k, m] / ((k + 1) * (k + 1) + (m + 1) * (m + 1))


@_part
def _wave(v, sines, cosines):
    """Fill the sines and cosines of all multiples of an angle."""
    sine, cosine = math.sin(v), math.cos(v)
    sines[0], cosines[0] = sine, cosine
    for k in range(1, len(sines)):
        sines[k] = sines[k - 1] * cosine + cosines[k - 1] * sine
        cosines[k] = cosines[k - 1] * cosine - sines[k - 1] * sine


@_part
def _derivatives(coefs, v, w, waves):
    """Return the derivatives of the stream function: by `v`, by `w`, and of second order, by both in the middle."""
    (sin_v, cos_v, sin_w, cos_w), modes = waves, len(coefs)
    _wave(v, sin_v, cos_v)
    _wave(w, sin_w, cos_w)
    by_v = by_w = by_vv = by_vw = by_ww = 0.0
    for k in range(modes):
        value = slope = bend = 0.0
        for m in range(modes):
            number = m + 1.0
            value += coefs[k, m] * sin_w[m]
            slope += number * coefs[k, m] * cos_w[m]
            bend += number * number * coefs[k, m] * sin_w[m]
        number = k + 1.0
        by_v += number * cos_v[k] * value
        by_w += sin_v[k] * slope
        by_vv -= number * number * sin_v[k] * value
        by_vw += number * cos_v[k] * slope
        by_ww -= sin_v[k] * bend
    return by_v, by_w, by_vv, by_vw, by_ww


@_part
def _middle(coefs, half, v, w, waves):
    """Return the midpoint of a step, ``m = q + half J grad psi(m)``, by Newton's method, and whether it was found."""
    by_v, by_w, _, _, _ = _derivatives(coefs, v, w, waves)
    at_v, at_w = v + half * by_w, w - half * by_v
    for _ in range(_MOST):
        by_v, by_w, by_vv, by_vw, by_ww = _derivatives(coefs, at_v, at_w, waves)
        left_v, left_w = at_v - half * by_w - v, at_w + half * by_v - w
        determinant = 1.0 + half * half * (by_vv * by_ww - by_vw * by_vw)
        step_v = ((1.0 + half * by_vw) * left_v + half * by_ww * left_w) / determinant
        step_w = ((1.0 - half * by_vw) * left_w - half * by_vv * left_v) / determinant
        at_v -= step_v
        at_w -= step_w
        if abs(step_v) <= _SMALL * abs(at_v) and abs(step_w) <= _SMALL * abs(at_w):
            return at_v, at_w, True
    return at_v, at_w, False


@_part
def _signed(v, side):
    """Return the signed distance of the nearest wall, for a distance from the wall of this side."""
    if v <= 0.5 * math.pi:
        return side * max(v, 1e-300)
    return -side * max(math.pi - v, 1e-16)


@compiled(fastmath=_FAST)
def advance(vorticity, bound, share, steps, distances, middles):
    """Move points in place; return how many equations of steps were not solved.

    Parameters
    ----------
    vorticity : ndarray, shape (n, p, K, K)
        The vorticity coefficients of each point in each of its planes.
    bound : float
        What the saturation keeps their norm below.
    share : float
        What the stream function is multiplied by; -1 for the inverse.
    steps : int
        Steps of the unit of time.
    distances : ndarray, shape (n, 2 p)
        Signed distances of the nearest walls, see `eulerot.latent.chart`.
    middles : ndarray, shape (n, p, steps, 2)
        Filled with the midpoints, as they are seen from the walls of the start.
    """
    planes, modes = vorticity.shape[1], vorticity.shape[2]
    coefs, _, waves = _workspace(modes)
    half, failed = 0.5 / steps, 0
    for i in range(len(vorticity)):
        for j in range(planes):
            v, w = distances[i, 2 * j], distances[i, 2 * j + 1]
            first, second = math.copysign(1.0, v), math.copysign(1.0, w)
            _stream(vorticity[i, j], share * _saturation(vorticity[i, j], bound), first, second, coefs)
            v, w = abs(v), abs(w)
            for step in range(steps):
                at_v, at_w, found = _middle(coefs, half, v, w, waves)
                failed += not found
                middles[i, j, step, 0], middles[i, j, step, 1] = at_v, at_w
                v, w = 2.0 * at_v - v, 2.0 * at_w - w
            distances[i, 2 * j], distances[i, 2 * j + 1] = _signed(v, first), _signed(w, second)
    return failed


@_part
def _step_back(coefs, half, at_v, at_w, bar_v, bar_w, waves, by_coefs):
    """Return the derivatives by the start of a step, given those by its end; add to those by the coefficients."""
    _, _, by_vv, by_vw, by_ww = _derivatives(coefs, at_v, at_w, waves)
    determinant = 1.0 + half * half * (by_vv * by_ww - by_vw * by_vw)
    push_v = 2.0 * ((1.0 + half * by_vw) * bar_v - half * by_vv * bar_w) / determinant
    push_w = 2.0 * ((1.0 - half * by_vw) * bar_w + half * by_ww * bar_v) / determinant
    sin_v, cos_v, sin_w, cos_w = waves
    for k in range(len(coefs)):
        along, across = half * push_v * sin_v[k], half * push_w * (k + 1) * cos_v[k]
        for m in range(len(coefs)):
            by_coefs[k, m] += along * (m + 1) * cos_w[m] - across * sin_w[m]
    return push_v - bar_v, push_w - bar_w


@compiled(fastmath=_FAST)
def pull_back(vorticity, bound, share, steps, start, middles, covectors, by_vorticity):
    """Take derivatives by the end of points' ways to those by their start, in place, and fill those by coefficients.

    Parameters
    ----------
    vorticity, bound, share, steps, middles
        As in `advance`.
    start : ndarray, shape (n, 2 p)
        Where the points were at first.
    covectors : ndarray, shape (n, 2 p)
        Derivatives by the coordinates of the box.
    by_vorticity : ndarray, shape (n, p, K, K)
        Filled.
    """
    planes, modes = vorticity.shape[1], vorticity.shape[2]
    coefs, by_coefs, waves = _workspace(modes)
    half = 0.5 / steps
    for i in range(len(vorticity)):
        for j in range(planes):
            saturation = _saturation(vorticity[i, j], bound)
            first, second = math.copysign(1.0, start[i, 2 * j]), math.copysign(1.0, start[i, 2 * j + 1])
            _stream(vorticity[i, j], share * saturation, first, second, coefs)
            by_coefs[:] = 0.0
            bar_v, bar_w = first * covectors[i, 2 * j], second * covectors[i, 2 * j + 1]
            for step in range(steps - 1, -1, -1):
                at_v, at_w = middles[i, j, step, 0], middles[i, j, step, 1]
                bar_v, bar_w = _step_back(coefs, half, at_v, at_w, bar_v, bar_w, waves, by_coefs)
            covectors[i, 2 * j], covectors[i, 2 * j + 1] = first * bar_v, second * bar_w
            # coefficients are linear in `by_coefs` up to the saturation, which depends on all of them
            _stream(by_coefs, share * saturation, first, second, by_vorticity[i, j])
            along = 0.0
            for k in range(modes):
                for m in range(modes):
                    along += by_vorticity[i, j, k, m] * vorticity[i, j, k, m]
            along *= saturation * saturation / (bound * bound)
            for k in range(modes):
                for m in range(modes):
                    by_vorticity[i, j, k, m] -= along * vorticity[i, j, k, m]
