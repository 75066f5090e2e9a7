"""How the commands name files and print JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from eulerot.checks import checked_path

__all__ = ["as_path", "checked_folder", "show_json"]


def as_path(text: str) -> Path:
    """Return the path that an argument names; ``~`` is the user's home."""
    return checked_path("path", text)


def checked_folder(path: Path) -> Path:
    """Return a path in a folder that is there: a command that takes long asks for it first.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.absolute().parent}. Make it first.")
    return path


def show_json(values: Mapping[str, object]) -> None:
    """Print one JSON object; numbers that JSON does not have become null."""
    print(json.dumps(_plain(values), allow_nan=False))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
