"""Collects what the cloud still holds for pods that no longer exist: machines that nobody would ever stop.

What is orphaned says `orphans`; it is given up only if two passes in a row find it so, some time apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from scvk.kubelet.cluster import Cluster
from scvk.kubelet.leaving import Permission
from scvk.kubelet.orphans import Judge, Judgement, Verdict, confirmed
from scvk.kubelet.provider import Holding, Provider, TemporaryProviderError

PASS_EVERY_S = 30.0

log = structlog.get_logger(__name__)


class Collector:
    """Runs a pass every PASS_EVERY_S seconds; a holding goes in the second pass that finds it orphaned."""

    def __init__(
        self,
        cluster: Cluster,
        provider: Provider,
        node: str,
        *,
        known_uids: Callable[[], frozenset[str]],
        may_act: Permission,
    ) -> None:
        self._judge = Judge(cluster, node, known_uids)
        self._provider = provider
        self._may_act = may_act
        self._last: dict[Holding, Judgement] = {}

    @property
    def orphans(self) -> int:
        """Return how many holdings the last pass found orphaned."""
        return sum(judgement.verdict is Verdict.ORPHANED for judgement in self._last.values())

    async def run(self) -> None:
        """Collect until cancelled."""
        while True:
            await asyncio.sleep(PASS_EVERY_S)
            await self._may_act.wait()
            try:
                await self.run_once()
            except Exception as error:  # noqa: BLE001 - a pass can be repeated; what runs must not end with it
                log.warning("collecting failed; trying again", error=f"{type(error).__name__}: {error}")

    async def run_once(self) -> tuple[Holding, ...]:
        """Do one pass; return what was given up in it."""
        holdings = self._provider.holdings()
        if holdings is None:
            return ()
        found = {judgement.holding: judgement for judgement in await self._judge.judge(holdings)}
        judgements = [confirmed(judgement, self._last) for judgement in found.values()]
        self._last = found
        orphans = [judgement.holding for judgement in judgements if judgement.verdict is Verdict.ORPHANED]
        for judgement in found.values():
            if judgement.verdict is Verdict.UNKNOWN:
                log.info("a left-over cannot be told from what is used", why=judgement.reason)
        removed = []
        for holding in sorted(orphans, key=lambda h: (h.pod.key, h.pod.uid)):
            log.warning(
                "removing what was left of a pod that no longer exists",
                pod=str(holding.pod.key),
                uid=holding.pod.uid,
                node=holding.node,
            )
            try:
                await self._provider.remove(holding.pod, {})
                removed.append(holding)
            except TemporaryProviderError as error:
                log.warning("could not be removed now; trying again", pod=str(holding.pod.key), error=str(error))
        return tuple(removed)
