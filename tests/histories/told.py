"""What happened in a history, in the words that a person reads when it ends badly."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.histories.virtual_time import monotonic


@dataclass
class Told:
    """One line a step, with the virtual second."""

    lines: list[str] = field(default_factory=list)
    digest: str = ""
    """What all traffic came to: two histories with the same one were the same."""
    lasted_s: float = 0.0

    def __call__(self, text: str) -> None:
        """Note a step."""
        self.lines.append(f"{monotonic():8.1f} {text}")
