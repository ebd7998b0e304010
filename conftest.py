# SPDX-License-Identifier: Apache-2.0
"""Where nothing may be missing (SMOL_REQUIRE_DATA=1, as in continuous integration), a skipped Python test fails."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator

import pytest

# A shell that starts the tests in the background makes them ignore Ctrl-C, and so would every program that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
# OpenVINO, an oracle of some tests, reports its use to its makers unless this package is missing.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Tests skip only for want of a package, a program or data."""
    if os.environ.get("SMOL_REQUIRE_DATA") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}; SMOL_REQUIRE_DATA=1 forbids it: run `scripts/setup.sh tests`, set SMOL_DATA_DIR"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_if_skipped(report)
    return report
