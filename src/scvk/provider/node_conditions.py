"""The node's conditions that tell of SaladCloud: pure functions.

Ready is said only where pods really cannot be run: the API key, or the project, is refused for good. An outage is no
such thing: pods that run go on, and Kubernetes would delete them.
"""

from __future__ import annotations

from lightkube.models.core_v1 import NodeCondition

from scvk.provider.capacity import REPLICAS_WHERE_NO_QUOTA_IS_SHOWN, Replicas
from scvk.provider.contact import Contact, Refusal


def conditions(replicas: Replicas, contact: Contact, now: float) -> tuple[NodeCondition, ...]:
    """Return them all; `now` by the clock of `contact`."""
    refusal = contact.refused_for_good(now)
    return (reachable(contact), quota_available(replicas), *([not_ready(refusal)] if refusal else []))


def reachable(contact: Contact) -> NodeCondition:
    """Say whether SaladCloud answers."""
    if contact.failure is None:
        return _condition("SaladCloudReachable", "True", "Answers", "SaladCloud answers")
    return _condition("SaladCloudReachable", "False", contact.reason, contact.failure)


def quota_available(replicas: Replicas) -> NodeCondition:
    """Say whether another container group can be made."""
    kind = "SaladCloudQuotaAvailable"
    if replicas.refused or (replicas.quota is not None and replicas.left == 0):
        known = "" if replicas.quota is None else f" of {replicas.quota} replicas"
        message = (
            f"the organization's quota{known} is used up: new pods wait until container groups are deleted, in any of "
            "its projects, or SaladCloud raises it"
        )
        return _condition(kind, "False", "QuotaUsedUp", message)
    if replicas.quota is None:
        message = f"SaladCloud has not told the quota; {REPLICAS_WHERE_NO_QUOTA_IS_SHOWN} replicas are assumed"
        return _condition(kind, "Unknown", "QuotaNotKnown", message)
    message = f"{replicas.left} of {replicas.quota} replicas of the organization's quota are left"
    return _condition(kind, "True", "QuotaLeft", message)


def not_ready(refusal: Refusal) -> NodeCondition:
    """Say that no pod can be run on the node."""
    what = "the API key" if refusal is Refusal.API_KEY else "the project"
    message = f"SaladCloud refuses {what} for good, so that no pod can be run or looked after: {refusal.remedy}"
    return _condition("Ready", "False", refusal.reason, message)


def _condition(kind: str, status: str, reason: str, message: str) -> NodeCondition:
    return NodeCondition(type=kind, status=status, reason=reason, message=message)
