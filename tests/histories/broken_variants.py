"""Deliberately broken variants of the agent: each leaves out one thing that a promise rests on.

They test the harness: a history that does not notice them would not notice the mistake either.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from tests.histories import broken_kubelet, broken_provider
from tests.histories.replay import play

LOOKED_FOR_IN = 40


@dataclass(frozen=True)
class Variant:
    """One broken variant. `what` completes "an agent that …".

    `first` is a history that noticed it when that was last looked up (`python -m tests.histories.broken_variants`): a
    change of the agent may make another one of those behind it the first.
    """

    what: str
    breaks: Callable[[pytest.MonkeyPatch], None]
    first: int = 0

    @property
    def seeds(self) -> range:
        """The histories in which it is looked for."""
        return range(self.first, self.first + LOOKED_FOR_IN)

    def noticed_in(self, seeds: Iterable[int]) -> int | None:
        """Return the first of these histories that notices it."""
        with pytest.MonkeyPatch.context() as patch:
            self.breaks(patch)
            return next((seed for seed in seeds if "BrokenInvariant" in (play(seed).failure or "")), None)


VARIANTS = (
    Variant("takes unknown for absent", broken_provider.takes_unknown_for_absent, first=5),
    Variant(
        "takes a failed listing for an empty one", broken_provider.takes_a_failed_listing_for_an_empty_one, first=6
    ),
    Variant(
        "counts a pod as lost when one listing lacks its group", broken_provider.loses_pods_on_one_listing, first=8
    ),
    Variant("makes a second try of a create under a new name", broken_provider.makes_a_new_name_for_each_try, first=1),
    Variant("forgets a create that is under way", broken_provider.forgets_a_create_that_is_under_way, first=1),
    Variant("does not look whose group it is", broken_provider.does_not_look_whose_group_it_is),
    Variant("removes pods before their groups are gone", broken_kubelet.removes_pods_before_their_groups),
    Variant(
        "thinks a group gone once its deletion is accepted",
        broken_provider.thinks_a_group_gone_once_its_deletion_is_accepted,
    ),
    Variant("deletes the pod of a name, whatever its UID", broken_kubelet.deletes_pods_of_a_name_not_of_a_uid),
    Variant("collects nothing", broken_kubelet.forgets_pods_deleted_by_force, first=1),
    Variant(
        "collects what the cluster did not answer for",
        broken_kubelet.collects_what_the_cluster_did_not_answer_for,
        first=4,
    ),
    Variant("keeps the groups of finished pods", broken_kubelet.keeps_the_groups_of_finished_pods, first=1),
    Variant("does not keep to the request limit", broken_provider.does_not_keep_to_the_limit),
    Variant(
        "misses what happened while a watch was broken",
        broken_kubelet.misses_what_happened_while_a_watch_was_broken,
        first=1,
    ),
    Variant("tells a pod better than it is", broken_provider.tells_a_pod_better_than_it_is),
    Variant("starts each status anew", broken_provider.starts_each_status_anew),
    Variant("ends at an answer that nobody can read", broken_provider.dies_of_an_answer_that_is_no_json),
    Variant("does not see that a pod was changed", broken_provider.does_not_see_that_a_pod_was_changed),
    Variant(
        "takes a change without an answer for done",
        broken_provider.takes_a_change_without_an_answer_for_done,
        first=96,
    ),
    Variant("remembers pods for ever", broken_provider.remembers_pods_for_ever),
    Variant("never makes its Node again", broken_kubelet.never_makes_its_node_again, first=45),
)

if __name__ == "__main__":
    for number, each in enumerate(VARIANTS):
        if not sys.argv[1:] or str(number) in sys.argv[1:]:
            print(number, each.what, each.noticed_in(range(60)), flush=True)
