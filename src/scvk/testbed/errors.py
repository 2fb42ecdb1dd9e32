"""The one error of this package: which step failed, why, and what to do about it."""

from __future__ import annotations


class TestbedError(Exception):
    """A step of building, starting or stopping the control plane failed.

    `step` continues the sentence "could not …"; `cause` is what was seen; `remedy` is what the reader can do
    now; `output` is the tail of what the failed program wrote (may be empty, may have several lines).
    """

    __test__ = False  # the name begins like a test class; pytest shall not collect it

    def __init__(self, step: str, cause: str, remedy: str, output: str = "") -> None:
        super().__init__(step, cause, remedy, output)
        self.step = step
        self.cause = cause
        self.remedy = remedy
        self.output = output

    def __str__(self) -> str:
        """Cause first, then what the program said, the hint last: a terminal shows the end."""
        parts = [f"could not {self.step}: {self.cause}"]
        if self.output:
            parts.append("\n".join(f"  | {line}" for line in self.output.splitlines()))
        parts.append(f"hint: {self.remedy}")
        return "\n\n".join(parts)
