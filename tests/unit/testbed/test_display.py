"""Progress is shown live on a terminal, and as few plain lines elsewhere."""

from __future__ import annotations

import io

from rich.console import Console

from scvk.testbed.display import PlainDisplay, TerminalDisplay, display
from scvk.testbed.errors import TestbedError
from scvk.testbed.progress import Phase, Progress


def test_plain_lines_come_when_a_phase_begins_and_every_ten_seconds() -> None:
    stream, now = io.StringIO(), 0.0
    with PlainDisplay(stream, clock=lambda: now) as show:
        show(Progress(Phase.FIND_GO, "/go is go1.26.8"))
        for done in range(25):
            show(Progress(Phase.COMPILE, f"k8s.io/{done}", done, 25))
            now += 1.0
        show(Progress(Phase.LINK))
    assert stream.getvalue().splitlines() == [
        "find Go: /go is go1.26.8",
        "compile: 0 of 25: k8s.io/0",
        "compile: 10 of 25: k8s.io/10",
        "compile: 20 of 25: k8s.io/20",
        "link",
    ]


def test_terminal_shows_numbers_and_keeps_the_news() -> None:
    stream = io.StringIO()
    with TerminalDisplay(Console(file=stream, force_terminal=True, width=120)) as show:
        show(Progress(Phase.FIND_GO, "go1.26.8 in [brackets]"))
        show(Progress(Phase.COMPILE, "k8s.io/api/core/v1", 12, 25))
    text = stream.getvalue()
    assert "go1.26.8 in [brackets]" in text
    assert "12/25" in text


def test_a_file_gets_plain_lines() -> None:
    assert isinstance(display(io.StringIO()), PlainDisplay)


def test_progress_says_what_is_known() -> None:
    assert str(Progress(Phase.DOWNLOAD, "k8s.io/api", 3)) == "download modules: 3: k8s.io/api"
    assert str(Progress(Phase.LINK)) == "link"


def test_error_says_cause_output_and_hint() -> None:
    error = TestbedError("start etcd", "no disk", "free some", "line 1\nline 2")
    assert str(error) == "could not start etcd: no disk\n\n  | line 1\n  | line 2\n\nhint: free some"
