"""One test's stage: a namespace, a simulated SaladCloud with somebody else's group in it, and an agent to start."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from scvk.testbed import Testbed
from tests.e2e.processes import API_KEY, ORGANIZATION, PROJECT, Program, SimulatedCloud, until

ACCOUNT_NAMESPACE = "saladcloud"
ACCOUNT = "scvk"
FOREIGN_GROUP = {
    "name": "somebody-elses",
    "container": {
        "image": "docker.io/library/busybox:1.37",
        "command": ["/bin/sh", "-c", "while :; do sleep 1; done"],
        "environment_variables": {"OWNER": "somebody else"},
        "resources": {"cpu": 1, "memory": 1024},
    },
    "autostart_policy": False,
    "replicas": 1,
    "restart_policy": "always",
}


@dataclass
class Stage:
    """What a test acts on. Every agent runs under the account with the documented rights only."""

    testbed: Testbed
    account: Path
    namespace: str
    node: str
    folder: Path
    cloud: SimulatedCloud
    agents: list[Program] = field(default_factory=list)

    def agent(self, *words: str, **environment: str) -> Program:
        """Return an agent for this stage's node and cloud; further words and variables win."""
        given = {
            "SALAD_CLOUD_API_KEY": API_KEY,
            "SALAD_CLOUD_ORGANIZATION_NAME": ORGANIZATION,
            "SALAD_CLOUD_PROJECT_NAME": PROJECT,
            "SALAD_CLOUD_API_URL": self.cloud.url,
            "SALAD_VK_NODE_NAME": self.node,
            "SALAD_VK_KUBELET_PORT": "0",
            "SALAD_VK_LOG_LEVEL": "debug",
            "KUBECONFIG": str(self.account),
            **environment,
        }
        program = Program(("run", *words), self.folder / f"agent-{len(self.agents)}.log", given)
        self.agents.append(program)
        return program

    async def running_agent(self, *words: str) -> Program:
        """Start an agent, with further options, and wait until its node is Ready."""
        agent = self.agent(*words)
        await agent.start()

        async def ready() -> bool:
            assert agent.process is not None
            assert agent.process.returncode is None, agent.output()
            answer = await self.kubectl("get", "node", self.node, check=False)
            return " Ready " in answer

        await until(f"node {self.node} is Ready", ready)
        return agent

    async def agent_with_ssh(self) -> Program:
        """Start an agent that can log into instances, on a free port for its API."""
        return await self.running_agent("--kubelet-port", "0", "--ssh-private-key-file", str(self.folder / "ssh-key"))

    async def kubectl(self, *words: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as the administrator in the stage's namespace; return its standard output."""
        done = await self.testbed.kubectl("--namespace", self.namespace, *words, stdin=stdin, check=check)
        return done.stdout

    async def apply(self, *objects: dict[str, Any]) -> None:
        """Create or change objects."""
        manifest = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        await self.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))

    async def get(self, *words: str) -> Any:
        """Return what `kubectl get` says, as JSON; None where the object does not exist."""
        answer = await self.kubectl("get", *words, "--ignore-not-found", "-o", "json")
        return json.loads(answer) if answer.strip() else None

    async def pods(self) -> list[dict[str, Any]]:
        """Return the namespace's pods."""
        return list((await self.get("pods") or {"items": []})["items"])

    async def ready_pods(self, count: int, *, within: float = 90.0) -> list[dict[str, Any]]:
        """Wait until there are exactly so many pods, all Running and Ready; return them."""

        async def check() -> list[dict[str, Any]] | None:
            pods = await self.pods()
            return pods if len(pods) == count and all(is_ready(pod) for pod in pods) else None

        found = await until(f"{count} pods are Running and Ready", check, within=within)
        return found or []

    async def no_pods(self, *, within: float = 90.0) -> None:
        """Wait until the namespace has no pods."""

        async def check() -> bool:
            return not await self.pods()

        await until("there are no pods", check, within=within)

    async def own_groups(self) -> dict[str, Any]:
        """Return the groups of the project but for somebody else's."""
        groups = await self.cloud.groups()
        return {name: group for name, group in groups.items() if name != FOREIGN_GROUP["name"]}

    async def events(self, reason: str) -> list[dict[str, Any]]:
        """Return the namespace's events with that reason."""
        items = (await self.get("events") or {"items": []})["items"]
        return [event for event in items if event["reason"] == reason]

    async def event_counts(self) -> dict[str, int]:
        """Return how often each reason was told in the namespace."""
        items = (await self.get("events") or {"items": []})["items"]
        counts: Counter[str] = Counter()
        for event in items:
            counts[event["reason"]] += event.get("count") or 1
        return dict(counts)


def write_private_key(path: Path, key: asyncssh.SSHKey) -> None:
    """Write a key so that nobody else can read it."""
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key())


def is_ready(pod: dict[str, Any]) -> bool:
    """Say whether a pod is Running and Ready and not being deleted."""
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
    running = pod["status"].get("phase") == "Running" and conditions.get("Ready") == "True"
    return running and "deletionTimestamp" not in pod["metadata"]


def waiting(pod: dict[str, Any] | None) -> dict[str, str]:
    """Return the waiting state of a pod's first container; empty where it does not wait."""
    statuses = (pod or {}).get("status", {}).get("containerStatuses") or [{}]
    state = statuses[0].get("state", {}).get("waiting", {})
    return dict(state)
