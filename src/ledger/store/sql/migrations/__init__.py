"""The steps that make and change the schema: `0001_first.sqlite.sql`, in order of their numbers.

A step never changes once it was released: databases out there have it. What it does not get right,
the next one does.
"""

import re
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

_NAME = re.compile(r"(\d{4})_(\w+)\.(\w+)\.sql")


class Step(NamedTuple):
    """A numbered step: what it is called, and its statements as text."""

    version: int
    name: str
    script: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the statements, in hexadecimal."""
        return sha256(self.script.encode()).hexdigest()


def steps(dialect: str) -> list[Step]:
    """All steps for a dialect, the first one first."""
    found = list[Step]()
    for file in files(__name__).iterdir():
        name = _NAME.fullmatch(file.name)
        if name and name[3] == dialect:
            script = file.read_text(encoding="utf-8")
            found.append(Step(int(name[1]), f"{name[1]}_{name[2]}", script))
    return sorted(found)
