"""What runs on this machine, as tests of the local AWS see it."""

from collections.abc import Iterator
from pathlib import Path

MARK = b"LOCAL_AWS_OWNER="


def owned(owner: str, part: str = "") -> list[int]:
    """The processes of a cluster, a node or a task, by its id; with this in their command line."""
    return [
        int(folder.name)
        for folder in processes()
        if is_owned(folder, owner)
        and part.encode() in read(folder / "cmdline").replace(b"\0", b" ")
    ]


def is_owned(process: Path, owner: str) -> bool:
    variables = read(process / "environ").split(b"\0")
    return any(each.startswith(MARK) and f"/{owner}/".encode() in each for each in variables)


def janitor_of(pid: int) -> Path:
    """The janitor of a local AWS, as its folder in /proc."""
    children = read(Path(f"/proc/{pid}/task/{pid}/children")).split()
    folders = [Path("/proc") / child.decode() for child in children]
    (janitor,) = [each for each in folders if b"local_aws.janitor" in read(each / "cmdline")]
    return janitor


def processes() -> Iterator[Path]:
    return (folder for folder in Path("/proc").iterdir() if folder.name.isdigit())


def read(file: Path) -> bytes:
    """Nothing, where the process has ended."""
    try:
        return file.read_bytes()
    except OSError:
        return b""
