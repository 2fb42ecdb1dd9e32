"""How SaladCloud logs in to the registry of a private image: one of five kinds, all hidden in `repr`.

Only ever sent, never read: answers do not carry these. Values have 1 to 10,000 characters.
"""

from __future__ import annotations

from typing import ClassVar

from scvk.saladcloud.models.base import Model


class AwsEcrAuthentication(Model, frozen=True, kw_only=True):
    """AWS Elastic Container Registry."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"access_key_id", "secret_access_key"})

    access_key_id: str
    secret_access_key: str


class BasicAuthentication(Model, frozen=True, kw_only=True):
    """User name and password of any registry."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"username", "password"})

    username: str
    password: str


class DockerHubAuthentication(Model, frozen=True, kw_only=True):
    """User name and personal access token of Docker Hub."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"username", "personal_access_token"})

    username: str
    personal_access_token: str


class GcpGarAuthentication(Model, frozen=True, kw_only=True):
    """Google Artifact Registry: a service account's key as JSON text (line breaks are allowed here)."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"service_key"})

    service_key: str


class GcpGcrAuthentication(Model, frozen=True, kw_only=True):
    """Google Container Registry: a service account's key as JSON text (line breaks are allowed here)."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"service_key"})

    service_key: str


class RegistryAuthentication(Model, frozen=True, kw_only=True):
    """The login of one image: give exactly one."""

    aws_ecr: AwsEcrAuthentication | None = None
    basic: BasicAuthentication | None = None
    docker_hub: DockerHubAuthentication | None = None
    gcp_gar: GcpGarAuthentication | None = None
    gcp_gcr: GcpGcrAuthentication | None = None
