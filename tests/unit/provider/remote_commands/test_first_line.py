"""The line by which the script before a command says how it went."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.provider.remote_commands.first_line import MOST_BEFORE, FirstLine, NotStarted, Started

MARKER = b"0123456789abcdef"


def fed(pieces: list[bytes]) -> Started | NotStarted | None:
    line = FirstLine(MARKER)
    said = None
    for piece in pieces:
        if said is None:
            said = line.receive(piece)
        elif isinstance(said, Started):
            said = Started(said.number, said.rest + piece)
    return said


@given(st.binary(max_size=60), st.integers(0, 4_000_000), st.binary(max_size=60), st.lists(st.integers(0, 200)))
def test_any_split_finds_the_same(before: bytes, number: int, rest: bytes, cuts: list[int]) -> None:
    whole = before + MARKER + b" started %d\n" % number + rest
    ends = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(ends)]
    assert fed(pieces) == Started(number, rest)


def test_a_terminal_ends_lines_in_its_own_way() -> None:
    assert fed([MARKER + b" started 12\r\n$ "]) == Started(12, b"$ ")


@pytest.mark.parametrize("reason", ["changed", "missing", "denied", "unknown"])
def test_a_command_that_did_not_start_says_why(reason: str) -> None:
    assert fed([f"{MARKER.decode()} {reason}\n".encode()]) == NotStarted(reason)


def test_a_line_that_is_not_whole_is_waited_for() -> None:
    assert fed([b"Welcome!\n" + MARKER + b" star"]) is None


def test_a_login_that_never_stops_is_given_up() -> None:
    line = FirstLine(MARKER)
    for _ in range(MOST_BEFORE // 1024):
        line.receive(b"x" * 1024)
    with pytest.raises(ValueError, match="too much"):
        line.receive(b"x" * 1024)
