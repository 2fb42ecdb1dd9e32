"""What becomes of each field of a pod's `spec`."""

from __future__ import annotations

from collections.abc import Mapping

from lightkube.models.core_v1 import PodOS

from scvk.provider.translate.fields import Row, Treatment, one_of

_SCHEDULER = "The scheduler's business: it was done when the pod came to this node"
_SERVICE_ACCOUNT = "Service account tokens are of no use outside the cluster; none is handed over"
_HOST = "A container group shares nothing with its host; remove it"
_HOST_NAME = (
    "SaladCloud names its machines itself: the program sees another name, and no other pod finds it by this one"
)
_DNS = "SaladCloud sets up name resolution itself, and has no setting for it"
_WINDOWS = "SaladCloud runs Linux containers only; send the pod to a Windows node"
_OS_LABELS = ("kubernetes.io/os", "beta.kubernetes.io/os")
_WINDOWS_BUILD_LABEL = "node.kubernetes.io/windows-build"  # k8s.io/api/core/v1, LabelWindowsBuild
_DEFAULT_GRACE_SECONDS = 30  # the API server's default


def _selects_no_windows(selector: object) -> bool:
    if not isinstance(selector, Mapping):
        return True
    return _WINDOWS_BUILD_LABEL not in selector and all(selector.get(label) != "windows" for label in _OS_LABELS)


def _is_no_windows(system: object) -> bool:
    return not (isinstance(system, PodOS) and system.name == "windows")


POD_ROWS = (
    Row("containers", Treatment.CARRIED, "Exactly one runs: the container of the group"),
    Row("activeDeadlineSeconds", Treatment.ELSEWHERE, "The kubelet's business: it ends the pod at the deadline"),
    Row("affinity", Treatment.ELSEWHERE, _SCHEDULER),
    Row("automountServiceAccountToken", Treatment.ELSEWHERE, _SERVICE_ACCOUNT),
    Row("dnsConfig", Treatment.DEGRADED, _DNS, "UnsupportedDNS"),
    Row(
        "dnsPolicy",
        Treatment.DEGRADED,
        _DNS,
        "UnsupportedDNS",
        one_of("ClusterFirst", "ClusterFirstWithHostNet", "Default"),
        "ClusterFirst, ClusterFirstWithHostNet or Default (names of the cluster are not resolved)",
    ),
    Row("enableServiceLinks", Treatment.ELSEWHERE, "Services of the cluster cannot be reached: none is named"),
    Row(
        "ephemeralContainers",
        # Not refused: Kubernetes lets nobody remove one again.
        Treatment.DEGRADED,
        "A container group has one container: no other can join it; use kubectl exec",
        "UnsupportedEphemeralContainer",
    ),
    Row("evictionResponders", Treatment.ELSEWHERE, "The eviction API's business"),
    Row(
        "hostAliases",
        Treatment.DEGRADED,
        "SaladCloud writes /etc/hosts itself: these names are not in it",
        "UnsupportedHostAliases",
    ),
    Row("hostIPC", Treatment.REFUSED, _HOST, "UnsupportedHostNamespace", one_of(False), "false"),
    Row("hostNetwork", Treatment.REFUSED, _HOST, "UnsupportedHostNamespace", one_of(False), "false"),
    Row("hostPID", Treatment.REFUSED, _HOST, "UnsupportedHostNamespace", one_of(False), "false"),
    Row(
        "hostUsers",
        Treatment.DEGRADED,
        "SaladCloud has no setting for user namespaces",
        "UnsupportedHostNamespace",
        one_of(True),
        "true",
    ),
    Row("hostname", Treatment.DEGRADED, _HOST_NAME, "UnsupportedHostname"),
    Row("hostnameOverride", Treatment.DEGRADED, _HOST_NAME, "UnsupportedHostname"),
    Row("imagePullSecrets", Treatment.CARRIED, "The login that fits the image becomes the group's"),
    Row(
        "initContainers",
        Treatment.CARRIED,
        "Those with the container's image are run by the start-up wrapper; others refused, or left out by annotation",
    ),
    Row("nodeName", Treatment.ELSEWHERE, _SCHEDULER),
    Row(
        "nodeSelector",
        Treatment.REFUSED,
        _WINDOWS,
        "UnsupportedOperatingSystem",
        _selects_no_windows,
        "all but those of Windows nodes (the scheduler's business)",
    ),
    Row("os", Treatment.REFUSED, _WINDOWS, "UnsupportedOperatingSystem", _is_no_windows, "linux"),
    Row("overhead", Treatment.ELSEWHERE, "The scheduler's business, and only with a runtimeClassName"),
    Row("preemptionPolicy", Treatment.ELSEWHERE, _SCHEDULER),
    Row("priority", Treatment.ELSEWHERE, _SCHEDULER),
    Row("priorityClassName", Treatment.ELSEWHERE, _SCHEDULER),
    Row("readinessGates", Treatment.ELSEWHERE, "The kubelet's business: they count for the condition Ready"),
    Row(
        "resourceClaims",
        Treatment.REFUSED,
        "SaladCloud has no devices to claim; ask for a GPU with the annotation salad.com/gpu-classes",
        "UnsupportedResourceClaim",
    ),
    Row("resources", Treatment.CARRIED, "Count where the container sets none of its own"),
    Row("restartPolicy", Treatment.CARRIED, "Becomes the group's restart policy"),
    Row(
        "runtimeClassName",
        Treatment.DEGRADED,
        "SaladCloud has one runtime for all (a GPU needs no other)",
        "UnsupportedRuntimeClass",
    ),
    Row("schedulerName", Treatment.ELSEWHERE, _SCHEDULER),
    Row("schedulingGates", Treatment.ELSEWHERE, _SCHEDULER),
    Row("schedulingGroup", Treatment.ELSEWHERE, _SCHEDULER),
    Row("securityContext", Treatment.CARRIED, "Judged field by field"),
    Row("serviceAccount", Treatment.ELSEWHERE, _SERVICE_ACCOUNT),
    Row("serviceAccountName", Treatment.ELSEWHERE, _SERVICE_ACCOUNT),
    Row("setHostnameAsFQDN", Treatment.DEGRADED, _HOST_NAME, "UnsupportedHostname", one_of(False), "false"),
    Row(
        "shareProcessNamespace",
        Treatment.DEGRADED,
        "There is one container, and its program is process 1",
        "UnsupportedProcessNamespace",
        one_of(False),
        "false",
    ),
    Row("subdomain", Treatment.DEGRADED, _HOST_NAME, "UnsupportedHostname"),
    Row(
        "terminationGracePeriodSeconds",
        Treatment.DEGRADED,
        "SaladCloud decides how long a program has between the signal to end and its end",
        "UnsupportedGracePeriod",
        one_of(_DEFAULT_GRACE_SECONDS),
        "30, the default",
    ),
    Row("tolerations", Treatment.ELSEWHERE, _SCHEDULER),
    Row("topologySpreadConstraints", Treatment.ELSEWHERE, _SCHEDULER),
    Row(
        "volumes",
        Treatment.CARRIED,
        "Files and empty directories are made at the start of the container; others are refused",
    ),
)
"""The fields of PodSpec."""
