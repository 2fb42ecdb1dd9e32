"""The environment: values as the kubelet resolved them, the marks of ownership added, the rest refused by name."""

from __future__ import annotations

from collections.abc import Mapping

from lightkube.models.core_v1 import Container

from scvk.kubelet.environment import unresolved_entries
from scvk.kubelet.inputs import ContainerInputs
from scvk.provider.ownership import RESERVED_NAMES
from scvk.provider.translate.finding import Report
from scvk.provider.translate.lines import objection

# OpenAPI document, CreateContainer.environment_variables
_MAX_VALUE_LENGTH = 1000


def environment_of(
    container: Container, inputs: ContainerInputs, marks: Mapping[str, str], path: str, report: Report
) -> dict[str, str]:
    """Return the group's variables: the pod's, in its order, then `marks`."""
    for entry in unresolved_entries(container, path):
        whose = "Variables" if entry.variable is None else f"The value of {entry.variable}"
        report.refuse(
            entry.path,
            "UnsupportedEnvironmentSource",
            f"{whose} from {entry.source} cannot be passed on; write the value itself (env[].value), or take it from a"
            " ConfigMap or a Secret",
        )
    positions = {entry.name: index for index, entry in enumerate(container.env or ())}
    for name, value in inputs.environment.items():
        where = f"{path}.env[{positions[name]}]" if name in positions else f"{path}.envFrom"
        if name in RESERVED_NAMES:
            report.refuse(
                where,
                "ReservedEnvironmentVariable",
                f"{name} marks the container groups of this virtual kubelet; a pod may not set it",
            )
            continue
        problem = objection(value, longest=_MAX_VALUE_LENGTH)
        if problem is not None:
            report.refuse(
                where,
                "UnsupportedEnvironmentValue",
                f"The value of {name} {problem}; SaladCloud takes 1 to {_MAX_VALUE_LENGTH} characters in one line",
            )
    return {**inputs.environment, **marks}
