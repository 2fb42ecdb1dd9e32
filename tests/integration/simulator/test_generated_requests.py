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
GROUPS_LIFE = {f"{verb}_container_group" for verb in ("create", "get", "start", "stop", "delete")}
DEADLINE_S = 900
CONFIG = """
[parameters]
"path.organization_name" = "acme-corp"
"path.project_name" = "default"

[[operations]]
include-path-regex = "container_group_instance_id"
parameters = {{ "path.container_group_name" = "kept", "path.container_group_instance_id" = "{instance_id}" }}
"""
# Not for sequences of requests, which find their groups themselves.
CHANGED_AND_DELETED = """
[[operations]]
include-path-regex = "container_group_name.(|/start|/stop|/instances|/system-logs)$"
include-method = ["GET", "POST", "PATCH"]
parameters = { "path.container_group_name" = "changed" }

[[operations]]
include-path-regex = "container_group_name.$"
include-method = "DELETE"
parameters = { "path.container_group_name" = "deleted" }
"""


async def generate(simulated: Stage, folder: Path, phases: str, examples: int, seed: int) -> tuple[int, str]:
    """Run schemathesis against the simulator; its exit code and what it said."""
    for name in ("kept", "changed", "deleted"):
        await simulated.create(name, ["app"])
    instance = await simulated.until_running("kept")
    config = folder / "schemathesis.toml"
    groups = "" if phases == "stateful" else CHANGED_AND_DELETED
    config.write_text(CONFIG.format(instance_id=instance["id"]) + groups)
    document = Path(str(files("scvk.saladcloud.models").joinpath("openapi.yaml")))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(document)),
        *("--url", simulated.served.base_url, "--header", f"Salad-Api-Key: {KEY}"),
        *("--include-path-regex", SIMULATED, "--exclude-checks", UNSTATED, "--no-color"),
        *("--seed", str(seed), "--phases", phases, "--max-examples", str(examples)),
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


async def check(folder: Path, phases: str, examples: int, *, seed: int, least: int) -> None:
    plenty = 1_000_000
    settings: dict[str, Any] = {
        "runtime": "virtual",
        "speed": 1000,
        "requests_per_minute": plenty,
        "quotas": Quotas(plenty, plenty, plenty, plenty),
    }
    async with stage(**settings) as simulated:
        status, said = await generate(simulated, folder, phases, examples, seed)
        requests = simulated.simulator.requests.since()
    assert status == 0, said[-20_000:]
    statuses = Counter((request.operation, request.status) for request in requests)
    assert sum(statuses.values()) >= least
    assert [found for found in statuses if found[1] is None or found[1] >= 500] == []
    succeeded = {operation for operation, status in statuses if status is not None and status < 300}
    if phases != "stateful":  # a sequence may well lead nowhere
        assert succeeded >= GROUPS_LIFE, "some requests get beyond the refusals"


async def test_examples_edges_and_some_chance(tmp_path: Path) -> None:
    await check(tmp_path, "examples,coverage,fuzzing", 5, seed=1, least=2000)


@pytest.mark.full
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_much_chance(tmp_path: Path, seed: int) -> None:
    await check(tmp_path, "examples,coverage,fuzzing", 50, seed=seed, least=4000)


@pytest.mark.full
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_sequences(tmp_path: Path, seed: int) -> None:
    await check(tmp_path, "stateful", 100, seed=seed, least=100)
