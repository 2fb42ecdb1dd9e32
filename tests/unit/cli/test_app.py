"""The command line: exit codes, what is printed where, and that nobody sees a traceback."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from cyclopts import Parameter

from scvk import __version__
from scvk.agent import AgentError
from scvk.cli import app as app_module
from scvk.cli.app import execute, implied_command, main
from scvk.kubelet.rights import rights
from scvk.settings import DEFAULT_API_URL, AgentSettings, SettingsError, checked
from scvk.testbed import DEFAULT_VERSION

KEY = "salad_cloud_user_secret0123456789"
ENVIRONMENT = {
    "SALAD_CLOUD_API_KEY": KEY,
    "SALAD_CLOUD_ORGANIZATION_NAME": "acme",
    "SALAD_CLOUD_PROJECT_NAME": "default",
}


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("SALAD", "KUBE", "POD_IP"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "400")


class Agents:
    """Stands for the agent: keeps what it was started with, and ends as it is told."""

    def __init__(self) -> None:
        self.started: list[AgentSettings] = []
        self.ends: BaseException | None = None

    async def run(self, settings: AgentSettings) -> None:
        self.started.append(settings)
        if self.ends is not None:
            raise self.ends


@pytest.fixture
def agents(monkeypatch: pytest.MonkeyPatch) -> Agents:
    agents = Agents()
    monkeypatch.setattr(app_module, "run_agent", agents.run)
    return agents


# -- which command ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "words", "meant"),
    [
        ("scvk", [], []),
        ("scvk", ["run", "--nodename", "x"], ["run", "--nodename", "x"]),
        ("scvk", ["rbac"], ["rbac"]),
        ("scvk", ["--help"], ["--help"]),
        ("scvk", ["--version"], ["--version"]),
        ("scvk", ["--nodename", "x"], ["run", "--nodename", "x"]),
        ("virtual-kubelet-saladcloud", [], ["run"]),
        ("virtual-kubelet-saladcloud", ["--nodename", "x"], ["run", "--nodename", "x"]),
        ("virtual-kubelet-saladcloud", ["--help"], ["--help"]),
        ("virtual-kubelet-saladcloud", ["rbac"], ["rbac"]),
    ],
)
def test_the_replaced_programs_users_need_no_command_word(program: str, words: list[str], meant: list[str]) -> None:
    assert implied_command(words, program) == meant


def test_called_by_the_replaced_programs_name_it_runs_the_agent(
    agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/virtual-kubelet-saladcloud", "--nodename", "gpu"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert [settings.nodename for settings in agents.started] == ["gpu"]


def test_without_any_word_the_commands_are_shown(capsys: pytest.CaptureFixture[str], agents: Agents) -> None:
    assert execute([]) == 0
    assert "rbac" in capsys.readouterr().out
    assert agents.started == []


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


# -- options ---------------------------------------------------------------------------------------------------------


def test_every_option_is_read_from_its_variable(agents: Agents, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        **ENVIRONMENT,
        "SALAD_VK_NODE_NAME": "gpu",
        "SALAD_VK_TAINTS": "a=1:NoSchedule,b=2:NoExecute",
        "SALAD_VK_NODE_LABELS": "team=ml, tier=gold",
        "KUBECONFIG": "/some/config:/another",
        "SALAD_VK_AGENT_NAMESPACE": "lab",
        "SALAD_VK_CLUSTER_ID": "blue",
        "SALAD_CLOUD_API_KEY_FILE": "/keys/one",
        "POD_IP": "10.0.0.7",
        "SALAD_CLOUD_API_URL": "http://127.0.0.1:1",
        "SALAD_VK_LOG_LEVEL": "warn",
        "SALAD_VK_LOG_FORMAT": "json",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert execute(["run"]) == 0
    [settings] = agents.started
    chosen = checked(settings)
    assert chosen.node_name == "gpu"
    assert [str(taint) for taint in chosen.taints[1:]] == ["a=1:NoSchedule", "b=2:NoExecute"]
    assert chosen.labels == {"team": "ml", "tier": "gold"}
    assert settings.kubeconfig == "/some/config:/another"
    assert (settings.agent_namespace, settings.cluster_id, settings.kubelet_address) == ("lab", "blue", "10.0.0.7")
    assert (settings.sce_api_key, settings.sce_api_key_file) == (KEY, "/keys/one")
    assert (settings.api_url, settings.log_level, settings.log_format) == ("http://127.0.0.1:1", "warn", "json")


def test_a_flag_counts_before_its_variable(agents: Agents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALAD_VK_NODE_NAME", "from-variable")
    monkeypatch.setenv("SALAD_VK_TAINTS", "a=1:NoSchedule")
    assert execute(["run", "--nodename", "from-flag", "--taint", "b=2:NoSchedule", "--taint", "c:NoSchedule"]) == 0
    assert agents.started[0].nodename == "from-flag"
    assert agents.started[0].taint == ("b=2:NoSchedule", "c:NoSchedule")


@pytest.mark.parametrize("words", [["--kubeconfig", "/x"], ["--kube-config", "/x"], ["--kubeconfig=/x"]])
def test_the_kubeconfig_has_two_spellings(agents: Agents, words: list[str]) -> None:
    assert execute(["run", *words]) == 0
    assert agents.started[0].kubeconfig == "/x"


def options() -> dict[str, Parameter]:
    hints = get_type_hints(AgentSettings, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(AgentSettings)}


@pytest.mark.parametrize("name", options())
def test_help_shows_every_flag_with_its_variable(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert execute(["run", "--help"]) == 0
    out = capsys.readouterr().out
    flag = "--" + name.replace("_", "-")
    [line] = [line for line in out.splitlines() if re.search(rf"{flag}\s", line) and "│" in line[:3]]
    variables = options()[name].env_var or ()
    assert variables or name == "disable_taint", "every option of a value has a variable"
    for variable in [variables] if isinstance(variables, str) else variables:
        assert f"[env var: {variable}]" in line


@pytest.mark.parametrize("command", ["run", "simulate", "testbed", "rbac", "gpu-classes", "translate", "demo"])
def test_help_shows_defaults_that_say_something_and_no_others(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert execute([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert set(re.findall(r"\[default: (.*?)\]", out)) <= {
        "10250",
        "processes",
        "self-signed",
        "high",
        "name",
        "namespaces",
        "none",
        "240",
        "500",
        "acme-corp",
        "default",
        "info",
        "text",
        "ignore",
        "whole",
        "64Ki",
        "table",
        "auto",
        "idle",
        "1.0",
        "8787",
        "127.0.0.1",
        "scvk",
        "saladcloud",
        DEFAULT_VERSION,
        DEFAULT_API_URL,
    }


def test_help_does_not_show_the_key_that_is_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALAD_CLOUD_API_KEY", KEY)
    assert execute(["run", "--help"]) == 0
    assert KEY not in capsys.readouterr().out


# -- exit codes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "code", "line"),
    [
        pytest.param(None, 0, None, id="a clean stop"),
        pytest.param(AgentError("the API server\n  is away"), 1, "scvk: the API server is away", id="could not"),
        pytest.param(SettingsError("--nodename: 'X'"), 2, "scvk: --nodename: 'X'", id="used wrongly"),
        pytest.param(KeyboardInterrupt(), 130, None, id="interrupted"),
        pytest.param(BrokenPipeError(), 0, None, id="nobody reads"),
    ],
)
def test_the_exit_code_says_whose_turn_it_is(
    agents: Agents, capfd: pytest.CaptureFixture[str], ends: BaseException | None, code: int, line: str | None
) -> None:
    agents.ends = ends
    assert execute(["run"]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[:1] == ([] if line is None else [line])
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["run", "--no-such-flag"], id="unknown flag"),
        pytest.param(["no-such-command"], id="unknown command"),
        pytest.param(["run", "--nodename"], id="flag without its value"),
        pytest.param(["run", "--log-format", "xml"], id="no such choice"),
        pytest.param(["run", "--log-level", "loud"], id="no such level"),
        pytest.param(["run", "extra"], id="a word too many"),
        pytest.param(["--no-such-flag"], id="unknown flag without a command"),
    ],
)
def test_wrong_usage_is_a_line_and_where_to_find_help(
    agents: Agents, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert execute(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 2
    assert err.startswith("scvk: ")
    assert "--help" in err.splitlines()[1]
    assert agents.started == []


def test_missing_settings_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["run"]) == 2
    assert "SALAD_CLOUD_ORGANIZATION_NAME" in capsys.readouterr().err


def test_a_cluster_that_cannot_be_found_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {**ENVIRONMENT, "KUBECONFIG": str(tmp_path / "none")}.items():
        monkeypatch.setenv(name, value)
    assert execute(["run"]) == 1
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert err.startswith("scvk: no way to the cluster")
    assert KEY not in err


# -- rbac ------------------------------------------------------------------------------------------------------------


def test_rbac_prints_the_rights_as_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["rbac", "--namespace", "lab", "--service-account", "agent"]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert printed == rights(namespace="lab", service_account="agent")


class ClosedPipe:
    """Standard output whose reader went away: noticed when the buffer is flushed."""

    def __init__(self, fileno: int) -> None:
        self._fileno = fileno

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        raise BrokenPipeError

    def fileno(self) -> int:
        return self._fileno


def test_a_reader_that_goes_away_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        closed: Any = ClosedPipe(out.fileno())
        monkeypatch.setattr(sys, "stdout", closed)
        assert execute(["rbac"]) == 0
