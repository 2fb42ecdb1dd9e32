"""What would become of a workload's pods, told before anything runs: the core of `scvk translate`.

Pure: manifests, the objects that pods refer to and a catalogue in, a report out. `preview` puts the translation, the
missing objects, the price and the warnings together; `interface` is the JSON that programs read.
"""

from __future__ import annotations

from scvk.provider.preview.pod_report import Need, PodOutcome, PodReport, Price
from scvk.provider.preview.preview import Surroundings, image_to_ask_for, preview

__all__ = ["Need", "PodOutcome", "PodReport", "Price", "Surroundings", "image_to_ask_for", "preview"]
