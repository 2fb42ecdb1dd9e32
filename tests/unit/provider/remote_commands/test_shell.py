"""Any bytes as words of a shell: what comes out of a real one is what went in."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scvk.provider.remote_commands.shell import NoWord, quoted, script_call

WORDS = st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\0", b"")), max_size=8)


@given(WORDS)
@settings(max_examples=60, deadline=None)
def test_a_shell_gets_the_same_words(words: list[bytes]) -> None:
    line = script_call('printf "%s\\0" "$@"', words)
    shown = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True).stdout
    # printf takes the format once where there are no words.
    assert shown == (b"".join(word + b"\0" for word in words) if words else b"\0")


def test_a_nul_byte_is_refused() -> None:
    with pytest.raises(NoWord):
        quoted(b"a\0b")
