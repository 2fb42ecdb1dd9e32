"""What is read of the cluster for a pod, how often, and what a failure to read means."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx2
import pytest
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.cluster_inputs import KEEP_S, ClusterInputs, InputsUnavailable
from scvk.kubelet.inputs import InputNeeds, MissingInput, NamedSecret
from scvk.kubelet.provider import PodEvent, TemporaryProviderError
from tests.unit.kubelet.given_objects import A_NODE, a_pod
from tests.unit.kubelet.in_memory_api import InMemoryApi, html_answer

pytestmark = pytest.mark.looptime

MAIN = InputNeeds(("main",))


def secret(**data: bytes) -> dict[str, Any]:
    return {"type": "Opaque", "data": {key: base64.b64encode(value).decode() for key, value in data.items()}}


def service(ip: str = "10.1.0.1") -> dict[str, Any]:
    return {"spec": {"clusterIP": ip, "ports": [{"port": 80}]}}


class Reading:
    """The cluster's inputs, and what was told of them."""

    def __init__(self, api: InMemoryApi, *, service_links: bool = False) -> None:
        self.api = api
        self.told: list[PodEvent] = []
        self.source = ClusterInputs(
            api.cluster, lambda: A_NODE, lambda _, event: self.told.append(event), service_links=service_links
        )

    async def environment(self, pod: Pod) -> dict[str, str]:
        return dict((await self.source.inputs(pod, MAIN)).containers["main"].environment)

    def reads(self) -> list[str]:
        return [seen.path for seen in self.api.seen]


@pytest.fixture
def reading(api: InMemoryApi) -> Reading:
    return Reading(api)


def pod_with(*names: str, uid: str = "uid-a", optional: bool = False) -> Pod:
    sources = [{"secretRef": {"name": name, "optional": optional}} for name in names]
    return a_pod(metadata={"uid": uid}, envFrom=sources)


async def test_each_object_is_read_once_by_its_name(api: InMemoryApi, reading: Reading) -> None:
    api.put("secrets/shop/keys", secret(TOKEN=b"t0ken"))
    api.put("configmaps/shop/conf", {"data": {"MODE": "fast"}, "binaryData": {"blob": "AP8="}})
    pod = a_pod(
        envFrom=[{"configMapRef": {"name": "conf"}}, {"secretRef": {"name": "keys"}}],
        env=[{"name": "AGAIN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "TOKEN"}}}],
        volumeMounts=[{"name": "v", "mountPath": "/v"}],
        spec={"volumes": [{"name": "v", "configMap": {"name": "conf"}}]},
    )
    inputs = await reading.source.inputs(pod, MAIN)
    assert dict(inputs.containers["main"].environment) == {"MODE": "fast", "TOKEN": "t0ken", "AGAIN": "t0ken"}
    assert {file.path: file.content for file in inputs.volumes["v"]} == {"MODE": b"fast", "blob": b"\x00\xff"}
    assert sorted(reading.reads()) == ["configmaps/shop/conf", "secrets/shop/keys"]


async def test_a_pod_that_needs_nothing_costs_nothing(reading: Reading) -> None:
    assert await reading.environment(a_pod(env=[{"name": "A", "value": "a"}])) == {"A": "a"}
    assert reading.reads() == []


async def test_steps_of_one_pod_that_follow_each_other_read_once(api: InMemoryApi, reading: Reading) -> None:
    api.put("secrets/shop/keys", secret(A=b"1"))
    for _ in range(3):
        assert await reading.environment(pod_with("keys")) == {"A": "1"}
    assert len(reading.reads()) == 1
    api.put("secrets/shop/keys", secret(A=b"2"))
    await asyncio.sleep(KEEP_S)
    assert await reading.environment(pod_with("keys")) == {"A": "2"}


async def test_a_pod_never_gets_what_was_read_for_an_earlier_one(api: InMemoryApi, reading: Reading) -> None:
    api.put("secrets/shop/keys", secret(A=b"old"))
    await reading.environment(pod_with("keys", uid="uid-old"))
    api.put("secrets/shop/keys", secret(A=b"new"))
    assert await reading.environment(pod_with("keys", uid="uid-new")) == {"A": "new"}


async def test_what_was_read_is_forgotten(api: InMemoryApi, reading: Reading) -> None:
    api.put("secrets/shop/keys", secret(A=b"1"))
    for number in range(5):
        await reading.environment(pod_with("keys", uid=f"uid-{number}"))
        await asyncio.sleep(KEEP_S)
    assert len(reading.source._kept) == 1


async def test_a_missing_object_is_found_as_soon_as_it_is_there(api: InMemoryApi, reading: Reading) -> None:
    with pytest.raises(MissingInput) as caught:
        await reading.environment(pod_with("keys"))
    assert caught.value.event_reason == "MandatorySecretNotFound"
    api.put("secrets/shop/keys", secret(A=b"1"))
    assert await reading.environment(pod_with("keys")) == {"A": "1"}


async def test_what_is_left_out_by_permission_is_told_as_an_event(reading: Reading) -> None:
    assert await reading.environment(pod_with("keys", optional=True)) == {}
    (event,) = reading.told
    assert (event.reason, event.warning) == ("OptionalSecretNotFound", True)
    assert "spec.containers[0].envFrom[0].secretRef" in event.message


@pytest.mark.parametrize("name", ["../../default/secrets/admin", "..", "a/b", "", "UPPER", "a%2Fb", "a?x=y"])
@pytest.mark.parametrize("optional", [False, True])
async def test_a_name_that_no_object_can_have_is_never_asked_for(
    api: InMemoryApi, reading: Reading, name: str, optional: bool
) -> None:
    api.put("secrets/default/admin", secret(A=b"root"))
    if optional:
        assert await reading.environment(pod_with(name, optional=True)) == {}
    else:
        with pytest.raises(MissingInput):
            await reading.environment(pod_with(name))
    with pytest.raises(MissingInput):
        await reading.source.inputs(a_pod(), InputNeeds(("main",), (NamedSecret(name, "metadata.annotations[x]"),)))
    assert reading.reads() == []


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(httpx2.ConnectError("refused"), id="unreachable"),
        pytest.param(500, id="server error"),
        pytest.param(429, id="throttled"),
        pytest.param(401, id="credential refused"),
        pytest.param(html_answer(404), id="a proxy's page"),
    ],
)
@pytest.mark.parametrize("optional", [False, True])
async def test_an_object_that_could_not_be_read_is_not_taken_for_absent(
    api: InMemoryApi, reading: Reading, failure: Any, optional: bool
) -> None:
    api.refuse(failure, path="secrets")
    with pytest.raises(InputsUnavailable, match='secret "keys" could not be read') as caught:
        await reading.environment(pod_with("keys", optional=optional))
    assert caught.value.event_reason == "FailedToReadMandatorySecret"
    assert isinstance(caught.value, TemporaryProviderError)


async def test_an_object_that_may_not_be_read_is_told_with_the_servers_words(
    api: InMemoryApi, reading: Reading
) -> None:
    api.refuse(403, path="secrets")
    with pytest.raises(MissingInput, match="cannot be read") as caught:
        await reading.environment(pod_with("keys", optional=True))
    assert caught.value.event_reason == "FailedToReadOptionalSecret"


async def test_a_secret_that_cannot_be_decoded_shows_nothing_of_itself(api: InMemoryApi, reading: Reading) -> None:
    api.put("secrets/shop/keys", {"data": {"token": "hunter2!"}})
    with pytest.raises(InputsUnavailable, match="the value of token is no base64") as caught:
        await reading.environment(pod_with("keys"))
    assert "hunter2" not in repr(caught.value)


async def test_a_namespaces_annotations_are_read_once_for_a_pods_steps(api: InMemoryApi, reading: Reading) -> None:
    api.put("namespaces/shop", {"metadata": {"annotations": {"salad.com/country-codes": "us"}}})
    api.put("namespaces/bare", {})
    for _ in range(2):
        assert await reading.source.namespace_annotations(a_pod()) == {"salad.com/country-codes": "us"}
    assert await reading.source.namespace_annotations(a_pod(metadata={"namespace": "bare", "uid": "b"})) == {}
    assert reading.reads() == ["namespaces/shop", "namespaces/bare"]


@pytest.mark.parametrize("failure", [403, 404, 503])
async def test_a_namespace_that_cannot_be_read_is_no_namespace_without_annotations(
    api: InMemoryApi, reading: Reading, failure: int
) -> None:
    api.refuse(failure, path="namespaces")
    with pytest.raises(InputsUnavailable) as caught:
        await reading.source.namespace_annotations(a_pod())
    assert caught.value.event_reason == "FailedToReadNamespace"


# -- Services --------------------------------------------------------------------------------------------------------


async def test_services_are_not_read_where_nobody_asked_for_links(api: InMemoryApi, reading: Reading) -> None:
    api.put("services/shop/db", service())
    assert await reading.environment(a_pod()) == {}
    assert reading.reads() == []


async def test_services_of_the_namespace_and_the_api_server_are_variables(api: InMemoryApi) -> None:
    reading = Reading(api, service_links=True)
    api.put("services/shop/db", service("10.1.0.5"))
    api.put("services/default/kubernetes", service("10.1.0.1"))
    api.put("services/default/other", service())
    await reading.environment(a_pod())
    environment = await reading.environment(a_pod())
    hosts = {name: value for name, value in environment.items() if name.endswith("_SERVICE_HOST")}
    assert hosts == {"DB_SERVICE_HOST": "10.1.0.5", "KUBERNETES_SERVICE_HOST": "10.1.0.1"}
    assert reading.reads() == ["services/shop", "services/default/kubernetes"]


async def test_in_the_namespace_of_the_api_server_one_request_is_enough(api: InMemoryApi) -> None:
    reading = Reading(api, service_links=True)
    api.put("services/default/kubernetes", service("10.1.0.1"))
    environment = await reading.environment(a_pod(metadata={"namespace": "default"}))
    assert environment["KUBERNETES_SERVICE_HOST"] == "10.1.0.1"
    assert reading.reads() == ["services/default"]


@pytest.mark.parametrize("failure", [403, 500])
async def test_services_that_cannot_be_read_are_waited_for(api: InMemoryApi, failure: int) -> None:
    reading = Reading(api, service_links=True)
    api.refuse(failure, path="services")
    with pytest.raises(InputsUnavailable, match="services could not be read"):
        await reading.environment(a_pod())


async def test_the_versions_of_what_containers_get_are_told_and_no_others(api: InMemoryApi, reading: Reading) -> None:
    api.put("secrets/shop/keys", secret(TOKEN=b"t0ken"))
    api.put("secrets/shop/pull", {"type": "kubernetes.io/dockerconfigjson", "data": {}})
    kept = api.put("secrets/shop/keys", secret(TOKEN=b"t0ken"))["metadata"]
    pod = a_pod(envFrom=[{"secretRef": {"name": "keys"}}], spec={"imagePullSecrets": [{"name": "pull"}]})
    inputs = await reading.source.inputs(pod, MAIN)
    assert inputs.versions == {"Secret/keys": f"{kept['uid']}/{kept['resourceVersion']}"}
    absent = a_pod(metadata={"uid": "u2"}, envFrom=[{"secretRef": {"name": "absent", "optional": True}}])
    assert (await reading.source.inputs(absent, MAIN)).versions == {}
