"""Images of the catalogue that have a root of their own: busybox, directories and tars, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scvk.simulator.images import busybox_root
from scvk.simulator.images.busybox_root import static_busybox
from scvk.simulator.run import run_simulate
from tests.integration.docker_registry import program
from tests.integration.simulator.stage import stage
from tests.unit.registry.images import COMPRESSIONS, hard_link, member, tar


def busybox() -> Path:
    program("busybox", "busybox-static")
    found = static_busybox()
    assert found is not None, "the busybox that is installed is not static"
    return found


@pytest.mark.parametrize("image", ["busybox:1.36", "alpine"])
async def test_busybox_is_the_shell_of_its_image(image: str) -> None:
    busybox()
    async with stage() as simulated:
        script = "readlink /proc/self/exe; cat --help 2>&1 | head -1 | cut -c1-7; command -v python3 bash || echo alone"
        await simulated.create("box", ["sh", "-c", f"exec 2>&1; {script}"], image, restart_policy="never")
        await simulated.until_status("box", "succeeded")
        path, version, alone = await simulated.output("box")
        assert path.startswith("/bin/")
        assert (version, alone) == ("BusyBox", "alone")


async def test_without_busybox_the_hosts_shell_runs_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busybox_root, "_PLACES", (Path("/nowhere/busybox"),))
    async with stage() as simulated:
        assert "busybox-static" in simulated.simulator.images.report[0]
        await simulated.create("box", ["sh", "-c", "ls -d /usr/lib"], "busybox", restart_policy="never")
        await simulated.until_status("box", "succeeded")
        assert await simulated.output("box") == ["/usr/lib"]


async def test_a_directory_and_a_tar_of_the_users_catalogue(tmp_path: Path) -> None:
    program_text = busybox().read_bytes()
    layer = tar(member("bin/busybox", program_text, mode=0o755), hard_link("bin/sh", "bin/busybox"), member("from-tar"))
    (tmp_path / "root.tar.gz").write_bytes(COMPRESSIONS["gzip"](layer))
    tree = tmp_path / "tree: with, odd\\name"
    (tree / "bin").mkdir(parents=True)
    (tree / "bin/sh").write_bytes(program_text)
    (tree / "bin/sh").chmod(0o755)
    (tree / "from-tree").touch()
    (tmp_path / "images.yaml").write_text(
        f"""
        images:
          - {{match: [team/tar], root: root.tar.gz, command: [/hello], files: {{/hello: {{file: hello.sh}}}}}}
          - match: [team/tree]
            root: '{tree.name}'
            entrypoint: [/bin/sh, -c]
            command: ["echo *; echo $WORD; umask; echo x > /from-tree"]
            env: {{WORD: hello}}
            files: {{/etc/motd: {{text: hi}}}}
        """
    )
    (tmp_path / "hello.sh").write_text("#!/bin/sh\ncd /; echo *\n")
    async with stage(image_catalogue=tmp_path / "images.yaml", image_cache=tmp_path / "cache") as simulated:
        for name in ("tar", "tree"):
            await simulated.create(name, None, f"team/{name}", restart_policy="never")
        await simulated.until_status("tar", "succeeded")
        await simulated.until_status("tree", "succeeded")
        assert await simulated.output("tar") == ["bin dev etc from-tar hello proc sys"]
        assert await simulated.output("tree") == ["bin dev etc from-tree proc sys", "hello", "0022"]
    assert (tree / "from-tree").read_bytes() == b""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image_catalogue": Path("/nowhere/images.yaml")}, "/nowhere/images.yaml cannot be read"),
        ({"image_cache": Path("/dev/null/cache")}, "the image cache /dev/null/cache cannot be used: Not a directory"),
        ({"insecure_registries": ["http://registry:5000"]}, "--insecure-registry must be a host"),
    ],
    ids=["catalogue", "cache", "registry"],
)
def test_what_cannot_be_used_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], options: dict[str, Path], words: str
) -> None:
    assert run_simulate(port=0, **options) == 1  # type: ignore[arg-type]
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("scvk: ")
    assert words in said.err
    assert said.err.count("\n") == 1
