"""What a long step tells while it runs: a stream of small values, handed to a callback.

Nothing in this package prints. A caller passes a `Report`; `scvk.testbed.display` has one for terminals and
log files.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass


class Phase(enum.Enum):
    """The stages, in the order they occur; the value is the text shown to people."""

    WAIT = "wait for another build"
    FIND_GO = "find Go"
    INSTALL_GO = "install Go"
    DOWNLOAD = "download modules"
    COMPILE = "compile"
    LINK = "link"
    BUILT = "programs ready"
    CERTIFICATES = "make certificates"
    START = "start the control plane"
    READY = "control plane ready"


@dataclass(frozen=True, slots=True)
class Progress:
    """One step forward.

    `done` and `total` count what the phase counts (modules, packages), and are None where nothing is counted.
    """

    phase: Phase
    detail: str = ""
    done: int | None = None
    total: int | None = None

    def __str__(self) -> str:
        """`compile: 120 of 2500 packages: k8s.io/api/core/v1`, with the parts that are known."""
        text = self.phase.value
        if self.done is not None:
            text += f": {self.done}" + (f" of {self.total}" if self.total is not None else "")
        return f"{text}: {self.detail}" if self.detail else text


Report = Callable[[Progress], None]
"""Called often (some hundred times a second at most) and from the event loop: it must not block."""


def silent(_: Progress) -> None:
    """A `Report` that tells nobody."""
