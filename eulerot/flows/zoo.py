"""Small trained flows that ship with the package, and a linear one, for examples and tests."""

from __future__ import annotations

from importlib.resources import files
from typing import IO

import numpy as np

from eulerot.flows.linear import LinearFlow
from eulerot.flows.spline import SplineFlow, SplineTransform

__all__ = ["load", "names", "read"]

_WEIGHTS = files("eulerot.flows") / "weights"


def names() -> tuple[str, ...]:
    """Return the names that `load` takes.

    Returns
    -------
    tuple of str
        The names, sorted.

    See Also
    --------
    eulerot.zoo.load : Load a flow that ships with the package.

    Examples
    --------
    >>> names()
    ('checkerboard', 'digits', 'eight_gaussians', 'linear', 'pinwheel', 'trefoil', 'two_moons')
    """
    trained = [entry.name.removesuffix(".npz") for entry in _WEIGHTS.iterdir() if entry.name.endswith(".npz")]
    return tuple(sorted([*trained, "linear"]))


def load(name: str) -> SplineFlow | LinearFlow:
    """Load a flow of the zoo.

    Parameters
    ----------
    name : str
        One of `names`. All but ``"linear"`` are neural spline flows trained by maximum likelihood alone, in the plane
        but for ``"trefoil"``, a knot in space, and ``"digits"``, ten latents of an autoencoder of handwritten digits.

    Returns
    -------
    SplineFlow or LinearFlow
        The flow.

    Raises
    ------
    ValueError
        If there is no such flow.

    See Also
    --------
    eulerot.zoo.names : The names of these flows.
    eulerot.flow : Make a flow of a model.

    Examples
    --------
    >>> flow = load("two_moons")
    >>> flow.sample(3, seed=0).shape
    (3, 2)
    """
    if name not in names():
        raise ValueError(f"name: expected one of {', '.join(names())}; got {name!r}. Choose one of them.")
    if name == "linear":
        return LinearFlow([[0.6, -1.4], [1.2, 0.8]], [1.0, -0.5])
    with (_WEIGHTS / f"{name}.npz").open("rb") as file:
        return read(file, name)


def read(file: IO[bytes], name: str) -> SplineFlow:
    """Read a neural spline flow whose weights are kept as those of the zoo are, by `validation/zoo/train.py`.

    Parameters
    ----------
    file : file
        Open for reading, in NPZ format.
    name : str
        What to call the flow.

    Examples
    --------
    >>> with (_WEIGHTS / "pinwheel.npz").open("rb") as file:
    ...     read(file, "arms").name
    'arms'
    """
    with np.load(file, allow_pickle=False) as arrays:
        transforms: list[SplineTransform] = []
        while f"weight_{len(transforms)}_0" in arrays:
            layers: list[tuple[np.ndarray, np.ndarray]] = []
            while (key := f"{len(transforms)}_{len(layers)}") and f"weight_{key}" in arrays:
                layers.append((arrays[f"weight_{key}"].astype(float), arrays[f"bias_{key}"].astype(float)))
            transforms.append(SplineTransform(tuple(layers)))
        return SplineFlow(name, transforms[0].layers[0][0].shape[1], tuple(transforms), float(arrays["nll"]))
