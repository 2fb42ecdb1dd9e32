"""Command lines are pure functions of one value, and name files that are written."""

from __future__ import annotations

import base64
import random
import socket
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from scvk.testbed.control_plane import COMPONENTS, Component, ControlPlane, Ports, command_line
from scvk.testbed.credentials import Credentials
from scvk.testbed.kubeconfig import kubeconfig
from scvk.testbed.ports import FIRST, LAST, free_ports

PORTS = Ports(etcd=20001, etcd_peer=20002, api_server=20003, controller_manager=20004, scheduler=20005)


def plane(data: Path = Path("/data")) -> ControlPlane:
    return ControlPlane(data, Path("/programs"), PORTS)


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        ("etcd", "--unsafe-no-fsync=true"),
        ("etcd", "--client-cert-auth=true"),
        ("etcd", "--listen-client-urls=https://127.0.0.1:20001"),
        ("kube-apiserver", "--authorization-mode=Node,RBAC"),
        ("kube-apiserver", "--secure-port=20003"),
        ("kube-apiserver", "--kubelet-preferred-address-types=InternalIP,Hostname"),
        ("kube-apiserver", "--enable-aggregator-routing=true"),
        ("kube-apiserver", "--requestheader-client-ca-file=/data/pki/front-proxy-ca.crt"),
        ("kube-apiserver", "--client-ca-file=/data/pki/cluster-ca.crt"),
        ("kube-controller-manager", "--use-service-account-credentials=true"),
        ("kube-controller-manager", "--cluster-signing-key-file=/data/pki/cluster-ca.key"),
        ("kube-controller-manager", "--kubeconfig=/data/kubeconfig/kube-controller-manager"),
        ("kube-scheduler", "--secure-port=20005"),
    ],
)
def test_command_lines(component: Component, expected: str) -> None:
    assert expected in command_line(plane(), component)


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_listens_on_loopback_only(component: Component) -> None:
    command = command_line(plane(), component)
    if component == "etcd":
        addresses = [option for option in command if option.startswith("--listen-")]
        assert len(addresses) == 2
        assert all("https://127.0.0.1:" in option for option in addresses)
    else:
        assert "--bind-address=127.0.0.1" in command


def test_extra_arguments_come_last() -> None:
    changed = ControlPlane(Path("/data"), Path("/programs"), PORTS, {"kube-apiserver": ["--v=4"]})
    assert command_line(changed, "kube-apiserver") == [*command_line(plane(), "kube-apiserver"), "--v=4"]
    assert command_line(changed, "kube-scheduler") == command_line(plane(), "kube-scheduler")


def test_every_named_file_is_written_for_this_user_only(tmp_path: Path) -> None:
    written = plane(tmp_path)
    Credentials(datetime.now(UTC)).write(written)
    for component in COMPONENTS:
        for option in command_line(written, component):
            name, _, value = option.partition("=")
            if value.startswith(str(tmp_path)) and name != "--data-dir":
                assert stat.S_IMODE(Path(value).stat().st_mode) == 0o600, name


def test_kubeconfig_holds_all_it_needs(tmp_path: Path) -> None:
    credentials = Credentials(datetime.now(UTC))
    path = credentials.admit(plane(tmp_path), "jane", "jane", ["developers"], "web")
    content = yaml.safe_load(path.read_text())
    cluster = content["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:20003"
    assert base64.b64decode(cluster["certificate-authority-data"]) == credentials.cluster_authority
    assert set(content["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}
    assert content["contexts"][0]["context"]["namespace"] == "web"


def test_kubeconfig_with_a_token() -> None:
    content = kubeconfig("https://x", b"ca", "robot", "secret")
    assert content["users"] == [{"name": "robot", "user": {"token": "secret"}}]


def test_free_ports_are_different_and_below_the_range_of_outgoing_connections() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert all(FIRST <= port <= LAST for port in ports)


def test_a_port_in_use_is_not_chosen() -> None:
    first = free_ports(1, random.Random(7))[0]
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", first))
        assert free_ports(1, random.Random(7)) != [first]
