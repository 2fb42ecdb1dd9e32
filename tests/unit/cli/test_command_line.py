"""The command line from outside: what is understood, and that all that is wrong is one clear line, no traceback."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from scvk.agent import AgentError
from scvk.cli import app as command_line
from scvk.cli.app import execute, implied_command
from scvk.cli.log_output import configure_logs
from scvk.settings import AgentSettings, checked

KEY = "key-5c1f07"
REQUIRED = {
    "SALAD_CLOUD_API_KEY": KEY,
    "SALAD_CLOUD_ORGANIZATION_NAME": "acme-corp",
    "SALAD_CLOUD_PROJECT_NAME": "default",
}
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: here, cluster: {server: "SERVER"}}]
users: [{name: me, user: {token: secret}}]
contexts: [{name: here, context: {cluster: here, user: me}}]
"""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SALAD_CLOUD_API_URL", "SALAD_CLOUD_API_KEY_FILE", "KUBECONFIG", "POD_IP"):
        monkeypatch.delenv(name, raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[AgentSettings]:
    """The settings with which the agent would have been run."""
    seen: list[AgentSettings] = []

    async def run_agent(settings: AgentSettings) -> None:
        seen.append(settings)

    monkeypatch.setattr(command_line, "run_agent", run_agent)
    return seen


def test_the_replaced_programs_command_line_is_understood(given: list[AgentSettings]) -> None:
    words = "--nodename n1 --sce-api-key k --sce-organization-name org-a --sce-project-name p-a --log-level debug"
    more = "--kube-config /k --disable-taint=true"
    assert execute([*words.split(), *more.split()], program="virtual-kubelet-saladcloud") == 0
    (settings,) = given
    chosen = checked(settings)
    assert (chosen.node_name, chosen.taints, settings.kubeconfig) == ("n1", (), "/k")
    assert (chosen.saladcloud.api_key, chosen.saladcloud.organization, chosen.saladcloud.project) == (
        "k",
        "org-a",
        "p-a",
    )


def test_the_environment_alone_is_enough(given: list[AgentSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALAD_VK_TAINTS", "a=b:NoSchedule,c:NoExecute")
    monkeypatch.setenv("SALAD_VK_NODE_LABELS", "x=1,y=2")
    monkeypatch.setenv("KUBECONFIG", "")
    assert execute([], program="virtual-kubelet-saladcloud") == 0
    (settings,) = given
    chosen = checked(settings)
    assert chosen.node_name == "saladcloud-acme-corp-default"
    assert [str(taint) for taint in chosen.taints] == [
        "virtual-kubelet.io/provider=saladcloud:NoSchedule",
        "a=b:NoSchedule",
        "c=:NoExecute",
    ]
    assert chosen.labels == {"x": "1", "y": "2"}


def test_options_of_translation_come_from_flags_and_variables(
    given: list[AgentSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALAD_VK_DEFAULT_GPU_CLASSES", "RTX 4090 (24 GB), rtx3090")
    monkeypatch.setenv("SALAD_VK_STRICT", "true")
    words = "--daemonsets run --ignore-containers istio-proxy --ignore-containers linkerd-* --wrapper-limit 128Ki"
    assert execute(["run", *words.split()], program="scvk") == 0
    policy = checked(given[0]).policy
    assert policy.default_gpu_classes == ("RTX 4090 (24 GB)", "rtx3090")
    assert policy.ignored_containers == ("istio-proxy", "linkerd-*")
    assert (policy.run_daemonsets, policy.strict, policy.wrapper_limit_bytes) == (True, True, 131_072)


def test_pods_know_no_services_but_by_the_operators_wish(given: list[AgentSettings]) -> None:
    assert execute(["run"], program="scvk") == 0
    assert execute(["run", "--service-links"], program="scvk") == 0
    assert [settings.service_links for settings in given] == [False, True]


@pytest.mark.parametrize(
    ("words", "program", "expected"),
    [
        ([], "scvk", []),
        ([], "virtual-kubelet-saladcloud", ["run"]),
        (["--nodename", "n"], "scvk", ["run", "--nodename", "n"]),
        (["--help"], "virtual-kubelet-saladcloud", ["--help"]),
        (["simulate", "--port", "0"], "virtual-kubelet-saladcloud", ["simulate", "--port", "0"]),
    ],
)
def test_only_options_mean_the_agent(words: list[str], program: str, expected: list[str]) -> None:
    assert implied_command(words, program) == expected


@pytest.mark.parametrize(
    "words",
    [
        ["--api-url", "http://h:notaport"],
        ["--api-url", "http://[::1"],
        ["--api-url", "http://h:70000"],
        ["--api-url", "ftp://h"],
        ["--api-url", "nonsense"],
        ["--api-url", "https://user:pass-word@h/api"],
        ["--api-url", "https://h/api?x=1"],
        ["--nodename", "Bad_Name"],
        ["--nodename", "n" * 64],
        ["--taint", "x"],
        ["--taint", "a=b:Never"],
        ["--node-label", "x"],
        ["--kubelet-address", "1.2.3"],
        ["--log-level", "loud"],
        ["--daemonsets", "all"],
        ["--resource-steps", "half"],
        ["--wrapper-limit", "2Mi"],
        ["--ignore-containers", "Istio"],
        ["--log-format", "yaml"],
        ["--disable-taint=maybe"],
        ["--sce-api-key", "two words"],
        ["--sce-api-key", "", "--sce-api-key-file", "/does/not/exist"],
        ["--sce-project-name", "No Name"],
        ["--bogus"],
        ["stray"],
    ],
    ids=" ".join,
)
def test_a_wrong_option_is_a_usage_error_in_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["run", *words]) == 2
    complaint, hint = capsys.readouterr().err.splitlines()
    assert complaint.startswith("scvk: ")
    assert hint.startswith("Try ")
    assert "pass-word" not in complaint
    assert KEY not in complaint


@pytest.mark.parametrize("words", [["--port", "99999"], ["--port", "-1"], ["--speed", "0"]], ids=" ".join)
def test_wrong_options_of_the_simulator_are_usage_errors_too(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["simulate", *words]) == 2
    assert words[0] in capsys.readouterr().err.splitlines()[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage: [",
        "[]",
        "{}",
        KUBECONFIG.replace("SERVER", "https://127.0.0.1:notaport"),
        KUBECONFIG.replace("SERVER", "http://[::1"),
        KUBECONFIG.replace("SERVER", "nonsense"),
        KUBECONFIG.replace("SERVER", ""),
        KUBECONFIG.replace("current-context: here", "current-context: elsewhere"),
        KUBECONFIG.replace("user: me", "user: nobody"),
        KUBECONFIG.replace("SERVER", "https://127.0.0.1:9").replace(
            "token: secret", "client-certificate-data: bm9uZQ==, client-key-data: bm9uZQ=="
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_one_line(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config"
    file.write_text(text, encoding="utf-8")
    assert execute(["run", "--kubeconfig", str(file)]) == 1
    complaints = [line for line in capsys.readouterr().err.splitlines() if line.startswith("scvk: ")]
    assert len(complaints) == 1
    assert "secret" not in complaints[0]


def test_who_reads_json_gets_json_to_the_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["run", "--log-format", "json", "--kubeconfig", "/does/not/exist", "--sce-api-key", "other"]) == 1
    lines: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines[-1]["level"] == "critical"
    assert "/does/not/exist" in lines[-1]["event"]
    assert "API key was given as a flag" in lines[0]["event"]
    assert "other" not in str(lines)


def test_an_agents_end_is_the_last_line_at_every_level(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run_agent(_: AgentSettings) -> None:
        raise AgentError("two\nlines")

    monkeypatch.setattr(command_line, "run_agent", run_agent)
    assert execute(["run", "--log-format", "json", "--log-level", "fatal"]) == 1
    assert json.loads(capsys.readouterr().err)["event"] == "two lines"
    assert execute(["run", "--log-level", "fatal"]) == 1
    assert capsys.readouterr().err == "scvk: two lines\n"


async def test_what_libraries_log_takes_the_same_form() -> None:
    stream = io.StringIO()
    configure_logs("info", "json", stream)
    asyncio.get_running_loop().call_exception_handler({"message": "a task failed", "exception": ValueError("why")})
    logging.getLogger("httpx2").info("GET https://…")
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert (line["event"], line["logger"], line["level"]) == ("a task failed", "asyncio", "error")
    assert "ValueError: why" in line["exception"]
