"""The rights that the agent asks for: these and no more."""

from __future__ import annotations

from typing import Any

import pytest

from scvk.kubelet.rights import rights

CLUSTER_WIDE = {
    ("", "nodes"): {"get", "list", "watch", "create", "patch"},
    ("", "nodes/status"): {"patch"},
    ("", "pods"): {"get", "list", "watch", "patch", "delete"},
    ("", "pods/status"): {"patch"},
    ("", "events"): {"create", "patch"},
    ("", "services"): {"get", "list", "watch"},
    ("", "namespaces"): {"get", "list", "watch"},
    ("", "secrets"): {"get"},
    ("", "configmaps"): {"get"},
}
LEASES = {("coordination.k8s.io", "leases"): {"get", "create", "update"}}


def manifests(kind: str, *, namespace: str = "lab") -> list[dict[str, Any]]:
    return [one for one in rights(namespace=namespace, service_account="agent") if one["kind"] == kind]


def granted(role: dict[str, Any]) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for rule in role["rules"]:
        assert set(rule) == {"apiGroups", "resources", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


def test_in_the_whole_cluster_exactly_these_verbs_are_granted() -> None:
    [role] = manifests("ClusterRole")
    assert granted(role) == CLUSTER_WIDE


@pytest.mark.parametrize("namespace", ["lab", "kube-node-lease"])
def test_leases_are_granted_where_they_live_and_nowhere_else(namespace: str) -> None:
    roles = manifests("Role", namespace=namespace)
    assert {role["metadata"]["namespace"] for role in roles} == {"kube-node-lease", namespace}
    assert len(roles) == len({namespace, "kube-node-lease"})
    assert all(granted(role) == LEASES for role in roles)


def test_the_apis_callers_are_checked_with_the_rights_that_kubernetes_has_for_it() -> None:
    bound = {binding["roleRef"]["name"] for binding in manifests("ClusterRoleBinding") + manifests("RoleBinding")}
    assert {"system:auth-delegator", "extension-apiserver-authentication-reader"} <= bound
    [reader] = [
        binding
        for binding in manifests("RoleBinding")
        if binding["roleRef"]["name"] == "extension-apiserver-authentication-reader"
    ]
    assert reader["metadata"]["namespace"] == "kube-system"


def test_every_binding_is_for_the_account_alone_and_for_a_role_that_exists() -> None:
    all_of_them = rights(namespace="lab", service_account="agent")
    made = {(one["kind"], one["metadata"]["name"], one["metadata"].get("namespace")) for one in all_of_them}
    for binding in [one for one in all_of_them if one["kind"].endswith("Binding")]:
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "agent", "namespace": "lab"}]
        role = binding["roleRef"]
        if role["name"].startswith("scvk:"):
            assert (role["kind"], role["name"], binding["metadata"].get("namespace")) in made


def test_nothing_is_granted_by_a_wildcard() -> None:
    assert "*" not in str(rights(namespace="lab", service_account="agent"))


def test_no_object_is_made_twice() -> None:
    for namespace in ("lab", "kube-system", "kube-node-lease"):
        names = [
            (one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"])
            for one in rights(namespace=namespace, service_account="agent")
        ]
        assert len(names) == len(set(names))


def test_the_cluster_is_asked_to_sign_only_where_that_is_wanted_and_never_to_approve() -> None:
    manifests = rights(namespace="lab", service_account="agent", certificate_requests=True)
    [role] = [one for one in manifests if one["kind"] == "ClusterRole"]
    assert granted(role) == {**CLUSTER_WIDE, ("certificates.k8s.io", "certificatesigningrequests"): {"create", "watch"}}
