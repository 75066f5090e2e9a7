"""Central differences, to hold exact derivatives against."""

import numpy as np


def derivative(function, step):
    """Return the derivative at zero of a function of one number, with an error of fourth order in the step."""

    def central(h):
        return (function(h) - function(-h)) / (2 * h)

    return (4 * central(step / 2) - central(step)) / 3


def jacobians(map_, points, step=1e-5):
    """Return the derivative of a map at each point, the last axis that of the coordinates; second order in the step."""
    shifts = step * np.eye(points.shape[1])
    return np.stack([(map_(points + shift) - map_(points - shift)) / (2 * step) for shift in shifts], axis=-1)
