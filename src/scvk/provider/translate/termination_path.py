"""The termination message: which file the start-up wrapper hands over at the program's end.

The untouched default path is not collected: collecting makes the wrapper stay as the program's parent, which hardly any
pod wants for a file that hardly any program writes. A path of the pod's own, or the annotation, says that it is wanted.
"""

from __future__ import annotations

import posixpath

from lightkube.models.core_v1 import Container

from scvk.provider.annotations import TERMINATION_MESSAGE
from scvk.provider.translate.finding import Report
from scvk.provider.translate.settings import Settings
from scvk.provider.translate.start_up import TerminationMessage

DEFAULT_PATH = "/dev/termination-log"
"""The API server's default."""

_CODE = "TerminationMessageInStartUp"


def termination_message_of(
    container: Container, path: str, settings: Settings, report: Report
) -> TerminationMessage | None:
    """Return the file to collect, None where none is."""
    wanted = settings.boolean(TERMINATION_MESSAGE)
    written = container.terminationMessagePath or DEFAULT_PATH
    own_path = written != DEFAULT_PATH
    if wanted is False:
        if own_path:
            report.ignore(f"{path}.terminationMessagePath", _CODE, f"Not collected: {TERMINATION_MESSAGE.key} says so")
        return None
    if not own_path and not wanted:
        return None
    if "\0" in written:
        report.refuse(f"{path}.terminationMessagePath", "InvalidPath", "The path has a null character")
        return None
    report.emulate(
        f"{path}.terminationMessagePath" if own_path else TERMINATION_MESSAGE.path,
        _CODE,
        f"The start-up wrapper stays as the program's parent, which is then not process 1, and hands the content of"
        f" {written[:200]} over through the log",
    )
    return TerminationMessage(posixpath.normpath(f"/{written}").replace("//", "/", 1))


def judge_init_termination_path(container: Container, path: str, report: Report) -> None:
    """Report an init container's own path: nobody stays to hand over what it leaves there."""
    if (container.terminationMessagePath or DEFAULT_PATH) != DEFAULT_PATH:
        report.degrade(
            f"{path}.terminationMessagePath",
            "UnsupportedTerminationMessage",
            "The termination message of an init container is not collected; what it writes to its output is in the log",
        )
