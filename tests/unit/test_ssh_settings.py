"""The SSH key of instances: what is refused, in one line, and that a replaced file is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import asyncssh
import pytest

from scvk.saladcloud.ssh.errors import KeyUnusable
from scvk.settings_error import SettingsError
from scvk.ssh_settings import SshSettings, check_ssh, connections_of, read_private_key

ENCRYPTED = b"""\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABBkMjkprw
WZXKMxYdvj1p/UAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIL6IwZYi3zxqxKvw
ssiMIAYBCpS8lJB6IgpUtGu3lHSqAAAAkAqaZq9jk33M+lVQ07uvNQX7+YS1bV3FeoYosa
Y11oM4UCVVda5ZfYz6WBs97q6WDcwUw2fb+DRsB7GoDwph7HVl9EhowYGY2IIfT2h8NAgC
Ckob0hYODmgKFrEHdQnV+pkrseNfjOSIYcmlqwFMq2Bv+Dp7tI0v1FcJmlHNSm5HwEDaeQ
HiNfPwL5wTa+9wWg==
-----END OPENSSH PRIVATE KEY-----
"""  # by ssh-keygen, of a key that opens nothing
KEY = asyncssh.generate_private_key("ssh-ed25519")


def written(folder: Path, data: bytes, mode: int = 0o600) -> Path:
    path = folder / "key"
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("data", "mode", "words"),
    [
        pytest.param(ENCRYPTED, 0o600, "encrypted", id="OpenSSH with a passphrase"),
        pytest.param(
            KEY.export_private_key("pkcs8-pem", passphrase="secret"), 0o600, "encrypted", id="PKCS#8 with a passphrase"
        ),
        pytest.param(KEY.export_public_key(), 0o600, "a public one", id="the public key"),
        pytest.param(b"hello", 0o600, "no private key", id="something else"),
        pytest.param(b"", 0o600, "no private key", id="nothing"),
        pytest.param(
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
            0o600,
            "no private key",
            id="a broken key",
        ),
        pytest.param(KEY.export_private_key(), 0o644, "mode 0644", id="readable by all"),
        pytest.param(KEY.export_private_key(), 0o660, "mode 0660", id="writable by the group"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path, data: bytes, mode: int, words: str) -> None:
    path = written(tmp_path, data, mode)
    with pytest.raises(SettingsError) as refused:
        check_ssh(SshSettings(ssh_private_key_file=str(path)))
    text = str(refused.value)
    assert text.startswith(f"--ssh-private-key-file: {path}")
    assert words in text
    assert "\n" not in text


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read \\(No such file or directory\\)"):
        check_ssh(SshSettings(ssh_private_key_file=str(tmp_path / "none")))


@pytest.mark.parametrize("kind", ["openssh", "pkcs8-pem"])
def test_every_usual_format_is_read(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, KEY.export_private_key(kind))
    check_ssh(SshSettings(ssh_private_key_file=str(path)))
    assert read_private_key(path).get_fingerprint() == KEY.get_fingerprint()


def test_a_replaced_file_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, KEY.export_private_key())
    read_private_key(path)
    other = asyncssh.generate_private_key("ssh-ed25519")
    written(tmp_path, other.export_private_key())
    assert read_private_key(path).get_fingerprint() == other.get_fingerprint()
    written(tmp_path, b"rubbish")
    with pytest.raises(KeyUnusable):
        read_private_key(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_secrets_file_may_be_readable_by_the_group_of_the_pod(tmp_path: Path) -> None:
    path = written(tmp_path, KEY.export_private_key(), 0o440)
    assert read_private_key(path).get_fingerprint() == KEY.get_fingerprint()


def test_an_agent_without_a_key_does_not_load_what_only_ssh_needs() -> None:
    script = "import sys, scvk.agent; sys.exit('asyncssh' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_without_a_key_there_are_no_connections() -> None:
    check_ssh(SshSettings())
    assert connections_of(SshSettings()) is None
