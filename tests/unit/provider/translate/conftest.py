"""One way to translate a pod that is written as a manifest would write it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.input_objects import InputObjects
from scvk.kubelet.inputs import SecretContents
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.ownership import PodMark
from scvk.provider.translate import Translation, translate
from scvk.provider.translate.policy import Policy
from scvk.registry import ImageConfig
from scvk.saladcloud.models import GpuClass
from tests.unit.provider.pod_inputs import inputs_of

MARK = PodMark("c1", "shop", "web", "b2f1c9e0-6f0c-4b43-9a26-3a1f0f8e8d11", 1, "node-a")
CATALOGUE = GpuCatalogue.of(
    [
        GpuClass(id="dec851b7-eba7-4457-a319-a01b611a810e", name="GTX 1070 (8 GB)", gpu_count=1),
        GpuClass(id="ed563892-aacd-40f5-80b7-90c9be6c759b", name="RTX 4090 (24 GB)", gpu_count=1),
        GpuClass(id="f51baccc-dc95-40fb-a5d1-6d0ee0db31d2", name="RTX 3060 (8 GB)", gpu_count=1),
        GpuClass(id="9998fe42-04a5-4807-b3a5-849943f16c38", name="RTX 3060 (12 GB)", gpu_count=1),
        GpuClass(id="88888888-aacd-40f5-80b7-90c9be6c759b", name="H100 (80 GB)", gpu_count=8),
    ]
)


@pytest.fixture(scope="session")
def translated() -> Callable[..., Translation]:
    """Translate a pod: keywords are fields of the container, but for those that the signature names."""

    def run(
        *,
        policy: Policy = Policy(),  # noqa: B008
        namespace: dict[str, str] | None = None,
        secrets: dict[str, dict[str, str | bytes]] | None = None,
        objects: InputObjects = InputObjects(),  # noqa: B008 - frozen
        image_config: ImageConfig | None = None,
        spec: dict[str, Any] | None = None,
        annotations: dict[str, str] | None = None,
        metadata: dict[str, Any] | None = None,
        **container: Any,
    ) -> Translation:
        manifest = {
            "metadata": {"name": "web", "namespace": "shop", "annotations": annotations or {}, **(metadata or {})},
            "spec": {"containers": [{"name": "main", "image": "nginx", **container}], **(spec or {})},
        }
        pod = msgspec.convert(manifest, Pod)
        further = {
            name: SecretContents(
                name,
                "Opaque",
                {key: value.encode() if isinstance(value, str) else value for key, value in data.items()},
            )
            for name, data in (secrets or {}).items()
        }
        inputs = replace(inputs_of(pod, objects), secrets=further)
        return translate(
            pod, inputs, MARK, CATALOGUE, policy=policy, image=image_config, namespace_annotations=namespace or {}
        )

    return run
