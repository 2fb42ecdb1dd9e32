"""When the group starts its container again: the pod's restart policy."""

from __future__ import annotations

from lightkube.models.core_v1 import Container, PodSpec

from scvk.provider.translate.finding import Report
from scvk.saladcloud.models import RestartPolicy

_POLICIES = {
    "Always": RestartPolicy.ALWAYS,
    "OnFailure": RestartPolicy.ON_FAILURE,
    "Never": RestartPolicy.NEVER,
}


def restart_policy_of(spec: PodSpec, container: Container, path: str, report: Report) -> str:
    """Return the group's restart policy. A container's own must be the pod's: the pod's phase goes by that."""
    written = spec.restartPolicy or "Always"
    judge_own_restart_policy(spec, container, path, report)
    policy = _POLICIES.get(written)
    if policy is None:
        report.refuse("spec.restartPolicy", "UnsupportedRestartPolicy", "It must be Always, OnFailure or Never")
        return ""
    return policy.value


def judge_own_restart_policy(spec: PodSpec, container: Container, path: str, report: Report) -> None:
    """Refuse a policy of the container's own (an init container's too) that is another than the pod's."""
    written = spec.restartPolicy or "Always"
    own = container.restartPolicy
    if own is not None and own != written:
        report.refuse(
            f"{path}.restartPolicy",
            "UnsupportedContainerRestartPolicy",
            f"A container group restarts by the pod's restartPolicy alone, which is {written}; remove the container's,"
            " or set the pod's",
        )
