"""The options that say how pods are translated: of the agent, and of whatever else translates a pod.

Reading and checking are pure, as in `settings`: `TranslationSettings` holds what was given, `checked_policy` says
what is wrong.
"""

# No postponed annotations here: cyclopts reads those of inherited fields in the module of the class that inherits.

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from scvk.kubelet.quantities import InvalidQuantityError, ceil_in, parse_quantity
from scvk.provider.translate.injected import WELL_KNOWN
from scvk.provider.translate.policy import DEFAULT_POLICY, MOST_WRAPPER_BYTES, Policy, ResourceSteps
from scvk.settings_error import SettingsError

_CONTAINER_PATTERN = re.compile(r"[a-z0-9*]([a-z0-9*-]{0,61}[a-z0-9*])?")  # a DNS label, with wildcards

_PODS = Group("Pods", sort_key=3)


def _whole(_hint: object, text: str, *, delimiter: str | None = None) -> list[str]:  # noqa: ARG001 - cyclopts' form
    """Take a variable as one item: names of GPU classes have spaces, at which cyclopts would split it."""
    return [text]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TranslationSettings:
    """How pods become container groups."""

    ignore_containers: Annotated[
        tuple[str, ...], Parameter(env_var="SALAD_VK_IGNORE_CONTAINERS", negative=(), group=_PODS)
    ] = WELL_KNOWN
    """A name of injected containers that are left out beside another one, with * as a wildcard, and with them their
    init containers (NAME-init, and those of well-known meshes); may be repeated. In the variable: several with commas
    between. What is given replaces the default; a comma alone leaves none out."""

    daemonsets: Annotated[Literal["ignore", "run"], Parameter(env_var="SALAD_VK_DAEMONSETS", group=_PODS)] = "ignore"
    """What to do with pods of DaemonSets: leave them Pending (ignore), or make paid container groups of them (run)."""

    default_gpu_classes: Annotated[
        tuple[str, ...],
        Parameter(env_var="SALAD_VK_DEFAULT_GPU_CLASSES", env_var_split=_whole, negative=(), group=_PODS),
    ] = ()
    """A GPU class, by name or UUID, for pods that ask for nvidia.com/gpu and do not say which; may be repeated. In the
    variable: several with commas between."""

    resource_steps: Annotated[Literal["whole", "legacy"], Parameter(env_var="SALAD_VK_RESOURCE_STEPS", group=_PODS)] = (
        "whole"
    )
    """How cpu and memory are rounded up: to whole cores and GiB, or to the steps of the Go program (legacy)."""

    wrapper_limit: Annotated[str, Parameter(env_var="SALAD_VK_WRAPPER_LIMIT", group=_PODS)] = "64Ki"
    """The most that a start-up wrapper may add to a container group, in bytes or as 64Ki: files of volumes and values
    that SaladCloud does not take as they are. At most 1Mi."""

    strict: Annotated[bool, Parameter(env_var="SALAD_VK_STRICT", negative=(), group=_PODS)] = False
    """Refuse pods that would lose something, instead of running them with a warning."""


def checked_policy(settings: TranslationSettings, *, kubernetes_version: str = "") -> Policy:
    """Return the policy of translation; raises SettingsError with the first option that is wrong.

    `kubernetes_version` is the API server's, such as `v1.37.2`: what a kubelet of it sends with its probes.
    """
    ignored = items(settings.ignore_containers)
    for pattern in ignored:
        if not _CONTAINER_PATTERN.fullmatch(pattern):
            raise SettingsError(
                f"--ignore-containers: {pattern!r} is no name of a container: lower-case letters, digits and hyphens, "
                "and * for any of them"
            )
    release = re.match(r"v?(\d+)\.(\d+)", kubernetes_version)
    return Policy(
        ignored_containers=tuple(ignored),
        default_gpu_classes=tuple(items(settings.default_gpu_classes)),
        resource_steps=ResourceSteps(settings.resource_steps),
        run_daemonsets=settings.daemonsets == "run",
        wrapper_limit_bytes=_wrapper_limit(settings.wrapper_limit),
        strict=settings.strict,
        kubernetes_version=(release[1], release[2]) if release else DEFAULT_POLICY.kubernetes_version,
    )


def items(given: tuple[str, ...]) -> list[str]:
    """Return the items of a repeated option; each may hold several with commas, as the variable does."""
    return [part.strip() for text in given for part in text.split(",") if part.strip()]


def _wrapper_limit(text: str) -> int:
    try:
        limit = ceil_in(parse_quantity(text.strip().removesuffix("B")), 1)
    except InvalidQuantityError:
        limit = -1
    if not 0 <= limit <= MOST_WRAPPER_BYTES:
        raise SettingsError(f"--wrapper-limit: {text!r} is no number of bytes up to 1Mi, such as 65536 or 64Ki")
    return limit
