"""Startup, liveness and readiness probes. What a probe asks is here, how often is in `probe_timing`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lightkube.models.core_v1 import Container, ExecAction, GRPCAction, HTTPGetAction, Probe, TCPSocketAction

from scvk.kubelet.environment import expand_static
from scvk.provider.translate.fields import Row, Treatment, judge, one_of
from scvk.provider.translate.finding import Report
from scvk.provider.translate.lines import objection
from scvk.provider.translate.policy import DEFAULT_POLICY
from scvk.provider.translate.ports import is_port, port_named
from scvk.provider.translate.probe_command import through_shell, unsuitable
from scvk.provider.translate.probe_timing import Timing, changes, declared, in_range
from scvk.saladcloud import models

# OpenAPI document, ContainerGroupProbeHttp, …HttpHeader and …Grpc
_MAX_PATH_LENGTH = 2048
_MAX_HEADERS = 50
_MAX_HEADER_NAME_LENGTH = 256
_MAX_HEADER_VALUE_LENGTH = 1024
_MAX_SERVICE_LENGTH = 1024

_CODE = "UnsupportedProbe"
_OWN_HOST = "SaladCloud probes the program itself and no other host; remove it"
_itself = one_of("localhost", "127.0.0.1", "::1", "[::1]", "0.0.0.0", "::")
_ITSELF = "the program's own addresses"

PROBE_ROWS = (
    Row("exec", Treatment.CARRIED, "Becomes an exec probe"),
    Row("failureThreshold", Treatment.CARRIED, "Moved into range"),
    Row("grpc", Treatment.CARRIED, "Becomes a gRPC probe"),
    Row("httpGet", Treatment.CARRIED, "Becomes an HTTP probe"),
    Row("initialDelaySeconds", Treatment.CARRIED, "Moved into range"),
    Row("periodSeconds", Treatment.CARRIED, "Moved into range"),
    Row("successThreshold", Treatment.CARRIED, "Moved into range"),
    Row("tcpSocket", Treatment.CARRIED, "Becomes a TCP probe"),
    Row(
        "terminationGracePeriodSeconds",
        Treatment.DEGRADED,
        "SaladCloud decides how long a program has between the signal to end and its end",
        "UnsupportedGracePeriod",
    ),
    Row("timeoutSeconds", Treatment.CARRIED, "Moved into range"),
)
"""The fields of Probe."""

HTTP_GET_ROWS = (
    Row("port", Treatment.CARRIED, "Number or name of a port"),
    Row("host", Treatment.DEGRADED, _OWN_HOST, "UnsupportedProbeHost", _itself, _ITSELF),
    Row("httpHeaders", Treatment.CARRIED, "Become the probe's headers"),
    Row("path", Treatment.CARRIED, "Becomes the probe's path"),
    Row(
        "protocol",
        Treatment.DEGRADED,
        "SaladCloud has no setting for the version of HTTP",
        _CODE,
        one_of("HTTP1"),
        "HTTP1",
    ),
    Row("scheme", Treatment.CARRIED, "Becomes the probe's scheme"),
)
"""The fields of HTTPGetAction."""

TCP_SOCKET_ROWS = (
    Row("port", Treatment.CARRIED, "Number or name of a port"),
    Row("host", Treatment.DEGRADED, _OWN_HOST, "UnsupportedProbeHost", _itself, _ITSELF),
)
"""The fields of TCPSocketAction."""

GRPC_ROWS = (
    Row("port", Treatment.CARRIED, "Number of a port"),
    Row(
        "mode",
        Treatment.REFUSED,
        "SaladCloud's gRPC probes do not speak TLS; use a tcpSocket or exec probe",
        _CODE,
        one_of("Plaintext"),
        "Plaintext",
    ),
    Row("service", Treatment.CARRIED, "Becomes the probe's service"),
)
"""The fields of GRPCAction."""

Kind = Literal["startupProbe", "livenessProbe", "readinessProbe"]


@dataclass(frozen=True, slots=True)
class Probes:
    """The probes of a container, None for those that it does not have."""

    startup: models.Probe | None
    liveness: models.Probe | None
    readiness: models.Probe | None


def probes_of(
    container: Container,
    path: str,
    report: Report,
    *,
    kubernetes_version: tuple[str, str] = DEFAULT_POLICY.kubernetes_version,
) -> Probes:
    """Return all three probes of the container. `kubernetes_version`: whose kubelet HTTP probes look like."""
    user_agent = f"kube-probe/{kubernetes_version[0]}.{kubernetes_version[1]}"
    return Probes(
        startup=_probe(container.startupProbe, container, "startupProbe", path, user_agent, report),
        liveness=_probe(container.livenessProbe, container, "livenessProbe", path, user_agent, report),
        readiness=_probe(container.readinessProbe, container, "readinessProbe", path, user_agent, report),
    )


def _probe(
    probe: Probe | None, container: Container, kind: Kind, container_path: str, user_agent: str, report: Report
) -> models.Probe | None:
    if probe is None:
        return None
    path = f"{container_path}.{kind}"
    judge(probe, PROBE_ROWS, path, report)
    timing = _timing(probe, kind, path, report)
    handler = _handler(probe, container, path, user_agent, report)
    if handler is None:
        return None
    return models.Probe(
        exec=handler if isinstance(handler, models.ProbeExec) else None,
        grpc=handler if isinstance(handler, models.ProbeGrpc) else None,
        http=handler if isinstance(handler, models.ProbeHttp) else None,
        tcp=handler if isinstance(handler, models.ProbeTcp) else None,
        initial_delay_seconds=timing.initial_delay_s,
        period_seconds=timing.period_s,
        timeout_seconds=timing.timeout_s,
        success_threshold=timing.successes,
        failure_threshold=timing.failures,
    )


def _timing(probe: Probe, kind: Kind, path: str, report: Report) -> Timing:
    asked = declared(probe)
    granted = in_range(asked, delay_is_allowance=kind != "readinessProbe")
    if granted != asked:
        report.degrade(
            path,
            "ProbeTimingAdjusted",
            f"SaladCloud's ranges are narrower: {changes(asked, granted)}; the program may fail for"
            f" {granted.failing_s} s (asked for: {asked.failing_s} s) after {granted.initial_delay_s} s",
        )
    return granted


_Handler = models.ProbeExec | models.ProbeGrpc | models.ProbeHttp | models.ProbeTcp


def _handler(probe: Probe, container: Container, path: str, user_agent: str, report: Report) -> _Handler | None:
    # The order of the kubelet's own choice; the API server lets exactly one of them through.
    if probe.exec is not None:
        return _exec(probe.exec, container, f"{path}.exec", report)
    if probe.httpGet is not None:
        return _http(probe.httpGet, container, f"{path}.httpGet", user_agent, report)
    if probe.tcpSocket is not None:
        return _tcp(probe.tcpSocket, container, f"{path}.tcpSocket", report)
    if probe.grpc is not None:
        return _grpc(probe.grpc, container, f"{path}.grpc", report)
    report.refuse(path, _CODE, "The probe asks nothing; give it exec, httpGet, tcpSocket or grpc")
    return None


def _exec(action: ExecAction, container: Container, path: str, report: Report) -> models.ProbeExec:
    command = expand_static(action.command or (), container.env or ())
    if not command:
        report.refuse(
            f"{path}.command", _CODE, "The command is empty; name the program that tells how the container is"
        )
    problem = unsuitable(command)
    if problem is not None:
        packed = through_shell(command)
        if packed is None:
            report.refuse(
                f"{path}.command",
                _CODE,
                f"The command {problem}; it is too long for the image's sh too: put it into a script of the image",
            )
        else:
            report.emulate(
                f"{path}.command", "ProbeThroughShell", f"The command {problem}: the image's sh puts it together again"
            )
            command = packed
    return models.ProbeExec(command=command)


def _tcp(action: TCPSocketAction, container: Container, path: str, report: Report) -> models.ProbeTcp:
    judge(action, TCP_SOCKET_ROWS, path, report)
    return models.ProbeTcp(port=_port(action.port, container, path, report))


def _grpc(action: GRPCAction, container: Container, path: str, report: Report) -> models.ProbeGrpc:
    judge(action, GRPC_ROWS, path, report)
    service = action.service or ""
    problem = objection(service, longest=_MAX_SERVICE_LENGTH, shortest=0)
    if problem is not None:
        report.refuse(f"{path}.service", _CODE, f"The name of the service {problem}")
    return models.ProbeGrpc(port=_port(action.port, container, path, report), service=service)


def _http(action: HTTPGetAction, container: Container, path: str, user_agent: str, report: Report) -> models.ProbeHttp:
    judge(action, HTTP_GET_ROWS, path, report)
    url_path = action.path or "/"
    if not url_path.startswith("/"):
        url_path = f"/{url_path}"  # as the kubelet's URL does
    problem = objection(url_path, longest=_MAX_PATH_LENGTH)
    if problem is not None:
        report.refuse(f"{path}.path", _CODE, f"The path {problem}")
    scheme = (action.scheme or "HTTP").lower()
    if scheme not in tuple(models.ProbeScheme):
        report.refuse(f"{path}.scheme", _CODE, "The scheme must be HTTP or HTTPS")
    return models.ProbeHttp(
        headers=_headers(action, path, user_agent, report),
        path=url_path,
        port=_port(action.port, container, path, report),
        scheme=scheme,
    )


def _headers(action: HTTPGetAction, path: str, user_agent: str, report: Report) -> tuple[models.ProbeHttpHeader, ...]:
    headers: list[models.ProbeHttpHeader] = []
    for index, header in enumerate(action.httpHeaders or ()):
        where = f"{path}.httpHeaders[{index}]"
        if header.value == "":
            report.degrade(where, "EmptyProbeHeader", "SaladCloud takes no empty header; it is left out")
            continue
        name_problem = objection(header.name, longest=_MAX_HEADER_NAME_LENGTH)
        value_problem = objection(header.value, longest=_MAX_HEADER_VALUE_LENGTH)
        if name_problem is not None:
            report.refuse(f"{where}.name", _CODE, f"The name of the header {name_problem}")
        if value_problem is not None:
            report.refuse(f"{where}.value", _CODE, f"The value of the header {value_problem}")
        headers.append(models.ProbeHttpHeader(name=header.name, value=header.value))
    if len(headers) > _MAX_HEADERS:
        report.refuse(f"{path}.httpHeaders", _CODE, f"SaladCloud takes at most {_MAX_HEADERS} headers")
    # The document asks for at least one: what a kubelet sends by itself (pkg/probe/http/request.go).
    return tuple(headers) or (
        models.ProbeHttpHeader(name="User-Agent", value=user_agent),
        models.ProbeHttpHeader(name="Accept", value="*/*"),
    )


def _port(port: int | str, container: Container, path: str, report: Report) -> int:
    number = port if isinstance(port, int) else port_named(container, port)
    if number is None:
        report.refuse(f"{path}.port", "UnknownPort", f"The container has no port named {port}")
        return 0
    if not is_port(number):
        report.refuse(f"{path}.port", "UnknownPort", f"{number} is no port: 1 to 65535")
    return number
