"""What the pages state as facts is what the code does: options, rights, limits, reasons, verbs."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from scvk.cli.gc import gc
from scvk.cli.simulate import simulate
from scvk.cli.simulator_faults import interrupt, set_fault
from scvk.cli.translate import translate
from scvk.cli.uninstall import uninstall
from scvk.kubelet.input_versions import INPUTS_ANNOTATION
from scvk.kubelet.leaving import HEEDED, MARK
from scvk.kubelet.rights import rights
from scvk.provider.annotations import ANNOTATIONS, ANSWERS
from scvk.provider.annotations_page import render_annotations_page
from scvk.provider.applied import BASELINE_ANNOTATION, SETTLED_ANNOTATION
from scvk.provider.event_memory import ANNOTATION as EVENTS_UNTIL
from scvk.provider.ownership import RESERVED_NAMES, PodMark, environment
from scvk.provider.record import ATTEMPT_ANNOTATION, GROUP_ANNOTATION, RUNS_ANNOTATION
from scvk.provider.translate import probe_timing
from scvk.provider.translate.support_page import render_support_page
from scvk.saladcloud.request_window import PLANNED_LIMIT, PLATFORM_LIMIT, SHARES
from scvk.settings_page import render_configuration_page
from scvk.simulator.api.faults import FaultKind
from tests.unit.docs.pages import PAGES, ROOT, code_words, page, table

NAMES = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in PAGES]
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src" / "scvk").rglob("*.py")))
CONFIGURATION = page("docs/configuration.md")

OTHER_FLAGS = {
    "--set": "Helm",
    "--exit": "scvk demo",
    "--force": "kubectl delete",
    "--help": "every command",
    "--kubelet-certificate-authority": "kube-apiserver",
    **dict.fromkeys(
        ("--limit-bytes", "--prefix", "--previous", "--since", "--since-time", "--tail", "--timestamps"), "kubectl logs"
    ),
}
"""Flags in the prose that are none of `scvk run`, `scvk simulate`, `scvk translate` or `scvk gc`."""
SIMULATOR_FLAGS = {
    "--" + name.replace("_", "-")
    for command in (simulate, set_fault, interrupt)
    for name in inspect.signature(command).parameters
}
UNINSTALL_FLAGS = {"--" + name for name in inspect.signature(uninstall).parameters}
TRANSLATE_FLAGS = {"--" + name.replace("_", "-") for name in inspect.signature(translate).parameters}
GC_FLAGS = {"--" + name.replace("_", "-") for name in inspect.signature(gc).parameters}


def test_kinds_of_faults_are_those_on_the_page() -> None:
    rows = {word for row in table(page("docs/simulator.md"), "kind") for word in re.findall(r"`([a-z-]+)`", row[0])}
    assert rows == set(FaultKind)


def test_the_readme_names_the_debian_packages_that_the_tests_install() -> None:
    needed = re.findall(r'^needed="(.+)"$', (ROOT / "scripts/test").read_text(encoding="utf-8"), re.MULTILINE)
    (row,) = re.findall(r"^\| Debian packages \|.*$", page("README.md"), re.MULTILINE)
    assert re.findall(r"`([a-z0-9-]+)`", row) == [pair.partition(":")[2] for pair in needed[0].split()]


def test_generated_pages_are_up_to_date() -> None:
    assert render_configuration_page() == CONFIGURATION
    assert render_annotations_page() == page("docs/annotations.md")
    assert render_support_page() == page("docs/pod-support.md")


@pytest.mark.parametrize("path", NAMES)
def test_flags_and_variables_in_the_prose_exist(path: Path) -> None:
    words = code_words(path.read_text(encoding="utf-8"))
    flags = {found.group() for word in words if (found := re.match(r"--[a-z-]+", word))}
    variables = {word for word in words if re.fullmatch(r"SALAD_[A-Z_]+", word)}
    documented = set(re.findall(r"`(--[a-z-]+|[A-Z_]+)`", CONFIGURATION))
    other_commands = SIMULATOR_FLAGS | TRANSLATE_FLAGS | UNINSTALL_FLAGS | GC_FLAGS | set(OTHER_FLAGS)
    assert sorted(flags - documented - other_commands) == []
    assert sorted(variables - documented) == []


@pytest.mark.parametrize("path", NAMES)
def test_annotations_in_the_prose_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w.])(?:scvk\.)?salad\.com/[a-z-]*[a-z]", text))
    known = {annotation.key for annotation in (*ANNOTATIONS, *ANSWERS)} | {
        GROUP_ANNOTATION,
        ATTEMPT_ANNOTATION,
        RUNS_ANNOTATION,
        INPUTS_ANNOTATION,
        SETTLED_ANNOTATION,
        BASELINE_ANNOTATION,
    }
    known |= {EVENTS_UNTIL, MARK, HEEDED}
    assert sorted(named - known) == []


def test_the_table_of_rights_is_what_scvk_rbac_prints() -> None:
    documented = {
        (where, group, resources, verbs)
        for where, group, resources, verbs in (
            (
                row[0].strip("`"),
                row[1].strip("`"),
                frozenset(re.findall("`([^`]+)`", row[2])),
                frozenset(re.findall("`([^`]+)`", row[3])),
            )
            for row in table(page("docs/authentication.md"), "rights")
        )
    }
    granted = {
        (
            _where(manifest["metadata"].get("namespace")),
            rule["apiGroups"][0],
            frozenset(rule["resources"]),
            frozenset(rule["verbs"]),
        )
        for manifest in rights(namespace="the-agent's", service_account="scvk")
        for rule in manifest.get("rules", ())
    }
    assert documented == granted


def test_the_table_of_bound_roles_is_what_scvk_rbac_prints() -> None:
    documented = {(row[0].strip("`"), row[1].strip("`")) for row in table(page("docs/authentication.md"), "role")}
    bound = {
        (manifest["roleRef"]["name"], _where(manifest["metadata"].get("namespace")))
        for manifest in rights(namespace="the-agent's", service_account="scvk")
        if "roleRef" in manifest
    }
    assert documented == {(role, where) for role, where in bound if not role.startswith("scvk:")}


def test_the_ranges_of_probes_are_those_of_the_translation() -> None:
    ranges = {row[0].strip("`"): row[1] for row in table(page("docs/walkthrough.md"), "in the pod")}
    assert ranges == {
        "initialDelaySeconds": f"0 to {probe_timing.MAX_INITIAL_DELAY_S}",
        "periodSeconds": f"1 to {probe_timing.MAX_PERIOD_S}",
        "timeoutSeconds": f"1 to {probe_timing.MAX_TIMEOUT_S}",
        "successThreshold": f"1 to {probe_timing.MAX_SUCCESSES}",
        "failureThreshold": f"1 to {probe_timing.MAX_FAILURES}",
    }


def test_the_shares_of_the_budget_are_those_of_the_client() -> None:
    text = page("docs/architecture.md")
    assert {row[0]: int(row[1]) for row in table(text, "class")} == dict(SHARES)
    assert f"allows {PLATFORM_LIMIT} requests a minute" in text
    assert f"plans for {PLANNED_LIMIT}" in text


def test_the_marks_of_a_group_are_all_named() -> None:
    marks = environment(PodMark("c", "n", "p", "u", 0, "node"))
    assert set(marks) <= code_words(page("docs/architecture.md"))
    assert set(marks) <= RESERVED_NAMES


def test_reasons_that_readers_may_meet_are_given_by_the_code() -> None:
    reasons = {
        reason for row in table(page("docs/walkthrough.md"), "reason") for reason in re.findall("`([A-Z]\\w+)`", row[0])
    }
    assert len(reasons) > 10
    assert sorted(reason for reason in reasons if f'"{reason}"' not in SOURCE) == []


def test_the_verbs_of_make_are_all_told() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    verbs = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    assert {row[0].strip("`").removeprefix("make ") for row in table(page("CONTRIBUTING.md"), "verb")} == verbs


def test_the_changelog_names_the_version_that_is_being_made() -> None:
    from scvk import __version__

    assert __version__ in page("CHANGELOG.md")


def _where(namespace: str | None) -> str:
    if namespace is None:
        return "cluster"
    return "the agent's namespace" if namespace == "the-agent's" else namespace
