"""Log lines: on standard error, as text or JSON, from the level on that was chosen."""

from __future__ import annotations

import json

import pytest
import structlog

from scvk.cli.log_output import configure_logs


def test_json_lines_can_be_read_by_machines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    structlog.get_logger("x").info("pod: deleted", pod="shop/web")
    out, err = capsys.readouterr()
    line = json.loads(err)
    assert out == ""
    assert (line["event"], line["pod"], line["level"]) == ("pod: deleted", "shop/web", "info")
    assert line["timestamp"].endswith("Z")


def test_text_lines_have_no_colours_where_nobody_sees_them(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "text")
    structlog.get_logger("x").warning("slow", pod="shop/web")
    out, err = capsys.readouterr()
    assert out == ""
    assert "slow" in err
    assert "pod=shop/web" in err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["debug", "info", "warning", "error", "critical"]),
        ("info", ["info", "warning", "error", "critical"]),
        ("warning", ["warning", "error", "critical"]),
        ("error", ["error", "critical"]),
        ("critical", ["critical"]),
    ],
)
def test_lines_below_the_level_are_not_written(
    capsys: pytest.CaptureFixture[str], level: str, shown: list[str]
) -> None:
    configure_logs(level, "json")
    log = structlog.get_logger("x")
    for word in ("debug", "info", "warning", "error", "critical"):
        getattr(log, word)(word)
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == shown


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_failures_place_is_shown_without_the_values_that_were_at_hand(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    configure_logs("info", "json" if form == "json" else "text")

    def fails(key: str) -> None:
        raise ValueError("no")

    try:
        fails("secret-" + "value")
    except ValueError as error:
        structlog.get_logger("x").error("failed", exc_info=error)
    err = capsys.readouterr().err
    assert "in fails" in err
    assert "secret-value" not in err
