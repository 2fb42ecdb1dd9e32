"""The environment of the containers that run: what is reserved or has no source is refused, each by its path."""

from __future__ import annotations

from lightkube.models.core_v1 import Container

from scvk.kubelet.environment import unresolved_entries
from scvk.kubelet.inputs import ContainerInputs
from scvk.provider.ownership import RESERVED_NAMES
from scvk.provider.translate.finding import Report
from scvk.provider.translate.lines import objection

# OpenAPI document, CreateContainer.environment_variables
_MAX_VALUE_LENGTH = 1000
_ADDRESSES = frozenset({"status.podIP", "status.podIPs"})


def judge_environment(container: Container, own: ContainerInputs, path: str, report: Report) -> None:
    """Report what of the container's environment cannot be had, and what only a start-up wrapper can hand over."""
    for entry in unresolved_entries(container, path):
        whose = "Variables" if entry.variable is None else f"The value of {entry.variable}"
        report.refuse(
            entry.path,
            "UnsupportedEnvironmentSource",
            f"{whose} from {entry.source} cannot be passed on; write the value itself (env[].value), or take it from a"
            " ConfigMap or a Secret",
        )
    for index, variable in enumerate(container.env or ()):
        field = variable.valueFrom.fieldRef if variable.valueFrom and not variable.value else None
        if field is not None and field.fieldPath in _ADDRESSES and not own.environment.get(variable.name):
            report.degrade(
                f"{path}.env[{index}].valueFrom.fieldRef",
                "NoPodIP",
                f"The pod has no address of its own: {variable.name} is not set",
            )
    for name, value in own.environment.items():
        where = own.origins.get(name, "spec.enableServiceLinks")
        if name in RESERVED_NAMES:
            report.refuse(
                where,
                "ReservedEnvironmentVariable",
                f"{name} marks the container groups of this virtual kubelet; a pod may not set it",
            )
        elif not name or "=" in name:
            report.refuse(
                where,
                "InvalidEnvironmentVariableName",
                f"{name!r} is no name of an environment variable: it must not be empty, and have no =",
            )
        elif "\0" in value or "\0" in name:
            report.refuse(
                where,
                "UnsupportedEnvironmentValue",
                f"The value of {name!r} has a null character; no program can be given one",
            )
        elif (problem := objection(value, longest=_MAX_VALUE_LENGTH)) is not None:
            report.emulate(
                where,
                "VariableInStartUp",
                f"The value of {name} {problem}, which SaladCloud does not take: the start-up wrapper hands it to the"
                " program; exec probes and kubectl exec do not see it",
            )
