"""From a cluster is read what the manifests lack, object by object, and nothing else."""

from __future__ import annotations

import pytest

from scvk.cli.translate_cluster import complete
from scvk.kubelet.cluster_errors import ClusterForbidden
from scvk.provider.manifests import Manifests, Source, read_manifests
from scvk.provider.manifests.objects import Place
from tests.unit.kubelet.in_memory_api import InMemoryApi

MANIFEST = """
apiVersion: v1
kind: Secret
metadata: {name: here, namespace: shop}
stringData: {k: from-file}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop}
spec:
  imagePullSecrets: [{name: login}]
  containers:
  - name: c
    image: i
    command: [run]
    env:
    - {name: A, valueFrom: {secretKeyRef: {name: here, key: k}}}
    - {name: B, valueFrom: {secretKeyRef: {name: there, key: k}}}
    - {name: C, valueFrom: {configMapKeyRef: {name: nowhere, key: k}}}
    - {name: D, valueFrom: {secretKeyRef: {name: ../../kube-system/secrets/x, key: k}}}
"""


@pytest.fixture
def api() -> InMemoryApi:
    api = InMemoryApi()
    api.put("namespaces/shop", {"metadata": {"annotations": {"salad.com/country-codes": "us"}}})
    for name in ("here", "there", "unasked"):
        api.put(f"secrets/shop/{name}", {"data": {"k": "ZnJvbS1jbHVzdGVy"}})
    return api


def manifests() -> Manifests:
    return read_manifests([Source("-", MANIFEST)])


async def test_what_the_files_lack_is_read_and_what_they_have_is_kept(api: InMemoryApi) -> None:
    found = manifests()
    await complete(found, api.cluster, ())
    assert found.secrets[Place("shop", "here")].data == {"k": b"from-file"}
    assert found.secrets[Place("shop", "there")].data == {"k": b"from-cluster"}
    assert found.namespace_annotations(found.workloads[0]) == {"salad.com/country-codes": "us"}
    assert Place("shop", "login") not in found.secrets
    assert sorted(seen.path for seen in api.seen) == [
        "configmaps/shop/nowhere",
        "namespaces/shop",
        "secrets/shop/login",
        "secrets/shop/there",
        "serviceaccounts/shop/default",
    ]
    assert not any(seen.is_write for seen in api.seen)


async def test_what_may_not_be_read_counts_as_lacking(api: InMemoryApi) -> None:
    for path in ("secrets/shop/there", "namespaces/shop", "serviceaccounts/shop/default"):
        api.refuse(403, path=path)
    found = manifests()
    await complete(found, api.cluster, ())
    assert Place("shop", "there") not in found.secrets


async def test_wrong_credentials_are_an_error(api: InMemoryApi) -> None:
    api.refuse(401, path="namespaces/shop")
    with pytest.raises(ClusterForbidden):
        await complete(manifests(), api.cluster, ())
