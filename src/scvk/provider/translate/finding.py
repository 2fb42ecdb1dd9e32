"""What is said about a pod: one finding for every field that does not become what it says.

INVARIANT: a finding holds no value that may be a secret. It names variables, headers and commands by their path,
never by what they contain: findings go into events, logs and terminals.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a field."""

    EMULATED = "emulated"
    """It has its effect by other means than Kubernetes'."""
    DEGRADED = "degraded"
    """It has less effect than it says."""
    IGNORED = "ignored"
    """It has no effect, and the program runs the same without it."""
    REFUSED = "refused"
    """The pod does not run because of it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One field and what became of it.

    `path` is where it stands in the pod, such as `spec.containers[0].args`; `reason` a sentence that says what
    happened and what to do; `reason_code` a reason as Kubernetes has them, such as `UnsupportedVolume`.
    """

    outcome: Outcome
    path: str
    reason: str
    reason_code: str


class Report:
    """Collects the findings of one translation, in the order in which they are made.

    `strict` refuses what would be degraded: the operator's wish that a pod runs as it says or not at all.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict
        self._findings: list[Finding] = []

    def refuse(self, path: str, reason_code: str, reason: str) -> None:
        """Note that the pod cannot run because of the field."""
        self._findings.append(Finding(Outcome.REFUSED, path, reason, reason_code))

    def degrade(self, path: str, reason_code: str, reason: str) -> None:
        """Note that the field has less effect than it says."""
        if self._strict:
            self.refuse(path, reason_code, f"{reason} (refused, not degraded, because of --strict)")
        else:
            self._findings.append(Finding(Outcome.DEGRADED, path, reason, reason_code))

    def emulate(self, path: str, reason_code: str, reason: str) -> None:
        """Note that the field has its effect by other means than Kubernetes'."""
        self._findings.append(Finding(Outcome.EMULATED, path, reason, reason_code))

    def ignore(self, path: str, reason_code: str, reason: str) -> None:
        """Note that the field has no effect, by somebody's own wish or because none is needed."""
        self._findings.append(Finding(Outcome.IGNORED, path, reason, reason_code))

    def add(self, findings: Iterable[Finding]) -> None:
        """Take over what was found elsewhere."""
        for each in findings:
            if each.outcome is Outcome.DEGRADED:
                self.degrade(each.path, each.reason_code, each.reason)
            else:
                self._findings.append(each)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found until now."""
        return tuple(self._findings)

    @property
    def refused(self) -> bool:
        """Whether the pod cannot run."""
        return any(finding.outcome is Outcome.REFUSED for finding in self._findings)
