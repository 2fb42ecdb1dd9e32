"""The image's name: what cannot be one is refused, with the word that a kubelet has for it."""

from __future__ import annotations

from functools import lru_cache

from scvk.provider.translate.finding import Report
from scvk.provider.translate.lines import objection
from scvk.registry import ImageReference, InvalidReference, parse_reference

INVALID_IMAGE_NAME = "InvalidImageName"
# OpenAPI document, ContainerImage
_MAX_LENGTH = 2048


def image_of(image: str | None, path: str, report: Report) -> str:
    """Return the image as the pod writes it; `path` is where its container stands."""
    text = image or ""
    problem = objection(text, longest=_MAX_LENGTH)
    if problem is not None:
        report.refuse(f"{path}.image", INVALID_IMAGE_NAME, f"The name of the image {problem}")
        return text
    found = _read(text) if text == text.strip() else "The name of the image begins or ends with a space"
    if isinstance(found, str):
        hint = "; a template's {{ … }} must be rendered first, a chart with `helm template`" if "{{" in text else ""
        report.refuse(f"{path}.image", INVALID_IMAGE_NAME, found + hint)
    return text


def reference_of(image: str | None) -> ImageReference | None:
    """Return what the name means, None where it cannot be one."""
    found = _read(image or "")
    return None if isinstance(found, str) else found


def same_image(one: str | None, other: str | None) -> bool:
    """Say whether two names mean the same image; `nginx` is `docker.io/library/nginx:latest`."""
    first, second = reference_of(one), reference_of(other)
    if first is None or second is None:
        return one == other
    return (first.registry, first.repository, first.selector) == (second.registry, second.repository, second.selector)


@lru_cache(maxsize=1024)
def _read(text: str) -> ImageReference | str:
    """Return the reference, or what is wrong with it."""
    try:
        return parse_reference(text)
    except InvalidReference as error:
        return str(error)
