"""A Kubernetes API server in memory, behind an httpx2 transport: what `Cluster` talks to in these tests.

It keeps resource versions, preconditions, both kinds of patch, the status subresource and watches; tests write to it as
other clients would (`put`, `remove`), let single requests fail (`refuse`), and hold its watches (`watches`).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import msgspec

from scvk.kubelet.cluster import Cluster
from tests.unit.kubelet.strategic_merge import json_merge, strategic_merge

KINDS = {
    "certificatesigningrequests": "CertificateSigningRequest",
    "configmaps": "ConfigMap",
    "events": "Event",
    "leases": "Lease",
    "namespaces": "Namespace",
    "nodes": "Node",
    "pods": "Pod",
    "secrets": "Secret",
    "serviceaccounts": "ServiceAccount",
    "services": "Service",
}
Failure = httpx2.Response | Exception


@dataclass(frozen=True)
class Seen:
    """A request as it arrived. `path` begins behind the group and version: `pods/shop/web-0/status`."""

    method: str
    path: str
    url: httpx2.URL
    body: Any
    content_type: str
    accept: str = ""

    @property
    def is_write(self) -> bool:
        return self.method != "GET"


@dataclass
class Watch:
    """An open watch; what is put into `lines` reaches the client: bytes, an error, or None for the end."""

    params: httpx2.QueryParams
    folder: str = "pods"
    lines: asyncio.Queue[bytes | Exception | None] = field(default_factory=asyncio.Queue)

    def send(self, kind: str, body: dict[str, Any]) -> None:
        self.lines.put_nowait(msgspec.json.encode({"type": kind, "object": body}) + b"\n")

    def send_bytes(self, raw: bytes) -> None:
        self.lines.put_nowait(raw)

    def end(self) -> None:
        self.lines.put_nowait(None)

    def break_off(self, error: Exception | None = None) -> None:
        self.lines.put_nowait(error or httpx2.RemoteProtocolError("peer closed connection"))

    async def stream(self) -> AsyncIterator[bytes]:
        while (item := await self.lines.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item


def status_answer(code: int, message: str = "no", reason: str = "") -> httpx2.Response:
    """Return an answer as the API server gives it when it refuses."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason}
    return json_answer(code, {**body, "code": code})


def json_answer(code: int, body: Any) -> httpx2.Response:
    """Return an answer with a body."""
    return httpx2.Response(code, headers={"Content-Type": "application/json"}, content=msgspec.json.encode(body))


def html_answer(code: int) -> httpx2.Response:
    """Return an answer as a proxy in between gives it."""
    return httpx2.Response(code, html="<html><body>nothing here</body></html>")


class InMemoryApi:
    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.seen: list[Seen] = []
        self.watches: list[Watch] = []
        self._history: list[tuple[int, str, str, dict[str, Any]]] = []
        self._version = 100
        self._oldest_version = 0
        self._uids = (f"uid-{number}" for number in itertools.count(1))
        self._refusals: list[tuple[Callable[[Seen], bool], Failure, int | None]] = []
        self.before: Callable[[Seen], None] | None = None
        """Called with each request before it takes effect: what others do meanwhile."""
        self.delay_s = 0.0
        transport = httpx2.MockTransport(self._handle)
        self.cluster = Cluster(httpx2.AsyncClient(transport=transport, base_url="https://k8s", trust_env=False))

    # -- what tests do -------------------------------------------------------------------------------------------

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Write an object as another client; returns it as stored. `path` is such as `pods/shop/web-0`."""
        plural, *rest = path.split("/")
        # No object is ever changed: those that follow it share what they have in common with it.
        metadata = {**body.get("metadata", {})}
        body = {**body, "metadata": metadata}
        metadata["name"] = rest[-1]
        if len(rest) == 2:
            metadata["namespace"] = rest[0]
        old = self.objects.get(path)
        metadata.setdefault("uid", old["metadata"]["uid"] if old else next(self._uids))
        body.setdefault("kind", KINDS[plural])
        body.setdefault("apiVersion", "coordination.k8s.io/v1" if plural == "leases" else "v1")
        return self._store("MODIFIED" if old else "ADDED", path, body)

    def change(self, path: str, patch: dict[str, Any]) -> None:
        """Merge into an object as another client."""
        self.put(path, json_merge(self.objects[path], patch))

    def remove(self, path: str) -> None:
        """Delete an object as another client, at once."""
        body = self.objects.pop(path)
        self._store("DELETED", path, body)

    def refuse(
        self,
        answer: Failure | int,
        *,
        method: str | None = None,
        path: str = "",
        watches: bool = False,
        exactly: bool = False,
        times: int | None = 1,
    ) -> None:
        """Let the next `times` requests that match fail (None: until `heal`); a number is a Status of that code."""
        failure = status_answer(answer) if isinstance(answer, int) else answer

        def matches(seen: Seen) -> bool:
            if watches and "watch" not in seen.url.params:
                return False
            if exactly and seen.path != path:
                return False
            return seen.path.startswith(path) and method in (None, seen.method)

        self._refusals.append((matches, failure, times))

    def heal(self) -> None:
        """Forget all refusals."""
        self._refusals.clear()

    def forget_history(self) -> None:
        """Compact: no watch can start from before now."""
        self._oldest_version = self._version
        self._history.clear()

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Method and path of every request that may have changed something."""
        return [(seen.method, seen.path) for seen in self.seen if seen.is_write]

    def bodies(self, method: str, path: str = "") -> list[Any]:
        return [seen.body for seen in self.seen if seen.method == method and seen.path.startswith(path)]

    # -- the server ----------------------------------------------------------------------------------------------

    async def _handle(self, request: httpx2.Request) -> httpx2.Response:
        path, subresource = _parsed(request.url.path)
        body = msgspec.json.decode(request.content) if request.content else None
        full = f"{path}/{subresource}" if subresource else path
        seen = Seen(
            request.method,
            full,
            request.url,
            body,
            request.headers.get("content-type", ""),
            request.headers.get("accept", ""),
        )
        self.seen.append(seen)
        if self.before is not None:
            self.before(seen)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        for index, (matches, failure, times) in enumerate(self._refusals):
            if matches(seen):
                if times is not None:
                    self._refusals[index : index + 1] = [(matches, failure, times - 1)] if times > 1 else []
                if isinstance(failure, Exception):
                    raise failure
                return httpx2.Response(failure.status_code, headers=failure.headers, content=failure.content)
        return self._answer(seen, path, subresource)

    def _answer(self, seen: Seen, path: str, subresource: str) -> httpx2.Response:
        plural = path.split("/", maxsplit=1)[0]
        present = self.objects.get(path)
        if seen.method == "GET" and seen.url.path.endswith(f"/{plural}"):
            params = seen.url.params
            return self._watch(path, params) if params.get("watch") == "true" else self._list(path, params)
        if seen.method == "POST":
            new = f"{path}/{seen.body['metadata']['name']}"
            if new in self.objects:
                return status_answer(409, f"{new} already exists", "AlreadyExists")
            return json_answer(201, self.put(new, seen.body))
        if present is None:
            return status_answer(404, f"{path} not found", "NotFound")
        if seen.method == "GET":
            return json_answer(200, present)
        wanted = (seen.body.get("preconditions") if seen.method == "DELETE" else seen.body.get("metadata")) or {}
        for name in ("uid", "resourceVersion"):
            if wanted.get(name, present["metadata"][name]) != present["metadata"][name]:
                return status_answer(409, f"precondition failed: {name}", "Conflict")
        if seen.method == "DELETE":
            return self._deleted(path, seen.body)
        if seen.method == "PUT":
            return json_answer(200, self.put(path, json_merge({"metadata": present["metadata"]}, seen.body)))
        merge = strategic_merge if "strategic" in seen.content_type else json_merge
        # As the API server: the subresource changes the status only, the object itself everything but the status.
        fields = {"status"} if subresource else set(seen.body) - {"status"}
        patch = {name: value for name, value in seen.body.items() if name in fields}
        merged = merge(present, patch)
        merged["metadata"] = {**merged["metadata"], "resourceVersion": present["metadata"]["resourceVersion"]}
        if merged == present:
            return json_answer(200, present)
        return json_answer(200, self.put(path, merged))

    def _deleted(self, path: str, options: dict[str, Any]) -> httpx2.Response:
        if options.get("dryRun"):
            return json_answer(200, self.objects[path])
        # A pod that a kubelet still has to end stays, with a time stamp, until the kubelet deletes it for good.
        if path.startswith("pods/") and options.get("gracePeriodSeconds") != 0:
            self.change(path, {"metadata": {"deletionTimestamp": "2026-03-01T12:00:30Z"}})
            return json_answer(200, self.objects[path])
        self.remove(path)
        return status_answer(200)

    def _list(self, folder: str, params: httpx2.QueryParams) -> httpx2.Response:
        selected = [
            {name: value for name, value in body.items() if name not in ("kind", "apiVersion")}
            for path, body in sorted(self.objects.items())
            if path.startswith(f"{folder}/") and _selects(params, body)
        ]
        metadata = {"resourceVersion": str(self._version)}
        kind = KINDS[folder.split("/", maxsplit=1)[0]]
        body = {"kind": f"{kind}List", "apiVersion": "v1", "metadata": metadata, "items": selected}
        return json_answer(200, body)

    def _watch(self, folder: str, params: httpx2.QueryParams) -> httpx2.Response:
        watch = Watch(params, folder)
        self.watches.append(watch)
        if not params["resourceVersion"]:  # begins with what there is
            for path, body in sorted(self.objects.items()):
                if path.startswith(f"{folder}/") and _selects(params, body):
                    watch.send("ADDED", body)
            return httpx2.Response(200, content=watch.stream())
        since = int(params["resourceVersion"])
        if since < self._oldest_version:
            watch.send("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})
            watch.end()
        for version, kind, _path, body in self._history:
            if version > since and _selects(params, body):
                watch.send(kind, body)
        return httpx2.Response(200, content=watch.stream())

    def _store(self, kind: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version)}}
        if kind != "DELETED":
            self.objects[path] = body
        if path.startswith("pods/"):
            self._history.append((self._version, kind, path, body))
        for watch in self.watches:
            if path.startswith(f"{watch.folder}/") and _selects(watch.params, body):
                watch.send(kind, body)
        return body


def _parsed(path: str) -> tuple[str, str]:
    """Return `plural/namespace/name` and the subresource of a URL's path."""
    parts = path.strip("/").split("/")
    if len(parts) == 1:
        return parts[0], ""
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    namespaced = parts[0] == "namespaces" and len(parts) > 2
    if namespaced:
        parts = [parts[2], parts[1], *parts[3:]]
    most = 3 if namespaced else 2
    return "/".join(parts[:most]), "/".join(parts[most:])


def _selects(params: httpx2.QueryParams, body: dict[str, Any]) -> bool:
    name, _, value = params.get("fieldSelector", "").partition("=")
    if name == "metadata.name":
        return bool(body["metadata"]["name"] == value)
    return name != "spec.nodeName" or bool(body.get("spec", {}).get("nodeName") == value)
