"""`scvk translate` from outside: what it reads, what it writes where, and its exit codes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from scvk.cli.app import execute
from scvk.provider.preview.interface import SCHEMA

TOLERATION = "{key: virtual-kubelet.io/provider, operator: Exists}"
POD = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: web, annotations: {{salad.com/gpu-classes: rtx4090}}}}
spec:
  tolerations: [{TOLERATION}]
  containers: [{{name: c, image: nginx}}]
"""
REFUSED = POD.replace("rtx4090", "rtx9999")
DEGRADED = POD.replace("spec:", "spec:\n  hostname: h")
NEEDY = POD.replace("image: nginx", "image: nginx, envFrom: [{configMapRef: {name: m}}]")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SALAD_CLOUD_API_KEY", "SALAD_CLOUD_ORGANIZATION_NAME", "SALAD_VK_STRICT", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)


def written(tmp_path: Path, text: str, name: str = "pod.yaml") -> str:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("text", "strict", "code"),
    [
        pytest.param(POD, False, 0, id="runs"),
        pytest.param(POD, True, 0, id="runs, strict"),
        pytest.param(DEGRADED, False, 0, id="loses something"),
        pytest.param(DEGRADED, True, 1, id="loses something, strict"),
        pytest.param(NEEDY, False, 0, id="needs something"),
        pytest.param(NEEDY, True, 1, id="needs something, strict"),
        pytest.param(REFUSED, False, 1, id="refused"),
        pytest.param(f"{POD}---\n{REFUSED}", False, 1, id="one of two is refused"),
        pytest.param("kind: Service\napiVersion: v1\n", True, 0, id="no workload"),
        pytest.param(POD.replace("image", "imgae"), False, 2, id="a typo"),
        pytest.param("", False, 2, id="nothing"),
        pytest.param("{", False, 2, id="no YAML"),
    ],
)
def test_the_exit_code_is_fit_for_a_ci_job(tmp_path: Path, text: str, strict: bool, code: int) -> None:
    options = ["--strict"] if strict else []
    assert execute(["translate", *options, written(tmp_path, text)]) == code


def test_typos_are_told_on_standard_error_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, POD.replace("image", "imgae"))
    assert execute(["translate", "-o", "json", file]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"scvk: {file}:6: spec.containers[0].imgae: unknown field; did you mean image?\n"


def test_several_files_and_folders_are_read_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    written(folder, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {A: b}\n", "map.yml")
    written(folder, "not read", "notes.txt")
    assert execute(["translate", "--output", "json", written(tmp_path, NEEDY), str(folder)]) == 0
    [pod] = json.loads(capsys.readouterr().out)["pods"]
    assert pod["needs"] == []
    assert pod["request"]["container"]["environment_variables"]["A"] == "b"


@pytest.mark.parametrize("words", [["-"], ["-o", "json", "-"], ["-", "--output", "yaml"]], ids=" ".join)
def test_standard_input_is_a_hyphen(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(POD.encode())))
    assert execute(["translate", *words]) == 0
    assert "web" in capsys.readouterr().out


def test_yaml_and_json_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, DEGRADED)
    documents: list[Any] = []
    for output in ("json", "yaml"):
        assert execute(["translate", "--output", output, file]) == 0
        documents.append(yaml.safe_load(capsys.readouterr().out))
    assert documents[0] == documents[1]
    assert documents[0]["pods"][0]["price"]["currency"] == "USD"


def test_the_table_tells_outcome_price_paths_and_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["translate", written(tmp_path, DEGRADED)]) == 0
    out = capsys.readouterr().out
    head, *_, summary = out.splitlines()
    assert head.startswith("Pod default/web: runs-degraded, $")
    assert "spec.hostname" in out
    assert "image: nginx" in out
    assert summary == "1 workload: 1 runs-degraded"


def test_warnings_stay_out_of_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = POD.replace("operator: Exists", "value: saladCloud") + "---\napiVersion: ray.io/v1\nkind: RayCluster\n"
    assert execute(["translate", "-o", "json", written(tmp_path, text)]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["pods"][0]["report"] == []
    about_taint, about_kind = err.splitlines()
    assert about_taint.startswith("scvk: warning: Pod default/web: spec.tolerations: 'saladCloud'")
    assert about_kind.startswith("scvk: warning: RayCluster (ray.io/v1) is not looked at")


def test_an_object_that_stands_twice_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["translate", written(tmp_path, f"{POD}---\n{POD.replace('nginx', 'httpd')}")]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "2 workloads: 2 runs"
    assert err.startswith("scvk: warning: Pod default/web stands in ")
    assert err.endswith("; with kubectl apply the later one counts\n")


def test_the_agents_options_count_here_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gpu = POD.replace("annotations: {salad.com/gpu-classes: rtx4090}", "labels: {}").replace(
        "image: nginx", "image: nginx, resources: {limits: {nvidia.com/gpu: 1}}"
    )
    file = written(tmp_path, gpu)
    assert execute(["translate", file]) == 1
    assert execute(["translate", "--default-gpu-classes", "RTX 3060 (12 GB)", file]) == 0
    capsys.readouterr()


def test_the_schema_is_printed_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["translate", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["translate"], "no manifest"),
        (["translate", "--no-such-option", "x.yaml"], "unknown option --no-such-option"),
        (["translate", "--online", "FILE"], "SALAD_CLOUD_API_KEY"),
        (["translate", "--kubeconfig", "/does/not/exist", "FILE"], "no way to the cluster"),
        (["translate", "/does/not/exist.yaml"], "/does/not/exist.yaml: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    file = written(tmp_path, POD)
    assert execute([file if word == "FILE" else word for word in words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err.splitlines()[0]


def test_help_ends_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["translate", "--help"]) == 0
    assert "helm template . | scvk translate --strict -" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert execute(["completion", shell]) == 0
    assert "translate" in capsys.readouterr().out


def test_a_wrong_option_of_the_agent_is_wrong_here(tmp_path: Path) -> None:
    assert execute(["translate", "--wrapper-limit", "9Gi", written(tmp_path, POD)]) == 2
