"""`scvk translate`: what would become of the pods of some manifests, without running anything."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from cyclopts import Parameter

from scvk.agent import AgentError, saladcloud_client
from scvk.cli.translate_cluster import complete_from_cluster
from scvk.cli.translate_images import LookedUp, look_up
from scvk.cli.translate_sources import STANDARD_INPUT, read_sources
from scvk.cli.translate_table import text_of
from scvk.kubelet.cluster_errors import ClusterError
from scvk.kubelet.node import NodeIdentity, node_labels
from scvk.kubelet.provider import NodeFacts
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.manifests import ManifestError, Manifests, read_manifests
from scvk.provider.manifests.objects import account_place, is_namespace
from scvk.provider.preview import PodOutcome, PodReport, Surroundings, image_to_ask_for, preview
from scvk.provider.preview.interface import as_document, render_schema
from scvk.provider.translate import Outcome
from scvk.registry import ImageReference, Login
from scvk.registry_settings import RegistrySettings, checked_registries
from scvk.saladcloud.errors import SaladCloudError
from scvk.saladcloud.models import packaged_classes
from scvk.settings import PROVIDER_TAINT, CheckedSaladCloud, SaladCloudSettings, checked_saladcloud
from scvk.settings_error import SettingsError
from scvk.translation_settings import TranslationSettings, checked_policy

EXIT_REFUSED = 1
EXIT_UNREADABLE = 2
_Output = Literal["table", "json", "yaml"]


def translate(
    *files: Annotated[
        Path,
        Parameter(
            allow_leading_hyphen=True,  # for `-`
            help="Manifests as `kubectl apply -f` takes them: a file, a folder, or - for standard input.",
        ),
    ],
    output: Annotated[
        _Output, Parameter(name=("--output", "-o"), help="Text for people, or a document for programs.")
    ] = "table",
    namespace: Annotated[
        str, Parameter(name=("--namespace", "-n"), help="Namespace of objects that name none.")
    ] = "default",
    kubeconfig: Annotated[
        str,
        Parameter(
            name=("--kubeconfig", "--kube-config"),
            help="Read Secrets and ConfigMaps that the files lack from the cluster of this kubeconfig.",
        ),
    ] = "",
    online: Annotated[
        bool, Parameter(negative=(), help="Ask SaladCloud for the GPU classes and prices of the organization.")
    ] = False,
    look_up_images: Annotated[
        bool, Parameter(negative=(), help="Read what images run from their registries, where a request needs it.")
    ] = False,
    show_secrets: Annotated[
        bool, Parameter(negative=(), help="Print what comes from Secrets, which is otherwise shown as •••.")
    ] = False,
    schema: Annotated[
        bool, Parameter(negative=(), help="Print the JSON Schema of --output json, and nothing else.")
    ] = False,
    translation: TranslationSettings | None = None,
    registries: RegistrySettings | None = None,
    saladcloud: SaladCloudSettings | None = None,
) -> int:
    """Tell what would become of the pods of some manifests: the request, the price, and every field that is lost.

    Works without a cluster and without SaladCloud. Secrets and ConfigMaps come from the same files; what is missing is
    listed as needed. Exit code 0: all would run; 1: one would be refused, or with --strict lose or need something;
    2: the input cannot be read.

    Examples
    --------
    What a Deployment would become:

        scvk translate deployment.yaml

    In a CI job, for a Helm chart, with nothing lost:

        helm template . | scvk translate --strict -

    With the Secrets of a cluster, and the classes and prices of an organization, for a program:

        scvk translate --kubeconfig ~/.kube/config --online --output json manifests/

    """
    if schema:
        print(render_schema(), end="")
        return 0
    names = [str(file) for file in files]
    unknown = next((name for name in names if name.startswith("-") and name != STANDARD_INPUT), None)
    if unknown is not None:
        raise SettingsError(f"unknown option {unknown}")
    if not names:
        raise SettingsError("no manifest: name files or folders, or - for standard input")
    if not is_namespace(namespace):
        raise SettingsError(f"--namespace: {namespace!r} is no name of a namespace")
    policy = checked_policy(translation or TranslationSettings())
    addresses = checked_registries(registries or RegistrySettings())
    try:
        manifests = read_manifests(read_sources(names), namespace=namespace)
        catalogue = asyncio.run(_online_catalogue(saladcloud or SaladCloudSettings())) if online else _packaged()
        if kubeconfig:
            asyncio.run(complete_from_cluster(manifests, kubeconfig, policy.ignored_containers))
    except ManifestError as error:
        for complaint in error.complaints:
            print(f"scvk: {complaint}", file=sys.stderr)
        return EXIT_UNREADABLE
    except (AgentError, ClusterError, SaladCloudError) as error:
        print(f"scvk: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_UNREADABLE
    surroundings = Surroundings(
        catalogue=catalogue,
        policy=policy,
        labels=node_labels(NodeIdentity("saladcloud", "", ""), NodeFacts({})),
        taints=(PROVIDER_TAINT,),
        show_secrets=show_secrets,
    )
    reports = _reports(manifests, surroundings, LookedUp())
    if look_up_images:
        wanted = _images_to_ask_for(manifests, surroundings, reports)
        reports = _reports(manifests, surroundings, asyncio.run(look_up(wanted, addresses)))
    _warn(() if output == "table" else reports, manifests)
    print(_written(reports, output))
    return _exit_code(reports, strict=policy.strict)


def _reports(manifests: Manifests, surroundings: Surroundings, looked_up: LookedUp) -> list[PodReport]:
    return [
        preview(
            workload,
            surroundings,
            manifests.inputs_of(workload.namespace),
            namespace_annotations=manifests.namespace_annotations(workload),
            service_account=manifests.service_accounts.get(account_place(workload)),
            images=looked_up.configs,
            failures=looked_up.failures,
        )
        for workload in manifests.workloads
    ]


def _images_to_ask_for(
    manifests: Manifests, surroundings: Surroundings, reports: Sequence[PodReport]
) -> dict[str, tuple[ImageReference, tuple[Login, ...]]]:
    """Return the images that are among the needs, by their names, with the logins to try."""
    wanted: dict[str, tuple[ImageReference, tuple[Login, ...]]] = {}
    for workload, report in zip(manifests.workloads, reports, strict=True):
        image = next((need.name for need in report.needs if need.kind == "Image"), None)
        reference, logins = image_to_ask_for(
            workload,
            surroundings,
            manifests.inputs_of(workload.namespace),
            namespace_annotations=manifests.namespace_annotations(workload),
            service_account=manifests.service_accounts.get(account_place(workload)),
        )
        if image is not None and reference is not None:
            wanted[image] = (reference, logins)
    return wanted


def _packaged() -> GpuCatalogue:
    return GpuCatalogue.of(each.gpu_class for each in packaged_classes())


async def _online_catalogue(settings: SaladCloudSettings) -> GpuCatalogue:
    chosen: CheckedSaladCloud = checked_saladcloud(settings, needs_project=False)
    async with saladcloud_client(chosen) as (client, _):
        return GpuCatalogue.of((await client.list_gpu_classes()).items)


def _warn(reports: Sequence[PodReport], manifests: Manifests) -> None:
    for report in reports:
        for warning in report.warnings:
            print(f"scvk: warning: {report.title}: {warning}", file=sys.stderr)
    for repeated in manifests.repeated:
        print(f"scvk: warning: {repeated}; with kubectl apply the later one counts", file=sys.stderr)
    for name in dict.fromkeys(manifests.passed_over):
        print(f"scvk: warning: {name} is not looked at; pods that it makes are not in the report", file=sys.stderr)


def _written(reports: Sequence[PodReport], output: _Output) -> str:
    if output == "table":
        return text_of(reports)
    document = as_document(reports)
    if output == "json":
        return json.dumps(document, indent=2, ensure_ascii=False)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip()


def _exit_code(reports: Sequence[PodReport], *, strict: bool) -> int:
    for report in reports:
        lossy = any(finding.outcome is Outcome.DEGRADED for finding in report.findings)
        if report.outcome is PodOutcome.REFUSED or (strict and (lossy or report.needs)):
            return EXIT_REFUSED
    return 0
