# SPDX-License-Identifier: Apache-2.0
"""Whether the packages whose libraries smol was linked against are here: their versions must be exactly those."""

from __future__ import annotations

import importlib.metadata
import re


def explain_mismatch() -> str:
    """What is missing or of another version, with both versions and the command that helps; empty when nothing is.

    Nothing is known of a package that was not installed (PYTHONPATH=build/python).
    """
    try:
        requirements = importlib.metadata.requires("smol") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    pinned: dict[str, str] = {}
    for requirement in requirements:
        if match := re.fullmatch(r"([\w-]+)==([\w.]+)", requirement):
            pinned[match[1]] = match[2]
    wrong = []
    for name, wanted in pinned.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "none"
        if found != wanted:
            wrong.append(f"smol was built against {name} {wanted}, installed: {found}")
    if not wrong:
        return ""
    install = " ".join(f"{name}=={wanted}" for name, wanted in pinned.items())
    return f"{'; '.join(wrong)}; pip install {install}"
