"""Command and arguments: SaladCloud's one `command` replaces ENTRYPOINT and CMD of the image together.

| pod | runs |
|---|---|
| `command` | `command` |
| `command`, `args` | both, one after the other |
| `args` | ENTRYPOINT of the image, then `args` |
| neither | ENTRYPOINT and CMD of the image |

ENTRYPOINT and CMD stand in the image's configuration at its registry. It is asked only where they must be written into
the request: for `args` alone, and where something else has to run before the program.
"""

from __future__ import annotations

from scvk.kubelet.inputs import ContainerInputs
from scvk.provider.translate.finding import Report
from scvk.provider.translate.lines import objection
from scvk.registry import ImageConfig

# OpenAPI document, CreateContainer.command
_MAX_ITEM_LENGTH = 1000
_MAX_ITEMS = 100


def argv_of(own: ContainerInputs, image: ImageConfig | None) -> tuple[str, ...] | None:
    """Return what runs, None where the image's configuration says so and is not known."""
    if own.command:
        return own.command + own.args
    if image is None:
        return None
    return image.entrypoint + (own.args or image.command)


def secret_items(own: ContainerInputs, image: ImageConfig | None) -> frozenset[int]:
    """Return the positions in `argv_of` of items that hold something of a Secret."""
    before = len(own.command) if own.command else len(image.entrypoint) if image else 0
    return own.secret_command | {before + index for index in own.secret_args}


def judge_argv(own: ContainerInputs, path: str, report: Report) -> None:
    """Report what of the pod's command and arguments SaladCloud would not take as it is."""
    if own.args and not own.command:
        report.emulate(
            f"{path}.args",
            "EntrypointOfImage",
            "They follow the image's ENTRYPOINT, which is read from its registry and written into the command",
        )
    if len(own.command) + len(own.args) > _MAX_ITEMS:
        report.emulate(
            f"{path}.args" if own.args else f"{path}.command",
            "CommandInStartUp",
            f"Command and arguments have more than the {_MAX_ITEMS} items that SaladCloud takes: the start-up wrapper"
            " hands them over",
        )
    items = [(f"{path}.command[{index}]", item) for index, item in enumerate(own.command)]
    items += [(f"{path}.args[{index}]", item) for index, item in enumerate(own.args)]
    for where, item in items:
        if "\0" in item:
            report.refuse(where, "UnsupportedCommand", "This item has a null character; no program can be given one")
            continue
        problem = objection(item, longest=_MAX_ITEM_LENGTH)
        if problem is not None:
            report.emulate(
                where, "CommandInStartUp", f"This item {problem}: the start-up wrapper hands it over to the program"
            )


def judge_image_argv(argv: tuple[str, ...], path: str, report: Report) -> None:
    """Refuse an image that says nothing to run."""
    if not argv:
        report.refuse(
            f"{path}.command",
            "NoCommand",
            "The image has neither ENTRYPOINT nor CMD; write the program into command",
        )
