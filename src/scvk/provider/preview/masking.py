"""A request's body for people's eyes: whatever may hold something of a Secret is replaced by `•••`.

Hidden are the variables that the translation names as secret (chunks of the start-up wrapper among them), credentials
of registries and log sinks, and items of commands in which the value of such a variable stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import msgspec

from scvk.saladcloud.models import ContainerGroupPrototype, Model, body_of

MASK = "•••"

_LOGINS = ("registry_authentication", "logging")


def shown_body(request: ContainerGroupPrototype, secret_variables: Set[str], *, show_secrets: bool) -> dict[str, Any]:
    """Return the body of the create call, as it is sent or with its secrets masked."""
    body = body_of(request)
    if show_secrets:
        return body
    container = body["container"]
    variables: dict[str, str] = container.get("environment_variables") or {}
    secrets = {variables[name] for name in secret_variables if variables.get(name)}
    if variables:
        container["environment_variables"] = {
            name: MASK if name in secret_variables else value for name, value in variables.items()
        }
    if container.get("command"):
        container["command"] = [_masked_text(item, secrets) for item in container["command"]]
    for name in _LOGINS:
        model = getattr(request.container, name)
        if model is not None:
            container[name] = _masked(model, container[name])
    for name in ("startup_probe", "liveness_probe", "readiness_probe"):
        probe = body.get(name)
        if probe and probe.get("exec"):
            probe["exec"]["command"] = [_masked_text(item, secrets) for item in probe["exec"]["command"]]
    return body


def _masked_text(text: str, secrets: Set[str]) -> str:
    return MASK if any(secret in text for secret in secrets) else text


def _masked(model: Model, body: Any) -> Any:
    """Return the body of a model without the values of its secret fields, at any depth."""
    if not isinstance(body, Mapping):
        return body
    shown: dict[str, Any] = {}
    names = {field.encode_name: field.name for field in msgspec.structs.fields(type(model))}
    for name, value in body.items():
        inner = getattr(model, names[name])
        if names[name] in model.secret_fields:
            shown[name] = MASK
        elif isinstance(inner, Model):
            shown[name] = _masked(inner, value)
        elif isinstance(inner, tuple):
            shown[name] = [
                _masked(item, each) if isinstance(item, Model) else each
                for item, each in zip(inner, value, strict=True)
            ]
        else:
            shown[name] = value
    return shown
