"""What becomes of each field of a container."""

from __future__ import annotations

from scvk.provider.translate.fields import Row, Treatment, one_of

_TERMINAL = "The program of a container group has no terminal and no standard input; use kubectl exec"
_RESTART = "Whether a container group restarts depends on the pod's restartPolicy alone; remove it"
_KUBELET = "The kubelet's business"

CONTAINER_ROWS = (
    Row("name", Treatment.CARRIED, "The name of the one container in the pod's status"),
    Row("args", Treatment.CARRIED, "Follow the command, or the image's ENTRYPOINT where the pod gives none"),
    Row("command", Treatment.CARRIED, "Becomes the group's command"),
    Row("env", Treatment.CARRIED, "Becomes the group's environment"),
    Row("envFrom", Treatment.CARRIED, "Becomes the group's environment"),
    Row("image", Treatment.CARRIED, "Becomes the group's image"),
    Row(
        "imagePullPolicy",
        Treatment.REFUSED,
        "SaladCloud always pulls the image: none can lie on its machines beforehand; write IfNotPresent",
        "ErrImageNeverPull",
        one_of("Always", "IfNotPresent"),
        "Always or IfNotPresent",
    ),
    Row("lifecycle", Treatment.CARRIED, "Judged field by field"),
    Row("livenessProbe", Treatment.CARRIED, "Becomes the group's liveness probe"),
    Row("ports", Treatment.CARRIED, "Their names serve probes and networking; host ports are degraded"),
    Row("readinessProbe", Treatment.CARRIED, "Becomes the group's readiness probe"),
    Row("resizePolicy", Treatment.ELSEWHERE, _KUBELET),
    Row("resources", Treatment.CARRIED, "Become the group's resources"),
    Row("restartPolicy", Treatment.CARRIED, "The pod's own is let through, another refused"),
    Row("restartPolicyRules", Treatment.REFUSED, _RESTART, "UnsupportedContainerRestartPolicy"),
    Row("securityContext", Treatment.CARRIED, "Judged field by field"),
    Row("startupProbe", Treatment.CARRIED, "Becomes the group's startup probe"),
    Row("stdin", Treatment.DEGRADED, _TERMINAL, "UnsupportedTerminal", one_of(False), "false"),
    Row("stdinOnce", Treatment.DEGRADED, _TERMINAL, "UnsupportedTerminal", one_of(False), "false"),
    Row(
        "terminationMessagePath",
        Treatment.CARRIED,
        "The start-up wrapper collects it where it is not the default, or by annotation",
    ),
    Row("terminationMessagePolicy", Treatment.ELSEWHERE, "Kept when the container ends"),
    Row("tty", Treatment.DEGRADED, _TERMINAL, "UnsupportedTerminal", one_of(False), "false"),
    Row(
        "volumeDevices",
        Treatment.REFUSED,
        "SaladCloud has no block devices to attach; remove it",
        "UnsupportedVolume",
    ),
    Row("volumeMounts", Treatment.CARRIED, "Judged with the volumes"),
    Row("workingDir", Treatment.CARRIED, "The start-up wrapper goes there"),
)
"""The fields of Container."""

LIFECYCLE_ROWS = (
    Row("postStart", Treatment.CARRIED, "A command is run by the start-up wrapper, beside the program"),
    Row(
        "preStop",
        Treatment.DEGRADED,
        "Nothing is run before the program is told to end; let the program do the work on that signal",
        "UnsupportedLifecycle",
    ),
    Row(
        "stopSignal",
        Treatment.DEGRADED,
        "SaladCloud sends the signal of its own choice; set STOPSIGNAL in the image",
        "UnsupportedLifecycle",
    ),
)
"""The fields of Lifecycle."""
