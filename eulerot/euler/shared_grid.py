"""A grid whose coefficients processes share."""

from __future__ import annotations

from eulerot._cached import kept
from eulerot._ranks import Ranks
from eulerot._types import FloatArray
from eulerot.euler.grid import Grid
from eulerot.euler.transforms.dense import dense_pays

__all__ = ["SharedGrid", "shared"]


class SharedGrid(Grid):
    """A grid of which each process has the coefficients of some columns: places along the second axis.

    Points, modes and sides are those of the whole grid; wavenumbers, symbols, weights and shapes of coefficients those
    of the columns that this process has, whole blocks of them.

    Parameters
    ----------
    whole : Grid
        The grid.
    ranks : Ranks
        The processes.
    """

    def __init__(self, whole: Grid, ranks: Ranks) -> None:
        object.__setattr__(self, "_whole", whole)
        object.__setattr__(self, "_ranks", ranks)
        super().__init__(whole.points, whole.domain, lengths=whole.lengths, dealiasing=whole.dealiasing)

    def __eq__(self, other: object) -> bool:
        """Return whether another grid has the same columns of the same grid."""
        return isinstance(other, SharedGrid) and (self.whole, self.columns) == (other.whole, other.columns)

    def __hash__(self) -> int:
        return hash((self.whole, self.columns.start, self.columns.stop))

    @property
    def ranks(self) -> Ranks:
        """Return the processes that share the coefficients."""
        return self._ranks  # type: ignore[attr-defined, no-any-return]

    @property
    def whole(self) -> Grid:
        """Return the grid with all coefficients."""
        return self._whole  # type: ignore[attr-defined, no-any-return]

    @kept
    def column_edges(self) -> list[int]:
        """Return where the columns of each process begin, whole blocks of them, and where those of the last one end."""
        count, width = self.whole.shape_hat[1], self.whole.block_columns
        return [min(edge * width, count) for edge in self.ranks.edges(len(self.whole.blocks))]

    @kept
    def block_columns(self) -> int:
        """Return how many columns make a block."""
        return self.whole.block_columns

    @kept
    def axis_modes(self) -> tuple[FloatArray, ...]:
        """Return the mode numbers of the coefficients of this process along each axis."""
        first, second, *others = self.whole.axis_modes
        return (first, second[self.columns], *others)


def shared(grid: Grid, ranks: Ranks) -> Grid:
    """Return a grid whose coefficients are shared among processes, or the grid itself where that would not pay.

    On a grid of one block, and where transforms are products with matrices, each process has all coefficients.
    """
    alone = ranks.size == 1 or len(grid.blocks) == 1 or dense_pays(grid)
    return grid if alone else SharedGrid(grid, ranks)
