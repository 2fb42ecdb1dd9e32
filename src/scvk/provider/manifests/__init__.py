"""Manifests as people hand them to `kubectl apply`: read without a cluster, held against the Kubernetes models.

`text` makes plain values of YAML and remembers the lines, `fields` finds what the models do not have, `objects`
sorts the objects, and `pods` makes the pods that a workload's controller would make.
"""

from __future__ import annotations

from scvk.provider.manifests.complaint import Complaint, ManifestError, Source
from scvk.provider.manifests.objects import Manifests, read_manifests
from scvk.provider.manifests.pods import Workload

__all__ = ["Complaint", "ManifestError", "Manifests", "Source", "Workload", "read_manifests"]
