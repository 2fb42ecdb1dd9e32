"""The variable `SCVK_SETTINGS` in requests and answers: written together with what it tells of (see `applied`)."""

from __future__ import annotations

from lightkube.resources.core_v1 import Pod
from msgspec import UNSET, structs

from scvk.provider.applied import encoded, settings_of
from scvk.provider.ownership import SETTINGS
from scvk.saladcloud.models import ContainerGroup, ContainerGroupPatch, ContainerGroupPrototype, UpdateContainer


def with_settings(request: ContainerGroupPrototype, pod: Pod) -> ContainerGroupPrototype:
    """Return the request that makes the pod's group, with what of the pod it is made of."""
    variables = {**(request.container.environment_variables or {}), SETTINGS: encoded(settings_of(pod))}
    return structs.replace(request, container=structs.replace(request.container, environment_variables=variables))


def patched_with_settings(patch: ContainerGroupPatch, digests: str) -> ContainerGroupPatch:
    """Return the patch with what the group has of its pod once it is applied."""
    container = patch.container if isinstance(patch.container, UpdateContainer) else UpdateContainer()
    variables = {} if container.environment_variables is UNSET else dict(container.environment_variables)
    return structs.replace(
        patch, container=structs.replace(container, environment_variables={**variables, SETTINGS: digests})
    )


def with_environment(
    answer: ContainerGroup, before: ContainerGroup, patch: ContainerGroupPatch, digests: str
) -> ContainerGroup:
    """Return the answer with its environment also where it does not show it: what was remembered is over."""
    if answer.container.environment_variables is not None:
        return answer
    sent = patched_with_settings(patch, digests).container
    assert isinstance(sent, UpdateContainer)
    assert not isinstance(sent.environment_variables, type(UNSET))
    variables = {**(before.container.environment_variables or {}), **sent.environment_variables}
    return structs.replace(answer, container=structs.replace(answer.container, environment_variables=variables))
