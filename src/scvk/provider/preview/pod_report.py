"""What is told about one pod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from scvk.provider.translate import Finding


class PodOutcome(StrEnum):
    """What becomes of the pod on the node."""

    RUNS = "runs"
    """As it says, as far as is known: see the report's `needs`."""
    RUNS_DEGRADED = "runs-degraded"
    """With less effect of some fields than they say."""
    REFUSED = "refused"
    """It stays Pending, with the reasons."""
    NOT_RUN = "not-run"
    """It is left Pending on purpose: a pod of a DaemonSet."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that must be there, or known, before the pod can be made.

    `kind` is ConfigMap, Secret or Image, `name` the object's or the image's; `reason` says where it is needed.
    """

    kind: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Price:
    """What the GPU costs in an hour, in US dollars: the cheapest and the dearest of what the pod may run on."""

    minimum: Decimal
    maximum: Decimal


@dataclass(frozen=True, slots=True)
class PodReport:
    """A workload and what becomes of its pods.

    `request` is the body of the create call, with secrets masked; None where the pod is refused or not run, or where
    an image must be looked up first. `warnings` are about what is no business of the translation, such as the
    scheduler's.
    """

    kind: str
    namespace: str
    name: str
    outcome: PodOutcome
    request: Mapping[str, Any] | None = field(repr=False)
    findings: tuple[Finding, ...]
    needs: tuple[Need, ...]
    price: Price | None
    warnings: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What a line of text calls it."""
        return f"{self.kind} {self.namespace}/{self.name}"
