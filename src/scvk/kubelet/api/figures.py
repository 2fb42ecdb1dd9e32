"""The routes that tell figures: what pods and the node use, and how the agent is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scvk.kubelet.api.known_pods import KnownPods
from scvk.kubelet.api.resource_metrics import cadvisor_metrics, resource_metrics
from scvk.kubelet.api.stats_summary import stats_summary
from scvk.kubelet.exposition import CONTENT_TYPE, Family, Series, exposition
from scvk.kubelet.own_usage import OwnUsage, with_own
from scvk.kubelet.usage_source import Usage, UsageSource

PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")

log = structlog.get_logger(__name__)


class Figures:
    """`more` are metrics of the provider for `/metrics`; `now` gives Unix seconds."""

    def __init__(
        self,
        node: str,
        pods: KnownPods,
        source: UsageSource | None,
        own: Callable[[], OwnUsage],
        more: Callable[[], Iterable[Family]],
        *,
        ailment: Callable[[], str | None],
        now: Callable[[], float],
    ) -> None:
        self._node = node
        self._pods = pods
        self._source = source
        self._own = own
        self._more = more
        self._ailment = ailment
        self._now = now

    def routes(self) -> list[Route]:
        """Return the routes that need a right to read figures of this node."""
        return [
            Route("/metrics", self.metrics, methods=["GET"]),
            Route("/metrics/resource", self._resource, methods=["GET"]),
            Route("/metrics/cadvisor", self._cadvisor, methods=["GET"]),
            Route("/metrics/probes", _nothing, methods=["GET"]),
            Route("/stats/summary", self._summary, methods=["GET", "POST"]),
        ]

    async def metrics(self, _: Request) -> Response:
        """Answer with the metrics of the agent itself. Costs no request to anybody."""
        return _text((*self._agent(), *self._more()))

    async def _resource(self, _: Request) -> Response:
        return _text(resource_metrics(self._usage()))

    async def _cadvisor(self, _: Request) -> Response:
        return _text(cadvisor_metrics(self._usage(), self._now()))

    async def _summary(self, _: Request) -> Response:
        return JSONResponse(stats_summary(self._usage(), node=self._node, since=self._own().started))

    def _usage(self) -> Usage | None:
        try:
            usage = self._source.usage(self._pods.pods()) if self._source is not None else None
        except Exception:
            log.exception("what pods use cannot be told; please report it")
            return None
        return with_own(usage, self._own(), self._now())

    def _agent(self) -> tuple[Family, ...]:
        own = self._own()
        phases = Counter((pod.status.phase if pod.status else None) or "Pending" for pod in self._pods.pods())
        return (
            Family(
                "process_cpu_seconds_total",
                "counter",
                "Processor seconds that the agent has used",
                (Series(own.cpu_s),),
            ),
            Family(
                "process_resident_memory_bytes",
                "gauge",
                "Memory that the agent uses",
                (Series(own.memory_bytes),),
            ),
            Family(
                "process_start_time_seconds",
                "gauge",
                "When the agent was started, in Unix seconds",
                (Series(own.started),),
            ),
            Family(
                "scvk_healthy",
                "gauge",
                "1 while /healthz says ok, else 0",
                (Series(int(self._ailment() is None)),),
            ),
            Family(
                "scvk_pods",
                "gauge",
                "Pods of the node by phase",
                tuple(Series(phases[phase], (("phase", phase),)) for phase in PHASES),
            ),
        )


async def _nothing(_: Request) -> Response:
    return _text(())  # the platform checks probes, and counts nothing


def _text(families: Iterable[Family]) -> Response:
    return Response(exposition(families), headers={"content-type": CONTENT_TYPE})
