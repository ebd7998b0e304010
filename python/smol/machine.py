# SPDX-License-Identifier: Apache-2.0
"""What works on this machine."""

from __future__ import annotations

from typing import Any

from smol import _native

__version__: str = _native.VERSION


def info() -> dict[str, Any]:
    """Version, machine, linked libraries with licences, and every codec and backend: what it can do, or why it is not
    available and what helps."""
    return _native.info()
