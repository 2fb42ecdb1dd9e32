"""A log entry becomes the line that the program wrote."""

from __future__ import annotations

from typing import Any

import pytest

from scvk.provider.program_log.lines import line_of, text_of
from scvk.saladcloud.models import LogEntry
from tests.unit.provider.program_log.log_store import START, entry


def said(**given: Any) -> LogEntry:
    return LogEntry(time=START, **given)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        pytest.param(said(text_log="  two spaces"), "  two spaces", id="text"),
        pytest.param(said(text_log=""), "", id="an empty line"),
        pytest.param(said(json_log={"b": 1, "a": "ü"}), '{"b":1,"a":"ü"}', id="an object in its order"),
        pytest.param(said(json_log={"m": 1}, severity="error"), '{"severity":"error","m":1}', id="its severity"),
        pytest.param(
            said(json_log={"m": 1}, trace_id="t", span_id="s"), '{"trace_id":"t","span_id":"s","m":1}', id="span"
        ),
        pytest.param(said(json_log={"severity": 9}, severity="info"), '{"severity":9}', id="an own one stays"),
        pytest.param(said(text_log="plain", severity="error"), "plain", id="text has no severity put in"),
    ],
)
def test_text_of_a_line(entry: LogEntry, text: str) -> None:
    assert text_of(entry) == text


def test_a_termination_message_that_is_handed_over_is_not_the_programs() -> None:
    piece = "scvk-termination-message: 1/1 aGk="
    assert line_of(entry(0, piece)) is None
    line = line_of(entry(0, f"no line break at the end{piece}"))
    assert line is not None
    assert line.text == "no line break at the end"
