"""Groups whose image comes from a real registry: its own root, its configuration, and what fails says why."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from scvk.simulator.images.busybox_root import static_busybox
from tests.integration.docker_registry import DockerRegistry, docker_registry, program
from tests.integration.simulator.stage import Stage, stage, until
from tests.unit.registry.images import COMPRESSIONS, Image, hard_link, member, symlink, tar

# Without root there is a user namespace with one user, who is root there.
ROOT = os.geteuid() == 0
LOGIN = ("someone", "secret-word")
ENTRY = b"""#!/bin/sh
echo arguments $@
echo user $(id -u):$(id -g) $(id -G) home $HOME
echo in $(pwd)
echo variables $GREETING $PATH
echo etc $(ls /etc)
echo kept $(cat /etc/kept)
echo python $(command -v python3 || echo none)
echo own $(stat -c %u /home/app)
echo gone 2>/dev/null > /etc/kept || echo not mine
echo mine > /home/app/file && cat /home/app/file
"""


def image(**config: Any) -> Image:
    """Two layers: busybox and files, then a whiteout and a program."""
    program("busybox", "busybox-static")
    found = static_busybox()
    assert found is not None, "the busybox that is installed is not static"
    applets = ["sh", "ls", "cat", "id", "stat", "sleep", "wget", "httpd"]
    lower = tar(
        member("bin/busybox", found.read_bytes(), mode=0o755),
        *(hard_link(f"bin/{applet}", "bin/busybox") for applet in applets),
        member("etc/passwd", b"root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n"),
        member("etc/group", b"app:x:1001:\nextra:x:2000:other,app\n"),
        member("etc/secret", b"hidden by the second layer"),
        member("etc/kept", b"here"),
        member("home/app/", uid=1000, gid=1001),
        # A mount follows links: one that leads out of the root must not lead the host's side anywhere.
        symlink("proc", "/etc"),
        symlink("dev", "/../../../usr"),
    )
    upper = tar(member("etc/.wh.secret"), member("entry", ENTRY, mode=0o755))
    return Image([COMPRESSIONS["gzip"](lower), COMPRESSIONS["zstd"](upper)], config)


CONFIG = {
    "Entrypoint": ["/entry"],
    "Cmd": ["a", "b c"],
    "Env": ["GREETING=hello", "PATH=/bin"],
    "WorkingDir": "/made/anew",
    "User": "app",
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("private"), LOGIN) as registry:
        yield registry


@pytest.fixture
async def simulated(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(unknown_images="pull", image_cache=tmp_path / "cache") as simulated:
        assert simulated.simulator.isolation_report == (), "these tests need namespaces"
        yield simulated


async def create(stage: Stage, name: str, image: str, command: list[str] | None = None, **container: Any) -> None:
    values: dict[str, Any] = {"image": image, "resources": {"cpu": 1, "memory": 1024}, **container}
    if command:
        values["command"] = command
    body = {"name": name, "autostart_policy": True, "replicas": 1, "restart_policy": "never", "container": values}
    await stage.call("create_container_group", body)


async def failure(stage: Stage, name: str) -> str:
    """The description of a group that fails."""
    await stage.until_status(name, "failed")
    group = await stage.call("get_container_group", container_group_name=name)
    return str(group["current_state"]["description"])


async def test_an_image_is_run_with_only_its_digest(registry: DockerRegistry, simulated: Stage) -> None:
    await create(simulated, "app", registry.push(image(**CONFIG), "team/app"))
    await simulated.until_status("app", "succeeded")
    said = dict(line.partition(" ")[::2] for line in await simulated.output("app"))
    assert said == {
        "arguments": "a b c",
        "user": "1000:1001 1001 2000 home /home/app" if ROOT else "0:0 0 home /home/app",
        "in": "/made/anew",
        "variables": "hello /bin",
        "etc": "group hostname hosts kept passwd",
        "kept": "here",
        "python": "none",
        "own": "1000" if ROOT else "0",
        **({"not": "mine"} if ROOT else {}),
        "mine": "",
    }


async def test_nothing_is_written_to_the_cache(registry: DockerRegistry, simulated: Stage, tmp_path: Path) -> None:
    name = registry.push(image(), "team/writer")
    script = "rm /etc/kept; echo new > /etc/passwd; echo x > /file; ls /dev/null /proc/self/stat"
    for number in (1, 2):
        await create(simulated, f"writer-{number}", name, ["/bin/sh", "-c", script])
        await simulated.until_status(f"writer-{number}", "succeeded")
        assert sorted(await simulated.output(f"writer-{number}")) == ["/dev/null", "/proc/self/stat"]
    (root,) = [path for path in (tmp_path / "cache/images").glob("*/root") if (path / "entry").exists()]
    assert (root / "etc/kept").read_text() == "here"
    assert not (root / "file").exists()
    assert (root / "proc").is_symlink()


async def test_a_command_of_the_group_replaces_the_images(registry: DockerRegistry, simulated: Stage) -> None:
    name = registry.push(image(**CONFIG), "team/app")
    await create(simulated, "other", name, ["/bin/sh", "-c", "echo $GREETING $SALAD_CONTAINER_GROUP_NAME"])
    await simulated.until_status("other", "succeeded")
    assert await simulated.output("other") == ["hello other"]


async def test_probes_run_as_the_images_user_where_its_program_began(
    registry: DockerRegistry, simulated: Stage
) -> None:
    name = registry.push(image(**CONFIG), "team/app")
    probe = {
        "exec": {"command": ["/bin/sh", "-c", f"test $(id -u)$(pwd) = {1000 if ROOT else 0}/made/anew"]},
        "initial_delay_seconds": 0, "period_seconds": 2, "timeout_seconds": 20, "success_threshold": 1,
        "failure_threshold": 3,
    }  # fmt: skip
    await simulated.create("probed", ["/bin/sleep", "1000"], name, readiness_probe=probe)
    await simulated.until_event("probed", "Instance Ready (Readiness Probe Passed)")


async def test_a_private_image_needs_the_groups_login(private: DockerRegistry, simulated: Stage) -> None:
    name = private.push(image(**CONFIG), "team/app")
    basic = {"basic": {"username": LOGIN[0], "password": LOGIN[1]}}
    await create(simulated, "right", name, registry_authentication=basic)
    await simulated.until_status("right", "succeeded")

    wrong = {"basic": {"username": LOGIN[0], "password": "wr0ng-word"}}
    await create(simulated, "wrong", name, registry_authentication=wrong)
    said = await failure(simulated, "wrong")
    assert said.startswith("Failed to authenticate: ")
    assert said.endswith("does not accept the user name and password for this repository")
    assert "wr0ng-word" not in said

    await create(simulated, "without", name)
    assert "wants a user name and a password" in await failure(simulated, "without")
    assert await simulated.events("wrong") == []


@pytest.mark.parametrize(
    ("authentication", "words"),
    [
        ({"docker_hub": {"username": "u", "personal_access_token": "t"}}, "the login is one of Docker Hub"),
        ({"aws_ecr": {"access_key_id": "a", "secret_access_key": "s"}}, "cannot log in to Amazon ECR"),
        ({"gcp_gar": {"service_key": "{}"}}, "cannot log in to Google Artifact Registry"),
        ({"gcp_gcr": {"service_key": "{}"}}, "cannot log in to Google Container Registry"),
    ],
)
async def test_logins_that_cannot_be_used(
    private: DockerRegistry, simulated: Stage, authentication: dict[str, Any], words: str
) -> None:
    await create(simulated, "app", f"{private.host}/team/app", registry_authentication=authentication)
    said = await failure(simulated, "app")
    assert said.startswith("Failed to authenticate: ")
    assert words in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("{host}/team/app:no-such-tag", "has no such tag or digest"),
        ("{host}/no/such/name", "has no such tag or digest, or no such repository"),
        ("{host}/team/broken", "a layer is no tar archive"),
        ("{host}/Team/App", "is no image reference"),
        ("127.0.0.1:1/app", "cannot be reached"),
        ("10.255.255.1:5000/app", "must not be connected to: 10.255.255.1 is a private address"),
    ],
)
async def test_images_that_cannot_be_pulled(registry: DockerRegistry, simulated: Stage, name: str, words: str) -> None:
    registry.push(image(), "team/app")
    registry.push(Image([b"no layer" * 100]), "team/broken")
    await create(simulated, "app", name.format(host=registry.host))
    said = await failure(simulated, "app")
    assert said.startswith("Failed to pull image: ")
    assert words in said


async def test_a_failed_group_can_be_mended(registry: DockerRegistry, simulated: Stage) -> None:
    registry.push(image(**CONFIG), "team/app", "right")
    await create(simulated, "app", f"{registry.host}/team/app:wrong")
    await failure(simulated, "app")
    patch = {"container": {"image": f"{registry.host}/team/app:right"}}
    await simulated.call("update_container_group", patch, container_group_name="app")
    await simulated.until_status("app", "stopped")
    await simulated.call("start_container_group", container_group_name="app")
    await simulated.until_status("app", "succeeded")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"User": "stranger", "Cmd": ["/bin/true"]}, "the image's user 'stranger' is not in its /etc/passwd"),
        ({}, "there is nothing to run"),
        ({"Cmd": ["/no/such/program"]}, "No such file or directory"),
        ({"Cmd": ["/bin/true"], "WorkingDir": "/etc/kept"}, "File exists (/etc/kept)"),
    ],
    ids=["an unknown user", "nothing to run", "no such program", "a file for a working directory"],
)
async def test_programs_that_cannot_start(
    registry: DockerRegistry, simulated: Stage, config: dict[str, Any], words: str
) -> None:
    await create(simulated, "app", registry.push(image(**config), "team/strange"))
    await simulated.until_status("app", "failed")
    assert any(words in line for line in await simulated.output("app"))
    assert "StartFailure:-1" in " ".join(await simulated.events("app"))


async def test_the_simulator_stops_while_it_pulls(registry: DockerRegistry, tmp_path: Path) -> None:
    name = registry.push(image(**CONFIG), "team/app")
    async with stage(unknown_images="pull", image_cache=tmp_path) as simulated:
        await create(simulated, "app", name)

        async def pulling() -> bool:
            return bool(simulated.simulator.images._tasks) or await simulated.status("app") != "pending"

        await until(pulling, "it pulls")
    assert list((tmp_path / "partial").iterdir()) == []


async def test_without_isolation_an_image_with_a_root_fails_its_group_in_words(tmp_path: Path) -> None:
    """Neither are registries asked nor layers stored: nothing could come of it."""
    (tmp_path / "root").mkdir()
    (tmp_path / "catalogue").write_text("images: [{match: [team/own], root: ./root, command: [/bin/true]}]")
    config: dict[str, Any] = {"isolation": "none", "image_cache": tmp_path / "cache"}
    async with stage(unknown_images="pull", image_catalogue=tmp_path / "catalogue", **config) as simulated:
        for name, image_name in (("pulled", "127.0.0.1:1/app"), ("own", "team/own")):
            await create(simulated, name, image_name, ["/bin/true"])
            said = await failure(simulated, name)
            assert said.startswith("Failed to pull image: ")
            assert "needs isolation, and there is none here" in said
        await create(simulated, "host", "debian", ["true"])
        await simulated.until_status("host", "succeeded")
        (warning,) = [line for line in simulated.simulator.images.report if "isolation" in line]
        assert "images" in warning
