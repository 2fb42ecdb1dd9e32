"""What a node is called and marked with: its name, taints and labels, from the texts of options."""

from __future__ import annotations

import hashlib
import re

from scvk.kubelet.node import Taint
from scvk.settings_error import SettingsError

PROVIDER_TAINT = Taint("virtual-kubelet.io/provider", "saladcloud", "NoSchedule")
MOST_NODE_NAME_CHARACTERS = 63
"""A node's name is also the value of its label `kubernetes.io/hostname`."""
FIXED_LABELS = ("type", "kubernetes.io/hostname")

_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def node_name(given: str, organization: str, project: str) -> str:
    """Return the node's name: stable, so that a restarted agent is the same node. Raises SettingsError."""
    if given:
        if len(given) > MOST_NODE_NAME_CHARACTERS or not _DNS_SUBDOMAIN.fullmatch(given):
            raise SettingsError(
                f"--nodename: {given!r} is no node name: at most {MOST_NODE_NAME_CHARACTERS} lower-case letters, "
                "digits, hyphens and dots, beginning and ending with a letter or digit"
            )
        return given
    full = f"saladcloud-{organization}-{project}"
    if len(full) <= MOST_NODE_NAME_CHARACTERS:
        return full
    digest = hashlib.sha256(f"{organization}/{project}".encode()).hexdigest()[:10]
    return f"{full[: MOST_NODE_NAME_CHARACTERS - 11].rstrip('-')}-{digest}"


def parse_taint(text: str) -> Taint:
    """Return the taint written as KEY=VALUE:EFFECT or KEY:EFFECT; raises SettingsError."""
    rest, _, effect = text.rpartition(":")
    key, _, value = rest.partition("=")
    if effect not in _EFFECTS or not _is_label_key(key) or (value and not _LABEL_NAME.fullmatch(value)):
        raise SettingsError(f"--taint: {text!r} is not KEY=VALUE:EFFECT with an effect of {', '.join(_EFFECTS)}")
    return Taint(key, value, effect)


def parse_label(text: str) -> tuple[str, str]:
    """Return the label written as KEY=VALUE; raises SettingsError."""
    key, equals, value = text.partition("=")
    if not equals or not _is_label_key(key) or (value and not _LABEL_NAME.fullmatch(value)):
        raise SettingsError(f"--node-label: {text!r} is not KEY=VALUE with a label's characters")
    if key in FIXED_LABELS:
        raise SettingsError(f"--node-label: {key} cannot be chosen, a virtual kubelet's node is known by it")
    return key, value


def distinct(taints: tuple[Taint, ...]) -> tuple[Taint, ...]:
    """Return each taint once; raises SettingsError for two values of one key and effect: the API server allows one."""
    values: dict[tuple[str, str], Taint] = {}
    for taint in taints:
        other = values.setdefault((taint.key, taint.effect), taint)
        if other != taint:
            hint = "; leave out the first with --disable-taint" if other == PROVIDER_TAINT else ""
            raise SettingsError(f"--taint: {other} and {taint} cannot both be, they have the same key and effect{hint}")
    return tuple(values.values())


def _is_label_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > 253 or not _DNS_SUBDOMAIN.fullmatch(prefix)):
        return False
    return _LABEL_NAME.fullmatch(name) is not None
