"""What `scvk testbed` says."""

from __future__ import annotations

import io

from scvk.testbed.serve import say_line


class Pieces(io.StringIO):
    """A stream that keeps each write apart, as an unbuffered standard output hands them on."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)


def test_a_line_is_written_in_one_piece_so_that_another_programs_line_cannot_come_in_between() -> None:
    stream = Pieces()
    say_line(stream, "export KUBECONFIG=/tmp/admin")
    assert stream.pieces == ["export KUBECONFIG=/tmp/admin\n"]
