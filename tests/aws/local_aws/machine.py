"""A machine that is a folder: where its paths lie here, and what its processes are told."""

import re
from pathlib import Path

# The scheduler's door, which on a real machine is open on all of its addresses.
LOCAL_SCHEDULER = re.compile(r"\b(?:127\.0\.0\.1|localhost):50050\b")
BIND_HOST_ANY = re.compile(r"(--bind-host[ =])0\.0\.0\.0\b")


class Machine:
    def __init__(self, folder: Path, address: str, places: dict[str, Path]) -> None:
        """`places` says where folders lie that command lines name."""
        self.folder = folder
        self.address = address
        self.places = places
        names = "|".join(places)
        # Whole paths only: neither /srv/usr/local/bin nor /mnt2.
        self.named_place = re.compile(rf"(?<![\w./-])({names})(?=/|$|[^\w./-])")

    def word(self, word: str) -> str:
        """A word of a command line, or a script in one, with this machine's paths and address."""
        word = self.named_place.sub(lambda found: str(self.places[found[1]]), word)
        word = BIND_HOST_ANY.sub(rf"\g<1>{self.address}", word)
        return LOCAL_SCHEDULER.sub(f"{self.address}:50050", word)

    def words(self, words: list[str]) -> list[str]:
        found = [self.word(word) for word in words]
        for index, word in enumerate(found[1:], 1):
            if found[index - 1] == "--bind-host" and word == "0.0.0.0":
                found[index] = self.address
        return found
