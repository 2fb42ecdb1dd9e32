"""What becomes of the fields below a container that modules of their own judge: variables, ports, resources, hooks.

For the reader of the table, and for the test that a field which Kubernetes adds is not dropped in silence.
"""

from __future__ import annotations

from scvk.provider.translate.fields import Row, Treatment

_OBJECT = "Read when the pod's container group is made; what is missing and not optional is waited for"
_NOT_SENT = "Nothing beside the program can send it; do it in the program, or with an exec command"

PORT_ROWS = (
    Row("containerPort", Treatment.CARRIED, "Only informs, as in Kubernetes"),
    Row("hostIP", Treatment.ELSEWHERE, "Has no meaning without a hostPort"),
    Row(
        "hostPort",
        Treatment.DEGRADED,
        "No port of a host is opened; make the port reachable with the annotation salad.com/networking-port",
        "UnsupportedHostPort",
    ),
    Row("name", Treatment.CARRIED, "What probes and annotations may call the port"),
    Row("protocol", Treatment.CARRIED, "Only informs, as in Kubernetes"),
)
"""The fields of ContainerPort."""

VARIABLE_ROWS = (
    Row("name", Treatment.CARRIED, "Any name that Kubernetes takes; the marks of this program are refused"),
    Row(
        "value",
        Treatment.CARRIED,
        "With `$(NAME)` expanded; what SaladCloud takes not, the start-up wrapper hands over",
    ),
    Row("valueFrom", Treatment.CARRIED, "As it is when the pod's container group is made"),
)
"""The fields of EnvVar."""

VARIABLE_SOURCE_ROWS = (
    Row("configMapKeyRef", Treatment.CARRIED, _OBJECT),
    Row("fieldRef", Treatment.CARRIED, "As a kubelet gives it; the pod has no address of its own (status.podIP)"),
    Row(
        "fileKeyRef",
        Treatment.REFUSED,
        "Nobody reads the volume before the container starts; write the value itself, or take it from a ConfigMap or a"
        " Secret",
        "UnsupportedEnvironmentSource",
    ),
    Row("resourceFieldRef", Treatment.CARRIED, "Requests and limits of a container, else what the node has"),
    Row("secretKeyRef", Treatment.CARRIED, _OBJECT),
)
"""The fields of EnvVarSource."""

VARIABLES_ROWS = (
    Row("configMapRef", Treatment.CARRIED, _OBJECT),
    Row("prefix", Treatment.CARRIED, "Stands before every name"),
    Row("secretRef", Treatment.CARRIED, _OBJECT),
)
"""The fields of EnvFromSource."""

RESOURCE_ROWS = (
    Row(
        "claims",
        Treatment.REFUSED,
        "SaladCloud has no devices to claim; ask for a GPU with the annotation salad.com/gpu-classes",
        "UnsupportedResourceClaim",
    ),
    Row("limits", Treatment.CARRIED, "Count where there is no request; there is nothing above what is granted"),
    Row("requests", Treatment.CARRIED, "Rounded up to what SaladCloud grants; what it has not is refused"),
)
"""The fields of ResourceRequirements."""

HOOK_ROWS = (
    Row("exec", Treatment.CARRIED, "Run by the start-up wrapper, beside the program"),
    Row("httpGet", Treatment.REFUSED, _NOT_SENT, "UnsupportedLifecycle"),
    Row(
        "sleep",
        Treatment.DEGRADED,
        "Nothing waits for it: the program starts, and counts as started",
        "UnsupportedLifecycle",
    ),
    Row("tcpSocket", Treatment.REFUSED, _NOT_SENT, "UnsupportedLifecycle"),
)
"""The fields of LifecycleHandler, of a postStart hook."""
