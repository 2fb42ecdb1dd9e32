"""The container's ports: their names, and the host ports that nobody can reach."""

from __future__ import annotations

import re

from lightkube.models.core_v1 import Container

from scvk.provider.annotations import PORT_RANGE, Annotation
from scvk.provider.translate.finding import Report
from scvk.provider.translate.settings import Settings, whole_number_in

_LONGEST_NAME = 15


def judge_ports(container: Container, path: str, report: Report) -> None:
    """Report host ports; the ports themselves only inform, in Kubernetes as here."""
    for index, port in enumerate(container.ports or ()):
        if port.hostPort:
            report.degrade(
                f"{path}.ports[{index}].hostPort",
                "UnsupportedHostPort",
                "No port of a host is opened; make the port reachable with the annotation salad.com/networking-port",
            )


def port_named(container: Container, name: str) -> int | None:
    """Return the number of the first port called `name`, None where there is none."""
    return next((port.containerPort for port in container.ports or () if port.name == name), None)


def port_of(settings: Settings, annotation: Annotation, container: Container) -> int | None:
    """Return the port that an annotation gives by its number or by the name of one of the container's ports."""
    written = settings.text(annotation)
    if written is None:
        return None
    number = whole_number_in(written, PORT_RANGE)
    if number is None:
        named = port_named(container, written)
        number = named if named is not None and is_port(named) else None
    if number is None:
        settings.refuse(annotation, written)
    return number


def is_port_name(text: str) -> bool:
    """Say whether `text` can be the name of a container's port (RFC 6335: a letter among digits and hyphens)."""
    return re.fullmatch("(?=.*[a-z])[a-z0-9](-?[a-z0-9])*", text) is not None and len(text) <= _LONGEST_NAME


def is_port(number: int) -> bool:
    """Say whether `number` is a port: 1 to 65535."""
    return PORT_RANGE[0] <= number <= PORT_RANGE[1]
