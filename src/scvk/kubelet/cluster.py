"""The Kubernetes API as a kubelet uses it: get, create, patch, delete with a UID, list, watch.

lightkube reads the kubeconfig, authenticates and gives the typed models; the requests themselves are made here, since
a kubelet needs what its client has not: a UID precondition on delete, bookmarks, one bad object that does not spoil a
list, and a deadline on every read. Objects are only ever created or patched, never put back whole: fields that the
models do not know would vanish.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx2
import msgspec
from lightkube.config import client_adapter
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.exceptions import ConfigError
from lightkube.core.resource import Resource, api_info
from lightkube.models.meta_v1 import ObjectMeta

from scvk.kubelet.cluster_errors import (
    ClusterError,
    ClusterUnreachable,
    ResourceVersionGone,
    classify_answer,
)

ResourceT = TypeVar("ResourceT", bound=Resource)

REQUEST_DEADLINE_S = 20.0
"""For one whole request but a watch. Shorter than a node lease (40 s), so that one lost packet costs no lease."""

WATCH_GRACE_S = 30.0
"""How much longer than the server's own time-out a watch may be silent: a half-open connection must not blind us."""

# Beside the network's own errors: what a credential makes that cannot be had (a token file that is gone, a credential
# program that fails or prints something else), and httpx2's few errors outside its tree.
_NO_ANSWER = (
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.StreamError,
    ConfigError,
    OSError,
    TimeoutError,
    ValueError,
    LookupError,
    TypeError,
)

STRATEGIC_MERGE = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class ObjectList(Generic[ResourceT]):
    """A list answer. `unreadable` has `(namespace, name)` of the items that the models could not decode."""

    items: tuple[ResourceT, ...]
    resource_version: str
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class WatchEvent(Generic[ResourceT]):
    """One line of a watch: `type` is ADDED, MODIFIED, DELETED or BOOKMARK; a bookmark has no object."""

    type: str
    object: ResourceT | None
    resource_version: str


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    resource_version: str = ""


class _AnyObject(msgspec.Struct):
    metadata: _Metadata
    kind: str = ""


class _MetadataBody(msgspec.Struct):
    metadata: ObjectMeta


class _ListMetadata(msgspec.Struct, rename={"resource_version": "resourceVersion", "more": "continue"}):
    resource_version: str = ""
    more: str = ""


class _ListBody(msgspec.Struct):
    items: list[msgspec.Raw] | None
    metadata: _ListMetadata
    kind: str = ""


class _VersionBody(msgspec.Struct, rename="camel"):
    git_version: str


class _WatchLine(msgspec.Struct):
    type: str
    object: msgspec.Raw


class Cluster:
    """A connection to one API server with one account. Every method raises ClusterError subclasses only."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    @classmethod
    def connect(cls, config: SingleConfig, *, user_agent: str) -> Cluster:
        """Prepare a client for `config`; no request is made yet."""
        timeout = httpx2.Timeout(REQUEST_DEADLINE_S)
        http = client_adapter.AsyncClient(config, client_adapter.ConnectionParams(timeout=timeout, trust_env=True))
        http.headers["User-Agent"] = user_agent
        return cls(http)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def server_version(self) -> str:
        """Return the API server's own version, such as `v1.37.2`."""
        raw = await self._request("GET", "/version")
        return _decode_json(raw, _VersionBody, "GET /version").git_version

    async def get(self, kind: type[ResourceT], name: str, *, namespace: str | None = None) -> ResourceT:
        """Read one object."""
        path = _path(kind, namespace, name)
        return self._decode(kind, await self._request("GET", path), f"GET {path}")

    async def get_metadata(self, kind: type[Resource], name: str, *, namespace: str | None = None) -> ObjectMeta:
        """Read the metadata of one object, and no more: a Secret's values stay where they are."""
        path = _path(kind, namespace, name)
        what = f"GET {path}"
        raw = await self._request("GET", path, accept=METADATA_ONLY)
        _metadata(raw, what)
        return _decode_json(raw, _MetadataBody, what).metadata

    async def create(
        self, kind: type[ResourceT], body: Mapping[str, Any], *, namespace: str | None = None
    ) -> ResourceT:
        """Create an object from its JSON form (without `apiVersion` and `kind`, which are filled in)."""
        resource = api_info(kind).resource
        full = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        path = _path(kind, namespace)
        return self._decode(kind, await self._request("POST", path, json=full), f"POST {path}")

    async def review(self, kind: type[Resource], body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have a TokenReview or SubjectAccessReview answered; the answer has no name and is not kept anywhere."""
        resource = api_info(kind).resource
        path = _path(kind, None)
        full = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {}, **body}
        return _decode_json(await self._request("POST", path, json=full), dict[str, Any], f"POST {path}")

    async def patch(
        self,
        kind: type[ResourceT],
        name: str,
        body: Mapping[str, Any],
        *,
        namespace: str | None = None,
        subresource: str | None = None,
        content_type: str = MERGE,
    ) -> ResourceT:
        """Patch an object, or its `subresource`. A `metadata.uid` in `body` makes the UID a precondition."""
        path = _path(kind, namespace, name) + (f"/{subresource}" if subresource else "")
        answer = await self._request("PATCH", path, json=body, content_type=content_type)
        return self._decode(kind, answer, f"PATCH {path}")

    async def update(
        self, kind: type[ResourceT], name: str, body: Mapping[str, Any], *, namespace: str | None = None
    ) -> ResourceT:
        """Replace an object that is wholly ours (a Lease); its `metadata.resourceVersion` is the precondition."""
        resource = api_info(kind).resource
        full = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        path = _path(kind, namespace, name)
        return self._decode(kind, await self._request("PUT", path, json=full), f"PUT {path}")

    async def delete_now(self, kind: type[Resource], name: str, *, namespace: str, uid: str) -> None:
        """Delete with grace period 0, only if the object still has this UID (else ObjectConflict)."""
        await self.delete(kind, name, namespace=namespace, uid=uid, grace_s=0)

    async def delete(
        self,
        kind: type[Resource],
        name: str,
        *,
        namespace: str | None = None,
        uid: str,
        grace_s: int | None = None,
        dry_run: bool = False,
    ) -> None:
        """Delete, only if the object still has this UID (else ObjectConflict).

        `grace_s`: None leaves it to the object. `dry_run`: nothing happens, but it is judged whether it may.
        """
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        if grace_s is not None:
            body["gracePeriodSeconds"] = grace_s
        if dry_run:
            body["dryRun"] = ["All"]
        await self._request("DELETE", _path(kind, namespace, name), json=body)

    async def list(
        self, kind: type[ResourceT], *, namespace: str | None = None, field_selector: str = ""
    ) -> ObjectList[ResourceT]:
        """List the objects that match, of all namespaces or of one.

        Undecodable ones are named, not left out in silence.
        """
        path = _path(kind, namespace, all_namespaces=namespace is None)
        raw = await self._request("GET", path, params={"fieldSelector": field_selector} if field_selector else None)
        what = f"GET {path}"
        body = _decode_json(raw, _ListBody, what)
        # What a list lacks is taken for deleted: an answer that may not be the whole list is none.
        if (
            body.kind != f"{api_info(kind).resource.kind}List"
            or not body.metadata.resource_version
            or body.metadata.more
        ):
            raise ClusterUnreachable(what, "unreadable answer: not a whole list")
        items: list[ResourceT] = []
        unreadable: list[tuple[str, str]] = []
        for item in body.items or ():
            metadata = _metadata(bytes(item), what)
            try:
                items.append(msgspec.json.decode(item, type=kind))
            except ValueError:
                unreadable.append((metadata.namespace, metadata.name))
        return ObjectList(tuple(items), body.metadata.resource_version, tuple(unreadable))

    async def watch(
        self,
        kind: type[ResourceT],
        *,
        namespace: str | None = None,
        field_selector: str,
        resource_version: str,
        server_timeout_s: int,
    ) -> AsyncGenerator[WatchEvent[ResourceT], None]:
        """Yield changes since `resource_version` until the server ends the watch; "": what there is comes first.

        Raises ResourceVersionGone when a new list is needed, ClusterUnreachable when the stream breaks, is silent for
        longer than `server_timeout_s` plus WATCH_GRACE_S, or has a line that cannot be read.
        """
        path = _path(kind, namespace, all_namespaces=namespace is None)
        what = f"WATCH {path}"
        params = {
            "watch": "true",
            # Kubernetes 1.37 sends nothing after the first bookmark where a watch begins without a version.
            "allowWatchBookmarks": "true" if resource_version else "false",
            "fieldSelector": field_selector,
            "resourceVersion": resource_version,
            "timeoutSeconds": str(server_timeout_s),
        }
        silence = server_timeout_s + WATCH_GRACE_S
        timeout = httpx2.Timeout(REQUEST_DEADLINE_S, read=silence)
        try:
            async with self._http.stream("GET", path, params=params, timeout=timeout) as response:
                if response.status_code != 200:
                    async with asyncio.timeout(REQUEST_DEADLINE_S):
                        body = await response.aread()
                    raise classify_answer(what, response.status_code, body)
                lines = _lines(response.aiter_bytes())
                while True:
                    try:
                        async with asyncio.timeout(silence):
                            line = await anext(lines)
                    except StopAsyncIteration:
                        return
                    if line:
                        yield _watch_event(kind, line, what)
        except _NO_ANSWER as error:
            raise ClusterUnreachable(what, _words(error)) from error

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content_type: str = "application/json",
        accept: str | None = None,
    ) -> bytes:
        content = None if json is None else msgspec.json.encode(json)
        headers = {} if content is None else {"Content-Type": content_type}
        if accept is not None:
            headers["Accept"] = accept
        what = f"{method} {path}"
        try:
            async with asyncio.timeout(REQUEST_DEADLINE_S):
                url = _url(self._http.base_url, path)
                response = await self._http.request(method, url, params=params, content=content, headers=headers)
        except _NO_ANSWER as error:
            raise ClusterUnreachable(what, _words(error)) from error
        if not response.is_success:
            raise classify_answer(what, response.status_code, response.content)
        return response.content

    @staticmethod
    def _decode(kind: type[ResourceT], raw: bytes, what: str) -> ResourceT:
        if _decode_json(raw, _AnyObject, what).kind != api_info(kind).resource.kind or not _metadata(raw, what).name:
            raise ClusterUnreachable(what, "unreadable answer: not the object that was asked for")
        return _decode_json(raw, kind, what)


DecodedT = TypeVar("DecodedT")


def _decode_json(raw: bytes | str, kind: type[DecodedT], what: str) -> DecodedT:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, RecursionError) as error:  # msgspec's errors, text that is not UTF-8, endless nesting
        raise ClusterUnreachable(what, f"unreadable answer: {error}") from error


def _metadata(raw: bytes, what: str) -> _Metadata:
    metadata = _decode_json(raw, _AnyObject, what).metadata
    if not metadata.name:
        raise ClusterUnreachable(what, "unreadable answer: an object without a name")
    return metadata


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield lines ended by a line feed, and what stands behind the last.

    httpx2's own lines end at U+0085 and its kin too, which stand unescaped in the JSON of annotations.
    """
    rest: list[bytes] = []
    async for piece in pieces:
        first, *more = piece.split(b"\n")
        rest.append(first)
        for following in more:
            yield b"".join(rest)
            rest = [following]
    yield b"".join(rest)


def _watch_event(kind: type[ResourceT], line: bytes, what: str) -> WatchEvent[ResourceT]:
    event = _decode_json(line, _WatchLine, what)
    if event.type == "ERROR":
        failure = _decode_json(bytes(event.object), _Failure, what)
        if failure.code == 410:
            raise ResourceVersionGone(what, failure.message or "resource version too old", status=410)
        raise ClusterUnreachable(what, failure.message or "the watch failed", status=failure.code)
    if event.type == "BOOKMARK":
        metadata = _decode_json(bytes(event.object), _AnyObject, what).metadata
        return WatchEvent(event.type, None, metadata.resource_version)
    metadata = _metadata(bytes(event.object), what)
    decoded = _decode_json(bytes(event.object), kind, what)
    return WatchEvent(event.type, decoded, metadata.resource_version)


class _Failure(msgspec.Struct):
    message: str = ""
    code: int = 0


def _path(kind: type[Resource], namespace: str | None, name: str | None = None, *, all_namespaces: bool = False) -> str:
    info = api_info(kind)
    base = info.parent or info.resource
    parts = ["apis", base.group, base.version] if base.group else ["api", base.version]
    if namespace is not None and not all_namespaces:
        parts += ["namespaces", namespace]
    parts.append(info.plural)
    if name is not None:
        parts.append(name)
    # Names may come from a tenant: whatever they hold, they are one part of the path each.
    return "/" + "/".join(quote(part, safe=":") for part in parts)


@lru_cache(maxsize=2048)
def _url(base: httpx2.URL, path: str) -> httpx2.URL:
    """Return the whole URL. The same few are asked for again and again, and httpx2 takes 100 µs to join one."""
    return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path.encode("ascii"))


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__


__all__ = ["MERGE", "STRATEGIC_MERGE", "Cluster", "ClusterError", "ObjectList", "WatchEvent"]
