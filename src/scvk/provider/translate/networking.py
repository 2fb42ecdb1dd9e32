"""The container gateway: `salad.com/networking-…` annotations as the group's networking."""

from __future__ import annotations

from lightkube.models.core_v1 import Container

from scvk.provider.annotations import (
    NETWORKING_AUTH,
    NETWORKING_CLIENT_REQUEST_TIMEOUT,
    NETWORKING_LOAD_BALANCER,
    NETWORKING_PORT,
    NETWORKING_PROTOCOL,
    NETWORKING_SERVER_RESPONSE_TIMEOUT,
    NETWORKING_SINGLE_CONNECTION_LIMIT,
    TIMEOUT_RANGE_MS,
    Annotation,
)
from scvk.provider.translate.finding import Report
from scvk.provider.translate.ports import is_port_name, port_named, port_of
from scvk.provider.translate.settings import INVALID, Settings
from scvk.saladcloud.models import CreateContainerGroupNetworking, NetworkingProtocol

_NEED_A_PORT: tuple[Annotation, ...] = (
    NETWORKING_PROTOCOL,
    NETWORKING_AUTH,
    NETWORKING_LOAD_BALANCER,
    NETWORKING_SINGLE_CONNECTION_LIMIT,
    NETWORKING_CLIENT_REQUEST_TIMEOUT,
    NETWORKING_SERVER_RESPONSE_TIMEOUT,
)


def _is_for_other_pods(settings: Settings, container: Container) -> bool:
    """Say whether the namespace names a port as a default that this pod does not have, and asks nothing of itself."""
    written = settings.text(NETWORKING_PORT) or ""
    own = any(settings.is_own(annotation) for annotation in (NETWORKING_PORT, *_NEED_A_PORT))
    return not own and is_port_name(written) and port_named(container, written) is None


def networking_of(settings: Settings, container: Container, report: Report) -> CreateContainerGroupNetworking | None:
    """Return the gateway's settings, None where the pod is not to be reached."""
    protocol = settings.choice(NETWORKING_PROTOCOL)
    auth = settings.boolean(NETWORKING_AUTH)
    load_balancer = settings.choice(NETWORKING_LOAD_BALANCER)
    single_connection_limit = settings.boolean(NETWORKING_SINGLE_CONNECTION_LIMIT)
    client_request_timeout = settings.whole_number(NETWORKING_CLIENT_REQUEST_TIMEOUT, TIMEOUT_RANGE_MS)
    server_response_timeout = settings.whole_number(NETWORKING_SERVER_RESPONSE_TIMEOUT, TIMEOUT_RANGE_MS)
    if settings.text(NETWORKING_PORT) is None:
        given = [annotation.key for annotation in _NEED_A_PORT if settings.is_own(annotation)]
        if given:
            report.refuse(
                NETWORKING_PORT.path,
                INVALID,
                f"{NETWORKING_PORT.key} is missing; it is needed for {', '.join(given)}",
            )
        return None
    if _is_for_other_pods(settings, container):
        return None
    port = port_of(settings, NETWORKING_PORT, container)
    if port is None:
        return None
    return CreateContainerGroupNetworking(
        port=port,
        protocol=protocol or NetworkingProtocol.HTTP.value,
        # Closed unless the pod says otherwise: nothing becomes public by omission.
        auth=True if auth is None else auth,
        load_balancer=load_balancer,
        single_connection_limit=single_connection_limit,
        client_request_timeout=client_request_timeout,
        server_response_timeout=server_response_timeout,
    )
