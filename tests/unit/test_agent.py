"""The composition root: how an agent starts, what it says when it cannot, and how signals stop it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
import yaml

from scvk import agent
from scvk.agent import AgentError, kubernetes_config, play_node, run_agent
from scvk.cli.log_output import configure_logs
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.cluster_errors import ClusterForbidden, ClusterUnreachable, ObjectConflict
from scvk.kubelet.lease import AgentLeaseLost, AnotherAgent
from scvk.kubelet.node_keeper import NodeTaken
from scvk.saladcloud.errors import Call, NotFound, Unauthorized
from scvk.settings import AgentSettings, SettingsError
from tests.unit.kubelet.in_memory_api import InMemoryApi

SETTINGS = AgentSettings(sce_api_key="key", sce_organization_name="acme", sce_project_name="default", kubelet_port=0)
SERVER = "https://k8s.test:6443"


def kubeconfig_of(**changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": SERVER, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        **changes,
    }


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith(("SALAD", "KUBE")) or name == "POD_IP"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(agent, "SERVICE_ACCOUNT", tmp_path / "none")
    yield
    structlog.reset_defaults()


Written = Callable[..., str]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write a kubeconfig; return its path."""

    def write(name: str = "config", **changes: Any) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(kubeconfig_of(**changes)))
        return str(path)

    return write


# -- the way to the cluster ------------------------------------------------------------------------------------------


def test_a_given_kubeconfig_is_taken(written: Written) -> None:
    assert kubernetes_config(written()).cluster.server == SERVER


def test_of_several_files_the_first_that_exists_counts(written: Written, tmp_path: Path) -> None:
    assert kubernetes_config(f"{tmp_path}/none:{written()}:/other").cluster.server == SERVER


@pytest.mark.parametrize("nothing", ["", ":"])
def test_without_one_the_users_own_is_taken(written: Written, nothing: str) -> None:
    written(".kube/config")
    assert kubernetes_config(nothing).cluster.server == SERVER


def test_in_a_pod_its_service_account_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: Written
) -> None:
    written(".kube/config")
    account = tmp_path / "account"
    account.mkdir()
    for name, text in {"token": "t", "namespace": "lab", "ca.crt": ""}.items():
        (account / name).write_text(text)
    monkeypatch.setattr(agent, "SERVICE_ACCOUNT", account)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    config = kubernetes_config("")
    assert (config.cluster.server, config.namespace) == ("https://10.96.0.1:443", "lab")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"current-context": "x"}, "x", id="no such context"),
        pytest.param({"contexts": [{"name": "c", "context": {"cluster": "k"}}]}, "names no user", id="no user"),
        pytest.param({"clusters": 7}, "cannot be understood", id="clusters are no list"),
        *(
            pytest.param(
                {"clusters": [{"name": "k", "cluster": {"server": server}}]}, "no URL of an API server", id=name
            )
            for name, server in {
                "port too large": "https://k8s.test:99999",
                "no number for a port": "https://k8s.test:https",
                "open bracket": "https://[::1",
                "no scheme": "k8s.test:6443",
                "empty": "",
            }.items()
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_said_in_one_line(
    written: Written, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(AgentError, match=message) as caught:
        kubernetes_config(written(**changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ['token: "s3cr3t', "token: {s3cr3t", "token: s3cr3t: 1", "token: !s3cr3t 1", "token: *s3cr3t", "s3cr3t\x00"],
)
def test_a_kubeconfig_that_is_no_yaml_names_the_file_and_shows_nothing_of_it(tmp_path: Path, line: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(f"users:\n- user:\n    {line}\n")
    with pytest.raises(AgentError, match=f"kubeconfig {path} cannot be understood: no YAML") as caught:
        kubernetes_config(str(path))
    assert "s3cr3t" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_kubeconfig_at_all_says_what_to_do() -> None:
    with pytest.raises(AgentError, match="give --kubeconfig FILE or set KUBECONFIG"):
        kubernetes_config("")


@pytest.mark.parametrize(
    "user",
    [
        pytest.param({"client-certificate": "/none.crt", "client-key": "/none.key"}, id="files are missing"),
        pytest.param({"client-certificate-data": "%%%", "client-key-data": "%%%"}, id="no base64"),
        pytest.param({"client-certificate-data": "aGk=", "client-key-data": "aGk="}, id="no certificate"),
        pytest.param({"client-certificate-data": "aGk="}, id="certificate without key"),
        pytest.param({"auth-provider": {"name": "gcp"}}, id="a way in that is not supported"),
    ],
)
async def test_credentials_that_cannot_be_used_are_said_in_one_line(written: Written, user: dict[str, Any]) -> None:
    path = written(users=[{"name": "u", "user": user}])
    with pytest.raises(AgentError, match=r"cannot be used|cannot be understood|no way to the cluster"):
        await play_node(AgentSettings(**{**vars(SETTINGS), "kubeconfig": path}))


# -- what ends an agent ----------------------------------------------------------------------------------------------


class Ending:
    """Lets the agent's kubelet, or its provider's start, end in a given way on an API server in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kubeconfig: str) -> None:
        self.api = InMemoryApi()
        self.api.put("namespaces/kube-system", {"metadata": {"uid": "cluster-uid"}})
        self.kubelet_ends: BaseException | None = None
        self.start_ends: BaseException | None = None
        self.provider_stopped = False
        self.kubelet_runs = asyncio.Event()
        ending = self

        class EndingProvider:
            program_log = usage = None
            remote_access = SimpleNamespace(commands=None, ports=None)

            def __init__(self, *_: object, **__: object) -> None: ...

            async def start(self) -> None:
                if ending.start_ends is not None:
                    raise ending.start_ends

            async def run(self) -> None:
                try:
                    await asyncio.Event().wait()
                finally:
                    ending.provider_stopped = True

        class EndingKubelet:
            def __init__(self, *_: object, **__: object) -> None: ...

            async def run(self, prepare: Callable[[], Awaitable[None]]) -> None:
                await prepare()
                await asyncio.sleep(0)  # what was started begins
                ending.kubelet_runs.set()
                if ending.kubelet_ends is not None:
                    raise ending.kubelet_ends
                await asyncio.Event().wait()

        def connect(_: object, *, user_agent: str) -> Cluster:
            assert user_agent.startswith("virtual-kubelet-saladcloud/")
            return self.api.cluster

        monkeypatch.setattr(agent, "SaladCloudProvider", EndingProvider)
        monkeypatch.setattr(agent, "Kubelet", EndingKubelet)
        monkeypatch.setattr(Cluster, "connect", connect)
        monkeypatch.setattr(Cluster, "server_version", self._version)
        self.settings = AgentSettings(**{**vars(SETTINGS), "kubeconfig": kubeconfig})

    async def _version(self, *_: object) -> str:
        return "v1.37.2"

    async def error(self) -> AgentError:
        with pytest.raises(AgentError) as caught:
            await run_agent(self.settings)
        # Exactly one, in no group: the command line prints it as a line.
        assert type(caught.value) is AgentError
        assert "\n" not in str(caught.value)
        return caught.value


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch, written: Written) -> Ending:
    return Ending(monkeypatch, written())


UNAUTHORIZED = Unauthorized(Call("list_container_groups", "GET", "/x", "list container groups"), status=401)
NOT_FOUND = NotFound(Call("list_container_groups", "GET", "/x", "list container groups"), status=404)
FORESEEN: list[tuple[Exception, str]] = [
    (ClusterUnreachable("GET /x", "no answer in time"), f"API server at {SERVER} cannot be reached: no answer in time"),
    (ClusterForbidden("GET /x", "Unauthorized", status=401), "does not accept the credentials"),
    (ClusterForbidden("GET /x", 'cannot list "pods"', status=403), 'lacks a right in the cluster: cannot list "pods"'),
    (ObjectConflict("PATCH /x", "modified"), "PATCH /x: modified"),
    (AnotherAgent("another agent (x) is alive"), r"another agent \(x\) is alive"),
    (AgentLeaseLost("the lease was taken"), "the lease was taken"),
    (NodeTaken("node x exists"), "node x exists"),
    (UNAUTHORIZED, "SaladCloud: .*not allowed with this API key"),
    (NOT_FOUND, r"SaladCloud: .*not found \(404\); check the organization, the project and the API's URL"),
]


@pytest.mark.parametrize(("error", "text"), FORESEEN, ids=[type(error).__name__ for error, _ in FORESEEN])
@pytest.mark.parametrize("groups", [0, 1, 2])
async def test_what_ends_the_agent_comes_out_as_one_line(
    ending: Ending, error: Exception, text: str, groups: int
) -> None:
    for _ in range(groups):
        error = ExceptionGroup("tasks", [error])
    ending.kubelet_ends = error
    assert re.search(text, str(await ending.error()))
    assert ending.provider_stopped


async def test_a_start_that_fails_comes_out_as_one_line(ending: Ending) -> None:
    ending.start_ends = UNAUTHORIZED
    assert str(await ending.error()).startswith("SaladCloud: ")


async def test_a_cluster_that_is_away_at_the_start_comes_out_as_one_line(ending: Ending) -> None:
    ending.api.refuse(403, path="namespaces")
    assert "lacks a right" in str(await ending.error())


async def test_of_several_ends_the_foreseen_one_is_told(ending: Ending) -> None:
    ending.kubelet_ends = ExceptionGroup("tasks", [ValueError("a bug"), AgentLeaseLost("the lease was taken")])
    assert str(await ending.error()) == "the lease was taken"


async def test_a_bug_is_one_line_too_and_its_place_is_in_the_log(
    ending: Ending, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("info", "json")
    ending.kubelet_ends = ValueError("a bug")
    assert str(await ending.error()) == "unforeseen failure: ValueError: a bug"
    assert "please report it" in capsys.readouterr().err


async def test_wrong_settings_are_said_before_anything_is_asked(ending: Ending) -> None:
    with pytest.raises(SettingsError):
        await run_agent(AgentSettings())
    assert ending.api.seen == []


# -- signals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_agent_without_an_error(ending: Ending, number: signal.Signals) -> None:
    task = asyncio.create_task(run_agent(ending.settings))
    await ending.kubelet_runs.wait()
    os.kill(os.getpid(), number)
    await task
    assert not task.cancelled()


async def test_a_signal_during_the_start_stops_the_agent_too(ending: Ending, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(*_: object) -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Cluster, "server_version", slow)
    await run_agent(ending.settings)


async def test_further_signals_do_not_cut_the_clean_up_short(monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned = []

    async def play(_: AgentSettings) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            for _again in range(3):
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            cleaned.append(True)

    monkeypatch.setattr(agent, "play_node", play)
    await run_agent(SETTINGS)
    assert cleaned == [True]


async def test_a_cancellation_by_the_caller_is_passed_on(ending: Ending) -> None:
    task = asyncio.create_task(run_agent(ending.settings))
    await ending.kubelet_runs.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("in_pod", [False, True])
async def test_after_an_uninstallation_an_agent_ends_but_in_a_pod_where_it_would_be_started_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, in_pod: bool
) -> None:
    async def uninstalled(_: AgentSettings) -> None:
        """Return, as one does whose Node was taken away."""

    monkeypatch.setattr(agent, "play_node", uninstalled)
    monkeypatch.setattr(agent, "SERVICE_ACCOUNT", tmp_path)
    if in_pod:
        (tmp_path / "token").write_text("t")
    task = asyncio.create_task(run_agent(SETTINGS))
    for _ in range(10):
        await asyncio.sleep(0)
    assert task.done() is not in_pod
    if in_pod:
        os.kill(os.getpid(), signal.SIGTERM)
    await task


async def test_signals_are_the_programs_own_again_afterwards(ending: Ending) -> None:
    ending.kubelet_ends = NodeTaken("node x exists")
    await ending.error()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
