"""Where the reading of events begins after a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scvk.provider.event_memory import ANNOTATION, MOST_BACK, first_query, remembered

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LOOK_BACK = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("written", "back"),
    [
        pytest.param("2026-03-01T11:00:00Z", timedelta(hours=1), id="an hour away"),
        pytest.param("2026-03-01T13:00:00+02:00", timedelta(hours=1), id="in another zone"),
        pytest.param("2026-03-01T11:59:00Z", LOOK_BACK, id="a minute away: what is in memory was lost all the same"),
        pytest.param("2026-03-01T12:30:00Z", LOOK_BACK, id="in the future"),
        pytest.param("2026-01-01T00:00:00Z", MOST_BACK, id="too long ago"),
        pytest.param("2026-03-01T11:00:00", LOOK_BACK, id="no zone"),
        pytest.param("0001-01-01T00:00:00+23:00", LOOK_BACK, id="beyond all time"),
        pytest.param("yesterday", LOOK_BACK, id="unreadable"),
        pytest.param("", LOOK_BACK, id="empty"),
        pytest.param(None, LOOK_BACK, id="none"),
    ],
)
def test_events_are_read_from_where_the_last_agent_stopped_within_bounds(written: str | None, back: timedelta) -> None:
    annotations = {} if written is None else {ANNOTATION: written}
    assert first_query(annotations, NOW, LOOK_BACK) == NOW - back


def test_what_is_remembered_is_read_back() -> None:
    cursor = NOW - timedelta(hours=3)
    assert first_query(remembered(cursor), NOW, LOOK_BACK) == cursor
