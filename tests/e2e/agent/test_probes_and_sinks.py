"""Every kind of probe is asked for real, and every kind of sink for logs reaches the platform as it takes it."""

from __future__ import annotations

from typing import Any

from tests.e2e.processes import until
from tests.e2e.stage import Stage, is_ready
from tests.e2e.workloads import pod, pod_spec

WEB = "docker.io/library/nginx:1.27"
SLEEP = "while :; do sleep 1; done"
MARK = "touch /tmp/up; " + SLEEP


def probed(command: str | None = MARK, **container: Any) -> dict[str, Any]:
    """Return a pod's spec; without a command it is a web server on port 80."""
    spec = pod_spec(command or "")
    if command is None:
        del spec["containers"][0]["command"]
        spec["containers"][0] |= {"image": WEB, "ports": [{"name": "web", "containerPort": 80}]}
    spec["containers"][0] |= container
    return spec


def executes(*command: str) -> dict[str, Any]:
    return {"exec": {"command": list(command)}, "periodSeconds": 1}


PASSING: dict[str, dict[str, Any]] = {
    "http": probed(None, readinessProbe={"httpGet": {"path": "/", "port": 80}}),
    "http-named-port-and-headers": probed(
        None,
        readinessProbe={"httpGet": {"path": "/", "port": "web", "httpHeaders": [{"name": "X-Probe", "value": "a, b"}]}},
    ),
    "tcp": probed(None, readinessProbe={"tcpSocket": {"port": 80}}),
    "all-three": probed(
        None,
        startupProbe={"tcpSocket": {"port": "web"}, "failureThreshold": 30, "periodSeconds": 1},
        livenessProbe={"httpGet": {"path": "/", "port": "web"}},
        readinessProbe={"httpGet": {"path": "/", "port": "web"}},
    ),
    "exec": probed(readinessProbe=executes("test", "-e", "/tmp/up")),
    "exec-of-several-lines": probed(readinessProbe=executes("sh", "-c", "set -e\ntest -e /tmp/up\n\ntest 1 = 1\n")),
    "exec-with-an-empty-item": probed(readinessProbe=executes("sh", "-c", '[ $# = 2 ] && [ -z "$1" ]', "sh", "", "x")),
    "exec-of-a-long-item": probed(readinessProbe=executes("sh", "-c", "test -e /tmp/up " + "&& test a = a " * 300)),
    "exec-with-quotes": probed(
        readinessProbe=executes("test", 'it\'s "$HOME"\n`x` \\0 %d', "=", 'it\'s "$HOME"\n`x` \\0 %d')
    ),
    "exec-in-a-working-directory": probed(
        workingDir="/srv/app", readinessProbe=executes("sh", "-c", '[ "$PWD" = /srv/app ]')
    ),
}
FAILING: dict[str, dict[str, Any]] = {
    "nobody-serves-grpc": probed(None, readinessProbe={"grpc": {"port": 80, "service": "ready"}}),
    "no-such-page": probed(None, readinessProbe={"httpGet": {"path": "/none", "port": 80}}),
    "nobody-listens": probed(None, readinessProbe={"tcpSocket": {"port": 81}}),
    "exec-of-several-lines-fails": probed(readinessProbe=executes("sh", "-c", "test -e /tmp/up\nexit 3\n")),
}


async def test_every_kind_of_probe_passes_and_fails_by_what_it_asks(stage: Stage) -> None:
    await stage.running_agent()
    await stage.apply(*(pod(name, spec) for name, spec in (PASSING | FAILING).items()))

    async def all_run() -> dict[str, bool] | None:
        pods = await stage.pods()
        ready = {each["metadata"]["name"]: is_ready(each) for each in pods}
        running = all(each["status"].get("phase") == "Running" for each in pods)
        return ready if running and all(ready[name] for name in PASSING) else None

    ready = await until("all pods run, and those whose probes pass are Ready", all_run, within=180)
    assert ready == dict.fromkeys(PASSING, True) | dict.fromkeys(FAILING, False)


def sink(**values: str) -> dict[str, str]:
    return {f"salad.com/logging-{name.replace('_', '-')}": value for name, value in values.items()}


SECRET_VALUE = "s1nk-s3cret"
SINKS: dict[str, tuple[dict[str, str], dict[str, str], dict[str, Any]]] = {
    "axiom": (
        sink(axiom_host="https://api.axiom.co", axiom_dataset="pods"),
        {"api_token": SECRET_VALUE},
        {"axiom": {"host": "https://api.axiom.co", "dataset": "pods", "api_token": SECRET_VALUE}},
    ),
    "datadog": (
        sink(datadog_host="http-intake.logs.datadoghq.com", datadog_tags="env:prod, team:a"),
        {"DATADOG_API_KEY": SECRET_VALUE},
        {
            "datadog": {
                "host": "http-intake.logs.datadoghq.com",
                "api_key": SECRET_VALUE,
                "tags": [{"name": "env", "value": "prod"}, {"name": "team", "value": "a"}],
            }
        },
    ),
    "http": (
        sink(http_host="logs.example.com", http_port="443", http_path="/in", http_format="json_lines"),
        {"user": "me", "password": SECRET_VALUE, "headers": f"Authorization: Bearer {SECRET_VALUE}\nX-Env: prod\n"},
        {
            "http": {
                "host": "logs.example.com",
                "port": 443,
                "path": "/in",
                "format": "json_lines",
                "compression": "none",
                "user": "me",
                "password": SECRET_VALUE,
                "headers": [
                    {"name": "Authorization", "value": f"Bearer {SECRET_VALUE}"},
                    {"name": "X-Env", "value": "prod"},
                ],
            }
        },
    ),
    "new-relic": (
        sink(new_relic_host="log-api.newrelic.com"),
        {"ingestion_key": SECRET_VALUE},
        {"new_relic": {"host": "log-api.newrelic.com", "ingestion_key": SECRET_VALUE}},
    ),
    "splunk": (
        sink(splunk_host="https://splunk.example.com:8088"),
        {"token": f"{SECRET_VALUE}\n"},
        {"splunk": {"host": "https://splunk.example.com:8088", "token": SECRET_VALUE}},
    ),
    "tcp": (
        sink(tcp_host="logs.example.com", tcp_port="514"),
        {},
        {"tcp": {"host": "logs.example.com", "port": 514}},
    ),
}


async def test_every_kind_of_sink_reaches_the_platform_and_its_credentials_nobody_else(stage: Stage) -> None:
    agent = await stage.running_agent()
    for name, (written, credentials, _) in SINKS.items():
        if credentials:
            metadata = {"name": f"{name}-login"}
            await stage.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": credentials})
        named = sink(secret=f"{name}-login") if credentials else {}
        await stage.apply(pod(name, pod_spec(), written | named))

    async def all_groups() -> dict[str, Any] | None:
        groups = {
            group["container"]["environment_variables"]["SCVK_POD_NAME"]: group["container"].get("logging")
            for group in (await stage.own_groups()).values()
        }
        return groups if len(groups) == len(SINKS) else None

    groups = await until("every pod has its container group", all_groups)
    assert groups == {name: expected for name, (_, _, expected) in SINKS.items()}
    told = agent.output() + await stage.kubectl("get", "events,pods", "-o", "yaml")
    assert SECRET_VALUE not in told
