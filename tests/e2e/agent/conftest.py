"""Fixtures: the account with the documented rights (once), and a stage for each test."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest
import pytest_asyncio
import yaml

from scvk.kubelet.rights import rights
from scvk.testbed import Testbed
from tests.e2e.processes import SimulatedCloud
from tests.e2e.stage import ACCOUNT, ACCOUNT_NAMESPACE, FOREIGN_GROUP, Stage, write_private_key


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def account(testbed: Testbed) -> Path:
    """A kubeconfig with the rights that `scvk rbac` prints, and no others."""
    await testbed.kubectl("create", "namespace", ACCOUNT_NAMESPACE)
    await testbed.apply(yaml.safe_dump_all(rights(namespace=ACCOUNT_NAMESPACE, service_account=ACCOUNT)))
    return await testbed.service_account_kubeconfig(ACCOUNT_NAMESPACE, ACCOUNT, lifetime_s=4 * 3600)


@pytest_asyncio.fixture
async def stage(
    testbed: Testbed, account: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    """A namespace and node of its own for the test; at the end somebody else's group must be as it was."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:36].strip("-")
    name = f"{words}-{secrets.token_hex(2)}"
    await testbed.kubectl("create", "namespace", name)
    key = asyncssh.generate_private_key("ssh-ed25519")
    write_private_key(tmp_path / "ssh-key", key)
    (tmp_path / "authorized-keys").write_bytes(key.export_public_key())
    cloud = await SimulatedCloud.start(tmp_path, "--ssh-authorized-keys", str(tmp_path / "authorized-keys"))
    stage = Stage(testbed, account, name, f"node-{name}", tmp_path, cloud)
    try:
        before = await cloud.create(FOREIGN_GROUP)
        yield stage
        after = (await cloud.groups()).get(str(FOREIGN_GROUP["name"]))
        assert after is not None, "somebody else's group was deleted"
        assert (after["id"], after["version"]) == (before["id"], before["version"])
    finally:
        for agent in stage.agents:
            await agent.stop()
        await testbed.kubectl("delete", "node", stage.node, "--ignore-not-found")
        await testbed.kubectl("delete", "namespace", name, "--wait=false")
        await testbed.kubectl("delete", "pods", "--all", "--namespace", name, "--grace-period=0", "--force")
        await cloud.stop()
