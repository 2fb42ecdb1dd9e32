"""Findings as one text: every field is named, in as few words as do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scvk.kubelet.events import MESSAGE_LIMIT
from scvk.provider.transitions import degradations
from scvk.provider.translate import Finding, Outcome, Translation
from scvk.provider.translate.listing import listed, paths_together

Translate = Callable[..., Translation]


def degraded(path: str, reason: str) -> Finding:
    return Finding(Outcome.DEGRADED, path, reason, "Code")


@pytest.mark.parametrize(
    ("paths", "together"),
    [
        ([], ""),
        (["spec.hostname"], "spec.hostname"),
        (["spec.a.b", "spec.c", "spec.a.d"], "spec.a.{b, d}, spec.c"),
        (["spec.a", "spec.a"], "spec.a"),
        (["spec.volumes[0]", "spec.volumes[1]"], "spec.{volumes[0], volumes[1]}"),
        (
            ["metadata.annotations[salad.com/a]", "metadata.annotations[salad.com/b.c]"],
            "metadata.{annotations[salad.com/a], annotations[salad.com/b.c]}",
        ),
    ],
)
def test_fields_of_one_object_stand_together(paths: list[str], together: str) -> None:
    assert paths_together(paths) == together


def test_fields_with_the_same_reason_share_it() -> None:
    findings = [degraded("spec.a.b", "No."), degraded("spec.c", "Never."), degraded("spec.a.d", "No.")]
    assert listed(findings) == "spec.a.{b, d}: No.; spec.c: Never."


def test_where_the_reasons_do_not_fit_every_field_is_named_all_the_same() -> None:
    findings = [degraded(f"spec.a.b{index}", f"Reason {index}.") for index in range(20)]
    text = listed(findings, limit=300)
    assert "Reason" not in text
    assert all(f"b{index}" in text for index in range(20))


def test_a_pod_that_loses_a_lot_gets_one_event_that_names_it_all(translated: Translate) -> None:
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsGroup": 1000,
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    findings = translated(
        spec={
            "securityContext": {"fsGroup": 1000, "runAsUser": 1000, "runAsGroup": 1000, "runAsNonRoot": True},
            "terminationGracePeriodSeconds": 5,
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
            "dnsConfig": {"nameservers": ["1.1.1.1"]},
            "hostname": "db-0",
        },
        securityContext=security,
        lifecycle={"preStop": {"sleep": {"seconds": 5}}},
        tty=True,
        ports=[{"containerPort": 80, "hostPort": 80}],
    ).findings
    (event,) = degradations(findings)
    assert event.warning
    assert len(event.message) <= MESSAGE_LIMIT
    for finding in findings:
        assert finding.path.rsplit(".", 1)[1] in event.message
