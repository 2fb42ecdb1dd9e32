"""A real Kubernetes control plane on one machine, for the demo and the end-to-end tests.

    async with Testbed() as testbed:
        await testbed.kubectl("get", "namespaces")

No containers are involved: etcd, the Kubernetes programs and kubectl are built from their Go modules (once;
kept in the cache directory) and run as five names of one program. Nothing of scvk's other packages is used
here.
"""

from scvk.testbed.build import Programs, build, find_build
from scvk.testbed.control_plane import COMPONENTS, Component
from scvk.testbed.errors import TestbedError
from scvk.testbed.progress import Phase, Progress, Report
from scvk.testbed.releases import DEFAULT_VERSION, RELEASED
from scvk.testbed.testbed import Testbed

__all__ = [
    "COMPONENTS",
    "DEFAULT_VERSION",
    "RELEASED",
    "Component",
    "Phase",
    "Programs",
    "Progress",
    "Report",
    "Testbed",
    "TestbedError",
    "build",
    "find_build",
]
