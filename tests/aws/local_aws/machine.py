"""A machine that is a folder: where its paths lie here, and what its processes are told."""

import re
from pathlib import Path

# Folders of a machine that lie in its folder here, as far as command lines name them.
OWN_FOLDERS = ("/usr/local/bin", "/opt/cinemill", "/mnt", "/var/log/cinemill", "/emr")
OWN_PATH = re.compile(rf"(?<![\w./-])(?=(?:{'|'.join(OWN_FOLDERS)})(?:/|$|[^\w./-]))")

# The scheduler's door, which on a real machine is open on all of its addresses.
LOCAL_SCHEDULER = re.compile(r"\b(?:127\.0\.0\.1|localhost):50050\b")
BIND_HOST_ANY = re.compile(r"(--bind-host[ =])0\.0\.0\.0\b")


class Machine:
    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address

    def path(self, absolute: str) -> Path:
        """Where a path of the machine lies here."""
        return self.folder / absolute.lstrip("/")

    def word(self, word: str) -> str:
        """A word of a command line, or a script in one, with this machine's paths and address."""
        word = OWN_PATH.sub(str(self.folder), word)
        word = BIND_HOST_ANY.sub(rf"\g<1>{self.address}", word)
        return LOCAL_SCHEDULER.sub(f"{self.address}:50050", word)

    def words(self, words: list[str]) -> list[str]:
        found = [self.word(word) for word in words]
        for index, word in enumerate(found[1:], 1):
            if found[index - 1] == "--bind-host" and word == "0.0.0.0":
                found[index] = self.address
        return found
