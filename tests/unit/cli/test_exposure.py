"""An operator is told when others can read the API key, and is not told so for nothing."""

from __future__ import annotations

from typing import Any

import pytest

from scvk.cli.exposure import exposures
from scvk.settings import AgentSettings

KEY = "a-secret-key"
FLAG = "given as a flag"
PLAIN = "travels unencrypted"


@pytest.mark.parametrize(
    ("settings", "environment", "words"),
    [
        pytest.param({"sce_api_key": KEY}, {}, [FLAG], id="flag"),
        pytest.param({"sce_api_key": KEY}, {"SALAD_CLOUD_API_KEY": "another"}, [FLAG], id="flag over variable"),
        pytest.param({"sce_api_key": KEY}, {"SALAD_CLOUD_API_KEY": KEY}, [], id="variable"),
        pytest.param({"sce_api_key_file": "/run/key"}, {}, [], id="file"),
        pytest.param({"api_url": "http://api.example.com"}, {}, [PLAIN], id="http"),
        pytest.param({"api_url": "http://127.0.0.1:8787/api/public"}, {}, [], id="http on loopback"),
        pytest.param({"api_url": "http://[::1"}, {}, [], id="no address"),
        pytest.param({"api_url": "https://api.example.com"}, {}, [], id="https"),
    ],
)
def test_what_lays_the_key_open_is_said_and_nothing_else(
    settings: dict[str, Any], environment: dict[str, str], words: list[str]
) -> None:
    told = exposures(AgentSettings(**settings), environment)
    assert len(told) == len(words)
    assert all(word in text for word, text in zip(words, told, strict=True))
    assert KEY not in "".join(told)
