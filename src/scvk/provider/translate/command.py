"""The image and the command. SaladCloud's one `command` replaces ENTRYPOINT and CMD of the image together.

| pod | group |
|---|---|
| `command` | `command` |
| `command`, `args` | both, one after the other |
| neither | left out: the image's own |
| `args` alone | refused: they belong to the image's ENTRYPOINT, which is not known here |
"""

from __future__ import annotations

from lightkube.models.core_v1 import Container

from scvk.kubelet.inputs import ContainerInputs
from scvk.provider.translate.finding import Report
from scvk.provider.translate.lines import objection

# OpenAPI document, ContainerImage and CreateContainer.command
_MAX_IMAGE_LENGTH = 2048
_MAX_ITEM_LENGTH = 1000
_MAX_ITEMS = 100


def image_of(container: Container, path: str, report: Report) -> str:
    """Return the image; a name that cannot be one is refused."""
    image = container.image or ""
    problem = objection(image, longest=_MAX_IMAGE_LENGTH)
    if problem is None and any(character.isspace() for character in image):
        problem = "has a space"
    if problem is not None:
        report.refuse(f"{path}.image", "InvalidImageName", f"The name of the image {problem}")
    return image


def command_of(inputs: ContainerInputs, path: str, report: Report) -> tuple[str, ...] | None:
    """Return the group's command, None where the image's own is to run."""
    if not inputs.command:
        if inputs.args:
            report.refuse(
                f"{path}.args",
                "UnknownEntrypoint",
                "Arguments without a command belong to the image's ENTRYPOINT, which is not known here; write the"
                " program into command",
            )
        return None
    items = inputs.command + inputs.args
    if len(items) > _MAX_ITEMS:
        report.refuse(
            f"{path}.command",
            "CommandTooLong",
            f"Command and arguments have {len(items)} items, SaladCloud takes {_MAX_ITEMS}; join them in a script"
            " of the image",
        )
    for index, item in enumerate(items):
        problem = objection(item, longest=_MAX_ITEM_LENGTH)
        if problem is not None:
            field, at = ("command", index) if index < len(inputs.command) else ("args", index - len(inputs.command))
            report.refuse(
                f"{path}.{field}[{at}]",
                "UnsupportedCommand",
                f"This item {problem}; SaladCloud takes 1 to {_MAX_ITEM_LENGTH} characters in one line; put it into"
                " a script of the image",
            )
    return items
