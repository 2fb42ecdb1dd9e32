"""Every option of the agent in one place: flag, environment variable, default, and what it means.

Flags and variables of the Go program that this one replaces keep their names, so that a deployment can switch
without a change. Reading and checking are pure: `AgentSettings` holds what was given, `check` says what is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import httpx2
from cyclopts import Group, Parameter

from scvk.api_settings import ApiSettings, check_address, check_api
from scvk.kubelet.node import Taint
from scvk.node_settings import (
    FIXED_LABELS,
    MOST_NODE_NAME_CHARACTERS,
    PROVIDER_TAINT,
    distinct,
    node_name,
    parse_label,
    parse_taint,
)
from scvk.provider.translate.policy import Policy
from scvk.registry import AddressPolicy
from scvk.registry_settings import RegistrySettings, checked_registries
from scvk.settings_error import SettingsError
from scvk.ssh_settings import SshSettings, check_ssh
from scvk.translation_settings import TranslationSettings, checked_policy, items

__all__ = [
    "DEFAULT_API_URL",
    "FIXED_LABELS",
    "LOG_LEVELS",
    "MOST_NODE_NAME_CHARACTERS",
    "PROVIDER_TAINT",
    "AgentSettings",
    "Checked",
    "CheckedSaladCloud",
    "SaladCloudSettings",
    "SettingsError",
    "api_key",
    "checked",
    "checked_saladcloud",
    "is_web_address",
    "log_level",
    "node_name",
    "parse_label",
    "parse_taint",
]

DEFAULT_API_URL = "https://api.salad.com/api/public"
LOG_LEVELS = {
    "trace": "debug",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fatal": "critical",
    "panic": "critical",
}
"""The Go program's words, and what they mean here."""

_SALADCLOUD_NAME = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")  # OrganizationName and ProjectName of the document
_NODE = Group("Node", sort_key=1)
_CLUSTER = Group("Kubernetes", sort_key=2)
_SALADCLOUD = Group("SaladCloud", sort_key=4)
_OUTPUT = Group("Output", sort_key=5)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SaladCloudSettings:
    """How to reach SaladCloud: what every command that asks it needs."""

    sce_api_key: Annotated[str, Parameter(env_var="SALAD_CLOUD_API_KEY", show_default=False, group=_SALADCLOUD)] = (
        field(default="", repr=False)
    )
    """API key of SaladCloud (required). A command line is public on its machine: prefer the variable or the file."""

    sce_api_key_file: Annotated[str, Parameter(env_var="SALAD_CLOUD_API_KEY_FILE", group=_SALADCLOUD)] = ""
    """File that holds the API key, for mounted Secrets."""

    sce_organization_name: Annotated[str, Parameter(env_var="SALAD_CLOUD_ORGANIZATION_NAME", group=_SALADCLOUD)] = ""
    """Organization of SaladCloud (required)."""

    sce_project_name: Annotated[str, Parameter(env_var="SALAD_CLOUD_PROJECT_NAME", group=_SALADCLOUD)] = ""
    """Project of SaladCloud (required)."""

    api_url: Annotated[str, Parameter(env_var="SALAD_CLOUD_API_URL", group=_SALADCLOUD)] = DEFAULT_API_URL
    """Base URL of SaladCloud's API."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class NodeSettings(SaladCloudSettings):
    """Which node of which cluster, and of which project: what every command needs that acts on groups of pods."""

    nodename: Annotated[str, Parameter(env_var="SALAD_VK_NODE_NAME", group=_NODE)] = ""
    """Name of the Kubernetes node. Default: saladcloud-ORGANIZATION-PROJECT, cut with a hash beyond 63 characters."""

    kubeconfig: Annotated[
        str, Parameter(env_var="KUBECONFIG", name=("--kubeconfig", "--kube-config"), group=_CLUSTER)
    ] = ""
    """Kubeconfig file. Default: the pod's own service account, else ~/.kube/config."""

    cluster_id: Annotated[str, Parameter(env_var="SALAD_VK_CLUSTER_ID", group=_CLUSTER)] = ""
    """Tells apart clusters that share the UID of kube-system, as one restored from a backup of the other does."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class AgentSettings(SshSettings, ApiSettings, RegistrySettings, TranslationSettings, NodeSettings):
    """What `scvk run` was told. Construct it freely; `checked` raises SettingsError for what cannot be."""

    disable_taint: Annotated[bool, Parameter(negative=(), group=_NODE)] = False
    """Leave out the taint virtual-kubelet.io/provider=saladcloud:NoSchedule: any pod may then be scheduled here."""

    taint: Annotated[tuple[str, ...], Parameter(env_var="SALAD_VK_TAINTS", negative=(), group=_NODE)] = ()
    """A further taint, KEY=VALUE:EFFECT; may be repeated. In the variable: several with commas between."""

    node_label: Annotated[tuple[str, ...], Parameter(env_var="SALAD_VK_NODE_LABELS", negative=(), group=_NODE)] = ()
    """A further label of the node, KEY=VALUE; may be repeated. In the variable: several with commas between."""

    kubelet_address: Annotated[str, Parameter(env_var="POD_IP", group=_NODE)] = ""
    """IP address that the node shows (InternalIP), and on which the kubelet's API listens. Default: the one from which
    this machine reaches the API server, never loopback where there is another."""

    pod_ip: Annotated[Literal["none", "node"], Parameter(env_var="SALAD_VK_POD_IP", group=_NODE)] = "none"
    """Address that pods show: none, or the node's, for controllers that wait for one. Nothing reaches a pod by it."""

    agent_namespace: Annotated[str, Parameter(env_var="SALAD_VK_AGENT_NAMESPACE", group=_CLUSTER)] = ""
    """Namespace of the Lease that keeps a second agent for the node from starting. Default: that of the pod or of the
    kubeconfig's context."""

    adopt_legacy: Annotated[bool, Parameter(env_var="SALAD_VK_ADOPT_LEGACY", negative=(), group=_CLUSTER)] = False
    """Take over container groups that the Go program made for pods of this node, as they run. For the switch from that
    program; needs its node name. What was taken over stays so when this is left out again."""

    service_links: Annotated[bool, Parameter(env_var="SALAD_VK_SERVICE_LINKS", negative=(), group=_CLUSTER)] = False
    """Give pods the variables that name the Services of their namespace and the API server, as a kubelet does. Without
    a way into the cluster's network they lead nowhere."""

    log_level: Annotated[str, Parameter(env_var="SALAD_VK_LOG_LEVEL", group=_OUTPUT)] = "info"
    """trace, debug, info, warn, error, fatal or panic."""

    log_format: Annotated[Literal["text", "json"], Parameter(env_var="SALAD_VK_LOG_FORMAT", group=_OUTPUT)] = "text"
    """Log lines as text for people or as JSON, on standard error."""


@dataclass(frozen=True, kw_only=True)
class CheckedSaladCloud:
    """How to reach SaladCloud, complete and well-formed."""

    api_key: str = field(repr=False)
    organization: str
    project: str
    api_url: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """Settings that can be acted on. `taints` and `labels` are parsed, `node_name` is final.

    `policy` lacks the version of the cluster, which is known only once the cluster was asked.
    """

    node_name: str
    taints: tuple[Taint, ...]
    labels: dict[str, str]
    saladcloud: CheckedSaladCloud
    policy: Policy
    registries: AddressPolicy


def checked(settings: AgentSettings) -> Checked:
    """Return the settings parsed; raises SettingsError with the first thing that is missing or wrong."""
    log_level(settings)
    check_address("--kubelet-address", settings.kubelet_address, is_called=True)
    check_api(settings)
    check_ssh(settings)
    saladcloud = checked_saladcloud(settings)
    policy = checked_policy(settings)
    registries = checked_registries(settings)
    taints = () if settings.disable_taint else (PROVIDER_TAINT,)
    return Checked(
        node_name=checked_node(settings, saladcloud),
        taints=distinct((*taints, *(parse_taint(text) for text in items(settings.taint)))),
        labels=dict(parse_label(text) for text in items(settings.node_label)),
        saladcloud=saladcloud,
        policy=policy,
        registries=registries,
    )


def checked_node(settings: NodeSettings, saladcloud: CheckedSaladCloud) -> str:
    """Return the node's name; raises SettingsError where it is none."""
    return node_name(settings.nodename, saladcloud.organization, saladcloud.project)


def checked_saladcloud(settings: SaladCloudSettings, *, needs_project: bool = True) -> CheckedSaladCloud:
    """Return how to reach SaladCloud; raises SettingsError. `project` is "" where it is neither needed nor given."""
    _check_complete(settings, needs_project=needs_project)
    organization = _required_name(
        settings.sce_organization_name, "--sce-organization-name", "SALAD_CLOUD_ORGANIZATION_NAME"
    )
    project = settings.sce_project_name
    if project or needs_project:
        project = _required_name(project, "--sce-project-name", "SALAD_CLOUD_PROJECT_NAME")
    return CheckedSaladCloud(
        api_key=api_key(settings),
        organization=organization,
        project=project,
        api_url=_checked_url(settings.api_url),
    )


def log_level(settings: AgentSettings) -> str:
    """Return the level in Python's words; raises SettingsError for an unknown one."""
    try:
        return LOG_LEVELS[settings.log_level.lower()]
    except KeyError:
        raise SettingsError(f"--log-level: {settings.log_level!r} is none of {', '.join(LOG_LEVELS)}") from None


def api_key(settings: SaladCloudSettings) -> str:
    """Return the API key from the option or the file; raises SettingsError where there is none."""
    key = settings.sce_api_key.strip()
    if not key and settings.sce_api_key_file:
        try:
            key = Path(settings.sce_api_key_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SettingsError(f"--sce-api-key-file: {settings.sce_api_key_file} cannot be read ({reason})") from error
    if not key:
        raise SettingsError("no API key: set SALAD_CLOUD_API_KEY, or SALAD_CLOUD_API_KEY_FILE to a file that holds it")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError("the API key has characters that no key has (spaces, line breaks or non-ASCII)")
    return key


def _check_complete(settings: SaladCloudSettings, *, needs_project: bool) -> None:
    """Raise SettingsError that names everything at once where more than one option is missing."""
    given = {
        "SALAD_CLOUD_API_KEY (or SALAD_CLOUD_API_KEY_FILE)": settings.sce_api_key.strip() or settings.sce_api_key_file,
        "SALAD_CLOUD_ORGANIZATION_NAME (or --sce-organization-name)": settings.sce_organization_name,
        "SALAD_CLOUD_PROJECT_NAME (or --sce-project-name)": settings.sce_project_name or not needs_project,
    }
    missing = [name for name, value in given.items() if not value]
    if len(missing) > 1:
        raise SettingsError(f"not configured yet; set {', '.join(missing)}")


def _required_name(value: str, flag: str, variable: str) -> str:
    if not value:
        raise SettingsError(f"{flag} is required (or the environment variable {variable})")
    if not _SALADCLOUD_NAME.fullmatch(value):
        raise SettingsError(
            f"{flag}: {value!r} is no name of SaladCloud: 2 to 63 lower-case letters, digits and hyphens; use the name "
            "in the portal's address, not the display name"
        )
    return value


def is_web_address(url: str) -> bool:
    """Say whether `url` is an http or https URL with a host, and a port, if any, that can be one."""
    try:
        parts = urlsplit(url)
        httpx2.URL(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, httpx2.InvalidURL):
        return False


def _checked_url(url: str) -> str:
    if not is_web_address(url) or not url.isprintable() or " " in url:
        raise SettingsError(f"--api-url: {url!r} is no http or https URL such as {DEFAULT_API_URL}")
    parts = urlsplit(url)
    if parts.query or parts.fragment or parts.username or parts.password:
        # Not repeated: it may hold a password.
        raise SettingsError(
            f"--api-url: it can have no user, password, query or fragment; write it as {DEFAULT_API_URL}"
        )
    return url.rstrip("/")
