"""The cluster that the demo plays on: a control plane of its own, or one that the user names."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from scvk.kubelet.rights import rights
from scvk.testbed import Testbed, TestbedError, build
from scvk.testbed.kubectl import run_kubectl
from scvk.testbed.progress import Report

NAMESPACE = "scvk-demo"
"""Holds everything that the demo creates but its Node, and is deleted with it."""
ACCOUNT = "scvk"


@dataclass(frozen=True)
class DemoCluster:
    """How the demo speaks to its cluster. `agent_kubeconfig` is the account that the agent uses."""

    kubectl_path: Path
    kubeconfig: Path
    agent_kubeconfig: Path
    cache: Path
    is_own: bool

    async def kubectl(
        self, *words: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl in the demo's namespace. Raises TestbedError when it fails, with `check`."""
        return await run_kubectl(
            self.kubectl_path,
            ("--namespace", NAMESPACE, *words),
            kubeconfig=self.kubeconfig,
            cache=self.cache,
            stdin=stdin,
            timeout_s=60.0,
            check=check,
        )


@asynccontextmanager
async def own_cluster(report: Report) -> AsyncIterator[DemoCluster]:
    """Start a control plane; the agent gets an account with the documented rights and no others."""
    async with Testbed(report=report) as testbed:
        await testbed.kubectl("create", "namespace", NAMESPACE)
        await testbed.apply(yaml.safe_dump_all(rights(namespace=NAMESPACE, service_account=ACCOUNT)))
        account = await testbed.service_account_kubeconfig(NAMESPACE, ACCOUNT, lifetime_s=24 * 3600)
        yield DemoCluster(
            testbed.kubectl_path, testbed.kubeconfig, account, testbed.data / "kubectl-cache", is_own=True
        )


@asynccontextmanager
async def users_cluster(kubeconfig: Path, node: str, report: Report) -> AsyncIterator[DemoCluster]:
    """Use the cluster of a kubeconfig; at the end the demo's namespace and Node are deleted again."""
    if not kubeconfig.is_file():
        raise TestbedError("use the cluster", f"{kubeconfig} does not exist", "name a kubeconfig file")
    found = shutil.which("kubectl")
    kubectl = Path(found) if found else (await build(report=report)).path("kubectl")
    with tempfile.TemporaryDirectory(prefix="scvk-demo-") as cache:
        cluster = DemoCluster(kubectl, kubeconfig, kubeconfig, Path(cache), is_own=False)
        await cluster.kubectl("create", "namespace", NAMESPACE)
        try:
            yield cluster
        finally:
            await cluster.kubectl("delete", "node", node, "--ignore-not-found", check=False)
            # Waited for, so that the demo can be started again at once.
            await cluster.kubectl("delete", "namespace", NAMESPACE, "--timeout=50s", check=False)
