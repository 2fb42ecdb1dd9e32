"""Which registries may be asked, as options say it."""

from __future__ import annotations

import pytest

from scvk.registry import AddressPolicy
from scvk.registry_settings import RegistrySettings, checked_registries
from scvk.settings_error import SettingsError


def test_without_options_only_public_addresses_over_https_are_asked() -> None:
    assert checked_registries(RegistrySettings()) == AddressPolicy()


def test_hosts_may_be_repeated_and_have_ports() -> None:
    settings = RegistrySettings(
        private_registry=("Registry.LAN, 10.0.0.1:443",), insecure_registry=("localhost:5000", "[::1]:5000")
    )
    assert checked_registries(settings) == AddressPolicy(
        plain_http=frozenset({"localhost:5000", "[::1]:5000"}), private=frozenset({"registry.lan", "10.0.0.1:443"})
    )


@pytest.mark.parametrize(
    "host", ["https://registry.lan", "registry.lan/team", "a b", "registry:0", "registry:99999", "-"]
)
@pytest.mark.parametrize("option", ["private_registry", "insecure_registry"])
def test_what_is_no_host_is_named(option: str, host: str) -> None:
    with pytest.raises(SettingsError, match="--" + option.replace("_", "-")):
        checked_registries(RegistrySettings(**{option: (host,)}))
