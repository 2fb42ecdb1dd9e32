"""Hooks: a `postStart` command runs beside the program, started by the wrapper; the rest has nobody to run it."""

from __future__ import annotations

from lightkube.models.core_v1 import Container, LifecycleHandler

from scvk.provider.translate.finding import Report

_CODE = "UnsupportedLifecycle"


def post_start_of(container: Container, path: str, report: Report) -> tuple[str, ...] | None:
    """Return the command that runs right after the program's start, None where there is none.

    As in Kubernetes its `$(NAME)` are not expanded.
    """
    hook = container.lifecycle.postStart if container.lifecycle else None
    if hook is None:
        return None
    where = f"{path}.lifecycle.postStart"
    command = tuple((hook.exec.command if hook.exec else None) or ())
    if command:
        if any("\0" in item for item in command):
            report.refuse(f"{where}.exec", _CODE, "The command has a null character; no program can be given one")
            return None
        report.emulate(
            f"{where}.exec",
            "PostStartInStartUp",
            "The start-up wrapper runs it beside the program; where it fails, the program is ended, as in Kubernetes",
        )
        return command
    _judge_other(hook, where, report)
    return None


def _judge_other(hook: LifecycleHandler, where: str, report: Report) -> None:
    if hook.sleep is not None:
        report.degrade(f"{where}.sleep", _CODE, "Nothing waits for it: the program starts, and counts as started")
        return
    for kind in ("httpGet", "tcpSocket"):
        if getattr(hook, kind) is not None:
            report.refuse(
                f"{where}.{kind}",
                _CODE,
                "Nothing beside the program can send it; do it in the program, or with an exec command",
            )
