"""The usage book: the lives of all container groups of a node, and what they have used together.

The node's count only grows: what a life had used stays in it when the pod goes. Lives are looked at at different
times, so the count is told as of a moment up to which all of them are known, between two samples in proportion: else
the node would seem to rest between looks, and to work double at each. Times are Unix seconds.
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
    life: Life
    base_s: float
    """What the life had used before this agent counted it."""
    gone: bool = False


class UsageBook:
    """`began`: since when is counted."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._accounts: dict[str, _Account] = {}
        self._of_the_gone_s = 0.0
        self._told = float("-inf")

    def heard(self, group: str, instance: ContainerGroupInstance, at: float, *, made: float | None = None) -> None:
        """Note a look at the instance of a group that was made at `made`."""
        account = self._accounts.get(group)
        life = heard(account.life if account else None, instance, at)
        if life is None:
            return
        if account is not None and (life.instance, life.after) == (account.life.instance, account.life.after):
            account.life, account.gone = life, False
            return
        if account is not None:
            self._close(account)
        # Of a program that ran before this agent it is not known when it used what: none of it counts.
        whole = account is not None or (made is not None and made >= self._began)
        self._accounts[group] = _Account(life, 0.0 if whole else life.newest.cpu_s)

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
        spent = sum(_spent(account, self._told) for account in self._accounts.values())
        return Sample(self._told, self._of_the_gone_s + spent, sum(life.newest.memory_bytes for life in lives))

    def _close(self, account: _Account) -> None:
        self._of_the_gone_s += account.life.newest.cpu_s - account.base_s


def _spent(account: _Account, at: float) -> float:
    """Return what a life had used at a moment, of what counts."""
    samples = account.life.samples
    if at < samples[0].at:
        return 0.0
    later = next((index for index, sample in enumerate(samples) if sample.at > at), None)
    if later is None:
        return samples[-1].cpu_s - account.base_s
    before, after = samples[later - 1], samples[later]
    share = (at - before.at) / (after.at - before.at)
    return before.cpu_s + share * (after.cpu_s - before.cpu_s) - account.base_s
