"""The usage book: the lives of all container groups of a node, and what they have used together.

The node's count only grows: what a life had used stays in it when the pod goes. Lives are looked at at different
times, so the count is told as of a moment up to which all of them are known, between two samples in proportion: else
the node would seem to rest between looks, and to work double at each. What becomes known later than that moment is
spread over the time from there. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scvk.provider.usage.life import Life, Sample, heard
from scvk.saladcloud.models import ContainerGroupInstance

FRESH_FOR_S = 300.0
"""Older samples are told nobody."""


@dataclass(slots=True)
class _Account:
    """`base_s`: what the life had used before this agent counted it. `points`: times, and what counts by then."""

    life: Life
    base_s: float
    points: tuple[tuple[float, float], ...]
    gone: bool = False

    def note(self, told: float) -> None:
        """Add what the life's newest sample says to what was told as of `told`."""
        at, spent = self.points[-1]
        newest = (max(self.life.newest.at, told), self.life.newest.cpu_s - self.base_s)
        if newest[0] < at or newest == (at, spent):
            return
        frozen = ((told, spent),) if at < told < newest[0] else ()
        points = (*self.points, *frozen, newest)
        older = sum(each[0] <= told for each in points)
        self.points = points[max(0, older - 1) :]


class UsageBook:
    """`began`: since when is counted."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._accounts: dict[str, _Account] = {}
        self._of_the_gone_s = 0.0
        self._told = began
        """As of when the node was told last."""

    def heard(self, group: str, instance: ContainerGroupInstance, at: float, *, made: float | None = None) -> None:
        """Note a look at the instance of a group that was made at `made`."""
        account = self._accounts.get(group)
        life = heard(account.life if account else None, instance, at)
        if life is None:
            return
        if account is not None and (life.instance, life.after) == (account.life.instance, account.life.after):
            account.life, account.gone = life, False
            account.note(self._told)
            return
        if account is not None:
            self._close(account)
        # Of a program that ran before this agent it is not known when it used what: none of it counts.
        whole = account is not None or (made is not None and made >= self._began)
        newest = life.newest
        self._accounts[group] = opened = _Account(
            life, 0.0 if whole else newest.cpu_s, ((min(self._told, newest.at), 0.0),)
        )
        opened.note(self._told)

    def gone(self, group: str) -> None:
        """Note that a group seems to be gone; a look at it says that it is not."""
        if (account := self._accounts.get(group)) is not None:
            account.gone = True

    def keep(self, remembered: Callable[[str], bool]) -> None:
        """Close the accounts of groups of which nothing was heard for long."""
        for name in [name for name in self._accounts if not remembered(name)]:
            self._close(self._accounts.pop(name))

    def life(self, group: str, now: float) -> Life | None:
        """Return the life of a group's program, where it is known of the last minutes."""
        account = self._accounts.get(group)
        return account.life if account is not None and now - account.life.newest.at <= FRESH_FOR_S else None

    def total(self, now: float) -> Sample:
        """Return what all lives used, also those that ended, and the memory that is in use. Never goes back."""
        lives = [account.life for account in self._accounts.values() if not account.gone]
        known = [life.newest.at for life in lives if now - life.newest.at <= FRESH_FOR_S]
        self._told = max(self._told, min(known, default=now))
        spent = sum(_spent(account.points, self._told) for account in self._accounts.values())
        return Sample(self._told, self._of_the_gone_s + spent, sum(life.newest.memory_bytes for life in lives))

    def _close(self, account: _Account) -> None:
        self._of_the_gone_s += account.life.newest.cpu_s - account.base_s


def _spent(points: tuple[tuple[float, float], ...], at: float) -> float:
    """Return what had been used at a moment."""
    before = points[0]
    for after in points[1:]:
        if after[0] > at:
            share = (at - before[0]) / (after[0] - before[0]) if at > before[0] else 0.0
            return before[1] + share * (after[1] - before[1])
        before = after
    return before[1]
