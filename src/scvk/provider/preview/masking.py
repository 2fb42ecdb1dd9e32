"""A request's body for people's eyes: whatever may hold something of a Secret is replaced by `•••`.

Hidden are the variables and the items of the command that the translation names as secret, chunks of the start-up
wrapper among them, and the credentials of registries and log sinks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from scvk.provider.translate import Translation
from scvk.saladcloud.models import ContainerGroupPrototype, Model, body_of

MASK = "•••"

_LOGINS = ("registry_authentication", "logging")


def masked_body(translation: Translation, request: ContainerGroupPrototype) -> dict[str, Any]:
    """Return the body of the create call, which is `translation`'s, with its secrets masked."""
    body = body_of(request)
    container = body["container"]
    variables: Mapping[str, str] = container.get("environment_variables") or {}
    if variables:
        hidden = translation.secret_variables
        container["environment_variables"] = {
            name: MASK if name in hidden else value for name, value in variables.items()
        }
    if container.get("command"):
        container["command"] = [
            MASK if index in translation.secret_command else item for index, item in enumerate(container["command"])
        ]
    for name in _LOGINS:
        model = getattr(request.container, name)
        if model is not None:
            container[name] = _masked(model, container[name])
    return body


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
