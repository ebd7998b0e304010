# SPDX-License-Identifier: Apache-2.0
"""The command `smol`: hands over to the program that lies inside the package."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from smol.requirements import explain_mismatch


def find_program() -> Path:
    """The program of an installed package, or of the build that this package lies in (build/python/smol)."""
    package = Path(__file__).parent
    installed = package / "bin" / "smol"
    return installed if installed.exists() else package.parents[1] / "smol"


def main() -> NoReturn:
    """Replaces this process, so that signals and exit codes are the program's own."""
    program = find_program()
    if not program.is_file():
        sys.exit(f"smol: the program is missing from this package, install or build it again: {program}")
    if mismatch := explain_mismatch():
        print(f"smol: {mismatch}", file=sys.stderr)
    # `smol demo` calls Python for its pictures and weights: this one.
    os.environ.setdefault("SMOL_PYTHON", sys.executable)
    os.execv(program, [str(program), *sys.argv[1:]])
