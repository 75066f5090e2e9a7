"""Where the names of other packages are documented: inventories for intersphinx, made from a list.

Their sites publish inventories of tens of thousands of names. The few that are meant here stand in this file, so that a
build asks nothing of the network.
"""

from __future__ import annotations

import zlib
from pathlib import Path

NUMPY = {
    "numpy.ndarray": ("py:class", "reference/generated/numpy.ndarray.html"),
    "numpy.random.default_rng": ("py:function", "reference/random/generator.html"),
    "numpy.random.Generator": ("py:class", "reference/random/generator.html"),
    "numpy.savez": ("py:function", "reference/generated/numpy.savez.html"),
    "array_like": ("std:term", "glossary.html"),
}
SCIPY = {
    "scipy.integrate.solve_ivp": ("py:function", "reference/generated/scipy.integrate.solve_ivp.html"),
    "scipy.optimize.minimize": ("py:function", "reference/generated/scipy.optimize.minimize.html"),
    "scipy.stats.qmc.Sobol": ("py:class", "reference/generated/scipy.stats.qmc.Sobol.html"),
    "scipy.fft": ("py:module", "reference/fft.html"),
}
POT = {
    "ot.emd": ("py:function", "all.html"),
    "ot.emd2": ("py:function", "all.html"),
}
TORCH = {
    "torch.nn.Module": ("py:class", "generated/torch.nn.Module.html"),
    "torch.Tensor": ("py:class", "tensors.html"),
    "torch.compile": ("py:function", "generated/torch.compile.html"),
    "torch.distributions.transforms.Transform": ("py:class", "distributions.html"),
}
SITES = {
    "numpy": ("https://numpy.org/doc/stable/", NUMPY),
    "scipy": ("https://docs.scipy.org/doc/scipy/", SCIPY),
    "ot": ("https://pythonot.github.io/", POT),
    "torch": ("https://docs.pytorch.org/docs/stable/", TORCH),
}


def inventory(name: str, objects: dict[str, tuple[str, str]]) -> bytes:
    """Return an inventory in the format of Sphinx, version 2."""
    head = (
        "# Sphinx inventory version 2",
        f"# Project: {name}",
        "# Version: ",
        "# The rest is compressed using zlib.",
        "",
    )
    anchors = {"std:term": "term-$", "py:module": "module-$"}
    lines = [f"{each} {role} 1 {page}#{anchors.get(role, '$')} -\n" for each, (role, page) in objects.items()]
    return "\n".join(head).encode() + zlib.compress("".join(lines).encode())


def mapping(folder: Path) -> dict[str, tuple[str, str]]:
    """Write the inventories into `folder` and return what intersphinx is to know."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, (site, objects) in SITES.items():
        path = folder / f"{name}.inv"
        path.write_bytes(inventory(name, objects))
        found[name] = (site, str(path))
    return found
