"""The container gateway's settings of a group: one port, reached over HTTPS under one DNS name."""

from __future__ import annotations

from enum import StrEnum

from msgspec import UNSET, UnsetType

from scvk.saladcloud.models.base import Model


class NetworkingProtocol(StrEnum):
    """The protocols known today."""

    HTTP = "http"


class LoadBalancer(StrEnum):
    """How the gateway picks an instance: the members known today."""

    ROUND_ROBIN = "round_robin"
    LEAST_NUMBER_OF_CONNECTIONS = "least_number_of_connections"


class ContainerGroupNetworking(Model, frozen=True, kw_only=True):
    """The gateway as the platform shows it. `dns` is the public name; time-outs in milliseconds."""

    auth: bool | None = None
    client_request_timeout: int | None = None
    dns: str | None = None
    load_balancer: str | None = None
    port: int | None = None
    protocol: str | None = None
    server_response_timeout: int | None = None
    single_connection_limit: bool | None = None


class CreateContainerGroupNetworking(Model, frozen=True, kw_only=True):
    """The gateway to create: fixed once the group exists, but for the port.

    `port` 1 to 65535; `client_request_timeout` and `server_response_timeout` 1 to 100000 milliseconds;
    `protocol` a `NetworkingProtocol`, `load_balancer` a `LoadBalancer`.
    """

    auth: bool
    port: int
    protocol: str
    client_request_timeout: int | None = None
    load_balancer: str | None = None
    server_response_timeout: int | None = None
    single_connection_limit: bool | None = None


class UpdateContainerGroupNetworking(Model, frozen=True, kw_only=True):
    """What can change of a gateway: `port`, 1 to 65535."""

    port: int | UnsetType | None = UNSET
