"""A control plane of its own with metrics-server: that reads figures of every node every 10 s, which costs requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from scvk.kubelet.rights import rights
from scvk.testbed import Testbed
from scvk.testbed.pytest_plugin import build_visibly
from tests.e2e.stage import ACCOUNT, ACCOUNT_NAMESPACE


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def testbed(kubernetes_version: str, pytestconfig: pytest.Config) -> AsyncIterator[Testbed]:
    """A control plane with metrics-server."""
    await build_visibly(kubernetes_version, pytestconfig)
    async with Testbed(kubernetes_version) as started:
        await started.start_metrics_server()
        yield started


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def account(testbed: Testbed) -> Path:
    """A kubeconfig with the rights that `scvk rbac` prints, and no others."""
    await testbed.kubectl("create", "namespace", ACCOUNT_NAMESPACE)
    await testbed.apply(yaml.safe_dump_all(rights(namespace=ACCOUNT_NAMESPACE, service_account=ACCOUNT)))
    return await testbed.service_account_kubeconfig(ACCOUNT_NAMESPACE, ACCOUNT, lifetime_s=4 * 3600)
