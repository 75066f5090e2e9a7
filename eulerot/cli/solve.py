"""``eulerot solve``: the solver on its own, by options or by a description in a TOML file."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eulerot._types import FloatArray
from eulerot.checks import checked_number
from eulerot.cli.formula import evaluated
from eulerot.cli.options import add_options, option_names
from eulerot.cli.streams import as_path, checked_folder, show_json
from eulerot.cli.tables import read_points
from eulerot.errors import FormatError
from eulerot.euler.grid import Grid
from eulerot.euler.solver import solve_euler
from eulerot.files import is_stream, write_atomically

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from eulerot.euler.solution import EulerSolution

__all__ = ["add"]

_GRID, _SOLVE = option_names(Grid), option_names(solve_euler)
_FIELD = ("vorticity", "velocity", "field0", "constants")
_DESCRIPTION = """\
solve the incompressible Euler equations from an initial field

A TOML file holds what the options below say, by their names with underscores; options win over it:

  points = [128, 128]
  vorticity = "cos(x) + cos(y) + a*cos(2*x)"   # or velocity = "...; ...", or field0 = "field.npy"
  constants = {a = 0.6}
  time = 2.0
  save_at = [0, 1, 2]
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "solve the incompressible Euler equations from an initial field"
    example = "eulerot solve --points 64 64 --vorticity 'cos(x) + cos(2*y)' --time 1 -o solution.npz"
    parser = commands.add_parser("solve", help=words, description=_DESCRIPTION, epilog=example)
    parser.add_argument("problem", type=as_path, nargs="?", metavar="PROBLEM.toml", help="the description")
    words = "the file to write: all arrays as .npz, the last field as .npy (solution.npz)"
    parser.add_argument("-o", "--out", type=as_path, default=Path("solution.npz"), help=words)
    parser.add_argument("--picture", type=as_path, metavar="OUT.png", help="draw the end; needs matplotlib")
    words = "draw what was saved, in motion; needs matplotlib and --save-at"
    parser.add_argument("--animation", type=as_path, metavar="OUT.gif", help=words)
    keep: dict = {"default": argparse.SUPPRESS}
    field = parser.add_argument_group("initial field")
    words = "a formula of x and y, such as 'cos(x) + cos(2*y)'; in space three of x, y and z, with ; between them"
    field.add_argument("--vorticity", metavar="FORMULA", **keep, help=words)
    words = "a formula for each component, with ; between them; write --velocity='-sin(y); sin(x)' for a minus in front"
    field.add_argument("--velocity", metavar="FORMULAS", **keep, help=words)
    words = "a file of grid values (.npy, .npz), or the store of a solution to go on with"
    field.add_argument("--field0", metavar="PATH", **keep, help=words)
    words = "numbers that the formulas name, such as a=0.6"
    field.add_argument("--constants", nargs="+", type=_constant, metavar="NAME=NUMBER", **keep, help=words)
    words = "a file of positions to carry along: .npy, .npz, .csv or .parquet"
    field.add_argument("--particles", metavar="PATH", **keep, help=words)
    add_options(parser, Grid, name="eulerot.Grid")
    add_options(parser, solve_euler, name="eulerot.solve_euler", leave_out=("particles",))
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.picture is not None or arguments.animation is not None:
        from eulerot import plotting

        plotting.require()
    problem = _problem(arguments)
    for path in (arguments.out, arguments.picture, arguments.animation):
        if path is not None:
            checked_folder(path)
    solution = _solved(problem, progress=not arguments.quiet)
    _write(arguments.out, solution)
    if arguments.picture is not None:
        from eulerot import plotting

        with plotting.figure(arguments.picture) as (ax,):
            solution.plot(ax=ax)
    if arguments.animation is not None:
        solution.animate(arguments.animation, progress=not arguments.quiet)
    if arguments.json:
        ends = {name: values[[0, -1]].tolist() for name, values in _invariants(solution).items()}
        steps, time = len(solution.times) - 1, float(solution.times[-1])
        show_json({"out": arguments.out, "status": solution.status, "time": time, "steps": steps, **ends})
    else:
        words = f"{solution}\nsolution: {arguments.out}"
        print(words, file=sys.stderr if is_stream(arguments.out) else sys.stdout)
    return 130 if solution.status == "interrupted" else 0


def _problem(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what the description and the options say; options win."""
    problem: dict[str, Any] = {}
    if (path := arguments.problem) is not None:
        try:
            problem = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise FormatError(f"{path}: expected a TOML file; got one that does not read: {error}. Mend it.") from None
    given = {name: value for name, value in vars(arguments).items() if name in (*_GRID, *_FIELD, *_SOLVE)}
    if any(name in given for name in _FIELD[:3]):  # one option replaces whatever field is described
        problem = {name: value for name, value in problem.items() if name not in _FIELD[:3]}
    constants = {**_constants(problem), **dict(given.get("constants", ()))}
    problem |= {**given, "constants": constants}
    if unknown := [name for name in problem if name not in (*_GRID, *_FIELD, *_SOLVE)]:
        known = ", ".join((*_GRID, *_FIELD, *_SOLVE))
        raise ValueError(f"{path}: expected the names {known}; got {', '.join(unknown)}. Mend the name.")
    fields = [name for name in _FIELD[:3] if name in problem]
    if len(fields) != 1:
        got = " and ".join(fields) or "none"
        raise ValueError(f"field: expected one of vorticity, velocity and field0; got {got}. Give one of them.")
    for name in ("points", "time"):
        if name not in problem:
            raise ValueError(f"{name}: expected it in the description or as --{name}; got none. Give it.")
    return problem


def _constants(problem: dict[str, Any]) -> dict[str, float]:
    """Return the constants of a description."""
    constants = problem.get("constants", {})
    if not isinstance(constants, dict):
        raise ValueError(f"constants: expected a table such as {{a = 0.6}}; got {constants!r}.")
    return {name: checked_number(name, value) for name, value in constants.items()}


def _solved(problem: dict[str, Any], *, progress: bool) -> EulerSolution:
    """Return the solution of a problem."""
    grid = Grid(**{name: problem[name] for name in _GRID if name in problem})
    options = {name: problem[name] for name in _SOLVE if name in problem}
    if isinstance(options.get("particles"), str):
        options["particles"] = read_points(as_path(options["particles"]), usual="particles")
    name = next(name for name in _FIELD if name in problem)
    if name == "field0":
        field0 = _stored(problem[name])
    else:
        field0 = _by_formulas(name, problem[name], grid, problem["constants"])
        options.setdefault("quantity", name)
    return solve_euler(field0, grid, progress=progress, **options)


def _stored(path: str) -> np.ndarray | Path:
    """Return the field in a file, or the path of the store of a solution."""
    source = as_path(path)
    return read_points(source, usual="field") if source.suffix.lower() in (".npy", ".npz") else source


def _by_formulas(name: str, formulas: str | list[str], grid: Grid, constants: dict[str, float]) -> FloatArray:
    """Return the field of a formula, or of one for each component."""
    coordinates = dict(zip("xyz", grid.mesh(), strict=False))
    if both := sorted(constants.keys() & coordinates.keys()):
        raise ValueError(f"constants: expected names other than those of the coordinates; got {', '.join(both)}.")
    if isinstance(formulas, str):
        formulas = formulas.split(";")
    components = 1 if name == "vorticity" and grid.dim == 2 else grid.dim
    if not isinstance(formulas, list) or len(formulas) != components:
        raise ValueError(
            f"{name}: expected {components} formula{'s' * (components > 1)} on this grid, with ; between them; got "
            f"{formulas!r}."
        )
    values = coordinates | constants
    fields = [evaluated(name, formula, values) for formula in formulas]
    return fields[0] if components == 1 else np.array(fields)


def _constant(text: str) -> tuple[str, float]:
    """Return the name and the number of ``name=number``."""
    name, sign, number = text.partition("=")
    if not sign or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"expected NAME=NUMBER; got {text!r}")
    return name, float(number)


def _invariants(solution: EulerSolution) -> dict[str, FloatArray]:
    """Return what is kept of every step."""
    names = ("energy", "enstrophy", "helicity", "casimirs", "tail")
    return {name: values for name in names if (values := getattr(solution, name)) is not None}


def _write(path: Path, solution: EulerSolution) -> None:
    """Write all arrays, or the last field to an npy file."""
    buffer = io.BytesIO()
    if path.suffix.lower() == ".npy":
        np.save(buffer, solution.field)
    else:
        arrays = {"field": solution.field, "times": solution.times, **_invariants(solution)}
        if solution.positions is not None:
            arrays["positions"] = solution.positions
        if (saved := solution.saved) is not None:
            arrays |= {"saved_times": saved.times, "saved_fields": np.asarray(saved.fields)}
            if saved.positions is not None:
                arrays["saved_positions"] = np.asarray(saved.positions)
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())
