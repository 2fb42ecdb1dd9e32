"""Callers who are not known yet: bounded, and none can keep others out."""

from __future__ import annotations

import pytest

from scvk.kubelet.api.strangers import Strangers, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("a socket", "a socket"),
    ],
)
def test_a_network_is_what_one_caller_can_have_addresses_of(address: str, network: str) -> None:
    assert network_of(address) == network


def test_the_oldest_of_the_network_that_has_most_gives_way() -> None:
    ended: list[str] = []
    strangers = Strangers(4)
    for name, network in (("quiet", "a"), ("first", "b"), ("second", "b"), ("third", "b"), ("fourth", "b")):
        strangers.enter(network, lambda name=name: ended.append(name))  # type: ignore[misc] # mypy knows no defaults here
    assert ended == ["first"]
    strangers.enter("c", lambda: None)
    assert ended == ["first", "second"]
    assert len(strangers) == 4


def test_who_is_known_has_no_place_any_more_and_is_never_ended() -> None:
    ended: list[str] = []
    strangers = Strangers(1)
    known = strangers.enter("a", lambda: ended.append("known"))
    known.leave()
    known.leave()
    strangers.enter("a", lambda: None)
    assert (ended, len(strangers)) == ([], 1)
