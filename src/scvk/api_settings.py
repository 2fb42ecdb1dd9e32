"""Options of the kubelet's API, and the socket and certificate made of them."""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import structlog
from cyclopts import Group, Parameter

from scvk.kubelet.api.certificate_sources import FromFiles, SelfSigned
from scvk.kubelet.api.listener import CannotListen, PortTaken, listening_socket
from scvk.kubelet.api.server import ApiDoor
from scvk.kubelet.api.serving_certificate import ServingCertificate
from scvk.kubelet.api.signed_by_cluster import SignedByCluster
from scvk.own_process import own_usage
from scvk.settings_error import SettingsError
from scvk.told_options import told_options

KUBELET_PORT = 10250
NODE_ADDRESS = "node"
LOOPBACK, NO_PORT = "127.0.0.1", -1
METRICS_PORT = 10255
"""Where kubelets once told figures without TLS, and virtual kubelets still do."""
_API = Group("Kubelet API", sort_key=3)

log = structlog.get_logger(__name__)


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

    metrics_address: Annotated[str, Parameter(env_var="SALAD_VK_METRICS_ADDRESS", group=_API)] = LOOPBACK
    """IP address of the plain port for metrics of the agent and its health; `node`: the node's own, in a pod that of
    the pod, for Prometheus and probes. The port asks nobody who he is, and tells nothing of any pod."""

    metrics_port: Annotated[int | None, Parameter(env_var="SALAD_VK_METRICS_PORT", group=_API)] = None
    """Port for metrics of the agent (/metrics) and its health (/healthz), without TLS; 0 takes a free one, -1 none.
    Default: 10255, or a free one where that is taken."""


def check_api(settings: ApiSettings) -> None:
    """Raise SettingsError for what cannot be."""
    if settings.metrics_address != NODE_ADDRESS:
        check_address("--metrics-address", settings.metrics_address)
    if settings.metrics_port is not None and not NO_PORT <= settings.metrics_port <= 0xFFFF:
        raise SettingsError(f"--metrics-port: {settings.metrics_port} is no port, nor -1")
    if not 0 <= settings.kubelet_port <= 0xFFFF:
        raise SettingsError(f"--kubelet-port: {settings.kubelet_port} is no port")
    files = (settings.kubelet_certificate_file, settings.kubelet_private_key_file)
    if settings.kubelet_certificate == "files" and not all(files):
        raise SettingsError(
            "--kubelet-certificate files needs --kubelet-certificate-file and --kubelet-private-key-file"
        )
    if settings.kubelet_certificate != "files" and any(files):
        raise SettingsError("a certificate file or key file is given: say --kubelet-certificate files, too")


def check_address(option: str, text: str, *, is_called: bool = False) -> None:
    """Raise SettingsError unless the text is an IP address, or empty; and one that others can call, if it must be."""
    try:
        address = ipaddress.ip_address(text) if text else None
    except ValueError:
        raise SettingsError(f"{option}: {text!r} is no IP address") from None
    if is_called and address is not None and (address.is_unspecified or address.is_multicast or "%" in text):
        raise SettingsError(f"{option}: {text} is no address of this machine that the API server could call; name one")


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
    with ExitStack() as stack:
        listening = stack.enter_context(closing(_api_socket(settings, address)))
        plain = _plain_socket(settings, address)
        configuration = {**configuration, "port": listening.getsockname()[1], "options": told_options(settings)}
        if plain is not None:
            stack.enter_context(closing(plain))
            at, port = plain.getsockname()[:2]
            configuration |= {"metricsAddress": at, "metricsPort": port}
            log.info("metrics and health are told without TLS", address=at, port=port)
        yield ApiDoor(listening, certificate, configuration, time.monotonic, own_usage(), plain)


def _api_socket(settings: ApiSettings, address: str) -> socket.socket:
    try:
        return listening_socket(address, settings.kubelet_port)
    except PortTaken as error:
        raise SettingsError(f"--kubelet-port: {error}; --kubelet-port 0 takes a free one") from error
    except CannotListen as error:
        raise SettingsError(f"--kubelet-address, --kubelet-port: {error}") from error


def _plain_socket(settings: ApiSettings, node_address: str) -> socket.socket | None:
    if settings.metrics_port == NO_PORT:
        return None
    address = node_address if settings.metrics_address == NODE_ADDRESS else settings.metrics_address or LOOPBACK
    try:
        return _plain_socket_at(address, settings.metrics_port)
    except CannotListen as error:
        raise SettingsError(f"--metrics-address, --metrics-port: {error}") from error


def _plain_socket_at(address: str, port: int | None) -> socket.socket:
    """Listen on a port, or where none is given on the usual one, or on a free one. Raises CannotListen."""
    if port is not None:
        return listening_socket(address, port)
    try:
        return listening_socket(address, METRICS_PORT)
    except PortTaken as error:
        listening = listening_socket(address, 0)
        log.info("taking a free port for metrics and health", port=listening.getsockname()[1], why=str(error))
        return listening


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
