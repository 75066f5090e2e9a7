"""A solution in a Zarr store, written as it goes: whatever ends the process, the store holds all that was completed.

The groups of a store, in Zarr's format 2, which libraries of many languages read:

- the root is what `EulerSolution.to_xarray` returns, one more time with each that is saved;
- ``steps`` has the times and the invariants of all steps;
- ``state`` has all that the steps to come depend on, in two places that are written in turn.

Files are written first and grow beyond what counts. What counts is what the consolidated metadata of the root say, one
file, which is replaced as a whole when all else is there.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from eulerot._extras import check_installed
from eulerot._types import FloatArray
from eulerot.checks import checked_path
from eulerot.errors import FormatError
from eulerot.euler.dataset import MEASURES, dataset
from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.particles.phases import to_positions
from eulerot.euler.solution import EulerSolution, Saved, Snapshot, State, shown_field

__all__ = ["SolutionStore", "checked_store", "read_store", "saved_in"]

_KIND, _VERSION = "solution of eulerot", 1
# Rows of a chunk of numbers by time, which is written again with each, and numbers in a chunk of a field
_ROWS, _LARGEST = 1024, 2**23


class SolutionStore:
    """A store that is open for what is saved next.

    Parameters
    ----------
    path : Path
        The store, complete and of this solution; see `create`.
    """

    def __init__(self, path: Path) -> None:
        import zarr

        whole = _opened(path)
        for leftover in path.rglob("*.partial"):  # of a write that was killed: zarr would warn of each
            leftover.unlink()
        self._root: Any = zarr.open_group(path, mode="r+", zarr_format=2, use_consolidated=False)
        groups: list[tuple[str, Any]] = [("", self._root), *self._root.groups()]
        self._arrays = {name: dict(group.arrays()) for name, group in groups}
        self._quantity: Any = self._root.attrs["quantity"]
        self._saved, self._step = whole["time"].shape[0], int(whole["state"].attrs["step"])
        self._slot = int(whole["state"].attrs["slot"])

    @classmethod
    def create(
        cls,
        path: Path,
        grid: Grid,
        quantity: str,
        shown: Snapshot,
        state: State,
        columns: dict[str, FloatArray | None],
        before: Iterable[Snapshot],
    ) -> SolutionStore:
        """Return a new store that holds a state and what was saved before: there as a whole, or not at all."""
        import zarr

        partial = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.part")
        try:
            root: Any = zarr.open_group(partial, mode="w-", zarr_format=2)
            _lay_out(root, grid, quantity, shown, state, columns)
            _write_state(root["state"], dict(root["state"].arrays()), state, 0)
            _commit(root)
            store = cls(partial)
            for snapshot in before:
                store.append(snapshot, state, columns)
            os.rename(partial, path)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return cls(path)

    def append(self, snapshot: Snapshot, state: State, columns: dict[str, FloatArray | None]) -> None:
        """Save one more time: the field, the particles, and the invariants of all steps until then."""
        steps = {name: each for name, each in columns.items() if each is not None}
        for name, each in steps.items():
            _set_rows(self._arrays["steps"][name], self._step + 1, each[self._step + 1 : snapshot.step + 1])
        last = {name: each[snapshot.step] for name, each in steps.items()}
        last["time"] = last.pop("times")
        last[self._quantity] = snapshot.field
        if snapshot.positions is not None:
            last["position"] = snapshot.positions
        for name, value in last.items():
            _set_rows(self._arrays[""][name], self._saved, np.asarray(value)[None])
        self._saved, self._step, self._slot = self._saved + 1, state.step, 1 - self._slot
        _write_state(self._root["state"], self._arrays["state"], state, self._slot)
        _commit(self._root)


def saved_in(path: Path, end: int) -> Saved:
    """Return what a store holds of the first steps; fields and particles are read when they are indexed."""
    return _saved(_opened(path), end)


def checked_store(path: object, earlier: EulerSolution | None) -> Path:
    """Return the path of a store that may be written: nothing is there yet, or the store of what is gone on with.

    Raises
    ------
    ImportError
        If zarr or xarray is missing.
    ValueError
        If something else is there, or no folder to write to.
    """
    for package in ("zarr", "xarray"):
        check_installed(package, extra="zarr", user="store")
    target = Path(os.path.realpath(checked_path("store", path)))
    if not target.parent.is_dir():
        raise ValueError(f"store: expected a path in a folder that exists; got {str(path)!r}. Make its folder first.")
    if not os.path.lexists(target):
        return target
    if not _is_store(target):
        raise ValueError(
            f"store: expected a path where nothing is, or a store of eulerot; got {str(path)!r}, which is neither. "
            "Nothing was written. Choose another path."
        )
    held = _opened(target)["time"].shape[0]
    if earlier is None or earlier.store != target:
        raise ValueError(
            f"store: expected a path where nothing is; got {str(path)!r}, which holds a solution at {held} times. "
            "Nothing was written. Pass that path instead of field0 to go on with it, or choose another for store."
        )
    if earlier.saved is None or len(earlier.saved.times) != held:
        raise ValueError(
            f"store: expected to hold what the solution has saved; got {str(path)!r}, which was gone on with and holds "
            f"{held} times. Pass the path instead of the solution."
        )
    return target


def read_store(path: str | os.PathLike[str]) -> EulerSolution:
    """Return the solution of a store at the last time that was saved, or at its start.

    Raises
    ------
    FileNotFoundError
        If nothing is there.
    FormatError
        If it is no store of eulerot, or a newer one.
    """
    check_installed("zarr", extra="zarr", user="field0")
    target = Path(os.path.realpath(checked_path("field0", path)))
    if not target.exists():
        raise FileNotFoundError(f"field0: expected a store of a solution; got {str(path)!r}, where nothing is.")
    if not _is_store(target):
        raise FormatError(f"field0: expected a store of a solution; got {str(path)!r}, which is none. Pass another.")
    root = _opened(target)
    attributes, state = root.attrs.asdict(), root["state"]
    grid = Grid(
        tuple(attributes["points"]), attributes["domain"], lengths=tuple(attributes["lengths"]),
        dealiasing=attributes["dealiasing"],
    )  # fmt: skip
    step, slot, quantity = int(state.attrs["step"]), int(state.attrs["slot"]), str(attributes["quantity"])
    steps = root["steps"]
    columns: dict[str, Any] = {
        name: steps[name][: step + 1] if name in steps else None for name in ("times", *MEASURES)
    }
    field_hat, phases = state["field"][slot], state["phases"][slot] if "phases" in state else None
    return EulerSolution(
        field=shown_field(equation_of(grid), field_hat, quantity),
        positions=None if phases is None else to_positions(phases, grid),
        grid=grid,
        field_hat=field_hat,
        status="interrupted",
        quantity=quantity,
        saved=_saved(root, step),
        phases=phases,
        store=target,
        **columns,
    )


def _is_store(target: Path) -> bool:
    return all((target / name).is_file() for name in (".zmetadata", "state/.zattrs"))


def _opened(target: Path) -> Any:
    """Return a store as its consolidated metadata say, to read."""
    import zarr

    root: Any = zarr.open_group(target, mode="r", zarr_format=2, use_consolidated=True)
    kind = root["state"].attrs.asdict()
    if kind.get("kind") != _KIND or kind.get("version", 0) > _VERSION:
        raise FormatError(
            f"{target}: expected a {_KIND} in version {_VERSION} or older; got {kind.get('kind')!r} in version "
            f"{kind.get('version')}. Pass another store, or upgrade eulerot."
        )
    return root


def _saved(root: Any, end: int) -> Saved:
    """Return what is saved up to a step."""
    times = root["time"][:]
    indices = np.flatnonzero(np.isin(root["steps"]["times"][: end + 1], times))
    count, quantity = len(indices), root.attrs["quantity"]
    fields, positions = root[quantity], root.get("position")
    if count < len(times):  # Ctrl-C came after the last was saved and before its step counted
        fields, positions = fields[:count], None if positions is None else positions[:count]
    return Saved(times[:count], fields, positions, root["energy"][:count], root["enstrophy"][:count], indices)


def _lay_out(
    root: Any, grid: Grid, quantity: str, shown: Snapshot, state: State, columns: dict[str, FloatArray | None]
) -> None:
    """Make the arrays of a store: those of the data set without any time, the steps until now, room for a state."""
    taken = {name: each for name, each in columns.items() if each is not None}
    positions = None if shown.positions is None else shown.positions[None][:0]
    measures = {name: taken[name][:0] for name in MEASURES if name in taken}
    data = dataset(grid, quantity, taken["times"][:0], shown.field[None][:0], positions, measures)
    root.attrs.update(data.attrs)
    for name, variable in data.variables.items():
        _make(root, str(name), variable.values, variable.dims, dict(variable.attrs))
    steps = root.create_group("steps")
    kept = root.create_group("state", attributes={"kind": _KIND, "version": _VERSION})
    for name, each in taken.items():
        units = data["time" if name == "times" else name].attrs
        _make(steps, name, each[: state.step + 1], ("step", "power")[: each.ndim], dict(units))
    _make(kept, "field", np.zeros((2, *state.field.shape), state.field.dtype), ("slot", *"abcd"[: state.field.ndim]))
    if state.phases is not None:
        _make(kept, "phases", np.zeros((2, *state.phases.shape)), ("slot", "particle", "component"))


def _make(group: Any, name: str, values: np.ndarray, dims: tuple, attributes: dict | None = None) -> None:
    """Make an array that grows along its first axis, in chunks that are written with each time alone."""
    inner = values.shape[1:]
    rows = 1 if len(inner) > 1 else _ROWS
    if len(inner) > 1:  # a field: all of its last axes, and so many rows of the axis before
        largest = [1] * (len(inner) - 3) + [max(1, _LARGEST // math.prod(inner[-2:]))] * (len(inner) > 2)
        inner = (*map(min, inner, largest), *inner[-2:])
    group.create_array(
        name, data=values, chunks=(rows, *(max(1, n) for n in inner)), compressors=None,
        fill_value=np.nan if values.dtype.kind == "f" else None,
        attributes={**(attributes or {}), "_ARRAY_DIMENSIONS": list(dims)},
    )  # fmt: skip


def _set_rows(array: Any, first: int, rows: np.ndarray) -> None:
    """Write rows from one on, and end the array with them: what is beyond was never committed."""
    if array.shape[0] != first + len(rows):
        array.resize((first + len(rows), *array.shape[1:]))
    if len(rows):
        array[first:] = rows


def _write_state(group: Any, arrays: dict[str, Any], state: State, slot: int) -> None:
    arrays["field"][slot] = state.field
    if state.phases is not None:
        arrays["phases"][slot] = state.phases
    group.update_attributes({"step": state.step, "slot": slot})


def _commit(root: Any) -> None:
    """Let what was written count."""
    import zarr

    zarr.consolidate_metadata(root.store, path="steps", zarr_format=2)
    zarr.consolidate_metadata(root.store, zarr_format=2)
