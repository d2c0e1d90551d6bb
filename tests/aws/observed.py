"""What runs on this machine, as tests of the local AWS see it."""

from collections.abc import Iterator
from pathlib import Path

MARK = b"LOCAL_AWS_OWNER="


def owned(owner: str) -> list[int]:
    """The processes of a cluster, a node or a task, by its id."""
    found = []
    for folder in processes():
        marks = [each for each in read(folder / "environ").split(b"\0") if each.startswith(MARK)]
        if any(f"/{owner}/".encode() in mark for mark in marks):
            found.append(int(folder.name))
    return found


def commands(part: str) -> list[int]:
    """The processes whose command line has this part."""
    wanted = part.encode()
    return [
        int(folder.name)
        for folder in processes()
        if wanted in read(folder / "cmdline").replace(b"\0", b" ")
    ]


def processes() -> Iterator[Path]:
    return (folder for folder in Path("/proc").iterdir() if folder.name.isdigit())


def read(file: Path) -> bytes:
    """Nothing, where the process has ended."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


def parent(pid: int) -> int:
    # After the program's name, which may have any characters but this last one.
    return int(read(Path(f"/proc/{pid}/stat")).rsplit(b")", 1)[1].split()[1])
