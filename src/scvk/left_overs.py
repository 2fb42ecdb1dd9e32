"""What the agent's collection would do, done once on demand: the left-overs of a project, found and deleted.

Stands on the collection's own parts: `orphans` judges, in two passes over two listings some time apart, and `Remover`
deletes and confirms. It needs no agent and disturbs none: deletes can be repeated by anybody, and a UID that is gone
never comes back.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from scvk.kubelet.orphans import Judge, Judgement, Verdict, confirmed
from scvk.kubelet.provider import Holding, PodIdentity, TemporaryProviderError
from scvk.provider.adoption import GroupCounts, Owners, holding_of
from scvk.provider.cloud_view import CloudView
from scvk.provider.legacy import legacy_pod
from scvk.provider.ownership import Owned, PodMark
from scvk.provider.removal import LOOK_AGAIN_S, Remover
from scvk.provider.turns import Turns
from scvk.saladcloud.budget import RequestBudget, RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import Decision, NotFound, SaladCloudError, Unauthorized

CONFIRMED_WITHIN_S = 180.0
"""How long a deletion is waited for after the last one was confirmed: SaladCloud lists deleted groups for a while."""
# The end of a name that `group_name` makes: what only looks so costs one request more.
_OUR_NAME = re.compile(r".*-[a-z2-7]{12}")


@dataclass(frozen=True, slots=True)
class GroupReport:
    """One group of this cluster, and what is to become of it. `deleted` is None where nothing was tried."""

    group: str
    mark: PodMark
    verdict: Verdict
    reason: str
    deleted: bool | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """The project as two passes found it. `legacy` names groups of the Go program, which are left to people.

    `cut` says that the listing may lack groups, which are not judged then.
    """

    groups: tuple[GroupReport, ...]
    counts: GroupCounts
    legacy: tuple[str, ...] = ()
    cut: bool = False

    def of(self, verdict: Verdict) -> tuple[GroupReport, ...]:
        """Return the groups with this verdict."""
        return tuple(report for report in self.groups if report.verdict is verdict)


@dataclass
class LeftOvers:
    """The left-overs of one project, as the agent of one node may collect them. `sleep` and `monotonic` are one clock.

    `owners` must not adopt: without its pod no group of the Go program can be told from another cluster's.
    """

    client: SaladCloudClient
    budget: RequestBudget
    owners: Owners
    judge: Judge
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _view: CloudView = field(default_factory=CloudView)

    def __post_init__(self) -> None:
        """Build what works on the same view."""
        self._turns = Turns(self.budget, RequestClass.DELETE, lambda _: None, monotonic=self.monotonic)
        self._remover = Remover(self.client, self._view, self.owners, self._turns, monotonic=self.monotonic)

    async def survey(self, *, pause_s: float) -> Survey:
        """Do two passes, `pause_s` apart; one where the first finds nothing orphaned. Changes nothing.

        Raises SaladCloudError where the project cannot be listed.
        """
        await self._list(hidden=True)
        first = await self._pass()
        if not any(judgement.verdict is Verdict.ORPHANED for judgement in first.values()):
            return self._survey(first)
        await self.sleep(pause_s)
        await self._list(hidden=True)
        second = await self._pass()
        return self._survey({holding: confirmed(judgement, first) for holding, judgement in second.items()})

    async def delete(self, survey: Survey) -> Survey:
        """Delete what the survey calls orphaned; return it with what became of each group.

        Waits until the groups are surely gone, or none went for CONFIRMED_WITHIN_S. Raises SaladCloudError where the
        platform refuses.
        """
        waiting = {holding_of(report.mark).pod for report in survey.of(Verdict.ORPHANED)}
        gone: set[PodIdentity] = set()
        progress = self.monotonic()
        while waiting and self.monotonic() - progress < CONFIRMED_WITHIN_S:
            self._turns.invite_next()
            for pod in sorted(waiting, key=lambda each: (each.key, each.uid)):
                if await self._is_removed(pod):
                    gone.add(pod)
                    progress = self.monotonic()
            waiting -= gone
            if waiting:
                await self.sleep(LOOK_AGAIN_S)
                await self._list_if_possible()
        reports = [
            replace(report, deleted=holding_of(report.mark).pod in gone)
            if report.verdict is Verdict.ORPHANED
            else report
            for report in survey.groups
        ]
        return replace(survey, groups=tuple(reports))

    async def _is_removed(self, pod: PodIdentity) -> bool:
        try:
            return (await self._remover.remove(pod, {})).certain
        except (Decision, Unauthorized):
            raise
        except (SaladCloudError, TemporaryProviderError):
            return False  # nothing certain: it is tried again

    async def _list_if_possible(self) -> None:
        try:
            await self._list(hidden=False)
        except (Decision, Unauthorized):
            raise
        except SaladCloudError:
            pass  # the next one may come through

    async def _list(self, *, hidden: bool) -> None:
        started = self.monotonic()
        listing = await self.client.list_container_groups(request_class=RequestClass.OBSERVE)
        self._view.apply_listing(listing, started_at=started)
        for group in self._view.groups if hidden else ():
            if group.container.environment_variables is None and _OUR_NAME.fullmatch(group.name):
                try:
                    found = await self.client.get_container_group(group.name, request_class=RequestClass.OBSERVE)
                except NotFound:
                    continue  # the next listing lacks it
                self._view.apply_group(found, at=self.monotonic())

    async def _pass(self) -> dict[Holding, Judgement]:
        holdings = dict.fromkeys(holding_of(mark) for mark in self._marks().values())
        return {judgement.holding: judgement for judgement in await self.judge.judge(holdings)}

    def _marks(self) -> dict[str, PodMark]:
        owners = ((group.name, self.owners.owner_of(group)) for group in self._view.groups)
        return {name: owner.mark for name, owner in owners if isinstance(owner, Owned)}

    def _survey(self, judgements: Mapping[Holding, Judgement]) -> Survey:
        reports = []
        for name, mark in sorted(self._marks().items()):
            judgement = judgements[holding_of(mark)]
            reports.append(GroupReport(name, mark, judgement.verdict, judgement.reason))
        return Survey(
            tuple(reports),
            self.owners.count(self._view.groups),
            _names(group.name for group in self._view.groups if legacy_pod(group) is not None),
            self._view.cut,
        )


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
