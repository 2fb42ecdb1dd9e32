"""What an operator gets wrong: one clear line, exit code 1 or 2, no traceback, never the key."""

from __future__ import annotations

import pytest

from tests.e2e.processes import API_KEY
from tests.e2e.stage import Stage

CASES = [
    pytest.param({"SALAD_CLOUD_API_KEY": "wrong-key-81aa"}, 1, "API key", id="wrong API key"),
    pytest.param({"SALAD_CLOUD_ORGANIZATION_NAME": "no-such-org"}, 1, "organization", id="unknown organization"),
    pytest.param({"SALAD_CLOUD_PROJECT_NAME": "no-such-project"}, 1, "project", id="unknown project"),
    pytest.param({"SALAD_CLOUD_API_KEY": ""}, 2, "SALAD_CLOUD_API_KEY", id="no API key"),
    pytest.param({"SALAD_CLOUD_PROJECT_NAME": ""}, 2, "--sce-project-name", id="no project"),
    pytest.param({"KUBECONFIG": "/does/not/exist"}, 1, "/does/not/exist", id="no kubeconfig"),
    pytest.param({"SALAD_VK_TAINTS": "nonsense"}, 2, "--taint", id="wrong taint"),
]


@pytest.mark.parametrize(("environment", "code", "words"), CASES)
async def test_a_wrong_setting_is_one_clear_line(
    stage: Stage, environment: dict[str, str], code: int, words: str
) -> None:
    agent = stage.agent(**environment)
    await agent.start()
    assert await agent.ended() == code
    output = agent.output()
    complaints = [line for line in output.splitlines() if line.startswith("scvk: ")]
    assert len(complaints) == 1, output
    assert words in complaints[0]
    assert "Traceback" not in output
    assert API_KEY not in output
    assert "wrong-key-81aa" not in output


async def test_an_unreachable_cluster_is_one_clear_line(stage: Stage) -> None:
    text = stage.account.read_text(encoding="utf-8")
    moved = stage.folder / "kubeconfig"
    moved.write_text(text.replace(stage.testbed.api_url, "https://127.0.0.1:9"), encoding="utf-8")
    agent = stage.agent(KUBECONFIG=str(moved))
    await agent.start()
    assert await agent.ended() == 1
    (complaint,) = [line for line in agent.output().splitlines() if line.startswith("scvk: ")]
    assert "https://127.0.0.1:9" in complaint
    assert "Traceback" not in agent.output()
