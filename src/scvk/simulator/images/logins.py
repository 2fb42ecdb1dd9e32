"""A group's `registry_authentication` as a login that a registry takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scvk.registry import ImageReference, Login

# Kinds whose password must first be had from the cloud's own API.
_CLOUDS = {
    "aws_ecr": "Amazon ECR",
    "gcp_gar": "Google Artifact Registry",
    "gcp_gcr": "Google Container Registry",
}


class LoginUnusable(Exception):
    """The message says why this login cannot be used for this image."""


def login_for(reference: ImageReference, authentication: Mapping[str, Any] | None) -> Login | None:
    """The login, None without one. `authentication` is valid by the OpenAPI document. Raises LoginUnusable."""
    given = {kind: values for kind, values in (authentication or {}).items() if values is not None}
    if not given:
        return None
    kind, values = next(iter(given.items()))
    if kind == "basic":
        return Login(values["username"], values["password"])
    if kind == "docker_hub":
        if not reference.is_docker_hub:
            # Sent there, it would tell another registry a password of Docker Hub's.
            raise LoginUnusable(f"the login is one of Docker Hub, and the image is at {reference.registry}")
        return Login(values["username"], values["personal_access_token"])
    name = _CLOUDS.get(kind, kind)
    raise LoginUnusable(f"the simulator cannot log in to {name} ({kind}), only with basic and docker_hub")
