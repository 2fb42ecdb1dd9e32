"""Fixtures for other people's tests: `pytest_plugins = ["scvk.simulator.pytest_plugin"]` in a `conftest.py`.

`saladcloud` is a fresh simulated SaladCloud for one test; override `saladcloud_config` to have another one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scvk.simulator.background import BackgroundSimulator
from scvk.simulator.config import ApiKey, SimulatorConfig


@pytest.fixture
def saladcloud_config() -> SimulatorConfig:
    """Scripts instead of programs, a hundred times as fast as SaladCloud, chance repeatable.

    For real programs say `runtime="processes"` and a lower `speed`: programs are not faster than they are.
    """
    return SimulatorConfig(api_keys=(ApiKey("test-key"),), speed=100, seed=0, runtime="virtual")


@pytest.fixture
def saladcloud(saladcloud_config: SimulatorConfig) -> Iterator[BackgroundSimulator]:
    """A running simulator: `base_url`, `api_key`, `organization`, `project`, and `control` for faults."""
    with BackgroundSimulator(saladcloud_config) as simulator:
        yield simulator
