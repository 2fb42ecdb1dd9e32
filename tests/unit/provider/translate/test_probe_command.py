"""Commands of exec probes that go through a shell, run by real ones."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scvk.provider.translate.probe_command import MAX_ITEM_LENGTH, MAX_ITEMS, through_shell, unsuitable

SHELLS = [
    pytest.param(shell, id=shell[0], marks=pytest.mark.skipif(shutil.which(shell[0]) is None, reason="not here"))
    for shell in (("dash",), ("bash", "--posix"), ("busybox", "sh"))
]
SHOW = (sys.executable, "-S", "-E", "-c", "import os, sys; os.write(1, ascii(sys.argv[1:]).encode()); sys.exit(7)")
"""Prints its arguments, and ends with 7."""

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    | st.sampled_from("\n\r\u2028\u2029'\"\\$`*?!~ \t"),
    max_size=30,
)


def run(shell: tuple[str, ...], command: tuple[str, ...]) -> tuple[str, int]:
    packed = through_shell(command)
    assert packed is not None
    done = subprocess.run([*shell, *packed[1:]], capture_output=True, check=False, timeout=20)
    return done.stdout.decode(), done.returncode


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=15, deadline=None)
@given(arguments=st.lists(texts, max_size=4))
def test_any_arguments_arrive_as_they_are(shell: tuple[str, ...], arguments: list[str]) -> None:
    assert run(shell, (*SHOW, *arguments)) == (ascii(arguments), 7)


@pytest.mark.parametrize("shell", SHELLS)
def test_long_and_many_arguments_arrive_as_they_are(shell: tuple[str, ...]) -> None:
    arguments = ["a\\\n'" * 2000, "", *map(str, range(200))]
    assert run(shell, (*SHOW, *arguments)) == (ascii(arguments), 7)


@given(st.lists(texts | st.text(min_size=2000, max_size=3000), min_size=1, max_size=4))
def test_what_comes_out_is_what_saladcloud_takes(command: list[str]) -> None:
    packed = through_shell(tuple(command))
    assert packed is not None
    assert unsuitable(packed) is None


def test_what_is_taken_as_it_is_needs_no_shell() -> None:
    assert unsuitable(("true", "x" * MAX_ITEM_LENGTH)) is None
    assert unsuitable(("true",) * MAX_ITEMS) is None


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("true",) * 101, "101 items"),
        (("true", ""), r"item \(1\) that is empty"),
        (("true", "x" * 2049), "more than 2048"),
        (("a\nb",), "line break"),
    ],
)
def test_why_a_shell_is_needed_is_said_without_the_command(command: tuple[str, ...], why: str) -> None:
    assert re.search(why, unsuitable(command) or "")


def test_what_is_too_long_for_that_too_is_not_packed() -> None:
    assert through_shell(("true", "x" * MAX_ITEM_LENGTH * MAX_ITEMS)) is None
