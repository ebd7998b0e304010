# SPDX-License-Identifier: Apache-2.0
"""smol plans decoding, preprocessing and DNN inference together and runs the plan at the machine's speed.

    plans = smol.plan("dataset.yaml", min_accuracy=0.9)
    for batch in smol.run(plans, "photos/"):
        print(batch.column("item"), batch.column("label"))

Names are imported when they are first used: `smol.demo_assets` does without the extension module and needs no build.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from smol._native import ImageHeader, ModelCard, Progress, RunReport
    from smol.errors import (
        CancelledError,
        CorruptError,
        DeadlineError,
        DeviceError,
        Error,
        InternalError,
        InvalidArgumentError,
        IoError,
        LimitExceededError,
        NotBuiltError,
        NotFoundError,
        OutOfMemoryError,
        TruncatedError,
        UnsupportedError,
    )
    from smol.machine import __version__, info
    from smol.operators import UserOperator
    from smol.pictures import PreprocessGraph, Preprocessor, decode, load_card, probe
    from smol.plans import Dataset, Estimate, Plan, PlanSet, Profile, plan
    from smol.running import Run, run
    from smol.videos import Video

__all__ = [
    "CancelledError",
    "CorruptError",
    "Dataset",
    "DeadlineError",
    "DeviceError",
    "Error",
    "Estimate",
    "ImageHeader",
    "InternalError",
    "InvalidArgumentError",
    "IoError",
    "LimitExceededError",
    "ModelCard",
    "NotBuiltError",
    "NotFoundError",
    "OutOfMemoryError",
    "Plan",
    "PlanSet",
    "PreprocessGraph",
    "Preprocessor",
    "Profile",
    "Progress",
    "Run",
    "RunReport",
    "TruncatedError",
    "UnsupportedError",
    "UserOperator",
    "Video",
    "__version__",
    "decode",
    "info",
    "load_card",
    "plan",
    "probe",
    "run",
]

_HOMES: Final = {
    "smol._native": ("ImageHeader", "ModelCard", "Progress", "RunReport"),
    "smol.machine": ("__version__", "info"),
    "smol.operators": ("UserOperator",),
    "smol.pictures": ("PreprocessGraph", "Preprocessor", "decode", "load_card", "probe"),
    "smol.plans": ("Dataset", "Estimate", "Plan", "PlanSet", "Profile", "plan"),
    "smol.running": ("Run", "run"),
    "smol.videos": ("Video",),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "_native":
        return _import_native()
    if name not in __all__:
        raise AttributeError(f"module 'smol' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF.get(name, "smol.errors")), name)
    globals()[name] = value
    return value


def _import_native() -> Any:
    """The extension module; when it cannot be loaded, the error says what to install or build."""
    try:
        return importlib.import_module("smol._native")
    except ModuleNotFoundError as error:
        raise ImportError(
            "smol's extension module is not here: `pip install .`, or in a checkout `make` and PYTHONPATH=build/python"
        ) from error
    except ImportError as error:
        from smol.requirements import explain_mismatch

        raise ImportError(f"{error}; {explain_mismatch() or 'every package it needs is there'}") from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
