"""Compare a dozen and more results of this tree with those of an earlier commit, bit by bit.

    python validation/robustness/unchanged.py [--against 980ef3d]

The earlier commit is checked out into a scratch folder. Each tree computes all results in a process of its own, with a
Numba cache of its own, and the table says for each how many of its arrays have the same bits, and how far the others
are apart, relative to their largest value or to one.
"""

from __future__ import annotations

import argparse
import inspect
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
Arrays = dict[str, np.ndarray]


def _fitted(name: str, dim: int, n: int = 2048, **options: object) -> Arrays:
    import eulerot

    flow = eulerot.zoo.load(name)
    z = np.random.default_rng(1).standard_normal((n, dim))
    result = eulerot.fit(z, flow.forward(z), **_named(options))
    return {"history": np.array([s.held_out_cost for s in result.history]), **_map(result.rearrangement)}


def _named(options: dict[str, object]) -> dict[str, object]:
    """Return options by the names of the tree: `geodesics` was `segments`, and `sweeps` beyond three dimensions."""
    import eulerot

    sweeps = options.pop("most", None)
    known = inspect.signature(eulerot.fit).parameters
    if "geodesics" in known:
        return options | ({} if sweeps is None else {"geodesics": sweeps})
    if "geodesics" in options:
        options["segments"] = options.pop("geodesics")
    return options | ({} if sweeps is None else {"sweeps": sweeps})


def _map(rearrangement: object) -> Arrays:
    """Return what a rearrangement makes of latents, tails included."""
    rng = np.random.default_rng(2)
    dim = rearrangement.dim
    z = np.concatenate([rng.standard_normal((500, dim)), 3 * rng.standard_normal((50, dim))])
    if rearrangement.domain == "torus":
        z = np.remainder(z, 2 * np.pi) - np.pi
    return {
        "forward": rearrangement.forward(z), "inverse": rearrangement.inverse(z),
        "log_abs_det": rearrangement.log_abs_det(z), "path": rearrangement.path(z[:50], [0.0, 0.2, 0.5, 0.9, 1.0]),
    }  # fmt: skip


def _geodesic(points: tuple[int, ...], domain: str, **options: object) -> Arrays:
    import eulerot

    grid = eulerot.Grid(points, domain)
    mesh, side = grid.mesh(), grid.sides[0]
    field = sum(np.sin(k * mesh[0]) * np.sin((k + 1) * mesh[1]) / k for k in (1, 2, 3))
    if grid.dim == 3:
        field = np.stack([field * np.cos(mesh[2]), np.cos(mesh[0]) * field, np.sin(mesh[2]) * np.cos(mesh[1])])
    geodesic = eulerot.Geodesic(field, grid, time=0.7, **options)
    at = np.random.default_rng(3).uniform(0.05 * side, 0.95 * side, (300, grid.dim))
    by_field, by_start = geodesic.gradient(at, np.cos(at), field1_bar=field)
    return {
        "forward": geodesic.forward(at), "inverse": geodesic.inverse(at), "log_abs_det": geodesic.log_abs_det(at),
        "path": geodesic.path(at[:40], [0.0, 0.3, 0.3, 1.0]), "field1": geodesic.field1, "by_field": by_field,
        "by_start": by_start,
    }  # fmt: skip


def _solution(points: tuple[int, ...], domain: str, **options: object) -> Arrays:
    import eulerot

    grid = eulerot.Grid(points, domain)
    mesh = grid.mesh()
    field = np.cos(mesh[0]) * np.cos(2 * mesh[1]) + 0.6 * np.cos(2 * mesh[0]) * np.cos(mesh[1])
    if domain == "cube":
        field = np.sin(mesh[0]) * np.sin(2 * mesh[1]) + 0.5 * np.sin(3 * mesh[0]) * np.sin(mesh[1])
    if grid.dim == 3:
        x, y, z = mesh
        field = np.stack([np.sin(x) * np.cos(y) * np.cos(z), -np.cos(x) * np.sin(y) * np.cos(z), 0 * x])
    at = np.random.default_rng(4).uniform(0.1, 3.0, (100, grid.dim))
    s = eulerot.solve_euler(field, grid, time=0.8, particles=at, **options)
    named = {"field": s.field, "positions": s.positions, "energy": s.energy, "enstrophy": s.enstrophy, "tail": s.tail}
    return named | {"times": s.times, "spectrum": s.spectrum()[1]}


def _tables() -> Arrays:
    import eulerot

    z = np.random.default_rng(5).standard_normal((1024, 2))
    x = eulerot.zoo.load("two_moons").forward(z)
    tables = eulerot.fit(z, x, modes=8, align=True).rearrangement.tabulated()
    more = np.random.default_rng(6).standard_normal((3000, 2)) * [1.0, 3.0]
    return {"forward": tables.forward(more), "inverse": tables.inverse(more), "log_abs_det": tables.log_abs_det(more)}


def _file() -> Arrays:
    import eulerot

    z = np.random.default_rng(7).standard_normal((1024, 2))
    found = eulerot.fit(z, eulerot.zoo.load("pinwheel").forward(z), modes=6).rearrangement
    with tempfile.TemporaryDirectory() as folder:
        found.save(Path(folder) / "map")
        return _map(eulerot.Rearrangement.load(Path(folder) / "map"))


def _angles() -> Arrays:
    import eulerot

    z = np.random.default_rng(8).uniform(-np.pi, np.pi, (2048, 2))
    x = np.remainder(z + 0.4 * np.sin(z[:, ::-1]) + [1.0, -0.5] + np.pi, 2 * np.pi) - np.pi
    result = eulerot.fit(z, x, domain="torus", modes=6)
    return _map(result.rearrangement)


def _report() -> Arrays:
    import eulerot

    twin = eulerot.rearrange(eulerot.zoo.load("linear"), n_pairs=1024, modes=4)
    report = twin.report(600)
    names = ("density_error", "asymmetry_before", "asymmetry_after", "cost", "exact", "excess", "lower_bound")
    return {"report": np.array([getattr(report, name) for name in names]), "sample": twin.sample(100, seed=3)}


def _knothe() -> Arrays:
    import eulerot

    flow = eulerot.knothe_flow(lambda x: -0.25 * np.sum(x**4, axis=1) - np.prod(x, axis=1), dim=2, normalised=False)
    z = np.random.default_rng(9).standard_normal((200, 2))
    return {"forward": flow.forward(z), "inverse": flow.inverse(z)}


RESULTS: dict[str, Callable[[], Arrays]] = {
    "fit, plane": lambda: _fitted("two_moons", 2, modes=12, align=False),
    "fit, plane, aligned": lambda: _fitted("eight_gaussians", 2, modes=10),
    "fit, plane, three geodesics": lambda: _fitted("checkerboard", 2, modes=8, geodesics=3, align=False),
    "fit, plane, axes given": lambda: _fitted("pinwheel", 2, modes=8, axes=0.3, align=False),
    "fit, space": lambda: _fitted("trefoil", 3, modes=5),
    "fit, ten dimensions, two sweeps": lambda: _fitted("digits", 10, most=2),
    "fit, two angles": _angles,
    "geodesic, box in the plane": lambda: _geodesic((24, 24), "cube"),
    "geodesic, box, steps of the field": lambda: _geodesic((24, 24), "cube", steps=8, field_steps=24),
    "geodesic, torus in the plane": lambda: _geodesic((24, 20), "torus", steps=24),
    "geodesic, box in space": lambda: _geodesic((12, 12, 12), "cube", steps=12),
    "solution, torus 64^2, steps chosen": lambda: _solution((64, 64), "torus"),
    "solution, box 48^2": lambda: _solution((48, 48), "cube", steps=120),
    "solution, torus 32^3": lambda: _solution((32, 32, 32), "torus", threads=2),
    "tables": _tables,
    "map from a file": _file,
    "report of a linear flow": _report,
    "Knothe flow": _knothe,
}


def _dump(path: Path) -> None:
    """Compute all results of the tree on the path of imports, and their times."""
    import eulerot

    print(f"computing with {Path(eulerot.__file__).parent}", file=sys.stderr)
    arrays: Arrays = {}
    for name, compute in RESULTS.items():
        begun = time.perf_counter()
        arrays |= {f"{name}/{key}": np.asarray(value) for key, value in compute().items()}
        print(f"  {name}: {time.perf_counter() - begun:.1f} s", file=sys.stderr)
    np.savez(path, **arrays)


def _computed(tree: Path, folder: Path, name: str) -> Arrays:
    """Run this script with the package of a tree."""
    out = folder / f"{name}.npz"
    environment = os.environ | {"PYTHONPATH": str(tree), "NUMBA_CACHE_DIR": str(folder / f"cache-{name}")}
    subprocess.run([sys.executable, __file__, "--dump", out], check=True, env=environment, cwd=folder)
    with np.load(out) as arrays:
        return dict(arrays)


def _row(name: str, before: Arrays, after: Arrays) -> str:
    keys = [key for key in before if key.startswith(f"{name}/")]
    same, worst = 0, 0.0
    for key in keys:
        a, b = before[key], after[key]
        same += a.shape == b.shape and a.tobytes() == b.tobytes()
        apart = np.abs(a - b).max() / max(np.abs(a).max(), 1.0) if a.shape == b.shape else np.inf
        worst = max(worst, float(apart))
    return f"| {name} | {same} of {len(keys)} | {worst:.1e} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default="980ef3d", metavar="COMMIT", help="the earlier commit (980ef3d)")
    parser.add_argument("--dump", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.dump is not None:
        _dump(arguments.dump)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(folder / "earlier")], check=True)
        subprocess.run(["git", "checkout", "--quiet", arguments.against], check=True, cwd=folder / "earlier")
        before, after = _computed(folder / "earlier", folder, "before"), _computed(ROOT, folder, "after")
    print(f"| result | arrays with the bits of {arguments.against} | largest difference |\n|---|---|---|")
    for name in RESULTS:
        print(_row(name, before, after))


if __name__ == "__main__":
    main()
