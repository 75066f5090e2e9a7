"""The options of a command, made of the signature and the docstring of the function that they are passed to."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable
from typing import Any

from eulerot.cli.streams import as_path

__all__ = ["add_options", "given_options", "option_names"]

# How the command line takes a parameter of this annotation; one of another annotation is no option of a command
_KINDS: dict[str, dict] = {
    "bool": {"action": argparse.BooleanOptionalAction},
    "int": {"type": int, "metavar": "N"},
    "Seed": {"type": int, "metavar": "N"},
    "float": {"type": float, "metavar": "NUMBER"},
    "str": {"metavar": "WORD"},
    "str | os.PathLike[str]": {"type": as_path, "metavar": "PATH"},
    "ArrayLike": {"type": float, "nargs": "+", "metavar": "NUMBER"},
    "tuple[int, ...]": {"type": int, "nargs": "+", "metavar": "N"},
    "tuple[float, ...]": {"type": float, "nargs": "+", "metavar": "NUMBER"},
    "float | Sequence[Sequence[float]]": {"type": float, "nargs": "+", "metavar": "NUMBER"},
}


def add_options(
    parser: argparse.ArgumentParser,
    function: Callable[..., object],
    *,
    name: str,
    leave_out: tuple[str, ...] = (),
    **defaults: object,
) -> None:
    """Add an option for each keyword of a function; what is not given is left to the function.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the command.
    function : callable
        The function or class; its docstring says in the first sentence on a parameter what the option does.
    name : str
        The name of the function, as users know it.
    leave_out : tuple of str
        Parameters that the command gives by itself.
    **defaults
        Defaults of the command, where they are not those of the function.

    Examples
    --------
    >>> from eulerot.shooting.options import FitOptions
    >>> parser = argparse.ArgumentParser()
    >>> add_options(parser, FitOptions, name="eulerot.fit", modes=16)
    >>> given_options(parser.parse_args(["--no-align", "--held-out", "0.25"]), FitOptions)
    {'modes': 16, 'align': False, 'held_out': 0.25}
    """
    group = parser.add_argument_group(f"options of {name}")
    described = _described(function)
    for parameter in _options(function):
        if parameter.name in leave_out:
            continue
        annotation = str(parameter.annotation)
        kind = _KINDS[annotation.removesuffix(" | None")]
        default = defaults.get(parameter.name, parameter.default)
        own, words = described.get(parameter.name, ("", ""))
        settings = {**kind, "default": argparse.SUPPRESS, "help": _help(words, default)}
        if parameter.name in defaults:
            settings["default"] = default
        if choices := re.findall(r'"([^"]+)"', own):
            settings |= {"choices": choices}
            del settings["metavar"]
        if default is not None and annotation.endswith(" | None"):
            settings["type"] = _or_none(settings["type"])
        group.add_argument(f"--{parameter.name.replace('_', '-')}", **settings)


def option_names(function: Callable[..., object]) -> tuple[str, ...]:
    """Return the parameters of a function that are options of a command.

    Examples
    --------
    >>> from eulerot.euler.grid import Grid
    >>> option_names(Grid)
    ('points', 'domain', 'lengths', 'dealiasing')
    """
    return tuple(parameter.name for parameter in _options(function))


def given_options(arguments: argparse.Namespace, function: Callable[..., object]) -> dict[str, Any]:
    """Return the keywords of a function that were given on the command line."""
    parameters = inspect.signature(function).parameters
    given = {name: value for name, value in vars(arguments).items() if name in parameters}
    axes = given.get("axes")
    if isinstance(axes, list):  # an angle, or the rows of a rotation of space
        given["axes"] = axes[0] if len(axes) == 1 else [axes[i : i + 3] for i in range(0, len(axes), 3)]
    return given


def _options(function: Callable[..., object]) -> list[inspect.Parameter]:
    """Return the parameters that a command can take; each has its own way to ask for a progress bar."""
    return [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if str(parameter.annotation).removesuffix(" | None") in _KINDS and parameter.name != "progress"
    ]


def _or_none(convert: Callable[[str], object]) -> Callable[[str], object]:
    """Return a conversion that also takes the word none."""

    def converted(text: str) -> object:
        return None if text.lower() == "none" else convert(text)

    converted.__name__ = f"{getattr(convert, '__name__', 'value')} or none"  # as errors call it
    return converted


def _help(words: str, default: object) -> str:
    """Return the first sentence on a parameter, and its default, as argparse takes them."""
    text = re.split(r"(?<=\.)\s", words.replace("`", ""))[0].rstrip(".").replace("%", "%%")
    if text.partition(" ")[0].istitle() and "-" not in text.partition(" ")[0]:  # but for the names of people
        text = text[0].lower() + text[1:]
    shown = default is not None and not isinstance(default, bool) and default is not inspect.Parameter.empty
    return f"{text} ({default})" if shown else text


def _described(function: Callable[..., object]) -> dict[str, tuple[str, str]]:
    """Return the type and the description of each parameter, as the docstring has them; nothing without one."""
    section = (inspect.getdoc(function) or "").partition("Parameters\n----------\n")[2]
    entries = re.split(r"\n(?=\S)", re.split(r"\n\n[A-Z][\w ]*\n-+\n", section)[0])
    found = {}
    for entry in entries:
        head, _, body = entry.partition("\n")
        names, _, own = head.partition(" : ")
        for name in names.split(", "):
            found[name] = own, " ".join(body.split())
    return found
