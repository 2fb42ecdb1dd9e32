"""Where an instance is, and whom to trust there."""

from __future__ import annotations

import pytest

from scvk.saladcloud.models import ContainerGroupInstance
from scvk.saladcloud.ssh.address import SshAddress, same_fingerprint, ssh_address

FINGERPRINT = "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"


def test_an_instance_shows_address_port_and_fingerprint() -> None:
    instance = ContainerGroupInstance(
        id="i", machine_id="m", ssh_ip="192.0.2.1", ssh_port=2222, ssh_host_key_fingerprint=FINGERPRINT
    )
    assert ssh_address(instance) == SshAddress("192.0.2.1", 2222, FINGERPRINT, "m")


def test_without_a_port_it_is_sshs_own() -> None:
    address = ssh_address(ContainerGroupInstance(id="i", ssh_ip="192.0.2.1", ssh_host_key_fingerprint=FINGERPRINT))
    assert address is not None
    assert address.port == 22


@pytest.mark.parametrize(
    "instance",
    [
        pytest.param(ContainerGroupInstance(id="i"), id="nothing"),
        pytest.param(ContainerGroupInstance(id="i", ssh_ip="192.0.2.1", ssh_port=22), id="nobody to trust"),
        pytest.param(ContainerGroupInstance(id="i", ssh_host_key_fingerprint=FINGERPRINT), id="no address"),
    ],
)
def test_what_is_not_whole_is_no_address(instance: ContainerGroupInstance) -> None:
    assert ssh_address(instance) is None


@pytest.mark.parametrize(
    ("shown", "same"),
    [
        (FINGERPRINT, True),
        (f" {FINGERPRINT}=\n", True),
        (FINGERPRINT.removeprefix("SHA256:"), True),
        (FINGERPRINT.replace("SHA256", "sha256"), True),
        (FINGERPRINT.lower(), False),
        ("SHA256:", False),
        ("", False),
        ("MD5:" + FINGERPRINT.removeprefix("SHA256:"), False),
    ],
)
def test_fingerprints_are_the_same_however_they_are_written(shown: str, same: bool) -> None:
    assert same_fingerprint(shown, FINGERPRINT) is same
