"""The query language of log entries."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.simulator.logs.entries import LogEntry, ResourceType, parse_line
from scvk.simulator.logs.query import QueryError, compile_query

LABELS = {"project_name": "default", "container_group_name": "web-1", "instance_id": "i-1"}
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def text(line: str, severity: str = "default") -> LogEntry:
    return LogEntry(NOON, NOON, ResourceType.CONTAINER, LABELS, severity, line)


JSON = LogEntry(
    NOON, NOON, ResourceType.CONTAINER, LABELS, "default", None, {"n": 5, "s": "Hi", "b": True, "deep": {"x": "y"}}
)
EVENT = LogEntry(NOON, NOON, ResourceType.INSTANCE_CONTROLLER, LABELS, "error", "Instance Exited:1 (Error)")


@pytest.mark.parametrize(
    ("query", "entry", "matches"),
    [
        ("", text("x"), True),
        ("   ", text("x"), True),
        ('resource.type = "container"', text("x"), True),
        ('resource.type = "container"', EVENT, False),
        ('resource.type != "container"', EVENT, True),
        ("resource.type = container", text("x"), True),
        ('resource.type =~ "CONTAINER"', text("x"), True),
        ('resource.type !=~ "CONTAINER"', text("x"), False),
        ('resource.labels.container_group_name = "web-1"', text("x"), True),
        ('resource.labels.nothing = "web-1"', text("x"), False),
        ('resource.labels.nothing != "web-1"', text("x"), True),
        ('text_log contains "err"', text("an error"), True),
        ('text_log contains "ERR"', text("an error"), False),
        ('text_log contains~ "ERR"', text("an error"), True),
        ('text_log !contains "err"', text("an error"), False),
        ('text_log !contains~ "ERR"', text("an error"), False),
        ('text_log !contains "err"', JSON, True),
        ('text_log startswith "an"', text("an error"), True),
        ('text_log startswith~ "AN"', text("an error"), True),
        ('text_log !startswith "an"', text("an error"), False),
        ('text_log endswith "error"', text("an error"), True),
        ('text_log !endswith~ "ERROR"', text("an error"), False),
        ('text_log = "say \\"hi\\""', text('say "hi"'), True),
        ("text_log = 'single'", text("single"), True),
        ('text_log ENDSWITH "r" AND NOT text_log CONTAINS "x"', text("an error"), True),
        ("severity = error", EVENT, True),
        ("severity >= warning", EVENT, True),
        ("severity < warning", EVENT, False),
        ("severity_number > 2", EVENT, True),
        ("time >= 2030-01-01T12:00:00Z", EVENT, True),
        ('time > "2030-01-01T12:00:00Z"', EVENT, False),
        ("receive_time <= 2030-01-01T12:00:00+01:00", EVENT, False),
        ("time >= 2030-01-01t12:00:00z", EVENT, True),
        ("json_log.n = 5", JSON, True),
        ("json_log.n > 4.5", JSON, True),
        ('json_log.n = "5"', JSON, False),
        ("json_log.b = true", JSON, True),
        ('json_log.deep.x = "y"', JSON, True),
        ('json_log.deep.z = "y"', JSON, False),
        ("json_log.n = 5", text("5"), False),
        ('log contains "Hi"', JSON, True),
        ('log contains~ "ERROR"', text("an error"), True),
        ("severity = error or severity = default and text_log = x", EVENT, True),
        ("(severity = error or severity = default) and text_log = x", EVENT, False),
        ("not (severity = error)", EVENT, False),
        ("not not severity = error", EVENT, True),
        ("severity=error", EVENT, True),
        ('trace_id = "1"', EVENT, False),
    ],
)
def test_matching(query: str, entry: LogEntry, *, matches: bool) -> None:
    assert compile_query(query)(entry) is matches


@pytest.mark.parametrize(
    ("query", "position", "says"),
    [
        ("severity", 8, "expected an operator, found the end"),
        ("severity =", 10, "expected a value, found the end"),
        ("severity = error and", 20, "expected a field, found the end"),
        ("severity = error severity = error", 17, "expected 'and', 'or' or the end"),
        ("(severity = error", 0, "parenthesis that does not close"),
        ("severity = error)", 16, "found ')'"),
        ("nonsense = 1", 0, "unknown field 'nonsense'"),
        ("resource.labels. = 1", 0, "unknown field"),
        ('json_log contains "x"', 0, "json_log takes no operator"),
        ('log = "x"', 4, "log takes only contains"),
        ('text_log = "open', 11, "a string that does not end"),
        ("time > yesterday", 7, "not a time"),
        ("severity > loud", 11, "unknown severity"),
        ("text_log ~ x", 9, "unexpected '~'"),
        ("not", 3, "expected a field"),
        ("(" * 200 + "severity = error" + ")" * 200, 100, "nested deeper"),
    ],
)
def test_a_query_that_cannot_be_understood_says_where(query: str, position: int, says: str) -> None:
    with pytest.raises(QueryError, match="position") as caught:
        compile_query(query)
    assert caught.value.position == position
    assert says in str(caught.value)


def understand(query: str) -> None:
    """It is refused with a position inside it, or says yes or no to entries of each kind."""
    position = 0
    try:
        matches = compile_query(query)
    except QueryError as error:
        position = error.position
    else:
        assert {matches(entry) for entry in (EVENT, JSON, text("x"))} <= {True, False}
    assert 0 <= position <= len(query)


@given(st.text())
def test_any_text_is_a_query_or_a_clear_error(query: str) -> None:
    understand(query)


OPERATORS = ["=", "!=", "<", "contains~", "!startswith", "~", "!"]
FIELDS = ["severity", "text_log", "time", "log", "json_log.n", "resource.type"]
OTHERS = ["and", "or", "not", "(", ")", '"x"', "error", "5", "2030-01-01T00:00:00Z"]


@given(st.lists(st.sampled_from(OPERATORS + FIELDS + OTHERS), max_size=12))
def test_any_row_of_words_is_a_query_or_a_clear_error(words: list[str]) -> None:
    understand(" ".join(words))


@given(st.text(), st.text(min_size=1))
def test_contains_means_what_it_says_for_any_text(line: str, part: str) -> None:
    quoted = part.replace("\\", "\\\\").replace('"', '\\"')
    assert compile_query(f'text_log contains "{quoted}"')(text(line)) is (part in line)


@pytest.mark.parametrize(
    ("line", "is_json"),
    [
        ('{"a": 1}', True),
        ('  {"a": 1}  ', True),
        ("[1]", False),
        ("5", False),
        ('{"a": 1', False),
        ('{"a": NaN}', False),
        ('{"a": "\\ud800"}', False),
        ("", False),
        ("{" * 5000, False),
        ('{"a":' * 100 + "1" + "}" * 100, True),
        ('{"a":' * 101 + "1" + "}" * 101, False),
        ('{"a":' + "[" * 100 + "]" * 100 + "}", False),
        ('{"a": "' + "[" * 1000 + '"}', True),
    ],
)
def test_only_a_json_object_becomes_json_log(line: str, *, is_json: bool) -> None:
    said = parse_line(line)
    assert (said.text is None, said.json is not None) == (is_json, is_json)
    assert is_json or said.text == line


@pytest.mark.parametrize(
    ("line", "severity", "promoted", "left"),
    [
        ('{"severity": "error", "a": 1}', "error", {}, {"a": 1}),
        ('{"severity": "WARNING"}', "warning", {}, {}),
        ('{"severity": "loud"}', "default", {}, {"severity": "loud"}),
        ('{"severity": 5}', "default", {}, {"severity": 5}),
        ('{"severity_number": 17}', "default", {"severity_number": 17}, {}),
        ('{"severity_number": true}', "default", {}, {"severity_number": True}),
        ('{"trace_id": "t", "span_id": "s", "parent_span_id": "p"}', "default", None, {}),
        ('{"trace_id": "", "span_id": 7}', "default", {}, {"trace_id": "", "span_id": 7}),
        ('{"time": "1999-01-01T00:00:00Z"}', "default", {}, {"time": "1999-01-01T00:00:00Z"}),
    ],
)
def test_fields_of_structured_logs_are_promoted(
    line: str, severity: str, promoted: dict[str, object] | None, left: dict[str, object]
) -> None:
    said = parse_line(line)
    whole = {"trace_id": "t", "span_id": "s", "parent_span_id": "p"}
    assert (said.severity, said.promoted, said.json) == (severity, whole if promoted is None else promoted, left)


def test_promoted_fields_are_searched_and_answered_as_the_document_names_them() -> None:
    line = '{"severity": "alert", "severity_number": 21, "trace_id": "t", "span_id": "s", "parent_span_id": "p"}'
    entry = parse_line(line).entry(NOON, LABELS)
    for query in ("severity >= error", "severity_number = 21", 'trace_id = "t"', "span_id = s", 'parent_span_id !="x"'):
        assert compile_query(query)(entry), query
    answer = entry.render()
    assert (answer["severity"], answer["json_log"]) == ("alert", {})
    assert (answer["trace_Id"], answer["span_Id"], answer["parent_span_id"]) == ("t", "s", "p")
