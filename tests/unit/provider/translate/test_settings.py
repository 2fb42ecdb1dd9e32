"""Countries, priority, caching and networking, from annotations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scvk.provider.translate import Translation
from scvk.saladcloud.models import body_of

Translate = Callable[..., Translation]


def settings(**values: str) -> dict[str, str]:
    return {f"salad.com/{name.replace('_', '-')}": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        ("us", ("us",)),
        ("us, ca", ("us", "ca")),
        (" US ,ca,,us", ("us", "ca")),
        ("", None),
        (" , ", None),
    ],
)
def test_countries_are_a_list(translated: Translate, written: str, codes: tuple[str, ...] | None) -> None:
    request = translated(annotations=settings(country_codes=written)).request
    assert request is not None
    assert request.country_codes == codes


@pytest.mark.parametrize("priority", ["high", "medium", "low", "batch", " High "])
def test_the_priority_is_one_of_four(translated: Translate, priority: str) -> None:
    request = translated(annotations=settings(container_group_priority=priority)).request
    assert request is not None
    assert request.container.priority == priority.strip().lower()


@pytest.mark.parametrize(("written", "expected"), [("true", True), ("False", False), (" true ", True)])
def test_image_caching_is_a_boolean(translated: Translate, written: str, expected: bool) -> None:
    request = translated(annotations=settings(image_caching=written)).request
    assert request is not None
    assert request.container.image_caching is expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (settings(networking_port="80"), {"port": 80, "protocol": "http", "auth": True}),
        (settings(networking_port=" 65535 "), {"port": 65535, "protocol": "http", "auth": True}),
        (settings(networking_port="web"), {"port": 8080, "protocol": "http", "auth": True}),
        (
            settings(networking_port="1234", networking_protocol="HTTP", networking_auth="false"),
            {"port": 1234, "protocol": "http", "auth": False},
        ),
        (
            settings(
                networking_port="80",
                networking_load_balancer="least_number_of_connections",
                networking_single_connection_limit="true",
                networking_client_request_timeout="1",
                networking_server_response_timeout="100000",
            ),
            {
                "port": 80,
                "protocol": "http",
                "auth": True,
                "load_balancer": "least_number_of_connections",
                "single_connection_limit": True,
                "client_request_timeout": 1,
                "server_response_timeout": 100_000,
            },
        ),
    ],
)
def test_networking_is_read(translated: Translate, written: dict[str, str], expected: dict[str, Any]) -> None:
    translation = translated(annotations=written, ports=[{"name": "web", "containerPort": 8080}])
    assert translation.findings == ()
    assert translation.request is not None
    assert translation.request.networking is not None
    assert body_of(translation.request.networking) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("country-codes", "zz"),
        ("country-codes", "usa"),
        ("container-group-priority", "highest"),
        ("container-group-priority", ""),
        ("image-caching", "yes"),
        ("image-caching", ""),
        ("networking-port", "0"),
        ("networking-port", "65536"),
        ("networking-port", "http"),
        ("networking-port", ""),
        ("networking-port", "\u0668\u0660"),
        ("networking-port", "9" * 5000),
        ("networking-protocol", "tcp"),
        ("networking-auth", "1"),
        ("networking-load-balancer", "random"),
        ("networking-single-connection-limit", "no"),
        ("networking-client-request-timeout", "0"),
        ("networking-client-request-timeout", "30s"),
        ("networking-server-response-timeout", "100001"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(translated: Translate, name: str, value: str) -> None:
    translation = translated(annotations={"salad.com/networking-port": "80", f"salad.com/{name}": value})
    assert translation.request is None
    (finding,) = translation.findings
    assert (finding.path, finding.reason_code) == (f"metadata.annotations[salad.com/{name}]", "InvalidAnnotation")
    assert len(finding.reason) < 300


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("networking-protocol", "http"),
        ("networking-auth", "false"),
        ("networking-load-balancer", "round_robin"),
        ("networking-single-connection-limit", "false"),
        ("networking-client-request-timeout", "1000"),
        ("networking-server-response-timeout", "1000"),
    ],
)
def test_networking_without_a_port_is_refused(translated: Translate, name: str, value: str) -> None:
    translation = translated(annotations={f"salad.com/{name}": value})
    (finding,) = translation.findings
    assert (finding.path, finding.reason_code) == (
        "metadata.annotations[salad.com/networking-port]",
        "InvalidAnnotation",
    )
    assert f"salad.com/{name}" in finding.reason


# -- the queue -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "number"),
    [("8080", 8080), ("web", 8080)],
)
def test_a_queue_has_a_name_a_port_and_a_path(translated: Translate, port: str, number: int) -> None:
    translation = translated(
        annotations=settings(queue_name="jobs-1", queue_port=port, queue_path="/run?x=1"),
        ports=[{"name": "web", "containerPort": 8080}],
    )
    assert translation.findings == ()
    assert translation.request is not None
    assert translation.request.queue_connection is not None
    assert body_of(translation.request.queue_connection) == {"queue_name": "jobs-1", "port": number, "path": "/run?x=1"}


@pytest.mark.parametrize(
    ("written", "paths"),
    [
        (settings(queue_name="jobs"), ["queue-port", "queue-path"]),
        (settings(queue_port="80"), ["queue-name", "queue-path"]),
        (settings(queue_name="jobs", queue_port="80"), ["queue-path"]),
        (settings(queue_name="Jobs", queue_port="80", queue_path="/"), ["queue-name"]),
        (settings(queue_name="j", queue_port="80", queue_path="/"), ["queue-name"]),
        (settings(queue_name="jobs", queue_port="web", queue_path="/"), ["queue-port"]),
        (settings(queue_name="jobs", queue_port="80", queue_path=""), ["queue-path"]),
        (settings(queue_name="jobs", queue_port="80", queue_path="x" * 1025), ["queue-path"]),
    ],
)
def test_half_a_queue_or_a_wrong_one_is_refused(
    translated: Translate, written: dict[str, str], paths: list[str]
) -> None:
    translation = translated(annotations=written)
    assert translation.request is None
    assert [(each.path, each.reason_code) for each in translation.findings] == [
        (f"metadata.annotations[salad.com/{name}]", "InvalidAnnotation") for name in paths
    ]


def test_the_rule_for_a_queues_name_is_told(translated: Translate) -> None:
    (finding,) = translated(annotations=settings(queue_name="Jobs", queue_port="80", queue_path="/")).findings
    assert "2 to 63 lower-case letters, digits and hyphens" in finding.reason


# -- defaults of the namespace ---------------------------------------------------------------------------------------


def test_a_namespace_gives_its_pods_defaults(translated: Translate) -> None:
    translation = translated(
        namespace=settings(
            country_codes="us",
            container_group_priority="low",
            gpu_classes="rtx4090",
            networking_port="80",
            image_caching="true",
        )
    )
    assert translation.findings == ()
    request = translation.request
    assert request is not None
    assert (request.country_codes, request.container.priority) == (("us",), "low")
    assert request.container.resources.gpu_classes is not None
    assert request.networking is not None
    assert request.container.image_caching is True


def test_a_pods_own_annotation_counts_before_the_default_also_an_empty_one(translated: Translate) -> None:
    translation = translated(
        annotations=settings(country_codes="ca", gpu_classes=""),
        namespace=settings(country_codes="us", gpu_classes="rtx4090"),
    )
    assert translation.request is not None
    assert translation.request.country_codes == ("ca",)
    assert translation.request.container.resources.gpu_classes is None


def test_defaults_for_a_gateway_or_a_queue_wait_for_pods_that_have_one(translated: Translate) -> None:
    defaults = settings(networking_auth="false", queue_path="/jobs", queue_port="80")
    alone = translated(namespace=defaults)
    assert alone.findings == ()
    assert alone.request is not None
    assert (alone.request.networking, alone.request.queue_connection) == (None, None)
    both = translated(namespace=defaults, annotations=settings(networking_port="80", queue_name="jobs"))
    assert both.request is not None
    assert both.request.networking is not None
    assert both.request.networking.auth is False
    assert both.request.queue_connection is not None


@pytest.mark.parametrize(
    ("ports", "own", "port"),
    [
        ([{"name": "web", "containerPort": 8080}], {}, 8080),
        ([], {}, None),
        ([{"name": "db", "containerPort": 8080}], {}, None),
    ],
    ids=["that port", "no port", "another port"],
)
def test_a_default_that_names_a_port_is_for_pods_that_have_it(
    translated: Translate, ports: list[dict[str, Any]], own: dict[str, str], port: int | None
) -> None:
    translation = translated(namespace=settings(networking_port="web"), annotations=own, ports=ports)
    assert translation.findings == ()
    assert translation.request is not None
    networking = translation.request.networking
    assert (networking.port if networking else None) == port


def test_a_pod_that_asks_for_a_gateway_is_not_left_without_the_port(translated: Translate) -> None:
    translation = translated(
        namespace=settings(networking_port="web"), annotations=settings(networking_auth="false"), ports=[]
    )
    assert [each.path for each in translation.findings] == ["metadata.annotations[salad.com/networking-port]"]
    assert translation.request is None


def test_a_default_class_is_for_pods_that_ask_for_none_as_a_resource(translated: Translate) -> None:
    translation = translated(
        namespace=settings(gpu_classes="rtx4090"), resources={"limits": {"salad.com/gtx1070": "1"}}
    )
    assert translation.findings == ()
    assert translation.request is not None
    assert translation.request.container.resources.gpu_classes == ("dec851b7-eba7-4457-a319-a01b611a810e",)


def test_a_wrong_default_is_told_as_one_of_the_namespace(translated: Translate) -> None:
    (finding,) = translated(namespace=settings(container_group_priority="highest")).findings
    assert finding.path == "metadata.annotations[salad.com/container-group-priority]"
    assert finding.reason.endswith("(an annotation of the namespace)")


def test_an_unknown_annotation_of_the_namespace_is_told_with_the_nearest(translated: Translate) -> None:
    translation = translated(namespace={"salad.com/country-code": "us", "example.com/x": "y"})
    assert translation.request is not None
    (finding,) = translation.findings
    assert "salad.com/country-codes" in finding.reason
    assert "namespace" in finding.reason
