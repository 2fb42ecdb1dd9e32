"""What a wrapper says in the log is read back, whatever the log looks like."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.provider.translate.start_up import failure_of, is_wrapper_line, termination_message_of


def lines_of(message: bytes) -> list[str]:
    data = base64.b64encode(message).decode()
    pieces = [data[start : start + 912] for start in range(0, len(data), 912)]
    return [f"scvk-termination-message: {n}/{len(pieces)} {piece}" for n, piece in enumerate(pieces, start=1)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("scvk-start-up-failed: cannot write /etc/x", "cannot write /etc/x"),
        ("unfinishedscvk-start-up-failed: cannot write /etc/x\n", "cannot write /etc/x"),
        ("cannot write /etc/x", None),
        ("", None),
    ],
)
def test_a_failing_wrappers_reason_is_found(line: str, reason: str | None) -> None:
    assert failure_of(line) == reason
    assert is_wrapper_line(line) == (reason is not None)


@given(st.binary(min_size=1, max_size=4096), st.randoms())
def test_a_message_is_whole_again_in_whatever_order_its_lines_come(message: bytes, order: random.Random) -> None:
    lines = ["before", *lines_of(message), "after"]
    order.shuffle(lines)
    assert termination_message_of(lines) == message.decode("utf-8", "replace")


def test_the_last_message_counts() -> None:
    assert termination_message_of([*lines_of(b"a" * 2000), *lines_of(b"first"), *lines_of(b"second")]) == "second"


def test_a_message_that_is_cut_is_none() -> None:
    assert termination_message_of(lines_of(b"x" * 4096)[:-1]) is None


def test_a_message_that_is_cut_leaves_the_former_one() -> None:
    assert termination_message_of([*lines_of(b"former"), *lines_of(b"x" * 4096)[1:]]) == "former"


@pytest.mark.parametrize("data", ["=", "a", "A=A="])
def test_what_is_no_base64_is_no_message(data: str) -> None:
    assert termination_message_of([f"scvk-termination-message: 1/1 {data}"]) is None


def test_a_line_glued_to_the_programs_last_is_found() -> None:
    (line,) = lines_of(b"bye")
    assert termination_message_of([f"no line break at the end{line}"]) == "bye"
    assert is_wrapper_line(line)
