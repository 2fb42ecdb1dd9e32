"""Sizes of a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.kubelet.api.terminal_size import MAX_SIZE_TEXT, TerminalSizeReader
from scvk.kubelet.capabilities import TerminalSize


@given(st.integers(1, 60))
def test_sizes_are_found_however_the_bytes_are_cut(size: int) -> None:
    stream = b'{"Width":80,"Height":24}\n{"width":1,"height":2}{"Height":3}'
    reader = TerminalSizeReader()
    found = [one for at in range(0, len(stream), size) for one in reader.receive(stream[at : at + size])]
    assert found == [TerminalSize(80, 24), TerminalSize(1, 2), TerminalSize(0, 3)]


@pytest.mark.parametrize(
    "wrong",
    [
        b"}",
        b"[1]}",
        b'{"Width":-1}',
        b'{"Width":65536}',
        b'{"Width":true}',
        b'{"Width":"80"}',
        b"x" * (MAX_SIZE_TEXT + 1),
    ],
)
def test_what_is_no_size_ends_the_reading(wrong: bytes) -> None:
    reader = TerminalSizeReader()
    assert reader.receive(wrong) == []
    assert reader.receive(b'{"Width":80,"Height":24}') == []
    assert reader._text == ""


@given(st.lists(st.binary()))
def test_random_bytes_raise_nothing_and_are_not_gathered(pieces: list[bytes]) -> None:
    reader = TerminalSizeReader()
    for piece in pieces:
        reader.receive(piece)
        assert len(reader._text) <= MAX_SIZE_TEXT
