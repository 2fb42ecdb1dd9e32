"""Requests that schemathesis generates from the packaged OpenAPI document: no violation, no 5xx."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from scvk.simulator.config import Quotas
from tests.integration.simulator.stage import KEY, Stage, stage

# What this project simulates; the rest of the document (queues, inference, webhooks) answers 404.
SIMULATED = "containers|log-entries|gpu-classes|quotas|availability"
# Rules that the document does not state make valid bodies invalid: one handler for a probe, a known field in a query.
UNSTATED = "positive_data_acceptance"
LEAST = 2000
GROUPS_LIFE = {f"{verb}_container_group" for verb in ("create", "get", "start", "stop", "delete")}
DEADLINE_S = 900
CONFIG = """
[parameters]
"path.organization_name" = "acme-corp"
"path.project_name" = "default"

[[operations]]
include-path-regex = "container_group_name"
include-method = ["GET", "POST", "PATCH"]
parameters = {{ "path.container_group_name" = "web", "path.container_group_instance_id" = "{instance_id}" }}
"""


async def generate(simulated: Stage, folder: Path, *words: str) -> tuple[int, str]:
    """Run schemathesis against the simulator; its exit code and what it said."""
    await simulated.create("web", ["app"])
    instance = await simulated.until_running("web")
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG.format(instance_id=instance["id"]))
    document = Path(str(files("scvk.saladcloud.models").joinpath("openapi.yaml")))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(document)),
        *("--url", simulated.served.base_url, "--header", f"Salad-Api-Key: {KEY}"),
        *("--include-path-regex", SIMULATED, "--exclude-checks", UNSTATED, "--seed", "1", "--no-color", *words),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            said, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode is not None
    return child.returncode, said.decode()


async def check(folder: Path, *words: str) -> None:
    plenty = 1_000_000
    settings: dict[str, Any] = {
        "runtime": "virtual",
        "speed": 1000,
        "requests_per_minute": plenty,
        "quotas": Quotas(plenty, plenty, plenty, plenty),
    }
    async with stage(**settings) as simulated:
        status, said = await generate(simulated, folder, *words)
        requests = simulated.simulator.requests.since()
    assert status == 0, said[-20_000:]
    statuses = Counter((request.operation, request.status) for request in requests)
    assert sum(statuses.values()) >= LEAST
    assert [found for found in statuses if found[1] is None or found[1] >= 500] == []
    succeeded = {operation for operation, status in statuses if status is not None and status < 300}
    assert succeeded >= GROUPS_LIFE, "some requests get beyond the refusals"


async def test_examples_edges_and_some_chance(tmp_path: Path) -> None:
    await check(tmp_path, "--phases", "examples,coverage,fuzzing", "--max-examples", "5")


@pytest.mark.full
async def test_much_chance_and_sequences(tmp_path: Path) -> None:
    await check(tmp_path, "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "50")
