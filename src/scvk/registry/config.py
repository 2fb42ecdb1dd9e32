"""An image's configuration: what runs in it, as whom, where, with which environment. Pure.

OCI image specification 1.1, "OCI Image Configuration"; Docker's has the same members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from scvk.registry.errors import Unreadable, quoted


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """`entrypoint` and `command` are argument vectors, both may be empty. `user` is `name|uid[:group|gid]` or empty.

    `working_dir` is an absolute path. `stop_signal` is a name such as SIGQUIT or a number, or empty.
    """

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = "/"
    user: str = ""
    stop_signal: str = ""


class _Config(
    msgspec.Struct,
    rename={
        "entrypoint": "Entrypoint",
        "command": "Cmd",
        "environment": "Env",
        "working_dir": "WorkingDir",
        "user": "User",
        "stop_signal": "StopSignal",
    },
):
    entrypoint: list[str] | None = None
    command: list[str] | None = None
    environment: list[str] | None = None
    working_dir: str | None = None
    user: str | None = None
    stop_signal: str | None = None


class _Document(msgspec.Struct):
    config: _Config | None = None


def read_config(body: bytes, what: str) -> ImageConfig:
    """Read a configuration blob. Raises Unreadable; members that do not matter here may have any shape."""
    try:
        config = msgspec.json.decode(body, type=_Document).config or _Config()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"{what}: the configuration cannot be read: {quoted(str(error))}") from error
    texts = [*(config.entrypoint or ()), *(config.command or ()), *(config.environment or ())]
    if any("\0" in text for text in [*texts, config.working_dir or "", config.user or ""]):
        raise Unreadable(f"{what}: the configuration has a null character in it")
    pairs = (text.partition("=") for text in config.environment or ())
    working_dir = config.working_dir or "/"
    return ImageConfig(
        entrypoint=tuple(config.entrypoint or ()),
        command=tuple(config.command or ()),
        environment={name: value for name, _, value in pairs if name},
        working_dir=working_dir if working_dir.startswith("/") else f"/{working_dir}",
        user=config.user or "",
        stop_signal=config.stop_signal or "",
    )
