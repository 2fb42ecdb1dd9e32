"""The fixtures for other people's tests, used as the documentation says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CONFTEST = 'pytest_plugins = ["scvk.simulator.pytest_plugin"]\n'
TESTS = """
import json
import time
import urllib.error
import urllib.request

import pytest


def call(cloud, method, path, body=None):
    request = urllib.request.Request(
        f"{cloud.base_url}/organizations/{cloud.organization}/projects/{cloud.project}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Salad-Api-Key": cloud.api_key, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_a_group_runs_and_fails_as_its_script_says(saladcloud):
    body = {
        "name": "web",
        "autostart_policy": True,
        "replicas": 1,
        "restart_policy": "never",
        "container": {
            "image": "nginx",
            "resources": {"cpu": 1, "memory": 1024},
            "environment_variables": {"SCVK_SCRIPT": "exit 3 after 10s"},
        },
    }
    call(saladcloud, "POST", "/containers", body)
    deadline = time.monotonic() + 20
    while call(saladcloud, "GET", "/containers/web")["current_state"]["status"] != "failed":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_bad_day(saladcloud):
    saladcloud.control.set_fault("status", status=503, count=1)
    with pytest.raises(urllib.error.HTTPError):
        call(saladcloud, "GET", "/containers")
    assert call(saladcloud, "GET", "/containers") == {"items": []}
    assert [request["status"] for request in saladcloud.control.requests()] == [503, 200]
"""


def test_the_fixtures_serve_tests_that_know_nothing_of_asyncio(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_theirs.py").write_text(TESTS)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-W",
            "error",
            "-p",
            "no:asyncio",
            "--rootdir",
            str(tmp_path),
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
