"""A plain connection to an API server, real or in memory: what the suite of behaviours talks through."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
POD_SPEC = {
    "containers": [{"name": "main", "image": "busybox"}],
    "nodeName": "no-such-node",
    "terminationGracePeriodSeconds": 30,
}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """Status and body of an answer."""

    code: int
    body: dict[str, Any]

    @property
    def metadata(self) -> dict[str, Any]:
        """The object's metadata."""
        found: dict[str, Any] = self.body["metadata"]
        return found

    @property
    def version(self) -> int:
        """The object's version, or the list's."""
        return int(self.metadata["resourceVersion"])


class ApiServer:
    """One API server, and a namespace of its own for one test."""

    def __init__(self, http: httpx2.AsyncClient, namespace: str) -> None:
        self._http = http
        self.namespace = namespace
        self.pods = f"/api/v1/namespaces/{namespace}/pods"
        self.leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, media_type: str = "application/json"
    ) -> Answer:
        """Send one request."""
        content = None if body is None else msgspec.json.encode(body)
        response = await self._http.request(method, path, content=content, headers={"Content-Type": media_type})
        return Answer(response.status_code, msgspec.json.decode(response.content))

    async def pod(self, **spec: Any) -> tuple[str, Answer]:
        """Make a pod, bound to a node that nobody plays; return its path and the server's answer."""
        name = f"web-{next(_numbers)}"
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**POD_SPEC, **spec}}
        return f"{self.pods}/{name}", await self.ask("POST", self.pods, body)

    async def lease(self) -> tuple[str, Answer]:
        """Make a lease."""
        name = f"lease-{next(_numbers)}"
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": {}}
        return f"{self.leases}/{name}", await self.ask("POST", self.leases, body)

    async def tell(self, path: str, status: Mapping[str, Any], **metadata: Any) -> Answer:
        """Patch a pod's status as a kubelet does."""
        body = {"metadata": metadata, "status": status}
        return await self.ask("PATCH", f"{path}/status", body, media_type=STRATEGIC)

    async def changes(self, since: int | str, count: int, *, seconds: int = 5) -> list[tuple[str, dict[str, Any]]]:
        """Watch the pods of that node from a version on, until so many events have come or the server ends it."""
        params = {
            "watch": "true",
            "fieldSelector": f"spec.nodeName={POD_SPEC['nodeName']}",
            "resourceVersion": str(since),
            "timeoutSeconds": str(seconds),
        }
        found: list[tuple[str, dict[str, Any]]] = []
        async with asyncio.timeout(seconds + 10), self._http.stream("GET", self.pods, params=params) as response:
            if response.status_code != 200:
                return [("REFUSED", {"code": response.status_code})]
            async for line in response.aiter_lines():
                event = msgspec.json.decode(line)
                found.append((event["type"], event["object"]))
                if len(found) == count:
                    break
        return found
