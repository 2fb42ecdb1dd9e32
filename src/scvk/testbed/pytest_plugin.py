"""A pytest plugin with a control plane for a test session: fixture `testbed`, option `--kubernetes-version`.

    pytest -p scvk.testbed.pytest_plugin     # or in the root conftest.py: pytest_plugins = [that]

    async def test_there_are_namespaces(testbed: Testbed) -> None:
        await testbed.kubectl("get", "namespaces")

Needs pytest-asyncio. The programs are built at need, which takes minutes: the terminal says so beforehand.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from scvk.testbed.build import build, find_build
from scvk.testbed.display import display
from scvk.testbed.releases import DEFAULT_VERSION, RELEASED
from scvk.testbed.testbed import Testbed


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--kubernetes-version`."""
    parser.getgroup("scvk testbed").addoption(
        "--kubernetes-version",
        default=DEFAULT_VERSION,
        choices=sorted(RELEASED),
        help="the release of the control plane that the fixture `testbed` runs (default: %(default)s)",
    )


@pytest.fixture(scope="session")
def kubernetes_version(request: pytest.FixtureRequest) -> str:
    """The release to test with."""
    # The default: where a folder's conftest loads this plugin, pytest may have read the command line before.
    version: str = request.config.getoption("--kubernetes-version", DEFAULT_VERSION)
    return version


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def testbed(kubernetes_version: str, pytestconfig: pytest.Config) -> AsyncIterator[Testbed]:
    """A started control plane, shared by all tests of the session. Tests keep to namespaces of their own."""
    await build_visibly(kubernetes_version, pytestconfig)
    async with Testbed(kubernetes_version) as started:
        yield started


async def build_visibly(version: str, config: pytest.Config) -> None:
    """Builds the programs at need and shows the progress past pytest's capturing: it can take minutes."""
    if find_build(version) is not None:
        return
    capturing = config.pluginmanager.getplugin("capturemanager")
    if capturing is None:
        with display(sys.stderr) as report:
            await build(version, report=report)
        return
    with capturing.global_and_fixture_disabled(), display(sys.stderr) as report:
        print(file=sys.stderr)
        await build(version, report=report)
