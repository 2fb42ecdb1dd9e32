"""What a start-up wrapper does for pods, which containers run, and what registries are asked, on a real cluster."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.e2e.processes import until
from tests.e2e.stage import Stage, waiting
from tests.e2e.workloads import HELLO, pod, pod_spec
from tests.integration.docker_registry import docker_registry
from tests.unit.registry.images import Image

BUSYBOX = "docker.io/library/busybox:1.37"


def with_main(spec: dict[str, Any], **container: Any) -> dict[str, Any]:
    spec["containers"][0].update(container)
    return spec


async def phase(stage: Stage, name: str, wanted: str) -> dict[str, Any]:
    """Wait until the pod is in that phase; return it."""

    async def check() -> dict[str, Any] | None:
        found = await stage.get("pod", name)
        return found if found and found["status"].get("phase") == wanted else None

    found = await until(f"{name} is {wanted}", check, within=90)
    assert found is not None
    return found


def said(stage: Stage, first: str) -> Callable[[], Awaitable[list[str] | None]]:
    """Return a check for the one group's lines after `first` and before `end`."""

    async def check() -> list[str] | None:
        (name,) = await stage.own_groups()
        lines = await stage.cloud.log_lines(name)
        return lines[lines.index(first) + 1 : lines.index("end")] if first in lines and "end" in lines else None

    return check


async def test_a_program_finds_all_that_its_pod_says(stage: Stage) -> None:
    await stage.running_agent()
    binary = base64.b64encode(bytes(range(256))).decode()
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "files"},
        "data": {"a.conf": "it's\n"},
        "binaryData": {"logo": binary},
    }
    shows = "; ".join(
        (
            "echo begin",
            "pwd",
            "md5sum /etc/app/logo | cut -d' ' -f1",
            "cat /etc/app/a.conf",
            "cat /data/made-by-init",
            'printf "%s|" "$LINES" "$#" "$1" "$2"',
            "echo",
            # The shell itself drops such a name; what it was given still shows it.
            "tr '\\0' '\\n' < /proc/$$$$/environ | grep '^with.dots'",
            "echo end",
            HELLO,
        )
    )
    spec = with_main(
        pod_spec(),
        command=["/bin/sh", "-c", shows, "sh", "", "two\nlines"],
        workingDir="/made/for it",
        env=[{"name": "LINES", "value": "one\ntwo"}, {"name": "with.dots", "value": "yes"}],
        lifecycle={"postStart": {"exec": {"command": ["/bin/sh", "-c", "touch /data/post-start"]}}},
        readinessProbe={"exec": {"command": ["test", "-f", "/data/post-start"]}, "periodSeconds": 5},
        volumeMounts=[{"name": "files", "mountPath": "/etc/app"}, {"name": "scratch", "mountPath": "/data"}],
    )
    spec["initContainers"] = [
        {
            "name": "prepare",
            "image": BUSYBOX,
            "command": ["/bin/sh", "-c", "echo $STEP > /stage/made-by-init"],
            "env": [{"name": "STEP", "value": "init"}],
            "volumeMounts": [{"name": "scratch", "mountPath": "/stage"}],
        }
    ]
    spec["volumes"] = [{"name": "files", "configMap": {"name": "files"}}, {"name": "scratch", "emptyDir": {}}]
    await stage.apply(config, pod("web", spec))
    (found,) = await stage.ready_pods(1)
    assert found["status"]["initContainerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"
    lines = await until("the program shows what it finds", said(stage, "begin"))
    assert lines == [
        "/made/for it",
        "e2c865db4162bed963bfaa9ef6ac18f0",
        "it's",
        "init",
        "one",
        "two|2||two",
        "lines|",
        "with.dots=yes",
    ]


async def test_what_a_program_leaves_at_its_end_stands_on_the_pod(stage: Stage) -> None:
    await stage.running_agent()
    fallback = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    await stage.apply(
        pod(
            "file",
            with_main(
                pod_spec("echo log; printf 'from the file' > /tmp/end; exit 4", restartPolicy="Never"),
                terminationMessagePath="/tmp/end",
                **fallback,
            ),
        ),
        pod("log", with_main(pod_spec("echo last words; exit 3", restartPolicy="Never"), **fallback)),
        pod(
            "init",
            {
                **with_main(pod_spec(restartPolicy="Never")),
                "initContainers": [{"name": "check", "image": BUSYBOX, "command": ["/bin/sh", "-c", "exit 7"]}],
            },
        ),
    )
    ends = {}
    for name in ("file", "log", "init"):
        ended = (await phase(stage, name, "Failed"))["status"]["containerStatuses"][0]["state"]["terminated"]
        ends[name] = (ended["exitCode"], ended["message"])
    assert ends["file"] == (4, "from the file")
    assert ends["log"] == (3, "last words")
    assert ends["init"] == (7, "the init container check ended with exit code 7")


async def test_two_hundred_kilobytes_of_files_wait_for_the_operator(stage: Stage) -> None:
    agent = await stage.running_agent()
    names = [f"file-{number:02}" for number in range(30)]
    # No compression helps: each byte is as good as random, and none is text.
    content = {
        name: base64.b64encode(bytes((7 * i * i + n) % 251 for i in range(6800))) for n, name in enumerate(names)
    }
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "many"},
        "binaryData": {name: data.decode() for name, data in content.items()},
    }
    spec = with_main(
        pod_spec(f"echo begin; cat /many/* | wc -c; ls /many | wc -l; echo end; {HELLO}"),
        volumeMounts=[{"name": "many", "mountPath": "/many"}],
    )
    spec["volumes"] = [{"name": "many", "configMap": {"name": "many"}}]
    # `apply` would write the whole of it into an annotation, and that is too long.
    await stage.kubectl("create", "-f", "-", stdin=json.dumps(config))
    await stage.apply(pod("web", spec))

    async def refused() -> bool:
        return waiting(await stage.get("pod", "web")).get("reason") == "StartUpTooLarge"

    await until("the pod is refused", refused)
    before = await stage.get("pod", "web")
    assert "--wrapper-limit" in before["status"]["message"]
    await agent.stop()
    await stage.agent("--wrapper-limit", "1Mi").start()
    (after,) = await stage.ready_pods(1)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert await until("the program counts", said(stage, "begin")) == ["204000", "30"]


async def test_arguments_follow_the_entrypoint_of_a_private_registry(stage: Stage, tmp_path: Path) -> None:
    login = ("someone", "s3cret")
    with docker_registry(tmp_path, login) as registry:
        name = registry.push(Image([], {"Entrypoint": ["/serve", "--all"], "Cmd": ["unused"]}), "team/app")
        await stage.agent("--insecure-registry", registry.host).start()
        spec = with_main(pod_spec(), image=name, args=["--one"])
        del spec["containers"][0]["command"]
        spec["imagePullSecrets"] = [{"name": "pull"}]
        await stage.apply(pod("web", spec))

        async def denied() -> bool:
            return waiting(await stage.get("pod", "web")).get("reason") == "ErrImagePull"

        await until("the registry denies access", denied)
        auths = {"auths": {registry.host: {"username": login[0], "password": login[1]}}}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": "pull"},
            "stringData": {".dockerconfigjson": json.dumps(auths)},
        }
        await stage.apply(secret)

        async def command() -> Any:
            groups = await stage.own_groups()
            return [group["container"]["command"] for group in groups.values()] or None

        assert await until("the group is made", command, within=120) == [["/serve", "--all", "--one"]]
    for agent in stage.agents:
        assert "s3cret" not in agent.output()


async def test_a_private_address_is_not_asked(stage: Stage, tmp_path: Path) -> None:
    with docker_registry(tmp_path) as registry:
        name = registry.push(Image([], {"Entrypoint": ["/serve"]}), "team/app")
        await stage.running_agent()
        spec = with_main(pod_spec(), image=name, args=["--one"])
        del spec["containers"][0]["command"]
        await stage.apply(pod("web", spec))

        async def refused() -> bool:
            return waiting(await stage.get("pod", "web")).get("reason") == "ImageInspectError"

        await until("the pod is refused", refused)
        found = await stage.get("pod", "web")
        assert "must not be connected to" in found["status"]["message"]


async def test_an_annotation_says_which_container_runs(stage: Stage) -> None:
    await stage.running_agent()
    spec = pod_spec()
    spec["containers"].insert(0, {"name": "agent", "image": "docker.io/library/agent:1", "command": ["agent"]})
    await stage.apply(pod("web", spec))

    async def refused() -> bool:
        return waiting(await stage.get("pod", "web")).get("reason") == "UnsupportedContainer"

    await until("the pod is refused", refused)
    before = await stage.get("pod", "web")
    await stage.kubectl("annotate", "pod", "web", "salad.com/container=main")
    (after,) = await stage.ready_pods(1)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    shown = {entry["name"]: entry["state"] for entry in after["status"]["containerStatuses"]}
    assert shown["agent"]["terminated"]["reason"] == "NotRun"
    assert "running" in shown["main"]
    assert await stage.events("ContainersNotRun")


async def test_shared_memory_is_one_for_all_that_run_wherever_it_is_mounted(stage: Stage) -> None:
    await stage.running_agent()
    shows = "echo begin; cat /cache/early; echo late > /cache/late; cat /dev/shm/late; stat -f -c %T /cache/; echo end"
    spec = with_main(
        pod_spec(f"{shows}; {HELLO}"),
        volumeMounts=[{"name": "shm", "mountPath": "/cache"}, {"name": "shm", "mountPath": "/dev/shm"}],
    )
    spec["initContainers"] = [
        {
            "name": "early",
            "image": BUSYBOX,
            "command": ["/bin/sh", "-c", "echo early > /dev/shm/early"],
            "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
        }
    ]
    spec["volumes"] = [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "128Mi"}}]
    await stage.apply(pod("shared", spec))
    await phase(stage, "shared", "Running")
    assert await until("the program has read both", said(stage, "begin"), within=90) == ["early", "late", "tmpfs"]
    (group,) = (await stage.own_groups()).values()
    assert group["container"]["resources"]["shm_size"] == 128
