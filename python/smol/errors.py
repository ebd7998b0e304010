# SPDX-License-Identifier: Apache-2.0
"""The exceptions: one class for each error code, also a subclass of Python's own where there is a natural one."""

from __future__ import annotations

from typing import Any, ClassVar, Final


class Error(Exception):
    """What smol raises.

    Attributes:
        code: stable name from a closed list, as in the column error_code of results.
        message: what failed, what is allowed or what to do.
        stage: where it happened ("read", "decode", ...), or "none".
    """

    code: ClassVar[str] = ""

    def __init__(self, message: str, stage: str = "none") -> None:
        super().__init__(message)
        self.message = message
        self.stage = stage

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.stage)


class InvalidArgumentError(Error, ValueError):
    """An argument, an option or a file written by the user is wrong."""

    code = "invalid_argument"


class NotFoundError(Error, FileNotFoundError):
    """A named file, model, plan or item does not exist."""

    code = "not_found"


class LimitExceededError(Error):
    """A declared limit was passed; the message says how to raise it."""

    code = "limit_exceeded"


class NotBuiltError(Error, NotImplementedError):
    """The feature exists but was left out of this build."""

    code = "not_built"


class UnsupportedError(Error, NotImplementedError):
    """Valid input that no component here can handle."""

    code = "unsupported"


class CorruptError(Error, ValueError):
    """The bytes violate their format."""

    code = "corrupt"


class TruncatedError(Error, EOFError):
    """The bytes end too early."""

    code = "truncated"


class IoError(Error, OSError):
    """Reading or writing failed."""

    code = "io"


class OutOfMemoryError(Error, MemoryError):
    """Memory or the memory budget is exhausted."""

    code = "out_of_memory"


class DeviceError(Error, RuntimeError):
    """An accelerator failed or was lost."""

    code = "device"


class CancelledError(Error):
    """Stopped on request."""

    code = "cancelled"


class DeadlineError(Error, TimeoutError):
    """A deadline passed."""

    code = "timeout"


class InternalError(Error, RuntimeError):
    """A bug in smol."""

    code = "internal"


BY_CODE: Final[dict[str, type[Error]]] = {
    kind.code: kind
    for kind in (
        InvalidArgumentError,
        NotFoundError,
        LimitExceededError,
        NotBuiltError,
        UnsupportedError,
        CorruptError,
        TruncatedError,
        IoError,
        OutOfMemoryError,
        DeviceError,
        CancelledError,
        DeadlineError,
        InternalError,
    )
}


def from_code(code: str, message: str, stage: str) -> Error:
    """The exception for an error of the C++ library, which calls this."""
    return BY_CODE[code](message, stage)
