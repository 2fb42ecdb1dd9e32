"""Variables that name the Services a pod may call, as Kubernetes has made them since Docker's links.

The rules are those of the kubelet (`getServiceEnvVarMap` and pkg/kubelet/envvars, read at v1.37.2): `kubernetes` of the
namespace `default` always, the Services of the pod's own namespace unless `enableServiceLinks` is false, none without a
cluster IP.
"""

from __future__ import annotations

from collections.abc import Iterable

from lightkube.resources.core_v1 import Pod, Service

MASTER_NAMESPACE = "default"
MASTER_NAME = "kubernetes"


def service_variables(pod: Pod, services: Iterable[Service]) -> dict[str, str]:
    """Return the variables for `pod`, by the Services' names. `services` may be those of the whole cluster."""
    namespace = (pod.metadata.namespace if pod.metadata else None) or "default"
    links = not (pod.spec and pod.spec.enableServiceLinks is False)
    chosen: dict[str, Service] = {}
    for service in services:
        metadata = service.metadata
        if metadata is None or not _cluster_ip(service):
            continue
        name = metadata.name or ""
        if metadata.namespace == MASTER_NAMESPACE and name == MASTER_NAME:
            chosen.setdefault(name, service)
        elif metadata.namespace == namespace and links:
            chosen[name] = service
    variables: dict[str, str] = {}
    for name in sorted(chosen):
        variables |= _variables(name, chosen[name])
    return variables


def _cluster_ip(service: Service) -> str:
    address = (service.spec.clusterIP if service.spec else None) or ""
    return "" if address == "None" else address


def _variables(service_name: str, service: Service) -> dict[str, str]:
    prefix, address = _variable_name(service_name), _cluster_ip(service)
    host = f"[{address}]" if ":" in address else address
    variables = {f"{prefix}_SERVICE_HOST": address}
    for index, port in enumerate((service.spec.ports if service.spec else None) or ()):
        protocol = port.protocol or "TCP"
        url = f"{protocol.lower()}://{host}:{port.port}"
        if index == 0:  # the first port has the names of the time when there was only one
            variables[f"{prefix}_SERVICE_PORT"] = str(port.port)
            variables[f"{prefix}_PORT"] = url
        if port.name:
            variables[f"{prefix}_SERVICE_PORT_{_variable_name(port.name)}"] = str(port.port)
        link = f"{prefix}_PORT_{port.port}_{protocol.upper()}"
        variables |= {
            link: url,
            f"{link}_PROTO": protocol.lower(),
            f"{link}_PORT": str(port.port),
            f"{link}_ADDR": address,
        }
    return variables


def _variable_name(name: str) -> str:
    return name.replace("-", "_").upper()
