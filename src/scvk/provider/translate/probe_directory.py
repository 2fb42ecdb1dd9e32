"""Exec probes of a pod with a `workingDir`: Kubernetes starts them there, SaladCloud in the image's own directory.

So the command becomes `sh -c 'cd "$0" && exec "$@"' DIRECTORY COMMAND …`, which leaves exit code and signals its own.
"""

from __future__ import annotations

from msgspec import structs

from scvk.provider.translate.finding import Report
from scvk.provider.translate.probe_command import unsuitable
from scvk.saladcloud import models

_SHELL = ("sh", "-c", 'cd "$0" && exec "$@"')


def in_directory(probe: models.Probe | None, working_dir: str | None, path: str, report: Report) -> models.Probe | None:
    """Return the probe as it starts in `working_dir`; `path` is where it stands in the pod."""
    own = probe.exec.command if probe is not None and probe.exec is not None else None
    if probe is None or not own or not working_dir:
        return probe
    command = (*_SHELL, working_dir, *own)
    if unsuitable(command) is not None:
        report.degrade(
            f"{path}.exec",
            "ProbeInOtherDirectory",
            "It starts in the image's own directory, and not in workingDir, which SaladCloud's limits do not leave room"
            " for; write whole paths into its command",
        )
        return probe
    report.emulate(f"{path}.exec", "ProbeThroughShell", "The image's sh goes to workingDir before it")
    return structs.replace(probe, exec=models.ProbeExec(command=command))
