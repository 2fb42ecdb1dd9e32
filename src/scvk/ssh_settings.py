"""The option for SSH to instances, and the connections made of it."""

import os
import stat
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from scvk.saladcloud.ssh.errors import KeyUnusable
from scvk.saladcloud.ssh.pool import SharedConnections
from scvk.settings_error import SettingsError

if TYPE_CHECKING:
    from scvk.saladcloud.ssh.private_key import PrivateKey

_API = Group("Kubelet API", sort_key=3)
_OPTION = "--ssh-private-key-file"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SshSettings:
    """How instances are logged into."""

    ssh_private_key_file: Annotated[str, Parameter(env_var="SALAD_VK_SSH_PRIVATE_KEY_FILE", group=_API)] = ""
    """Private key, without a passphrase, whose public key is saved in SaladCloud's portal: for kubectl exec, cp and
    port-forward. Read again for each new connection, so that it can be replaced."""


def check_ssh(settings: SshSettings) -> None:
    """Raise SettingsError where there is a key file that cannot be used."""
    if settings.ssh_private_key_file:
        try:
            read_private_key(Path(settings.ssh_private_key_file))
        except KeyUnusable as error:
            raise SettingsError(f"{_OPTION}: {error}") from None


def connections_of(settings: SshSettings) -> SharedConnections | None:
    """Return connections that log in with the configured key; None without one. Nothing is opened yet."""
    if not settings.ssh_private_key_file:
        return None
    from scvk.saladcloud.ssh.connection import connect  # noqa: PLC0415 - 20 MB that only those need who have a key

    return SharedConnections(partial(connect, read_key=partial(read_private_key, Path(settings.ssh_private_key_file))))


def read_private_key(path: Path) -> "PrivateKey":
    """Return the key in a file. Raises KeyUnusable."""
    from scvk.saladcloud.ssh.private_key import PrivateKeyError, private_key_of  # noqa: PLC0415 - as above

    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            data = file.read()
    except OSError as error:
        raise KeyUnusable(f"{path} cannot be read ({error.strerror})") from None
    if _too_open(facts):
        raise KeyUnusable(
            f"{path} can be read by others (mode {stat.S_IMODE(facts.st_mode):04o}): give it mode 0600, or 0440 in a "
            "Secret's volume that belongs to another user"
        )
    try:
        return private_key_of(data)
    except PrivateKeyError as error:
        raise KeyUnusable(f"{path} cannot be used: {error}") from None


def _too_open(facts: os.stat_result) -> bool:
    """Judge as OpenSSH does, but let root's files be readable by their group, as those of a Secret's volume are."""
    forbidden = stat.S_IRWXO | stat.S_IWGRP
    if facts.st_uid == os.geteuid() and facts.st_uid != 0:
        forbidden |= stat.S_IRWXG
    return bool(facts.st_mode & forbidden)
