"""Makes the keys, certificates and kubeconfig files that the command lines of a control plane name.

Three authorities: the cluster's (API server, its clients, kubelets), the front proxy's (the API server as a
client of aggregated APIs; Kubernetes 1.37 refuses to start when it is the cluster's own), and etcd's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from scvk.testbed.certificates import Authority, KeyPair, new_key, private_pem, public_pem
from scvk.testbed.control_plane import FRONT_PROXY_USER, KUBELET_CLIENT_USER, ControlPlane
from scvk.testbed.kubeconfig import kubeconfig, write_kubeconfig, write_private

LOOPBACK = ("127.0.0.1", "::1", "localhost")
API_SERVER_HOSTS = (
    *LOOPBACK,
    "10.96.0.1",  # the first address of the Services' range: the Service `kubernetes`
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


class Credentials:
    """The authorities of one control plane; `write` puts all on the disk, `admit` makes further users."""

    def __init__(self, now: datetime) -> None:
        self._cluster = Authority("scvk-testbed-ca", now)
        self._front_proxy = Authority("scvk-testbed-front-proxy-ca", now)
        self._etcd = Authority("scvk-testbed-etcd-ca", now)
        self.admin = self._cluster.client("kubernetes-admin", ["system:masters"])

    @property
    def cluster_authority(self) -> bytes:
        """The certificate (PEM) that signs the API server, its clients and kubelets."""
        return self._cluster.pair.certificate

    def write(self, plane: ControlPlane) -> None:
        """Writes all that the command lines of `plane` name, and the administrator's kubeconfig."""
        pairs = {
            "cluster-ca": self._cluster.pair,
            "front-proxy-ca": self._front_proxy.pair,
            "etcd-ca": self._etcd.pair,
            "etcd": self._etcd.peer("etcd", LOOPBACK),
            "etcd-client": self._etcd.client("kube-apiserver"),
            "api-server": self._cluster.server("kube-apiserver", API_SERVER_HOSTS),
            "kubelet-client": self._cluster.client(KUBELET_CLIENT_USER),
            "front-proxy-client": self._front_proxy.client(FRONT_PROXY_USER),
            "kube-controller-manager": self._cluster.server("kube-controller-manager", LOOPBACK),
            "kube-scheduler": self._cluster.server("kube-scheduler", LOOPBACK),
            "admin": self.admin,
        }
        for name, pair in pairs.items():
            write_private(plane.certificate(name), pair.certificate)
            write_private(plane.key(name), pair.key)
        tokens = new_key()
        write_private(plane.key("service-account"), private_pem(tokens))
        write_private(plane.data / "pki" / "service-account.pub", public_pem(tokens))
        self._write_kubeconfig(plane, "admin", "kubernetes-admin", self.admin)
        for name in ("kube-controller-manager", "kube-scheduler"):
            self._write_kubeconfig(plane, name, f"system:{name}", self._cluster.client(f"system:{name}"))

    def admit(self, plane: ControlPlane, name: str, user: str, groups: Sequence[str], namespace: str) -> Path:
        """Writes a kubeconfig called `name` with a new client certificate for `user` in `groups`."""
        return self._write_kubeconfig(plane, name, user, self._cluster.client(user, groups), namespace)

    def admit_token(self, plane: ControlPlane, name: str, user: str, token: str, namespace: str) -> Path:
        """Writes a kubeconfig called `name` with a bearer token."""
        return self._write_kubeconfig(plane, name, user, token, namespace)

    def _write_kubeconfig(
        self, plane: ControlPlane, name: str, user: str, login: KeyPair | str, namespace: str = "default"
    ) -> Path:
        content = kubeconfig(plane.api_url, self.cluster_authority, user, login, namespace)
        return write_kubeconfig(plane.kubeconfig(name), content)
