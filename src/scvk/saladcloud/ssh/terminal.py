"""What a command's terminal is at the beginning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terminal:
    """`kind` is what TERM says."""

    kind: str
    columns: int = 80
    rows: int = 24
