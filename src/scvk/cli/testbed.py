"""`scvk testbed`: a real Kubernetes control plane in the foreground."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from scvk.testbed import DEFAULT_VERSION
from scvk.testbed.serve import run_testbed


def control_plane(
    *, version: Annotated[str, Parameter(help="Kubernetes release: 1.37.2 or 1.34.4.")] = DEFAULT_VERSION
) -> int:
    """Run a Kubernetes control plane on this machine until interrupted; print a line that sets KUBECONFIG.

    The first start builds it from its Go modules, which takes minutes; no container engine and no root is needed.

    Examples
    --------
    In one terminal `scvk testbed`; then paste the line that it prints into another one:

        export KUBECONFIG=...
        kubectl get namespaces

    """
    return run_testbed(version)
