"""Where an instance's SSH server is, and by which host key it is known: pure."""

from __future__ import annotations

from dataclasses import dataclass

from scvk.saladcloud.models import ContainerGroupInstance

DEFAULT_PORT = 22
"""Of `ssh_port` in the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class SshAddress:
    """One run of an instance on one machine: another machine is another address."""

    host: str
    port: int
    fingerprint: str
    machine_id: str = ""


def ssh_address(instance: ContainerGroupInstance) -> SshAddress | None:
    """Return where to log in; None where the instance does not show all of it, without which nobody can be trusted."""
    if not instance.ssh_ip or not instance.ssh_host_key_fingerprint:
        return None
    port = instance.ssh_port or DEFAULT_PORT
    return SshAddress(instance.ssh_ip, port, instance.ssh_host_key_fingerprint, instance.machine_id or "")


def same_fingerprint(shown: str, found: str) -> bool:
    """Compare fingerprints as OpenSSH writes them: `SHA256:` and base64, which others pad."""
    return _normal(shown) == _normal(found)


def _normal(fingerprint: str) -> str:
    text = fingerprint.strip()
    algorithm, colon, rest = text.partition(":")
    if colon and algorithm.lower() == "sha256":
        text = rest
    return text.rstrip("=")
