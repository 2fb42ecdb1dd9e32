"""A registry in this process, over httpx2's MockTransport: answers from a table, and notes what it was sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from scvk.registry import AddressPolicy, Limits, RegistryClient
from scvk.registry.manifest import OCI_MANIFEST
from tests.unit.registry.images import Image

Handler = Callable[[httpx2.Request], httpx2.Response]
STRICT = AddressPolicy()
LIMITS = Limits()


class ScriptedRegistry:
    """`routes` maps addresses without their query to bytes, answers or functions; everything else is 404."""

    def __init__(self) -> None:
        self.routes: dict[str, bytes | httpx2.Response | Handler] = {}
        self.requests: list[httpx2.Request] = []

    def serve(self, image: Image, repository: str, *tags: str, host: str = "registry.example.com") -> None:
        base = f"https://{host}/v2/{repository}"
        for digest, data in image.blobs.items():
            self.routes[f"{base}/blobs/{digest}"] = data
        for selector in (image.digest, *tags):
            self.routes[f"{base}/manifests/{selector}"] = image.manifest

    def guard(self, allowed: str, challenge: str, *, host: str = "registry.example.com") -> None:
        """Let nothing of `host` be read without this `Authorization`."""
        for url, answer in list(self.routes.items()):
            if f"//{host}/" in url:
                self.routes[url] = guarded(answer, allowed, challenge)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """As from a network: with a body that is still to be read."""
        self.requests.append(request)
        answer = self._answer(request)
        try:
            content = answer.content
        except httpx2.ResponseNotRead:
            return answer
        return httpx2.Response(answer.status_code, headers=answer.headers, stream=httpx2.ByteStream(content))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        answer = self.routes.get(str(request.url.copy_with(query=None)))
        if answer is None:
            body = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
            return httpx2.Response(404, json=body)
        if isinstance(answer, bytes):
            return httpx2.Response(200, content=answer, headers={"Content-Type": OCI_MANIFEST})
        return answer if isinstance(answer, httpx2.Response) else answer(request)

    def client(self, policy: AddressPolicy = STRICT, limits: Limits = LIMITS) -> RegistryClient:
        return RegistryClient(policy, limits, transport=httpx2.MockTransport(self))

    def logins(self) -> list[tuple[str, str]]:
        """Host and `Authorization` of all requests that had one."""
        return [
            (request.url.host, request.headers["Authorization"])
            for request in self.requests
            if "Authorization" in request.headers
        ]


def guarded(answer: bytes | httpx2.Response | Handler, allowed: str, challenge: str) -> Handler:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.headers.get("Authorization") != allowed:
            return httpx2.Response(401, headers={"WWW-Authenticate": challenge}, json={"errors": []})
        if isinstance(answer, bytes):
            return httpx2.Response(200, content=answer)
        return answer if isinstance(answer, httpx2.Response) else answer(request)

    return handle


def redirect(target: str) -> httpx2.Response:
    return httpx2.Response(307, headers={"Location": target})


def token(**members: Any) -> Handler:
    body: Mapping[str, Any] = members
    return lambda _request: httpx2.Response(200, json=body)
