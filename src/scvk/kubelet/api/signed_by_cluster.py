"""A serving certificate that the cluster signs: asked for by a CertificateSigningRequest, and again before it ends.

Somebody else approves. Until then, and where a certificate has ended before the next was signed, connections get one of
our own making. The key is made anew for each request and kept in memory only: in a pod the address is another one after
each start, so that a certificate that was kept would be of no use.
"""

from __future__ import annotations

import asyncio
import random as random_module
import secrets
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from lightkube.resources.certificates_v1 import CertificateSigningRequest

from scvk.kubelet.api.certificate_sources import SelfSigned
from scvk.kubelet.api.serving_certificate import ServingCertificate, expires, new_key, server_context
from scvk.kubelet.api.signing_request import (
    Issued,
    Refused,
    Waiting,
    issued_certificate,
    outcome_of,
    renewal_time,
    request_manifest,
)
from scvk.kubelet.backoff import Backoff
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterError, ClusterForbidden
from scvk.kubelet.object_watch import newest
from scvk.kubelet.provider import PodEvent

PATIENCE_S = 5.0
"""An approver that is a program has answered by then; otherwise a person is asked."""
ABANDONED_AFTER_S = 12 * 3600.0
"""Kubernetes deletes a request that nobody has approved after 24 hours; a new one takes its place before that."""
SHORTEST_SLEEP_S, LONGEST_SLEEP_S = 1.0, 600.0
"""The time is looked at anew so often: a machine that was suspended does not notice otherwise."""
REFUSALS = Backoff(first=60.0, cap=6 * 3600.0)
FAILURES = Backoff(first=5.0, cap=300.0)
APPROVE = "kubectl certificate approve"
RIGHTS = "scvk rbac --kubelet-certificate csr"

Tell = Callable[[PodEvent], None]
"""Tells what happens on the Node."""

log = structlog.get_logger(__name__)


@runtime_checkable
class Renewing(Protocol):
    """A source of certificates that has to ask for them."""

    async def renew(self, cluster: Cluster, tell: Tell) -> None:
        """Keep it up to date until cancelled."""
        ...


class NotSigned(Exception):
    """A request came to nothing; the text is for people."""


class SignedByCluster:
    """The source: constructed without effects but for a certificate of its own making."""

    def __init__(
        self,
        node: str,
        address: str,
        now: Callable[[], datetime],
        *,
        random: Callable[[], float] = random_module.random,
        token: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._node = node
        self._address = address
        self._now = now
        self._random = random
        self._token = token
        self._meanwhile = SelfSigned(node, address, now)
        self._issued: ServingCertificate | None = None
        self._renew_at: datetime | None = None

    def __call__(self) -> ServingCertificate:
        """Return the certificate for a new connection."""
        if self._issued is not None and expires(self._issued) > self._now():
            return self._issued
        return self._meanwhile()

    async def renew(self, cluster: Cluster, tell: Tell) -> None:
        """Ask for a certificate, and for the next one when it is time, until cancelled."""
        refused = failed = 0
        while True:
            await self._sleep_until(self._renew_at)
            try:
                self._take(*await self._ask(cluster, tell))
                refused = failed = 0
            except NotSigned as error:
                refused += 1
                delay = REFUSALS.delay(refused, self._random)
                minutes = round(delay / 60)
                log.warning("the cluster has signed no certificate", error=str(error), again_in_min=minutes)
                tell(PodEvent("CertificateRefused", f"{error}; asking again in {minutes} min", warning=True))
                await self._sleep_until(self._now() + timedelta(seconds=delay))
            except ClusterError as error:
                failed += 1
                delay = FAILURES.delay(failed, self._random)
                log.warning("the kubelet's certificate could not be asked for; trying again", error=str(error))
                if isinstance(error, ClusterForbidden):
                    told = f"the kubelet's certificate cannot be asked for: {error.message}; see {RIGHTS}"
                    tell(PodEvent("CertificateRefused", told, warning=True))
                await asyncio.sleep(delay)

    async def _ask(self, cluster: Cluster, tell: Tell) -> tuple[str, ec.EllipticCurvePrivateKey]:
        """Create a request and wait until it is signed. Raises NotSigned, and ClusterError."""
        key = new_key()
        name = f"kubelet-serving-{self._node}-{self._token()}"
        await cluster.create(CertificateSigningRequest, request_manifest(name, self._node, self._address, key))
        asking = asyncio.create_task(self._ask_people(name, tell))
        try:
            async with asyncio.timeout(ABANDONED_AFTER_S):
                return await _signed(cluster, name), key
        except TimeoutError:
            raise NotSigned(f"nobody has approved and signed the certificate request {name}") from None
        finally:
            asking.cancel()

    async def _ask_people(self, name: str, tell: Tell) -> None:
        await asyncio.sleep(PATIENCE_S)
        shown = "the one it has" if self._issued is not None else "a self-signed one"
        told = f"the kubelet's API waits for a serving certificate, and shows {shown}: {APPROVE} {name}"
        tell(PodEvent("CertificateRequested", told))
        log.info("the kubelet's certificate waits for approval", approve_with=f"{APPROVE} {name}")

    def _take(self, chain: str, key: ec.EllipticCurvePrivateKey) -> None:
        try:
            certificate = issued_certificate(chain, key, self._now())
            server_context(certificate, None)
        except ValueError as error:
            raise NotSigned(f"the certificate that was signed cannot be used: {error}") from error
        self._issued = certificate
        self._renew_at = renewal_time(certificate, self._random)
        log.info("the kubelet's API has a new certificate", ends=expires(certificate).isoformat())

    async def _sleep_until(self, due: datetime | None) -> None:
        while due is not None and (left := (due - self._now()).total_seconds()) > 0:  # noqa: ASYNC110 - no clock wakes
            await asyncio.sleep(min(max(left, SHORTEST_SLEEP_S), LONGEST_SLEEP_S))


async def _signed(cluster: Cluster, name: str) -> str:
    async with aclosing(newest(cluster, CertificateSigningRequest, name)) as versions:
        async for found in versions:
            if found is None:
                raise NotSigned(f"the certificate request {name} was deleted")
            match outcome_of(found):
                case Issued(chain):
                    return chain
                case Refused(why):
                    raise NotSigned(f"the certificate request {name} was {why}")
                case Waiting():
                    pass
    raise AssertionError("a watch has no end")
