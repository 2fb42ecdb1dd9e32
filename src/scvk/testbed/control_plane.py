"""The control plane on paper: its files and command lines, as pure functions of one frozen value.

The options are those of a kubeadm cluster, with what makes a throw-away cluster quick: no fsync in etcd, no
leader election (each component is the only one of its kind). Nothing that a kubelet can notice is changed:
leases, grace periods, admission and authorization are the defaults of the release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

Component = Literal["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
COMPONENTS: tuple[Component, ...] = get_args(Component)

KUBELET_CLIENT_USER = "kube-apiserver-kubelet-client"
"""Whom kubelets see when the API server calls them."""
FRONT_PROXY_USER = "front-proxy-client"
SERVICE_ACCOUNT_ISSUER = "https://kubernetes.default.svc.cluster.local"


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports on 127.0.0.1."""

    etcd: int
    etcd_peer: int
    api_server: int
    controller_manager: int
    scheduler: int


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """One control plane: its files, its ports, and further options for components, which win."""

    data: Path
    programs: Path
    ports: Ports
    extra_arguments: Mapping[Component, Sequence[str]] = field(default_factory=dict)

    @property
    def api_url(self) -> str:
        """Where the API server listens."""
        return f"https://127.0.0.1:{self.ports.api_server}"

    def certificate(self, name: str) -> Path:
        """The certificate file of a key pair (`cluster-ca`, `api-server`, …)."""
        return self.data / "pki" / f"{name}.crt"

    def key(self, name: str) -> Path:
        """The private key file of a key pair."""
        return self.data / "pki" / f"{name}.key"

    def kubeconfig(self, name: str) -> Path:
        """A kubeconfig file: `admin`, a component that has one, or one that was asked for."""
        return self.data / "kubeconfig" / name

    def log(self, component: Component) -> Path:
        """What the component writes, over all its starts."""
        return self.data / "log" / f"{component}.log"

    def health_url(self, component: Component) -> str:
        """The address that answers 200 when the component works; for etcd, the API server that uses it."""
        match component:
            case "etcd" | "kube-apiserver":
                return f"{self.api_url}/readyz"
            case "kube-controller-manager":
                return f"https://127.0.0.1:{self.ports.controller_manager}/healthz"
            case "kube-scheduler":
                return f"https://127.0.0.1:{self.ports.scheduler}/healthz"


def command_line(plane: ControlPlane, component: Component) -> list[str]:
    """The argv of a component, its program first."""
    options = {
        "etcd": etcd_options,
        "kube-apiserver": api_server_options,
        "kube-controller-manager": controller_manager_options,
        "kube-scheduler": scheduler_options,
    }[component](plane)
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return [str(plane.programs / component), *arguments, *plane.extra_arguments.get(component, ())]


def etcd_options(plane: ControlPlane) -> dict[str, object]:
    """A single member with mutual TLS: etcd holds every Secret, and others on this machine reach its port."""
    client = f"https://127.0.0.1:{plane.ports.etcd}"
    peer = f"https://127.0.0.1:{plane.ports.etcd_peer}"
    return {
        "name": "testbed",
        "data-dir": plane.data / "etcd",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"testbed={peer}",
        "cert-file": plane.certificate("etcd"),
        "key-file": plane.key("etcd"),
        "client-cert-auth": "true",
        "trusted-ca-file": plane.certificate("etcd-ca"),
        "peer-cert-file": plane.certificate("etcd"),
        "peer-key-file": plane.key("etcd"),
        "peer-client-cert-auth": "true",
        "peer-trusted-ca-file": plane.certificate("etcd-ca"),
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }


def api_server_options(plane: ControlPlane) -> dict[str, object]:
    """RBAC and the node authorizer, an aggregation layer, and a client certificate for kubelets."""
    return {
        "bind-address": "127.0.0.1",
        "secure-port": plane.ports.api_server,
        # The addresses behind the Service `kubernetes` may not be loopback ones, and nothing runs in this
        # cluster that would call it.
        "endpoint-reconciler-type": "none",
        "etcd-servers": f"https://127.0.0.1:{plane.ports.etcd}",
        "etcd-cafile": plane.certificate("etcd-ca"),
        "etcd-certfile": plane.certificate("etcd-client"),
        "etcd-keyfile": plane.key("etcd-client"),
        "tls-cert-file": plane.certificate("api-server"),
        "tls-private-key-file": plane.key("api-server"),
        "client-ca-file": plane.certificate("cluster-ca"),
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "service-cluster-ip-range": "10.96.0.0/16",
        "service-account-issuer": SERVICE_ACCOUNT_ISSUER,
        "service-account-key-file": plane.data / "pki" / "service-account.pub",
        "service-account-signing-key-file": plane.key("service-account"),
        "kubelet-client-certificate": plane.certificate("kubelet-client"),
        "kubelet-client-key": plane.key("kubelet-client"),
        "kubelet-preferred-address-types": "InternalIP,Hostname",
        "requestheader-client-ca-file": plane.certificate("front-proxy-ca"),
        "requestheader-allowed-names": FRONT_PROXY_USER,
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": plane.certificate("front-proxy-client"),
        "proxy-client-key-file": plane.key("front-proxy-client"),
        # There is no kube-proxy: aggregated APIs are reached by their endpoints' addresses.
        "enable-aggregator-routing": "true",
    }


def controller_manager_options(plane: ControlPlane) -> dict[str, object]:
    """All controllers, each with its own service account, and the authority to sign certificates with."""
    return {
        **_client_options(plane, "kube-controller-manager", plane.ports.controller_manager),
        "root-ca-file": plane.certificate("cluster-ca"),
        "service-account-private-key-file": plane.key("service-account"),
        "use-service-account-credentials": "true",
        "cluster-name": "scvk-testbed",
        "cluster-signing-cert-file": plane.certificate("cluster-ca"),
        "cluster-signing-key-file": plane.key("cluster-ca"),
        # With the default of 20 requests a second it takes 5 s to get its forty controllers their tokens.
        "kube-api-qps": 200,
        "kube-api-burst": 400,
    }


def scheduler_options(plane: ControlPlane) -> dict[str, object]:
    """The default scheduler."""
    return _client_options(plane, "kube-scheduler", plane.ports.scheduler)


def _client_options(plane: ControlPlane, name: str, port: int) -> dict[str, object]:
    config = plane.kubeconfig(name)
    return {
        "bind-address": "127.0.0.1",
        "secure-port": port,
        "tls-cert-file": plane.certificate(name),
        "tls-private-key-file": plane.key(name),
        "kubeconfig": config,
        "authentication-kubeconfig": config,
        "authorization-kubeconfig": config,
        "client-ca-file": plane.certificate("cluster-ca"),
        "requestheader-client-ca-file": plane.certificate("front-proxy-ca"),
        "leader-elect": "false",
    }
