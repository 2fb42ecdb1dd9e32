"""What a group must have of its pod at last, however often the pod was changed, and whatever got lost: pure."""

from __future__ import annotations

from typing import Any

from scvk.simulator.cloud.definition import Definition
from tests.histories.workloads import LARGE, SMALL

COUNTRIES = "salad.com/country-codes"
RESIZE = "salad.com/resize"
COUNTRY_LISTS = ("us", "us,de")
"""What the users of histories write there, and SaladCloud takes."""


def not_taken_over(pod: dict[str, Any], group: Definition) -> str | None:
    """Say what the pod asks for and its group does not have; None where nothing is missing.

    What nobody could take over is nobody's fault: countries that there are not, and a resize that is not wanted to
    cost a restart.
    """
    (container,) = pod["spec"]["containers"]
    annotations = pod["metadata"].get("annotations") or {}
    image = container["image"]
    if group.image.removeprefix("docker.io/library/").removesuffix(":latest") != image:
        return f"its group has image {group.image}, and the pod {image}"
    countries = annotations.get(COUNTRIES)
    if countries in COUNTRY_LISTS and set(group.values.get("country_codes") or ()) != set(countries.split(",")):
        return f"its group has the countries {group.values.get('country_codes')}, and the pod {countries}"
    cpu = int(container["resources"]["requests"]["cpu"])
    if annotations.get(RESIZE) == "restart" and group.resources["cpu"] < cpu:
        return f"its group has {group.resources['cpu']} cpu, and the pod asks for {cpu}"
    return None


def resized(container: dict[str, Any], *, larger: bool) -> dict[str, Any]:
    """Return the container with other requests."""
    return {**container, "resources": {"requests": dict(LARGE if larger else SMALL)}}
