"""A request's body for people's eyes: whatever may hold something of a Secret is replaced by `•••`.

Hidden are the variables that the translation names as secret (chunks of the start-up wrapper among them), credentials
of registries and log sinks, and items of commands in which the value of such a variable stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import msgspec

from scvk.kubelet.inputs import ContainerInputs
from scvk.saladcloud.models import ContainerGroupPrototype, Model, body_of

MASK = "•••"

_LOGINS = ("registry_authentication", "logging")


def masked_body(
    request: ContainerGroupPrototype, secret_variables: Set[str], inputs: ContainerInputs
) -> dict[str, Any]:
    """Return the body of the create call with its secrets masked. `inputs` are those of the container that runs."""
    body = body_of(request)
    container = body["container"]
    variables: dict[str, str] = container.get("environment_variables") or {}
    if variables:
        container["environment_variables"] = {
            name: MASK if name in secret_variables else value for name, value in variables.items()
        }
    if request.container.command:
        secrets = {variables[name] for name in secret_variables if variables.get(name)}
        container["command"] = _masked_command(request.container.command, secrets, inputs)
    for name in _LOGINS:
        model = getattr(request.container, name)
        if model is not None:
            container[name] = _masked(model, container[name])
    return body


def _masked_command(command: Sequence[str], secrets: Set[str], inputs: ContainerInputs) -> list[str]:
    if tuple(command) == (*inputs.command, *inputs.args):  # as the pod has it: which items are secret is known
        hidden = inputs.secret_command | {len(inputs.command) + index for index in inputs.secret_args}
        return [MASK if index in hidden else item for index, item in enumerate(command)]
    return [MASK if any(secret in item for secret in secrets) else item for item in command]


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
