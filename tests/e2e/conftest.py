"""Gives the end-to-end tests the control plane of `scvk.testbed.pytest_plugin`."""

from __future__ import annotations

import pytest

PLUGIN = "scvk.testbed.pytest_plugin"


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    # `pytest_plugins` is not for a conftest.py below the root folder.
    if not pluginmanager.has_plugin(PLUGIN):
        pluginmanager.import_plugin(PLUGIN)
