"""A serving certificate that the cluster signs, on a virtual clock."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scvk.kubelet.api.serving_certificate import expires
from scvk.kubelet.api.signed_by_cluster import ABANDONED_AFTER_S, SignedByCluster
from scvk.kubelet.provider import PodEvent
from tests.unit.kubelet.api.cluster_signer import FOLDER, ClusterSigner
from tests.unit.kubelet.in_memory_api import InMemoryApi

pytestmark = [
    pytest.mark.looptime,
    # The signer of these tests looks at subjects of more than the 64 characters that X.509 has for them.
    pytest.mark.filterwarnings("ignore:Attribute's length"),
]

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LIFETIME = timedelta(hours=10)
NODE = "saladcloud-an-organization-with-a-long-name-and-a-long-project"


def now() -> datetime:
    return START + timedelta(seconds=asyncio.get_running_loop().time())


class Stage:
    def __init__(self) -> None:
        self.api = InMemoryApi()
        self.signer = ClusterSigner(self.api)
        self.told: list[PodEvent] = []
        numbers = itertools.count(1)
        self.source = SignedByCluster(NODE, "10.0.0.7", now, random=lambda: 0.5, token=lambda: f"{next(numbers):02}")
        self.task = asyncio.create_task(self.source.renew(self.api.cluster, self.told.append))

    @property
    def issuer(self) -> str:
        """Who signed the certificate that a new connection would see."""
        shown = x509.load_pem_x509_certificate(self.source().chain.encode())
        return str(shown.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

    @property
    def is_self_signed(self) -> bool:
        return self.issuer != "cluster"


async def started() -> Stage:
    stage = Stage()
    await asyncio.sleep(1)
    return stage


async def test_it_is_asked_for_as_a_kubelet_asks() -> None:
    stage = await started()
    [path] = stage.signer.requests
    spec = stage.api.objects[path]["spec"]
    assert spec["signerName"] == "kubernetes.io/kubelet-serving"
    assert spec["usages"] == ["digital signature", "server auth"]
    asked = stage.signer.asked(path)
    assert asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == f"system:node:{NODE}"
    assert asked.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"
    names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NODE]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.7"]
    assert {(seen.method, seen.path.split("/")[0]) for seen in stage.api.seen} == {("POST", FOLDER), ("GET", FOLDER)}
    assert all("watch" in seen.url.params for seen in stage.api.seen if seen.method == "GET")


async def test_until_it_is_approved_the_node_says_how_and_shows_one_of_its_own() -> None:
    stage = await started()
    await asyncio.sleep(600)
    [event] = stage.told
    [path] = stage.signer.requests
    assert event.message.endswith(f"kubectl certificate approve {path.split('/')[1]}")
    assert "self-signed" in event.message
    assert stage.is_self_signed
    stage.signer.approve(path)
    await asyncio.sleep(10)
    assert stage.is_self_signed, "approved is not signed yet"
    stage.signer.sign(path, now(), LIFETIME)
    await asyncio.sleep(1)
    assert not stage.is_self_signed
    assert len(stage.signer.requests) == 1


async def test_who_is_approved_at_once_troubles_nobody() -> None:
    stage = await started()
    stage.signer.sign(stage.signer.requests[0], now(), LIFETIME)
    await asyncio.sleep(60)
    assert stage.told == []


async def test_the_next_one_is_asked_for_before_this_one_ends() -> None:
    stage = await started()
    stage.signer.sign(stage.signer.requests[0], now(), LIFETIME)
    await asyncio.sleep(LIFETIME.total_seconds() * 0.79)
    assert len(stage.signer.requests) == 1
    await asyncio.sleep(LIFETIME.total_seconds() * 0.02)
    assert len(stage.signer.requests) == 2
    first = stage.source()
    stage.signer.sign(stage.signer.requests[1], now(), LIFETIME)
    await asyncio.sleep(1)
    assert stage.source().key != first.key
    assert expires(stage.source()) > expires(first)


async def test_one_that_ended_before_the_next_was_signed_is_not_shown() -> None:
    stage = await started()
    stage.signer.sign(stage.signer.requests[0], now(), LIFETIME)
    await asyncio.sleep(9.5 * 3600)
    assert not stage.is_self_signed
    assert "shows the one it has" in stage.told[0].message
    await asyncio.sleep(3600)
    assert stage.is_self_signed


@pytest.mark.parametrize("how", ["deny", "fail"])
async def test_what_was_refused_is_told_and_asked_for_again_later(how: str) -> None:
    stage = await started()
    refuse = {"deny": stage.signer.deny, "fail": stage.signer.fail}[how]
    refuse(stage.signer.requests[0], "not today")
    await asyncio.sleep(30)
    [event] = stage.told
    assert (event.reason, event.warning) == ("CertificateRefused", True)
    assert "Because: not today" in event.message
    assert len(stage.signer.requests) == 1
    await asyncio.sleep(60)
    assert len(stage.signer.requests) == 2
    refuse(stage.signer.requests[1], "not today")
    await asyncio.sleep(90)
    assert len(stage.signer.requests) == 2, "later and later"


async def test_a_request_that_was_deleted_is_made_again() -> None:
    stage = await started()
    stage.api.remove(stage.signer.requests[0])
    await asyncio.sleep(90)
    assert len(stage.signer.requests) == 1
    assert "was deleted" in stage.told[0].message


async def test_a_request_that_nobody_approves_is_made_again_before_kubernetes_forgets_it() -> None:
    stage = await started()
    await asyncio.sleep(ABANDONED_AFTER_S + 120)
    assert len(stage.signer.requests) == 2


async def test_a_certificate_of_another_key_is_not_shown() -> None:
    stage = await started()
    stage.signer.sign(
        stage.signer.requests[0], now(), LIFETIME, key=ec.generate_private_key(ec.SECP256R1()).public_key()
    )
    await asyncio.sleep(1)
    assert stage.is_self_signed
    assert "another key" in stage.told[0].message


async def test_without_the_right_to_ask_the_node_says_where_it_is_to_be_had() -> None:
    api = InMemoryApi()
    api.refuse(403, method="POST", times=2)
    told: list[PodEvent] = []
    source = SignedByCluster("node-1", "10.0.0.7", now, random=lambda: 0.5)
    task = asyncio.create_task(source.renew(api.cluster, told.append))
    await asyncio.sleep(60)
    assert "scvk rbac --kubelet-certificate csr" in told[0].message
    assert [path.split("/")[0] for path in api.objects] == [FOLDER]
    task.cancel()
