"""`scvk rbac`: the agent's account and rights as manifests for `kubectl apply`."""

from __future__ import annotations

from typing import Annotated, Literal

import yaml
from cyclopts import Parameter

from scvk.kubelet.rights import rights


def rbac(
    *,
    namespace: Annotated[str, Parameter(help="Namespace of the service account.")] = "saladcloud",
    service_account: Annotated[str, Parameter(help="Name of the service account.")] = "scvk",
    kubelet_certificate: Annotated[
        Literal["self-signed", "files", "csr"],
        Parameter(env_var="SALAD_VK_KUBELET_CERTIFICATE", help="As for the agent: csr needs two rights more."),
    ] = "self-signed",
) -> int:
    """Print the service account, roles and bindings that the agent needs, and no more.

    Examples
    --------
    Make the account in a cluster:

        kubectl create namespace saladcloud
        scvk rbac --namespace saladcloud | kubectl apply -f -

    """
    manifests = rights(
        namespace=namespace,
        service_account=service_account,
        certificate_requests=kubelet_certificate == "csr",
    )
    print(yaml.safe_dump_all(manifests, sort_keys=False), end="")
    return 0
