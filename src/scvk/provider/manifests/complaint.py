"""What is wrong with a manifest, by file and line.

INVARIANT: no complaint repeats a value: a manifest may hold a Secret, and complaints go to logs of CI jobs. Names of
fields are told, as they are what has to be mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Source:
    """A text with manifests, and where it came from: a file's path, or `-` for standard input."""

    name: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing to mend. `line` counts from 1; None where the whole source is meant."""

    source: str
    line: int | None
    message: str

    def __str__(self) -> str:
        where = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{where}: {self.message}"


class ManifestError(Exception):
    """The manifests cannot be read as they are; `complaints` has all that was found, in order."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        super().__init__("\n".join(map(str, complaints)))
        self.complaints = tuple(complaints)
