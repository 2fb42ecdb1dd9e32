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

from scvk.agent import saladcloud_client
from scvk.cli.translate_table import text_of
from scvk.kubelet.node import NodeIdentity, node_labels
from scvk.kubelet.provider import NodeFacts
from scvk.provider.gpu_catalogue import GpuCatalogue
from scvk.provider.manifests import Complaint, ManifestError, Manifests, Source, Workload, read_manifests
from scvk.provider.manifests.objects import Place
from scvk.provider.preview import PodOutcome, PodReport, Surroundings, preview
from scvk.provider.preview.interface import SCHEMA, as_document
from scvk.provider.translate import Outcome
from scvk.provider.translate.policy import Policy
from scvk.saladcloud.models import packaged_classes
from scvk.settings import PROVIDER_TAINT, CheckedSaladCloud, SaladCloudSettings, SettingsError, checked_saladcloud

EXIT_REFUSED = 1
EXIT_UNREADABLE = 2
STANDARD_INPUT = "-"
_SUFFIXES = (".yaml", ".yml", ".json")
DEFAULT_ACCOUNT = "default"


def translate(
    *files: Annotated[
        Path,
        Parameter(
            allow_leading_hyphen=True,  # for `-`
            help="Manifests as `kubectl apply -f` takes them: a file, a folder, or - for standard input.",
        ),
    ],
    settings: SaladCloudSettings | None = None,
    output: Annotated[
        Literal["table", "json", "yaml"], Parameter(name=("--output", "-o"), help="Text for people, or a document.")
    ] = "table",
    namespace: Annotated[
        str, Parameter(name=("--namespace", "-n"), help="Namespace of objects that name none.")
    ] = "default",
    strict: Annotated[
        bool, Parameter(negative=(), help="What would be degraded, or is still needed, is an error.")
    ] = False,
    online: Annotated[
        bool, Parameter(negative=(), help="Ask SaladCloud for the GPU classes and prices of the organization.")
    ] = False,
    show_secrets: Annotated[
        bool, Parameter(negative=(), help="Print what comes from Secrets, which is otherwise shown as •••.")
    ] = False,
    schema: Annotated[bool, Parameter(negative=(), help="Print the JSON Schema of the output instead.")] = False,
) -> int:
    """Tell what would become of the pods of some manifests: the request, the price, and every field that is lost.

    Works without a cluster and without SaladCloud. Secrets and ConfigMaps come from the same files.
    Exit code 0: all run. 1: a pod would be refused. 2: the input cannot be read.

    Examples
    --------
    What a Deployment would become:

        scvk translate deployment.yaml

    In a CI job, for a Helm chart, with nothing lost:

        helm template . | scvk translate --strict -

    With the classes and prices of an organization, for a program:

        scvk translate --online --sce-organization-name acme-corp --output json manifests/

    """
    if schema:
        print(json.dumps(SCHEMA, indent=2))
        return 0
    names = [str(file) for file in files]
    unknown = next((name for name in names if name.startswith("-") and name != STANDARD_INPUT), None)
    if unknown is not None:
        raise SettingsError(f"unknown option {unknown}")
    if not names:
        raise SettingsError("no manifest: name files or folders, or - for standard input")
    try:
        manifests = read_manifests(read_sources(names), namespace=namespace)
    except ManifestError as error:
        for complaint in error.complaints:
            print(f"scvk: {complaint}", file=sys.stderr)
        return EXIT_UNREADABLE
    catalogue = _online_catalogue(settings or SaladCloudSettings()) if online else _packaged_catalogue()
    surroundings = Surroundings(
        catalogue=catalogue,
        policy=Policy(strict=strict),
        labels=node_labels(NodeIdentity("saladcloud", "", ""), NodeFacts({})),
        taints=(PROVIDER_TAINT,),
        show_secrets=show_secrets,
    )
    reports = [_report(workload, manifests, surroundings) for workload in manifests.workloads]
    _warn(() if output == "table" else reports, manifests)
    print(_written(reports, output))
    return _exit_code(reports, strict=strict)


def read_sources(names: Sequence[str]) -> list[Source]:
    """Return the texts of files, of the manifests in folders, and of standard input for `-`.

    Raises ManifestError with everything that cannot be read.
    """
    sources: list[Source] = []
    complaints: list[Complaint] = []
    for name in names:
        try:
            sources += _sources(name)
        except UnicodeDecodeError:
            complaints.append(Complaint(name, None, "it is no text in UTF-8"))
        except OSError as error:
            complaints.append(Complaint(name, None, error.strerror or "it cannot be read"))
    if complaints:
        raise ManifestError(complaints)
    return sources


def _sources(name: str) -> list[Source]:
    if name == STANDARD_INPUT:
        return [Source(name, sys.stdin.buffer.read().decode("utf-8"))]
    path = Path(name)
    if not path.is_dir():
        return [Source(name, path.read_text(encoding="utf-8"))]
    inside = sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES and each.is_file())
    if not inside:
        raise OSError(0, "the folder has no manifest (.yaml, .yml or .json)")
    return [Source(str(each), each.read_text(encoding="utf-8")) for each in inside]


def _report(workload: Workload, manifests: Manifests, surroundings: Surroundings) -> PodReport:
    spec = workload.pod.spec
    account = (spec.serviceAccountName if spec else None) or DEFAULT_ACCOUNT
    namespace = manifests.namespaces.get(Place("", workload.namespace))
    return preview(
        workload,
        surroundings,
        manifests.inputs_of(workload.namespace),
        namespace_annotations=(namespace.metadata.annotations if namespace and namespace.metadata else None) or {},
        service_account=manifests.service_accounts.get(Place(workload.namespace, account)),
    )


def _packaged_catalogue() -> GpuCatalogue:
    return GpuCatalogue.of(each.gpu_class for each in packaged_classes())


def _online_catalogue(settings: SaladCloudSettings) -> GpuCatalogue:
    chosen = checked_saladcloud(settings, needs_project=False)
    return asyncio.run(_read_catalogue(chosen))


async def _read_catalogue(chosen: CheckedSaladCloud) -> GpuCatalogue:
    async with saladcloud_client(chosen) as (client, _):
        return GpuCatalogue.of((await client.list_gpu_classes()).items)


def _warn(reports: Sequence[PodReport], manifests: Manifests) -> None:
    for report in reports:
        for warning in report.warnings:
            print(f"scvk: warning: {report.title}: {warning}", file=sys.stderr)
    for name in dict.fromkeys(manifests.passed_over):
        print(f"scvk: warning: {name} is not looked at; pods that it makes are not in the report", file=sys.stderr)


def _written(reports: Sequence[PodReport], output: Literal["table", "json", "yaml"]) -> str:
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
