"""Debian's docker-registry (the CNCF's distribution, 2.8) on a free loopback port, and pushing to it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.unit.registry.images import Image

_DEADLINE_S = 20.0


def program(name: str, package: str) -> str:
    """Where a program of a Debian package is; without it the test is skipped, but never in CI."""
    found = shutil.which(name)
    if found is None:
        why = f"{name} is not installed (Debian package {package})"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found


@dataclass(frozen=True)
class DockerRegistry:
    """A running registry: `host` is what references begin with."""

    host: str
    login: tuple[str, str] | None

    def push(self, image: Image, repository: str, tag: str = "latest") -> str:
        """Push and return the reference by digest."""
        with httpx2.Client(base_url=f"http://{self.host}", auth=self.login, trust_env=False) as http:
            for digest, blob in image.blobs.items():
                begun = http.post(f"/v2/{repository}/blobs/uploads/").raise_for_status()
                place = httpx2.URL(begun.headers["Location"]).copy_merge_params({"digest": digest})
                http.put(place, content=blob, headers={"Content-Type": "application/octet-stream"}).raise_for_status()
            self._manifest(http, repository, tag, image.manifest, image.media_type)
        return f"{self.host}/{repository}@{image.digest}"

    def push_list(self, body: bytes, media_type: str, repository: str, tag: str) -> None:
        with httpx2.Client(base_url=f"http://{self.host}", auth=self.login, trust_env=False) as http:
            self._manifest(http, repository, tag, body, media_type)

    @staticmethod
    def _manifest(http: httpx2.Client, repository: str, tag: str, body: bytes, media_type: str) -> None:
        answer = http.put(f"/v2/{repository}/manifests/{tag}", content=body, headers={"Content-Type": media_type})
        answer.raise_for_status()


@contextmanager
def docker_registry(place: Path, login: tuple[str, str] | None = None) -> Iterator[DockerRegistry]:
    """One that wants `login` for everything, or nothing of anybody; it ends with the context."""
    server = program("docker-registry", "docker-registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    config = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(place / "data")}},
        "http": {"addr": host},
    }
    if login is not None:
        htpasswd = program("htpasswd", "apache2-utils")
        line = subprocess.run([htpasswd, "-nbB", *login], capture_output=True, check=True).stdout
        (place / "passwords").write_bytes(line)
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(place / "passwords")}}
    (place / "config.yml").write_text(yaml.safe_dump(config))
    with (place / "log").open("wb") as log:
        process = subprocess.Popen([server, "serve", str(place / "config.yml")], stdout=log, stderr=log)
    try:
        _wait(process, host, place / "log")
        yield DockerRegistry(host, login)
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], host: str, log: Path) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(f"http://{host}/v2/", trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"docker-registry did not come up: {log.read_text()}")
