"""Writes kubeconfig files. They hold all they need, so that they can be copied anywhere on this machine."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from scvk.testbed.certificates import KeyPair

CLUSTER = "scvk-testbed"


def kubeconfig(
    server: str, authority: bytes, user: str, credentials: KeyPair | str, namespace: str = "default"
) -> dict[str, object]:
    """A kubeconfig as plain data.

    `authority` is the API server's CA (PEM), `credentials` a client certificate or a token.
    """
    if isinstance(credentials, str):
        login = {"token": credentials}
    else:
        login = {
            "client-certificate-data": _base64(credentials.certificate),
            "client-key-data": _base64(credentials.key),
        }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": CLUSTER, "cluster": {"server": server, "certificate-authority-data": _base64(authority)}}
        ],
        "users": [{"name": user, "user": login}],
        "contexts": [{"name": CLUSTER, "context": {"cluster": CLUSTER, "user": user, "namespace": namespace}}],
        "current-context": CLUSTER,
    }


def write_kubeconfig(path: Path, content: dict[str, object]) -> Path:
    """Writes it as YAML, readable by this user only; returns the path."""
    write_private(path, yaml.safe_dump(content, sort_keys=False).encode())
    return path


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only this user can read, from its first byte on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
