"""Tables of a map in torch: tensor operations alone, on any device."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from eulerot._types import FloatArray
from eulerot.rearrangement._kernels import EDGE, ORDER, REACH, SCALE
from eulerot.rearrangement.exports.splines import spline_polynomials
from eulerot.rearrangement.exports.torch_transform import LatentTransform
from eulerot.rearrangement.tables import Stage

__all__ = ["TorchTables", "torch_tables"]


class TorchTables(LatentTransform):
    """A rearrangement that is read from tables, as a module and a transform; made by `TabulatedRearrangement.to_torch`.

    Its buffers are in its ``state_dict`` and move with it. They have double precision; after ``.float()`` the map is
    computed in single precision. The result has the dtype of the latents either way. Latents beyond 7 along an axis of
    a table are displaced as its edge is.

    Parameters
    ----------
    tables : torch.nn.Module
        The tables of both directions.
    dim : int
        The dimension of the latent space.
    inverted : bool
        Whether calls return the inverse.
    """

    def __init__(self, tables: torch.nn.Module, dim: int, *, inverted: bool = False) -> None:
        super().__init__(dim, inverted=inverted)
        self.tables = tables

    def log_abs_det(self, z: torch.Tensor) -> torch.Tensor:
        """Return the logarithm of the factor by which the tables change Gaussian volume, shape ``(...)``."""
        rows = self._rows(self._checked(z))
        return self.tables(rows, self.inverted, True)[1].reshape(z.shape[:-1]).to(z.dtype)

    def log_abs_det_jacobian(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return ``log |det Ds(z)|`` of the tables at ``y = s(z)``, shape ``(...)``."""
        return self.log_abs_det(z) + 0.5 * (y * y - z * z).sum(-1)

    def _turned(self) -> TorchTables:
        return type(self)(self.tables, self.dim, inverted=not self.inverted)

    def _moved(self, z: torch.Tensor, inverted: bool) -> torch.Tensor:
        return self.tables(self._rows(z), inverted, False)[0].reshape(z.shape).to(z.dtype)

    def _rows(self, z: torch.Tensor) -> torch.Tensor:
        return z.reshape(-1, self.dim).to(self.tables.rotation.dtype)


def torch_tables(forward: Sequence[Stage], backward: Sequence[Stage], rotation: FloatArray) -> TorchTables:
    """Return the module of the tables of both directions of a map that begins with a rotation."""
    return TorchTables(_Tables(forward, backward, rotation), len(rotation))


class _Tables(torch.nn.Module):
    """The tables of both directions, shared by a transform and its inverse."""

    rotation: torch.Tensor

    def __init__(self, forward: Sequence[Stage], backward: Sequence[Stage], rotation: FloatArray) -> None:
        super().__init__()
        self.register_buffer("rotation", torch.tensor(rotation))
        self.ahead = torch.nn.ModuleList([_Stage(stage) for stage in forward])
        self.back = torch.nn.ModuleList([_Stage(stage) for stage in backward])

    def forward(self, rows: torch.Tensor, inverted: bool, measured: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Return moved rows and, if `measured`, the logarithm of the factor by which Gaussian volume changes."""
        if not inverted:
            rows = rows @ self.rotation.T
        total = torch.zeros_like(rows[:, 0])
        for stage in self.back if inverted else self.ahead:
            rows, change = stage(rows, measured)
            total = total + change
        return rows @ self.rotation if inverted else rows, total


class _Stage(torch.nn.Module):
    """The tables of planes of one turned box, see `eulerot.rearrangement.tables.Stage`."""

    axes: torch.Tensor
    polynomials: torch.Tensor

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.planes = [list(plane) for plane in stage.planes]
        self.register_buffer("axes", torch.tensor(stage.axes))
        self.register_buffer("polynomials", torch.tensor(spline_polynomials()), persistent=False)
        for number, tables in enumerate(stage.tables):
            self.register_buffer(f"plane{number}", torch.tensor(tables))

    def forward(self, rows: torch.Tensor, measured: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Return moved rows and, if `measured`, the logarithm of the factor by which Gaussian volume changes."""
        columns = list((rows @ self.axes.T).unbind(1))
        total = torch.zeros_like(rows[:, 0])
        for number, (i, j) in enumerate(self.planes):
            start = total + 0.5 * (columns[i] ** 2 + columns[j] ** 2)
            for table in getattr(self, f"plane{number}").unbind(0):
                moved, log_det = _through(table, columns[i], columns[j], self.polynomials, measured)
                columns[i], columns[j] = moved
                start = start + log_det
            total = start - 0.5 * (columns[i] ** 2 + columns[j] ** 2)
        return torch.stack(columns, 1) @ self.axes, total


def _through(
    table: torch.Tensor, u: torch.Tensor, v: torch.Tensor, polynomials: torch.Tensor, measured: bool
) -> tuple[tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return both coordinates of latents moved by a table and, if `measured`, ``log |det D|`` of that."""
    (first, here_u), (second, here_v) = _found(u, table.shape[0]), _found(v, table.shape[0])
    start = first * table.shape[0] + second
    x, y = _splines(here_u, polynomials), _splines(here_v, polynomials)
    if not measured:
        ((left, right),) = _sums(table, start, (x, y))
        return (u + left, v + right), torch.zeros_like(u)
    powers = torch.arange(1, ORDER, device=u.device, dtype=u.dtype)
    dx, dy = (_splines(here, polynomials[1:] * powers[:, None]) for here in (here_u, here_v))
    (left, right), (a, c), (b, d) = _sums(table, start, (x, y), (dx, y), (x, dy))
    by_u, by_v = _rate(u, table.shape[0]), _rate(v, table.shape[0])
    determinant = (1 + a * by_u) * (1 + d * by_v) - b * by_v * c * by_u
    return (u + left, v + right), determinant.abs().log()


def _found(z: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the cells in which latents are, ``(n,)``, and their places there."""
    cells, within = size - ORDER + 1, z.clamp(-REACH, REACH)
    here = (within / (within * within + SCALE * SCALE).sqrt() + EDGE) * (cells / (2 * EDGE))
    cell = here.detach().floor().clamp(0, cells - 1)
    return cell.long(), here - cell


def _rate(z: torch.Tensor, size: int) -> torch.Tensor:
    """Return how fast places change with latents, ``SCALE^2 / (z^2 + SCALE^2)^(3/2)`` a cell; not at all far out."""
    square = z * z + SCALE * SCALE
    return (size - ORDER + 1) / (2 * EDGE) * SCALE * SCALE / (square * square.sqrt()) * (z.abs() <= REACH)


def _splines(place: torch.Tensor, polynomials: torch.Tensor) -> torch.Tensor:
    """Return polynomials at places, shape ``(8, n)``, by Horner's rule."""
    values = polynomials[-1][:, None]
    for coefficients in reversed(polynomials[:-1].unbind(0)):
        values = values * place + coefficients[:, None]
    return values


def _sums(
    table: torch.Tensor, start: torch.Tensor, *weights: tuple[torch.Tensor, torch.Tensor]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return for each pair of weights ``sum_rk x_r y_k c_rk`` of both components, ``(n,)`` each.

    Row by row, latents along the last axis: a compiler makes one loop over latents of it, and without one no array is
    large.
    """
    size, sums = table.shape[0], [(torch.zeros_like(x[0]), torch.zeros_like(x[0])) for x, _ in weights]
    left, right = table.reshape(-1, 2).unbind(1)
    steps = torch.arange(ORDER, device=table.device)[:, None]
    for r in range(ORDER):
        places = start + (steps + r * size)
        a, b = left[places], right[places]
        for i, (x, y) in enumerate(weights):
            sums[i] = sums[i][0] + x[r] * (a * y).sum(0), sums[i][1] + x[r] * (b * y).sum(0)
    return sums
