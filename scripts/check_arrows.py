"""Fails when a room includes one that comes after it, or when a file or function outgrows its limit.

The order is that of src/README.md. `include/smol` headers belong to rooms, too.
"""

import pathlib
import re
import subprocess
import sys

ROOMS = [
    "base",
    "media",
    "source",
    "codec",
    "preprocess",
    "backend",
    "model",
    "plan",
    "optimizer",
    "engine",
    "planner",
    "cli",
]
PUBLIC = {
    "result": "base",
    "version": "base",
    "image": "media",
    "tensor": "media",
    "codec": "codec",
    "source": "codec",  # items carry codec types; the room source sits beside codec
    "preprocess": "preprocess",
    "backend": "backend",
    "model": "model",
    "plan": "plan",
    "session": "engine",
}
MAX_LINES = 600
# Rooms that may not see each other although one comes first.
FORBIDDEN = {("optimizer", "source"), ("preprocess", "source"), ("codec", "source")}
# The source room lists files; it may use codec.h's types through its public header.
ALLOWED = {("source", "codec")}
INCLUDE = re.compile(r'^\s*#include\s+"([^"]+)"', re.MULTILINE)


def room_of_include(name: str) -> str | None:
    """The room that an include belongs to, None for anything that is not ours."""
    parts = name.split("/")
    if parts[0] == "smol" and len(parts) == 2:
        return PUBLIC.get(parts[1].removesuffix(".h"), None)
    return parts[0] if parts[0] in ROOMS else None


def problems_of(path: pathlib.Path, room: str) -> list[str]:
    """What is wrong with the includes of one file."""
    found = []
    for name in INCLUDE.findall(path.read_text()):
        target = room_of_include(name)
        if target is None or target == room or (room, target) in ALLOWED:
            continue
        if ROOMS.index(target) > ROOMS.index(room) or (room, target) in FORBIDDEN:
            found.append(f"{path}: room '{room}' may not include '{name}' of room '{target}'")
    return found


def main() -> int:
    """Prints every problem; the exit status says whether there was one."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True
    )
    files = [pathlib.Path(line) for line in listing.stdout.splitlines()]
    problems = []
    for path in files:
        if path.suffix not in {".h", ".cpp", ".py"} or not path.exists():
            continue
        lines = len(path.read_text().splitlines())
        if lines > MAX_LINES:
            problems.append(f"{path}: {lines} lines, the limit is {MAX_LINES}; which second thing does it do?")
        parts = path.parts
        if parts[0] == "src" and len(parts) > 2 and parts[1] in ROOMS:
            problems += problems_of(path, parts[1])
        if parts[:2] == ("include", "smol") and path.stem in PUBLIC:
            problems += problems_of(path, PUBLIC[path.stem])
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
