"""What a pod's status says of changes that its group does not have, or has just got: a pure function.

The image is told as it runs, not as it is wished for. A resize that cannot be had is `PodResizePending` with the reason
`Infeasible`, one that is under way `PodResizeInProgress`, as with any kubelet.
"""

from __future__ import annotations

from lightkube.models.core_v1 import PodCondition, PodStatus
from lightkube.resources.core_v1 import Pod
from msgspec import structs

from scvk.kubelet.status import condition
from scvk.provider.applied import Applied, Setting
from scvk.provider.group_patch import paths_of
from scvk.provider.pod_status import container_status
from scvk.provider.translate.listing import paths_together
from scvk.provider.update_words import INFEASIBLE_WORDS
from scvk.saladcloud.models import ContainerGroup

RESIZE_PENDING = "PodResizePending"
RESIZE_IN_PROGRESS = "PodResizeInProgress"


def with_changes(status: PodStatus, pod: Pod, group: ContainerGroup, found: Applied) -> PodStatus:
    """Return the status with what there is to say of the pod's changes."""
    if status.phase not in ("Pending", "Running") or not status.containerStatuses:
        return status
    main, *others = status.containerStatuses
    if not found.has_wanted(Setting.IMAGE) and group.container.image:
        main = structs.replace(main, image=group.container.image)
    conditions = list(status.conditions or ())
    if Setting.RESOURCES in found.not_applied:
        conditions.append(
            PodCondition(type=RESIZE_PENDING, status="True", reason="Infeasible", message=INFEASIBLE_WORDS)
        )
    if _is_resizing(status, pod, group):
        conditions.append(PodCondition(type=RESIZE_IN_PROGRESS, status="True"))
    message = status.message
    if found.not_applied and not message:
        paths = paths_together(p for setting in Setting if setting in found.not_applied for p in paths_of(setting, pod))
        message = f"Changed, and not taken over by the container group, which runs as before: {paths}"
    return structs.replace(status, containerStatuses=[main, *others], conditions=conditions, message=message)


def _is_resizing(status: PodStatus, pod: Pod, group: ContainerGroup) -> bool:
    """Say whether the program does not have yet what its group was given; the former status is the memory of it."""
    before = container_status(pod)
    after = next(iter(status.containerStatuses or ()), None)
    if before is None or after is None or before.resources is None or after.resources is None:
        return False
    given = before.resources.limits != after.resources.limits
    told = condition(pod.status, RESIZE_IN_PROGRESS)
    under_way = bool(group.pending_change) or after.state is None or after.state.running is None
    return under_way and status.phase == "Running" and (given or (told is not None and told.status == "True"))
