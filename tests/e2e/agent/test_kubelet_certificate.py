"""A serving certificate that the cluster's own signer signs, once an administrator has approved it."""

from __future__ import annotations

import asyncio
import re
import ssl

import yaml

from scvk.kubelet.rights import rights
from tests.e2e.processes import until
from tests.e2e.stage import Stage
from tests.e2e.workloads import pod

ACCOUNT = "certified"


async def trusted(stage: Stage, address: str, port: int) -> bool:
    """Say whether the API server would trust the node, if it was told the cluster's authority for kubelets."""
    context = ssl.create_default_context(cafile=str(stage.testbed.ca_certificate))
    try:
        _, writer = await asyncio.open_connection(address, port, ssl=context)
    except ssl.SSLCertVerificationError:
        return False
    writer.transport.abort()
    return True


async def test_an_approved_request_becomes_the_nodes_certificate_without_a_restart(stage: Stage) -> None:
    manifests = rights(namespace=stage.namespace, service_account=ACCOUNT, certificate_requests=True)
    await stage.testbed.apply(yaml.safe_dump_all(manifests))
    try:
        account = await stage.testbed.service_account_kubeconfig(stage.namespace, ACCOUNT)
        stage.account = account
        await stage.running_agent("--kubelet-certificate", "csr")
        node = await stage.get("node", stage.node)
        address = next(each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP")
        port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        assert not await trusted(stage, address, port)

        async def told() -> str | None:
            described = await stage.kubectl("describe", "node", stage.node)
            found = re.search(r"kubectl (certificate approve \S+)", described)
            return found.group(1) if found else None

        words = (await until("an event on the Node says how to approve", told)).split()
        refused = await stage.testbed.kubectl(*words, kubeconfig=account, check=False)
        assert "forbidden" in refused.stderr.lower(), "the agent itself must not approve"
        await stage.testbed.kubectl(*words)

        async def is_trusted() -> bool:
            return await trusted(stage, address, port)

        await until("the node shows the certificate that the cluster has signed", is_trusted)
        await stage.apply(pod("web"))
        await stage.ready_pods(1)

        async def hello() -> bool:
            return "hello" in await stage.kubectl("logs", "web", check=False)

        await until("the API server reads logs", hello)
    finally:
        for each in manifests:
            place = ["--namespace", each["metadata"]["namespace"]] if "namespace" in each["metadata"] else []
            await stage.testbed.kubectl(
                *("delete", each["kind"], each["metadata"]["name"], "--ignore-not-found", "--wait=false", *place)
            )
