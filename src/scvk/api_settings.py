"""Options of the kubelet's API, and the socket and certificate made of them."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from scvk.kubelet.api.certificate_sources import FromFiles, SelfSigned
from scvk.kubelet.api.listener import CannotListen, PortTaken, listening_socket
from scvk.kubelet.api.server import ApiDoor
from scvk.kubelet.api.serving_certificate import ServingCertificate
from scvk.kubelet.api.signed_by_cluster import SignedByCluster
from scvk.settings_error import SettingsError

KUBELET_PORT = 10250
_API = Group("Kubelet API", sort_key=3)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ApiSettings:
    """How the kubelet's API is served."""

    kubelet_port: Annotated[int, Parameter(env_var="SALAD_VK_KUBELET_PORT", group=_API)] = KUBELET_PORT
    """Port of the kubelet's API on the node's address; 0 takes a free one, for a second agent or a kubelet on the same
    machine. The node tells the API server which it is."""

    kubelet_certificate: Annotated[
        Literal["self-signed", "files", "csr"], Parameter(env_var="SALAD_VK_KUBELET_CERTIFICATE", group=_API)
    ] = "self-signed"
    """Where the certificate of the kubelet's API comes from: made by the agent, read from files, or signed by the
    cluster (csr), when somebody has approved the agent's request. An API server that was told an authority for kubelets
    needs one of the last two."""

    kubelet_certificate_file: Annotated[str, Parameter(env_var="SALAD_VK_KUBELET_CERTIFICATE_FILE", group=_API)] = ""
    """Certificate chain as PEM, where it comes from files. Read again when it changes."""

    kubelet_private_key_file: Annotated[str, Parameter(env_var="SALAD_VK_KUBELET_PRIVATE_KEY_FILE", group=_API)] = ""
    """Private key of the certificate as PEM, where it comes from files. Read again when it changes."""


def check_api(settings: ApiSettings) -> None:
    """Raise SettingsError for what cannot be."""
    if not 0 <= settings.kubelet_port <= 0xFFFF:
        raise SettingsError(f"--kubelet-port: {settings.kubelet_port} is no port")
    files = (settings.kubelet_certificate_file, settings.kubelet_private_key_file)
    if settings.kubelet_certificate == "files" and not all(files):
        raise SettingsError(
            "--kubelet-certificate files needs --kubelet-certificate-file and --kubelet-private-key-file"
        )
    if settings.kubelet_certificate != "files" and any(files):
        raise SettingsError("a certificate file or key file is given: say --kubelet-certificate files, too")


@contextmanager
def api_door(settings: ApiSettings, node: str, address: str, now: Callable[[], datetime]) -> Iterator[ApiDoor]:
    """Listen on the node's address while the block runs. Raises SettingsError where that is not possible."""
    certificate = _certificate_source(settings, node, address, now)
    configuration = {
        "address": address,
        "nodeName": node,
        "kubeletCertificate": settings.kubelet_certificate,
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}, "x509": {}},
        "authorization": {"mode": "Webhook"},
    }
    with closing(_open_socket(settings, address)) as listening:
        port = listening.getsockname()[1]
        yield ApiDoor(listening, certificate, {**configuration, "port": port}, time.monotonic)


def _open_socket(settings: ApiSettings, address: str) -> socket.socket:
    try:
        return listening_socket(address, settings.kubelet_port)
    except PortTaken as error:
        raise SettingsError(f"--kubelet-port: {error}; --kubelet-port 0 takes a free one") from error
    except CannotListen as error:
        raise SettingsError(f"--kubelet-address, --kubelet-port: {error}") from error


def _certificate_source(
    settings: ApiSettings, node: str, address: str, now: Callable[[], datetime]
) -> Callable[[], ServingCertificate]:
    """Return where the certificate of each new connection comes from. Raises SettingsError."""
    if settings.kubelet_certificate == "self-signed":
        return SelfSigned(node, address, now)
    if settings.kubelet_certificate == "csr":
        return SignedByCluster(node, address, now)
    try:
        return FromFiles(Path(settings.kubelet_certificate_file), Path(settings.kubelet_private_key_file))
    except ValueError as error:
        raise SettingsError(f"--kubelet-certificate files: {error}") from error
