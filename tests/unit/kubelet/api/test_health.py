"""What `/healthz` says of each sign of life."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scvk.kubelet.api.health import SignsOfLife, ailments

WELL = SignsOfLife(pods_listed=True, watch_fails_s=None, agent_lease_held=True, node_lease_renewed_s=3.0, provider=None)


@pytest.mark.parametrize(
    "signs",
    [
        pytest.param(WELL, id="all is well"),
        pytest.param(replace(WELL, watch_fails_s=59.0), id="the API server starts anew"),
        pytest.param(replace(WELL, node_lease_renewed_s=39.0), id="renewals are late"),
    ],
)
def test_well(signs: SignsOfLife) -> None:
    assert ailments(signs) == ()


@pytest.mark.parametrize(
    ("signs", "words"),
    [
        pytest.param(replace(WELL, pods_listed=False), "have not been listed", id="pods not listed"),
        pytest.param(replace(WELL, watch_fails_s=61.0), "cannot be watched for 61 s", id="watch fails"),
        pytest.param(replace(WELL, agent_lease_held=False), "lease is not held", id="agent lease"),
        pytest.param(replace(WELL, node_lease_renewed_s=None), "not been renewed yet", id="node lease never"),
        pytest.param(replace(WELL, node_lease_renewed_s=41.0), "renewed 41 s ago", id="node lease late"),
        pytest.param(replace(WELL, provider="no answer"), "no answer", id="provider"),
    ],
)
def test_each_ailment_is_told_in_words(signs: SignsOfLife, words: str) -> None:
    (found,) = ailments(signs)
    assert words in found


def test_all_ailments_are_told_at_once() -> None:
    assert len(ailments(SignsOfLife(False, None, False, None, "no answer"))) == 4
