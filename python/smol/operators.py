# SPDX-License-Identifier: Apache-2.0
"""Operators of your own in a preprocessing pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from smol import _native, arguments

Picture = npt.NDArray[np.uint8]


class UserOperator:
    """An operator written in Python; model cards name it as `{user: NAME}`, pipelines as `user(NAME)`.

    Give a function, or derive a class and write `apply`. It runs under Python's lock: all workers share one core while
    they are in it, so keep it short, or let NumPy do the work. What it raises becomes the error of that picture.
    """

    name: str = ""
    commutes_with_geometry: bool = False
    """True for point operators: the optimizer may then run it where there are fewer pixels."""
    operations_per_pixel: float = 10.0
    """Arithmetic operations per input pixel, for the optimizer's choice."""

    def __init__(
        self,
        name: str = "",
        function: Callable[[Picture], npt.ArrayLike] | None = None,
        *,
        commutes_with_geometry: bool | None = None,
        operations_per_pixel: float | None = None,
    ) -> None:
        self.name = arguments.text("name", name) or self.name or type(self).__name__.lower()
        arguments.function_or_none("function", function)
        self._function = function
        if commutes_with_geometry is not None:
            self.commutes_with_geometry = arguments.flag("commutes_with_geometry", commutes_with_geometry)
        if operations_per_pixel is not None:
            self.operations_per_pixel = arguments.number("operations_per_pixel", operations_per_pixel)

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the result for a picture of this size."""
        return width, height

    def apply(self, picture: Picture) -> npt.ArrayLike:
        """The result for a picture (height, width, 3) in RGB, which may be changed in place."""
        if self._function is None:
            raise NotImplementedError(f"the operator {self.name} has neither a function nor an apply() of its own")
        return self._function(picture)


def _adapter(operator: UserOperator) -> _native.UserOperator:
    def apply(picture: Picture) -> Picture:
        result = np.asarray(operator.apply(picture))
        if result.dtype != np.uint8:
            raise TypeError(f"an array of {result.dtype}; the result must be uint8")
        return np.ascontiguousarray(result)

    return _native.python_operator(
        operator.name, apply, operator.output_size, operator.commutes_with_geometry, operator.operations_per_pixel
    )


def native_operators(operators: Iterable[UserOperator]) -> list[_native.UserOperator]:
    """What the extension module needs of the argument `user_operators`."""
    if not isinstance(operators, Iterable):
        raise arguments.wrong_type("user_operators", "a list of smol.UserOperator", operators)
    adapters = []
    for i, operator in enumerate(operators):
        if not isinstance(operator, UserOperator):
            raise arguments.wrong_type(f"user_operators[{i}]", "a smol.UserOperator", operator)
        adapters.append(_adapter(operator))
    return adapters
