"""`scvk translate --kubeconfig` reads from a real control plane and shows no secret of it.

What it foretells is compared with the group that the agent then makes of the same manifest.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.processes import Program, until
from tests.e2e.stage import Stage
from tests.e2e.workloads import pod, pod_spec

PASSWORD = "tr4nslate-s3cret"
LOGIN = json.dumps({"auths": {"docker.io": {"username": "somebody", "password": PASSWORD}}})
OF_THE_CLUSTER = (
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"MODE": "fast", "a.txt": "A"}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": {"password": PASSWORD}},
    {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "pull"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": LOGIN},
    },
)


def manifest() -> dict[str, Any]:
    spec = pod_spec(
        volumes=[{"name": "files", "projected": {"sources": [{"configMap": {"name": "settings"}}, SECRET_FILE]}}],
        imagePullSecrets=[{"name": "pull"}],
    )
    spec["containers"][0] |= {
        "envFrom": [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "absent", "optional": True}}],
        "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}}],
        "volumeMounts": [{"name": "files", "mountPath": "/etc/app"}],
    }
    return pod("web", spec)


SECRET_FILE = {"secret": {"name": "login", "items": [{"key": "password", "path": "secret/password"}]}}


async def translated(stage: Stage, kubeconfig: Path | None, *words: str) -> tuple[int, str]:
    """Return exit code and standard output of `scvk translate` for the manifest."""
    file = stage.folder / "web.yaml"
    file.write_text(yaml.safe_dump(manifest()), encoding="utf-8")
    options = ("--kubeconfig", str(kubeconfig)) if kubeconfig else ()
    command = ("translate", *options, "--namespace", stage.namespace, "--output", "json", *words, str(file))
    program = Program(command, stage.folder / "translate.log")
    await program.start()
    assert program.process is not None
    async with asyncio.timeout(60):
        out, _ = await program.process.communicate()
    assert PASSWORD not in program.output()
    return program.process.returncode or 0, out.decode()


async def test_what_the_files_lack_comes_from_the_cluster_and_stays_hidden(stage: Stage) -> None:
    await stage.kubectl("annotate", "namespace", stage.namespace, "salad.com/country-codes=de")
    await stage.apply(*OF_THE_CLUSTER)

    code, alone = await translated(stage, None)
    (offline,) = json.loads(alone)["pods"]
    assert code == 0
    assert {(need["kind"], need["name"]) for need in offline["needs"]} == {
        ("ConfigMap", "settings"),
        ("Secret", "login"),
        ("Secret", "pull"),
    }

    for kubeconfig in (stage.testbed.kubeconfig, stage.account):
        code, shown = await translated(stage, kubeconfig)
        assert code == 0
        assert PASSWORD not in shown
        (found,) = json.loads(shown)["pods"]
        assert found["needs"] == []
        assert found["request"]["country_codes"] == ["de"]
        variables = found["request"]["container"]["environment_variables"]
        assert (variables["MODE"], variables["PASSWORD"]) == ("fast", "•••")
        assert found["request"]["container"]["registry_authentication"] == {
            "docker_hub": {"username": "•••", "personal_access_token": "•••"}
        }
        ignored = [(each["path"]) for each in found["report"] if each["class"] == "ignored"]
        assert "spec.containers[0].envFrom[1].secretRef" in ignored


async def test_it_foretells_what_the_agent_asks_for(stage: Stage) -> None:
    await stage.apply(*OF_THE_CLUSTER)
    _, shown = await translated(stage, stage.testbed.kubeconfig, "--show-secrets")
    foretold = json.loads(shown)["pods"][0]["request"]
    await stage.running_agent()
    await stage.apply(manifest())

    async def made() -> dict[str, Any] | None:
        return next(iter((await stage.own_groups()).values()), None)

    group = await until("the pod has its container group", made)
    container = group["container"]
    marks = {name for name in container["environment_variables"] if name.startswith("SCVK_")}
    assert marks == {name for name in foretold["container"]["environment_variables"] if name.startswith("SCVK_")}
    for name, value in foretold["container"]["environment_variables"].items():
        if name not in marks or name.startswith("SCVK_START_UP_"):
            assert container["environment_variables"][name] == value
    assert container["command"] == foretold["container"]["command"]
    assert container["image"] == foretold["container"]["image"]
    assert container["resources"]["memory"] == foretold["container"]["resources"]["memory"]
    assert group["restart_policy"] == foretold["restart_policy"]
