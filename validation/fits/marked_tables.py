"""Read and write the tables of results that scripts keep in a page of the documentation, between two comments.

A script that takes long writes its table as it goes, and what was not made again stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["read_table", "write_table"]

Row = tuple[str, ...]


def read_table(page: Path, name: str) -> list[Row]:
    """Return the rows of a table, without its head.

    Examples
    --------
    >>> import tempfile
    >>> page = Path(tempfile.mkdtemp()) / "page.md"
    >>> _ = page.write_text("# Title\\n<!-- costs -->\\n<!-- end of costs -->\\nMore.\\n")
    >>> write_table(page, "costs", ("flow", "cost"), [("pinwheel", "0.73")])
    >>> read_table(page, "costs")
    [('pinwheel', '0.73')]
    >>> print(page.read_text())
    # Title
    <!-- costs -->
    | flow | cost |
    | --- | --- |
    | pinwheel | 0.73 |
    <!-- end of costs -->
    More.
    """
    lines = _split(page, name)[1].splitlines()[2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


def write_table(page: Path, name: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Put a table into a page, in place of the one that stands there."""
    before, _, after = _split(page, name)
    lines = [tuple(columns), ("---",) * len(columns), *rows]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    page.write_text(f"{before}<!-- {name} -->\n{table}<!-- end of {name} -->{after}", encoding="utf-8")


def _split(page: Path, name: str) -> tuple[str, str, str]:
    """Return what stands before a table, the table, and what stands after it."""
    before, rest = page.read_text(encoding="utf-8").split(f"<!-- {name} -->\n")
    table, after = rest.split(f"<!-- end of {name} -->")
    return before, table, after
