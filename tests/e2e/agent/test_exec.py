"""`kubectl exec` through the real API server, into instances that are real processes."""

from __future__ import annotations

import subprocess
from typing import Any

from tests.e2e.stage import Stage
from tests.e2e.workloads import pod


def sleeper(name: str = "app", **container: Any) -> dict[str, Any]:
    """A pod whose program only waits."""
    manifest = pod(name)
    manifest["spec"]["containers"][0].update({"command": ["sleep", "1000"], "image": "debian:13", **container})
    return manifest


async def kubectl_exec(stage: Stage, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in the pod `app`, whatever becomes of it."""
    return await stage.testbed.kubectl("--namespace", stage.namespace, "exec", *words, stdin=stdin, check=False)


async def test_a_command_runs_with_the_pods_variables_directory_and_streams(stage: Stage) -> None:
    await stage.agent_with_ssh()
    env = [
        {"name": "PLAIN", "value": "a value"},
        {"name": "LINES", "value": "one\ntwo 'quoted'\n"},
        {"name": "odd.name", "value": "odd"},
        {"name": "EMPTY", "value": ""},
    ]
    await stage.apply(sleeper(env=env, workingDir="/var/tmp"))
    await stage.ready_pods(1)
    shown = await kubectl_exec(stage, "app", "--", "env", "-0")
    variables = dict(entry.split("=", 1) for entry in shown.stdout.split("\0") if entry)
    assert {name: variables.get(name) for name in ("PLAIN", "LINES", "odd.name", "EMPTY")} == {
        each["name"]: each["value"] for each in env
    }
    assert variables["HOSTNAME"]
    assert not [name for name in variables if name.startswith("SSH_")]
    assert (await kubectl_exec(stage, "app", "--", "pwd")).stdout == "/var/tmp\n"
    apart = await kubectl_exec(stage, "app", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (apart.stdout, apart.returncode) == ("out\n", 7)
    assert apart.stderr == "err\ncommand terminated with exit code 7\n"
    echoed = await kubectl_exec(stage, "-i", "app", "--", "cat", stdin="some\ninput")
    assert (echoed.stdout, echoed.returncode) == ("some\ninput", 0)
