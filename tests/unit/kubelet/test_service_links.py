"""Variables of Services (pkg/kubelet/envvars has these names)."""

from __future__ import annotations

import pytest

from scvk.kubelet.service_links import service_variables
from tests.unit.kubelet.given_objects import a_pod, a_service

MASTER = a_service("kubernetes", namespace="default", ip="10.1.0.1", ports=[{"name": "https", "port": 443}])


def test_each_port_of_a_service_has_its_names() -> None:
    service = a_service(
        "my-db",
        ip="10.1.2.3",
        ports=[{"name": "sql-port", "port": 5432}, {"name": "dns", "port": 53, "protocol": "UDP"}],
    )
    assert service_variables(a_pod(), [service]) == {
        "MY_DB_SERVICE_HOST": "10.1.2.3",
        "MY_DB_SERVICE_PORT": "5432",
        "MY_DB_SERVICE_PORT_SQL_PORT": "5432",
        "MY_DB_SERVICE_PORT_DNS": "53",
        "MY_DB_PORT": "tcp://10.1.2.3:5432",
        "MY_DB_PORT_5432_TCP": "tcp://10.1.2.3:5432",
        "MY_DB_PORT_5432_TCP_PROTO": "tcp",
        "MY_DB_PORT_5432_TCP_PORT": "5432",
        "MY_DB_PORT_5432_TCP_ADDR": "10.1.2.3",
        "MY_DB_PORT_53_UDP": "udp://10.1.2.3:53",
        "MY_DB_PORT_53_UDP_PROTO": "udp",
        "MY_DB_PORT_53_UDP_PORT": "53",
        "MY_DB_PORT_53_UDP_ADDR": "10.1.2.3",
    }


def test_an_address_of_the_newer_kind_is_written_in_brackets_where_a_port_follows() -> None:
    variables = service_variables(a_pod(), [a_service("v6", ip="fd00::1")])
    assert (variables["V6_SERVICE_HOST"], variables["V6_PORT"]) == ("fd00::1", "tcp://[fd00::1]:80")


@pytest.mark.parametrize(
    ("links", "hosts"), [(None, ["A", "KUBERNETES"]), (True, ["A", "KUBERNETES"]), (False, ["KUBERNETES"])]
)
def test_services_of_the_pods_namespace_and_the_api_server(links: bool | None, hosts: list[str]) -> None:
    services = [
        MASTER,
        a_service("a"),
        a_service("b", namespace="elsewhere"),
        a_service("headless", ip="None"),
        a_service("external", ip=""),
        a_service("kubernetes", namespace="elsewhere", ip="6.6.6.6"),
    ]
    variables = service_variables(a_pod(spec={"enableServiceLinks": links}), services)
    assert sorted(name.removesuffix("_SERVICE_HOST") for name in variables if name.endswith("_HOST")) == hosts
    assert variables["KUBERNETES_SERVICE_HOST"] == "10.1.0.1"


def test_a_service_of_the_namespace_may_stand_in_for_the_api_server() -> None:
    own = a_service("kubernetes", ip="10.9.9.9")
    assert service_variables(a_pod(), [MASTER, own])["KUBERNETES_SERVICE_HOST"] == "10.9.9.9"
    assert service_variables(a_pod(), [own, MASTER])["KUBERNETES_SERVICE_HOST"] == "10.9.9.9"
