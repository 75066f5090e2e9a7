"""Optional packages: what to install where one is missing."""

from __future__ import annotations

import importlib

__all__ = ["check_installed"]


def check_installed(package: str, *, extra: str, user: str) -> None:
    """Raise `ImportError` with the remedy where an optional package is missing.

    Parameters
    ----------
    package : str
        The package, as it is imported.
    extra : str
        The extra of eulerot that installs it.
    user : str
        What needs it, as the user called it.

    Examples
    --------
    >>> check_installed("numpy", extra="plot", user="plot")
    >>> check_installed("nothing_of_the_kind", extra="torch", user="to_torch")
    Traceback (most recent call last):
    ...
    ImportError: to_torch needs nothing_of_the_kind: run `pip install eulerot[torch]`.
    """
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"{user} needs {package}: run `pip install eulerot[{extra}]`.") from error
