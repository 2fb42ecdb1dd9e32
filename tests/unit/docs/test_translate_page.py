"""The page on `scvk translate` shows what the program does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scvk.cli.app import execute
from scvk.provider.preview.interface import SCHEMA
from tests.unit.docs.pages import labelled, page, prints, table

PAGE = page("docs/translate.md")


def test_the_example_prints_what_the_page_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SALAD_VK_STRICT", raising=False)
    manifest = tmp_path / "deployment.yaml"
    manifest.write_text(labelled(PAGE, "manifest").text, encoding="utf-8")
    assert execute(["translate", str(manifest)]) == 0
    out = capsys.readouterr().out
    assert prints(labelled(PAGE, "report").text, out), out
    assert "hf_not_a_real_one" not in out


def test_the_table_of_fields_is_that_of_the_schema() -> None:
    fields = {row[0].strip("`[]") for row in table(PAGE, "field of `pods[]`")}
    assert fields == set(SCHEMA["properties"]["pods"]["items"]["properties"])


def test_the_schema_beside_the_page_is_the_programs() -> None:
    assert json.loads(page("docs/translate.schema.json")) == SCHEMA
