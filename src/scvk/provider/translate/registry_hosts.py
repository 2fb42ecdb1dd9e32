"""Which registries are of clouds that have logins of their own: told by the host's name, as the clouds document it."""

from __future__ import annotations

import re

from scvk.registry import ImageReference

# Amazon ECR, "Private registry authentication": the addresses of private registries.
_AWS_ECR = re.compile(r"[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)")


def is_aws_ecr(image: ImageReference) -> bool:
    """Say whether the image lies in a private registry of AWS."""
    return _AWS_ECR.fullmatch(image.registry) is not None


def is_gcp_gar(image: ImageReference) -> bool:
    """Say whether the image lies in Google's Artifact Registry."""
    return image.registry.endswith(".pkg.dev")


def is_gcp_gcr(image: ImageReference) -> bool:
    """Say whether the image lies in Google's Container Registry."""
    return image.registry == "gcr.io" or image.registry.endswith(".gcr.io")
