"""Fails when a room includes one that comes after it, or when a file or a C++ function outgrows its limit.

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
    "profile": "plan",
    "prices": "plan",  # plain data that session.h names; its functions are the planner's, as plan() is
    "arrow": "engine",
    "session": "engine",
}
MAX_LINES = 600
MAX_FUNCTION_LINES = 70
MEMBER_DEPTH = 2  # indentation of a class's members; deeper blocks belong to a function
NO_FUNCTION = re.compile(r"(namespace|struct|class|enum|union|extern|template <[^()]*> (struct|class))\b")
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


def long_functions_of(path: pathlib.Path) -> list[str]:
    """Functions beyond the limit. The formatter leaves the body of a function, and of a class's member, between a line
    that ends in ``{`` and a ``}`` at the same depth; what opens with a parameter list there is a function."""
    found = []
    opened: dict[int, tuple[int, bool]] = {}  # by depth: line, whether it is a function
    statement: list[str] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.split("//")[0].rstrip()
        if not text.strip() or text.startswith("#"):
            statement = []
            continue
        statement.append(text)
        first = statement[0]
        depth = len(first) - len(first.lstrip())
        if text.endswith("{") and depth <= MEMBER_DEPTH:
            opened[depth] = (number, NO_FUNCTION.match(first.strip()) is None and "(" in "".join(statement))
        elif text.strip() == "}" and len(text) - 1 in opened:
            start, is_function = opened.pop(len(text) - 1)
            if is_function and number - start > MAX_FUNCTION_LINES:
                found.append(f"{path}:{start}: a function of {number - start} lines, the limit is {MAX_FUNCTION_LINES}")
        if text.endswith((";", "{", "}", ":")):
            statement = []
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
        if path.suffix != ".py" and parts[0] != "tests":
            problems += long_functions_of(path)
        if parts[0] == "src" and len(parts) > 2 and parts[1] in ROOMS:
            problems += problems_of(path, parts[1])
        if parts[:2] == ("include", "smol") and path.stem in PUBLIC:
            problems += problems_of(path, PUBLIC[path.stem])
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
