# SPDX-License-Identifier: Apache-2.0
"""Rounds over competitors in processes of their own: A B C A B C ..., so that drift of the machine meets all alike."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SMOL_DATA_DIR", ROOT / "../shared/data"))


@dataclass
class Settings:
    """How long and where.

    Attributes:
        build: build folder with `smol`, `python/smol` and the micro benchmarks.
        scratch: for renditions, lists and answers; removed at the end.
        rounds: repetitions of everything.
        seconds: length of one measurement.
    """

    build: Path
    scratch: Path
    rounds: int = 5
    seconds: float = 0.6

    @property
    def command(self) -> str:
        """The smol program."""
        return str(self.build / "smol")


class PeerMissing(Exception):
    """A competitor cannot run here; the message says why."""


class Child:
    """A process that answers one JSON line with one JSON line."""

    def __init__(self, python: Path, script: str, job: dict[str, Any], environment: dict[str, str]) -> None:
        if not python.exists():
            raise PeerMissing(f"{python.parent.parent.name} is not there; bench/setup.sh makes it")
        self._errors = open(os.devnull, "w") if not os.environ.get("BENCH_VERBOSE") else sys.stderr
        self._process = subprocess.Popen(
            [str(python), str(ROOT / "bench" / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **environment},
        )
        self.ask(job)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Sends a request, waits for the reply."""
        assert self._process.stdin and self._process.stdout
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise PeerMissing(f"ended with status {self._process.wait()}; BENCH_VERBOSE=1 shows why")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()


PYTHONS = {"smol": ".venv", "dali": ".venv-dali"}


def start_feeder(settings: Settings, **job: Any) -> Child:
    """A feeder of `feeders.py` in the environment that it needs; its libraries' own threads are off."""
    python = ROOT / PYTHONS.get(job["feeder"], ".venv-bench") / "bin/python"
    environment = {"OMP_NUM_THREADS": "1", "VIPS_CONCURRENCY": "1", "PYTHONPATH": str(settings.build / "python")}
    if job["feeder"] != "smol":
        del environment["PYTHONPATH"]
    return Child(python, "feeder_worker.py", job, environment)


@dataclass
class Samples:
    """Items a second of one competitor, one a round."""

    name: str
    rates: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def median(self) -> float:
        """0 where nothing was measured."""
        return statistics.median(self.rates) if self.rates else 0.0

    def ratio_to(self, other: Samples) -> tuple[float, float, float]:
        """Of each round's rates: median, smallest, largest."""
        ratios = [mine / theirs for mine, theirs in zip(self.rates, other.rates, strict=True)]
        return statistics.median(ratios), min(ratios), max(ratios)


@dataclass
class Check:
    """One line of the table of targets; `met` is None where only the figure is asked for."""

    what: str
    target: str
    measured: str
    met: bool | None


@dataclass
class StudyResult:
    """What a study hands back: tables as text, figures as data, targets."""

    title: str
    text: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Without the text."""
        return {"figures": self.figures, "targets": [asdict(check) for check in self.checks]}


def interleave(competitors: dict[str, Callable[[], float]], rounds: int) -> dict[str, Samples]:
    """One warm-up of each, then rounds; the order turns by one every round, so neighbours change."""
    samples = {name: Samples(name) for name in competitors}
    names = list(competitors)
    for name in names:
        competitors[name]()
    for index in range(rounds):
        turn = index % len(names)
        for name in names[turn:] + names[:turn]:
            samples[name].rates.append(competitors[name]())
    return samples


def feeder_round(child: Child, what: str, seconds: float, per_cpu: Samples | None = None) -> Callable[[], float]:
    """Items a second of one round of a feeder; `per_cpu` collects items a second of processor time."""

    def measure() -> float:
        reply = child.ask({"do": "round", "what": what, "seconds": seconds})
        if per_cpu is not None:
            per_cpu.rates.append(float(reply["items"]) / float(reply["cpu_seconds"]))
        return float(reply["items"]) / float(reply["seconds"])

    return measure


def at_least(what: str, target: float, ratio: tuple[float, float, float]) -> Check:
    """A target for a ratio."""
    middle, low, high = ratio
    return Check(what, f">= {target:g}", f"{middle:.2f} ({low:.2f}-{high:.2f})", middle >= target)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def spread(samples: Samples) -> str:
    """Median with the smallest and largest round."""
    return f"{samples.median:.0f} ({min(samples.rates):.0f}-{max(samples.rates):.0f})" if samples.rates else "-"


def run_smol(settings: Settings, *arguments: str, cpus: Sequence[int] = ()) -> str:
    """Output of the smol program; an error carries its message."""
    pinned = ["taskset", "-c", ",".join(map(str, cpus))] if cpus else []
    done = subprocess.run([*pinned, settings.command, "-q", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"smol {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


def cores() -> list[int]:
    """Those this process may use."""
    return sorted(os.sched_getaffinity(0))


def core_counts() -> list[int]:
    """1 and 2, which targets are for, then 4 and all where the machine has more."""
    most = len(cores())
    return sorted({count for count in (1, 2, 4, most) if count <= most})


def processor() -> str:
    """Model name and the instruction sets that matter here."""
    text = Path("/proc/cpuinfo").read_text() if platform.system() == "Linux" else ""
    fields = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    named = {key.strip(): value.strip() for key, value in fields.items()}
    wanted = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8")
    flags = [flag for flag in wanted if flag in named.get("flags", "").split()]
    family = f"family {named.get('cpu family')}, model {named.get('model')}"
    vectors = " ".join(flags) or "no vector extensions named"
    return f"{named.get('model name', platform.machine())} ({family}), {len(cores())} cores, {vectors}"


def today() -> str:
    """UTC."""
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()
