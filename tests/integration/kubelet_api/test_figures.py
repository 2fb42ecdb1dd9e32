"""The routes that tell figures: who may read them, what they tell, and what the plain port tells without asking."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest

from tests.integration.kubelet_api.served import ADMIN_TOKEN, METER_TOKEN, POOR_TOKEN, READER_TOKEN, Served

FIGURES = ["/metrics", "/metrics/resource", "/metrics/cadvisor", "/metrics/probes", "/stats/summary"]


@pytest.mark.parametrize("path", FIGURES)
@pytest.mark.parametrize(
    ("token", "status"),
    [(None, 401), (METER_TOKEN, 200), (ADMIN_TOKEN, 200), (READER_TOKEN, 403), (POOR_TOKEN, 403)],
)
async def test_figures_need_the_right_to_read_metrics_or_stats_and_no_other(
    served_api: Served, path: str, token: str | None, status: int
) -> None:
    async with served_api.client(token=token) as client:
        assert (await client.get(path)).status_code == status


@pytest.mark.parametrize("path", ["/pods", "/runningpods/", "/configz", "/containerLogs/shop/web-0/app"])
async def test_the_right_to_read_figures_opens_nothing_else(served_api: Served, path: str) -> None:
    async with served_api.client(token=METER_TOKEN) as client:
        assert (await client.get(path)).status_code == 403


async def test_metrics_of_resources_are_served_in_the_text_format(served_api: Served) -> None:
    async with served_api.client(token=METER_TOKEN) as client:
        answer = await client.get("/metrics/resource")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'container_cpu_usage_seconds_total{container="app",pod="web-0",namespace="shop"} 30 ' in answer.text
    assert "node_cpu_usage_seconds_total 31.5 1700000060000" in answer.text


async def test_a_defect_behind_the_metrics_of_resources_is_told_as_a_scrape_error(served_api: Served) -> None:
    served_api.provider.usage_fails = True
    async with served_api.client(token=METER_TOKEN) as client:
        answer = await client.get("/metrics/resource")
    assert answer.status_code == 200
    assert "resource_scrape_error 1" in answer.text
    assert "node_cpu" not in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_summary_is_served_for_both_methods_as_kubelets_do(served_api: Served, method: str) -> None:
    async with served_api.client(token=ADMIN_TOKEN) as client:
        answer = await client.request(method, "/stats/summary?only_cpu_and_memory=true")
    assert json.loads(answer.text)["pods"][0]["podRef"] == {"name": "web-0", "namespace": "shop", "uid": "uid-1"}


async def test_the_agents_own_metrics_tell_its_process_and_its_pods(served_api: Served) -> None:
    async with served_api.client(token=METER_TOKEN) as client:
        text = (await client.get("/metrics")).text
    assert "process_cpu_seconds_total 1.5" in text
    assert 'scvk_pods{phase="Running"} 1' in text
    assert "scvk_healthy 1" in text


async def test_the_plain_port_tells_metrics_of_the_agent_and_its_health_to_everybody(served_api: Served) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{served_api.plain_port}", trust_env=False) as client:
        assert (await client.get("/healthz")).text == "ok"
        served_api.ailment[0] = "the pods of the node have not been listed yet"
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.text) == (500, "the pods of the node have not been listed yet\n")
        assert "scvk_healthy 0" in (await client.get("/metrics")).text


@pytest.mark.parametrize(
    "path",
    [
        "/metrics/resource",
        "/metrics/cadvisor",
        "/stats/summary",
        "/pods",
        "/runningpods/",
        "/configz",
        "/exec/a/b/c",
        "/",
    ],
)
async def test_the_plain_port_tells_nothing_of_pods(served_api: Served, path: str) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{served_api.plain_port}", trust_env=False) as client:
        assert (await client.get(path)).status_code == 404
        assert (await client.post(path)).status_code == 404


async def test_a_client_that_speaks_tls_to_the_plain_port_gets_an_error_and_ends(served_api: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served_api.plain_port)
    writer.write(bytes.fromhex("16030100c8010000c40303"))
    writer.write_eof()
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()
