# SPDX-License-Identifier: Apache-2.0
"""Checks of arguments: a wrong type is a TypeError that names the argument and says what is allowed."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np

_INT_MAX: Final = 2**31 - 1


def wrong_type(name: str, allowed: str, value: object) -> TypeError:
    """The error for a value of a type that is not allowed."""
    return TypeError(f"{name} must be {allowed}, not {type(value).__name__}: {value!r:.80}")


def path(name: str, value: object, allowed: str = "a path (str or os.PathLike)") -> str:
    """A path as text."""
    result = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(result, str):
        raise wrong_type(name, allowed, value)
    return result


def paths(name: str, values: object) -> list[str]:
    """A list of paths; one path is no list."""
    allowed = "a list of paths"
    if isinstance(values, (str, bytes, os.PathLike)) or not isinstance(values, Iterable):
        raise wrong_type(name, allowed, values)
    return [path(f"{name}[{i}]", value) for i, value in enumerate(values)]


def text(name: str, value: object, allowed: str = "text (str)") -> str:
    """A word or a text."""
    if not isinstance(value, str):
        raise wrong_type(name, allowed, value)
    return value


def texts(name: str, values: object) -> list[str]:
    """A list of words; one word is no list."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise wrong_type(name, "a list of texts (str)", values)
    return [text(f"{name}[{i}]", value) for i, value in enumerate(values)]


def integer(name: str, value: Any, highest: int = _INT_MAX) -> int:
    """A whole number, also one of NumPy's."""
    try:
        number = operator.index(value)
    except TypeError:
        raise wrong_type(name, "a whole number (int)", value) from None
    if not -highest - 1 <= number <= highest:
        raise ValueError(f"{name} must be at most {highest}: {number}")
    return number


def integer_or_none(name: str, value: Any) -> int | None:
    """A whole number of up to 64 bits, or None."""
    return None if value is None else integer(name, value, 2**63 - 1)


def integers(name: str, values: Any, names: tuple[str, ...]) -> tuple[int, ...]:
    """As many whole numbers as there are names."""
    allowed = f"{len(names)} whole numbers ({', '.join(names)})"
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise wrong_type(name, allowed, values)
    given = tuple(values)
    if len(given) != len(names):
        raise ValueError(f"{name} must be {allowed}: {given!r:.80}")
    return tuple(integer(f"{part} of {name}", value) for part, value in zip(names, given, strict=True))


def number(name: str, value: Any) -> float:
    """A number."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        raise wrong_type(name, "a number", value)
    return float(value)


def number_or_none(name: str, value: Any) -> float | None:
    """A number or None."""
    return None if value is None else number(name, value)


def flag(name: str, value: object) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise wrong_type(name, "True or False", value)
    return bool(value)


def function_or_none(name: str, value: Any) -> Callable[..., Any] | None:
    """A callable or None."""
    if value is not None and not callable(value):
        raise wrong_type(name, "a function or None", value)
    return value  # type: ignore[no-any-return]
