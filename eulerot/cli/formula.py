"""Formulas of the coordinates, such as ``cos(x) + 0.6*cos(2*y)``: arithmetic and a few functions, no other code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

import numpy as np

from eulerot._types import FloatArray

__all__ = ["evaluated"]

_FUNCTIONS: dict[str, Callable] = {
    "abs": np.abs, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "atan2": np.arctan2, "where": np.where, "sign": np.sign,
    "minimum": np.minimum, "maximum": np.maximum,
}  # fmt: skip
_OPERATORS: dict[type, Callable] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.Mod: operator.mod, ast.UAdd: operator.pos, ast.USub: operator.neg,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


def evaluated(name: str, formula: str, values: Mapping[str, FloatArray | float]) -> FloatArray:
    """Return the values of a formula.

    Parameters
    ----------
    name : str
        What messages call it.
    formula : str
        Numbers, the names in `values`, ``pi``, the operators of Python's arithmetic and comparisons, and functions such
        as ``sin``, ``exp``, ``tanh`` and ``where(condition, then, otherwise)``.
    values : mapping
        What the names stand for.

    Raises
    ------
    ValueError
        If it is no such formula.

    Examples
    --------
    >>> evaluated("vorticity", "2*cos(pi*x) + where(x < 1, 0, k)", {"x": np.array([0.0, 1.0]), "k": 5.0})
    array([2., 3.])
    """
    names = {"pi": np.pi, **values}
    try:
        with np.errstate(all="ignore"):  # what is not finite is found where the field is used
            result = _value(ast.parse(" ".join(str(formula).split()), mode="eval").body, names)
            return np.asarray(result, dtype=np.float64) + np.zeros(np.broadcast_shapes(*map(np.shape, values.values())))
    except (SyntaxError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        known = ", ".join([*names, *_FUNCTIONS])
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ValueError(f"{name}: expected a formula of {known}; got {formula!r} ({reason}). Mend it.") from None


def _value(node: ast.expr, names: Mapping[str, FloatArray | float]) -> FloatArray | float:
    """Return the value of a part of a formula."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, names), _value(right, names))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(operand, names))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, names), _value(right, names))
        case ast.Call(func=ast.Name(id=function), args=args, keywords=[]) if function in _FUNCTIONS:
            return _FUNCTIONS[function](*(_value(each, names) for each in args))
    raise ValueError(f"{ast.unparse(node)} is not known")
