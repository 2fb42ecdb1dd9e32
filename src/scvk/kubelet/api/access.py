"""Who may in: a client certificate or a reviewed token says who calls, the API server says what that one may do.

Answers of the API server hold for a short time. While it gives none, nobody is let in who is not known yet: a failure
is told as one (500), and is never taken for an answer. Anonymous callers are refused.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from lightkube.core.resource import Resource
from lightkube.resources.authentication_v1 import TokenReview
from lightkube.resources.authorization_v1 import SubjectAccessReview

from scvk.kubelet.api.callers import AUTHENTICATED, Caller, caller_of_certificate
from scvk.kubelet.api.expiring_answers import ExpiringAnswers
from scvk.kubelet.api.failed_attempts import FailedAttempts
from scvk.kubelet.api.http_protocol import PeerCertificate
from scvk.kubelet.api.permissions import Permission
from scvk.kubelet.cluster_errors import ClusterError

KNOWN_FOR_S = 30.0
UNKNOWN_FOR_S = 10.0
ALLOWED_FOR_S = 30.0
DENIED_FOR_S = 10.0
"""A kubelet keeps these answers for 2 minutes, 2 minutes, 5 minutes and 30 s; here a right that is withdrawn ends
sooner, and one that is given begins sooner."""
MOST_REVIEWS_AT_ONCE = 8
MOST_WAITING = 64
LONGEST_TOKEN = 16 * 1024

Review = Callable[[type[Resource], Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Sends a review to the API server and returns its answer as JSON; raises ClusterError."""


class Refused(Exception):
    """A caller is not let in; `status` is 401, 403, 429 or 500."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Access:
    """Decides for each request."""

    def __init__(
        self, review: Review, node: str, *, now: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        self._review = review
        self._node = node
        self._now = now
        self._callers = ExpiringAnswers[bytes, tuple[Caller | None]](monotonic)
        self._decisions = ExpiringAnswers[tuple[Caller, Permission], bool](monotonic)
        self._asking: dict[tuple[Caller, Permission], asyncio.Task[bool]] = {}
        self._attempts = FailedAttempts(monotonic)
        self._turns = asyncio.Semaphore(MOST_REVIEWS_AT_ONCE)
        self._waiting = 0

    async def caller(self, certificate: PeerCertificate | None, authorization: str | None, network: str = "") -> Caller:
        """Return who calls, from what `network_of` says. Costs at most one TokenReview. Raises Refused."""
        if certificate is not None and (caller := caller_of_certificate(certificate, self._now())) is not None:
            return caller
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > LONGEST_TOKEN:
            raise Refused(401, "Unauthorized")
        ends_in = self._ends_in(token)
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        known = self._callers.get(digest)
        if known is None:
            known = (await self._review_token(token, network),)
            holds_s = KNOWN_FOR_S if known[0] is not None else UNKNOWN_FOR_S
            self._callers.put(digest, known, holds_s=max(0.0, min(holds_s, ends_in)))
        if known[0] is None:
            raise Refused(401, "Unauthorized")
        return known[0]

    async def allow(self, caller: Caller, permissions: tuple[Permission, ...]) -> None:
        """Return if one of the permissions is held. Costs at most a SubjectAccessReview each. Raises Refused."""
        for permission in permissions:
            if await self._is_allowed(caller, permission):
                return
        wanted = " or ".join(f"{permission.verb} nodes/{permission.subresource}" for permission in permissions)
        raise Refused(
            403, f"Forbidden: user {caller.name} needs the right to {wanted or 'nothing'} on node {self._node}\n"
        )

    async def _is_allowed(self, caller: Caller, permission: Permission) -> bool:
        """Return the answer that holds; who asks the same at once shares one question: a hundred commands may begin."""
        allowed = self._decisions.get((caller, permission))
        if allowed is not None:
            return allowed
        asking = self._asking.get((caller, permission))
        if asking is None:
            asking = asyncio.create_task(self._decide(caller, permission))
            self._asking[caller, permission] = asking
            asking.add_done_callback(lambda task: self._decided(caller, permission, task))
        return await asyncio.shield(asking)

    async def _decide(self, caller: Caller, permission: Permission) -> bool:
        status = await self._ask(SubjectAccessReview, self._question(caller, permission))
        allowed = status.get("allowed") is True
        self._decisions.put((caller, permission), allowed, holds_s=ALLOWED_FOR_S if allowed else DENIED_FOR_S)
        return allowed

    def _decided(self, caller: Caller, permission: Permission, task: asyncio.Task[bool]) -> None:
        del self._asking[caller, permission]
        if not task.cancelled():
            task.exception()  # those who asked may have gone

    async def _review_token(self, token: str, network: str) -> Caller | None:
        if not self._attempts.take(network):
            raise Refused(429, "too many tokens that nobody knows; try again in a minute")
        failed = False
        try:
            found = _reviewed(await self._ask(TokenReview, {"token": token}))
            failed = found is None
        finally:
            if not failed:
                self._attempts.give_back(network)
        return found

    async def _ask(self, kind: type[Resource], spec: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._waiting >= MOST_WAITING:
            raise Refused(429, "too many unknown callers at once; try again")
        self._waiting += 1
        try:
            async with self._turns:
                answer = await self._review(kind, {"spec": spec})
        except ClusterError as error:
            raise Refused(500, f"the API server was asked who this is, and gave no answer: {error.message}") from error
        finally:
            self._waiting -= 1
        status = answer.get("status")
        return status if isinstance(status, Mapping) else {}

    def _question(self, caller: Caller, permission: Permission) -> dict[str, Any]:
        return {
            "user": caller.name,
            "groups": list(caller.groups),
            "uid": caller.uid,
            "extra": {key: list(values) for key, values in caller.extra.items()},
            "resourceAttributes": {
                "verb": permission.verb,
                "version": "v1",
                "resource": "nodes",
                "subresource": permission.subresource,
                "name": self._node,
            },
        }

    def _ends_in(self, token: str) -> float:
        """Return in how many seconds a token says that it ends: an answer must not hold longer."""
        try:
            payload = token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            return float(claims["exp"]) - self._now().timestamp()
        except (IndexError, KeyError, TypeError, ValueError, binascii.Error, RecursionError, OverflowError):
            return float("inf")


def _reviewed(status: Mapping[str, Any]) -> Caller | None:
    user = status.get("user")
    if status.get("authenticated") is not True or not isinstance(user, Mapping) or not user.get("username"):
        return None
    groups = tuple(user.get("groups") or ())
    return Caller(
        str(user["username"]),
        groups if AUTHENTICATED in groups else (*groups, AUTHENTICATED),
        str(user.get("uid") or ""),
        {key: tuple(values or ()) for key, values in (user.get("extra") or {}).items()},
    )
