"""The options that say which image registries may be asked, beyond those on the internet over HTTPS.

Images are a tenant's text: without such a limit, a pod could have the agent ask services that only the agent can reach.
"""

# No postponed annotations here: cyclopts reads those of inherited fields in the module of the class that inherits.

import re
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

from scvk.registry import AddressPolicy
from scvk.settings_error import SettingsError
from scvk.translation_settings import items

_HOST = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:([0-9]{1,5}))?")

_PODS = Group("Pods", sort_key=3)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RegistrySettings:
    """Where images may be looked up."""

    private_registry: Annotated[
        tuple[str, ...], Parameter(env_var="SALAD_VK_PRIVATE_REGISTRIES", negative=(), group=_PODS)
    ] = ()
    """A registry, HOST or HOST:PORT, that may have a private address: it is asked over HTTPS what an image runs; may be
    repeated. In the variable: several with commas between."""

    insecure_registry: Annotated[
        tuple[str, ...], Parameter(env_var="SALAD_VK_INSECURE_REGISTRIES", negative=(), group=_PODS)
    ] = ()
    """A registry, HOST or HOST:PORT, that is asked over plain HTTP, whatever address it has: its logins can be read on
    the way; may be repeated. In the variable: several with commas between."""


def checked_registries(settings: RegistrySettings) -> AddressPolicy:
    """Return which registries may be asked; raises SettingsError with the first option that is wrong."""
    return AddressPolicy(
        plain_http=_hosts("--insecure-registry", settings.insecure_registry),
        private=_hosts("--private-registry", settings.private_registry),
    )


def _hosts(option: str, given: tuple[str, ...]) -> frozenset[str]:
    hosts = [text.lower() for text in items(given)]
    for host in hosts:
        match = _HOST.fullmatch(host)
        if match is None or (match[4] is not None and not 0 < int(match[4]) < 65536):
            raise SettingsError(f"{option}: {host!r} is no host with an optional port, such as registry.lan:5000")
    return frozenset(hosts)
