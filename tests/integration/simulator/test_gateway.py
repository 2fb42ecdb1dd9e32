"""The container gateway: which instance a request reaches, and what is shown when none does."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from scvk.simulator.config import ApiKey
from scvk.simulator.gateway.server import ServedGateway
from scvk.simulator.service import serve_gateway
from tests.integration.simulator.logins import logged_in, open_stage
from tests.integration.simulator.stage import DEADLINE_S, KEY, Stage, until

OTHER_KEY = "reaches-another-organization"
# Answers on IPv6 and IPv4 with what it was asked: method, path, headers, body, how many requests it has at once.
ECHO = """
import http.server, json, socket, threading, time, os
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 128
lock, now, most = threading.Lock(), 0, 0
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        global now, most
        with lock:
            now += 1; most = max(most, now)
        length = self.headers.get("Content-Length")
        body = self.rfile.read(int(length)) if length else b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size); self.rfile.readline()
            self.rfile.readline()
        if self.path.startswith("/wait/"): time.sleep(float(self.path[6:]))
        if self.path == "/garbage": self.wfile.write(b"no HTTP at all\\r\\n\\r\\n")
        if self.path in ("/garbage", "/cut"): self.close_connection = True; return
        if self.path == "/upgrade":
            self.wfile.write(b"HTTP/1.1 101 Switching Protocols\\r\\n")
            self.wfile.write(b"Connection: Upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n")
            while data := self.rfile.readline(): self.wfile.write(data.upper())
            self.close_connection = True; return
        if self.path.startswith("/stream/"):
            self.send_response(200); self.send_header("Transfer-Encoding", "chunked"); self.end_headers()
            for number in range(int(self.path[8:])):
                piece = b"%d\\n" % number * 1000
                self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(piece), piece))
            self.wfile.write(b"0\\r\\n\\r\\n")
        else:
            facts = {"method": self.command, "path": self.path, "size": len(body), "most": most,
                     "headers": {k.lower(): v for k, v in self.headers.items()},
                     "instance": os.environ["SALAD_INSTANCE_ID"]}
            answer = json.dumps(facts).encode()
            self.send_response(200); self.send_header("Content-Length", str(len(answer))); self.end_headers()
            self.wfile.write(answer)
        with lock: now -= 1
    do_POST = do_PUT = do_GET
print("up", flush=True)
Server(("::", 8000), Handler).serve_forever()
"""


class Front:
    """Requests through the gateway."""

    def __init__(self, simulated: Stage, gateway: ServedGateway, http: httpx2.AsyncClient) -> None:
        self.simulated = simulated
        self.gateway = gateway
        self.http = http
        self.url = f"http://127.0.0.1:{gateway.port}"

    async def group(self, name: str, networking: dict[str, Any] | None = None, **changes: Any) -> str:
        """Create one that echoes, and wait for it; its DNS name."""
        given = {"protocol": "http", "port": 8000, "auth": False, **(networking or {})}
        # Neither commands nor variables may have line breaks, and a variable has at most 1000 characters.
        text = json.dumps(ECHO)
        pieces = {f"P{number}": text[number * 900 :][:900] for number in range(len(text) // 900 + 1)}
        joined = f'"".join(os.environ[f"P{{n}}"] for n in range({len(pieces)}))'
        default = ["python3", "-c", f"import os, json; exec(json.loads({joined}))"]
        command = changes.pop("command", default)
        await self.simulated.create(name, command, "python", networking=given, environment=pieces, **changes)
        return await self.dns(name)

    async def dns(self, name: str) -> str:
        group = await self.simulated.call("get_container_group", container_group_name=name)
        return str(group["networking"]["dns"])

    async def ready(self, name: str, networking: dict[str, Any] | None = None, **changes: Any) -> str:
        dns = await self.group(name, networking, **changes)
        replicas = changes.get("replicas", 1)

        async def all_up() -> bool:
            return bool((await self.simulated.output(name)).count("up") == replicas)

        await until(all_up, f"{name} is up")

        async def answers() -> bool:
            return bool((await self.get(dns)).status_code != 503)

        await until(answers, f"{name} answers")
        return dns

    async def get(self, dns: str, path: str = "/", **headers: str) -> httpx2.Response:
        return await self.http.get(self.url + path, headers={"Host": dns, **headers})


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    keys = (ApiKey(KEY), ApiKey(OTHER_KEY, ("second-corp",)))
    async with (
        open_stage(api_keys=keys, organizations=("acme-corp", "second-corp")) as simulated,
        serve_gateway(simulated.simulator, tls=True) as gateway,
        httpx2.AsyncClient(timeout=DEADLINE_S, trust_env=False) as http,
    ):
        yield Front(simulated, gateway, http)


async def test_ten_servers_on_port_80_through_the_gateway_and_by_port_forward(front: Front) -> None:
    names = [f"web-{number}" for number in range(10)]
    networking = {"protocol": "http", "port": 80, "auth": False}
    for name in names:
        script = f"mkdir -p /usr/share/nginx/html; echo {name} > /usr/share/nginx/html/index.html; exec nginx"
        await front.simulated.create(name, ["sh", "-c", script], "nginx", networking=networking)
    for name in names:
        dns = await front.dns(name)

        async def answers(dns: str = dns, name: str = name) -> bool:
            return (await front.get(dns)).text == f"{name}\n"

        await until(answers, f"{name} through the gateway")
        async with logged_in(await front.simulated.until_running(name)) as connection:
            listener = await connection.forward_local_port("127.0.0.1", 0, "localhost", 80)
            forwarded = await front.http.get(f"http://127.0.0.1:{listener.get_port()}/")
            assert forwarded.text == f"{name}\n"


class TestPassing:
    async def test_a_client_that_takes_it_for_a_proxy_is_served_too(self, front: Front) -> None:
        """RFC 9112, section 3.2.2: every server must take the absolute form; the program gets the usual one."""
        dns = await front.ready("echo")
        reader, writer = await asyncio.open_connection("127.0.0.1", front.gateway.port)
        for target in (f"http://{dns}/a?b=c", f"http://{dns}?b=c"):
            writer.write(f"GET {target} HTTP/1.1\r\nHost: {dns}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            size = next(int(line[15:]) for line in head.lower().splitlines() if line.startswith(b"content-length:"))
            path = json.loads(await reader.readexactly(size))["path"]
            assert path == ("/a?b=c" if "/a" in target else "/?b=c")
        writer.close()

    async def test_the_program_sees_the_request_and_who_made_it(self, front: Front) -> None:
        dns = await front.ready("echo")
        response = await front.http.post(
            front.url + "/a/b?c=%20d", headers={"Host": dns, "X-Mine": "1"}, content=b"x" * 3_000_000
        )
        facts = response.json()
        assert (facts["method"], facts["path"], facts["size"]) == ("POST", "/a/b?c=%20d", 3_000_000)
        expected = {"host": dns, "x-mine": "1", "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http"}
        assert expected.items() <= facts["headers"].items()

    async def test_bodies_stream_both_ways(self, front: Front) -> None:
        dns = await front.ready("echo")

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"y" * 50_000

        response = await front.http.post(front.url, headers={"Host": dns}, content=pieces())
        assert response.json()["size"] == 5_000_000
        async with front.http.stream("GET", front.url + "/stream/2000", headers={"Host": dns}) as streamed:
            lines = [line async for line in streamed.aiter_lines()]
        assert lines == [str(number) for number in range(2000) for _ in range(1000)]

    async def test_one_client_connection_serves_many_requests(self, front: Front) -> None:
        dns = await front.ready("echo")
        reader, writer = await asyncio.open_connection("127.0.0.1", front.gateway.port)
        for number in range(3):
            writer.write(f"GET /{number} HTTP/1.1\r\nHost: {dns}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            assert json.loads(await reader.readexactly(length))["path"] == f"/{number}"
        writer.close()
        await writer.wait_closed()

    async def test_a_changed_protocol_passes_through(self, front: Front) -> None:
        dns = await front.ready("echo")
        reader, writer = await asyncio.open_connection("127.0.0.1", front.gateway.port)
        writer.write(f"GET /upgrade HTTP/1.1\r\nHost: {dns}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        for word in (b"one", b"two"):
            writer.write(word + b"\n")
            assert await reader.readline() == word.upper() + b"\n"
        writer.close()
        await writer.wait_closed()

    async def test_https_on_the_same_port_with_the_gateway_s_own_authority(self, front: Front) -> None:
        dns = await front.ready("echo")
        trust = ssl.create_default_context(cadata=front.gateway.authority)
        reader, writer = await asyncio.open_connection("127.0.0.1", front.gateway.port, ssl=trust, server_hostname=dns)
        writer.write(f"GET / HTTP/1.1\r\nHost: {dns}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert json.loads(body)["headers"]["x-forwarded-proto"] == "https"
        writer.close()
        await writer.wait_closed()


class TestRefusing:
    async def test_an_unknown_name_is_404_and_none_is_400(self, front: Front) -> None:
        assert (await front.get("nobody.salad.cloud")).status_code == 404
        reader, writer = await asyncio.open_connection("127.0.0.1", front.gateway.port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()
        await writer.wait_closed()

    async def test_a_group_with_auth_wants_a_key_of_its_organization(self, front: Front) -> None:
        dns = await front.group("guarded", {"auth": True})
        assert (await front.get(dns)).status_code == 401
        assert (await front.get(dns, **{"Salad-Api-Key": "wrong"})).status_code == 403
        assert (await front.get(dns, **{"Salad-Api-Key": OTHER_KEY})).status_code == 403

        async def answers() -> bool:
            return (await front.get(dns, **{"Salad-Api-Key": KEY})).status_code == 200

        await until(answers, "the right key reaches the program")

    async def test_without_a_ready_instance_it_is_the_503_page(self, front: Front) -> None:
        never = {
            "tcp": {"port": 9},
            "initial_delay_seconds": 0,
            "period_seconds": 1,
            "timeout_seconds": 1,
            "success_threshold": 1,
            "failure_threshold": 3,
        }
        dns = await front.group("unready", readiness_probe=never)
        await front.simulated.until_said("unready", "up")
        response = await front.get(dns)
        assert response.status_code == 503
        assert response.headers["x-scvk-reason"] == "no instance is ready"
        assert "Error 503 Detected" in response.text
        assert "your container is not ready to handle the request" in response.text

    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            (["python3", "-m", "http.server", "--bind", "0.0.0.0", "8000"], "IPv4 only"),
            (["sleep", "1000"], "does not listen on port 8000"),
        ],
        ids=["IPv4 only", "nothing"],
    )
    async def test_a_program_that_does_not_listen_on_ipv6_is_503(
        self, front: Front, command: list[str], reason: str
    ) -> None:
        dns = await front.group("deaf", command=command)

        async def explained() -> bool:
            response = await front.get(dns)
            return response.status_code == 503 and reason in response.headers["x-scvk-reason"]

        await until(explained, "the reason is given")

    async def test_what_is_no_answer_is_502(self, front: Front) -> None:
        dns = await front.ready("echo")
        assert (await front.get(dns, "/garbage")).status_code == 502
        assert (await front.get(dns, "/cut")).status_code == 502

    async def test_a_body_beyond_1_gb_is_413(self, front: Front) -> None:
        dns = await front.ready("echo")
        reader, writer = await asyncio.open_connection("127.0.0.1", front.gateway.port)
        writer.write(f"POST / HTTP/1.1\r\nHost: {dns}\r\nContent-Length: 1000000001\r\n\r\n".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
        writer.close()
        await writer.wait_closed()

    async def test_what_is_no_http_is_400(self, front: Front) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.gateway.port)
        writer.write(b"\x00\x01 hello\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
        writer.close()
        await writer.wait_closed()


class TestWaiting:
    async def test_a_late_answer_is_524(self, front: Front) -> None:
        dns = await front.ready("slow", {"server_response_timeout": 300})
        assert (await front.get(dns, "/wait/0.01")).status_code == 200
        assert (await front.get(dns, "/wait/5")).status_code == 524

    async def test_with_the_single_connection_limit_requests_take_turns(self, front: Front) -> None:
        dns = await front.ready("single", {"single_connection_limit": True})
        responses = await asyncio.gather(*(front.get(dns, "/wait/0.02") for _ in range(8)))
        assert [response.status_code for response in responses] == [200] * 8
        assert max(response.json()["most"] for response in responses) == 1

    async def test_who_waits_too_long_for_a_turn_gets_504(self, front: Front) -> None:
        dns = await front.ready("single", {"single_connection_limit": True, "client_request_timeout": 200})
        first = asyncio.create_task(front.get(dns, "/wait/2"))
        await asyncio.sleep(0)

        async def refused() -> bool:
            return (await front.get(dns)).status_code == 504

        await until(refused, "the second is refused while the first is served")
        assert (await first).status_code == 200

    @pytest.mark.parametrize("algorithm", ["round_robin", "least_number_of_connections"])
    async def test_instances_share_the_work(self, front: Front, algorithm: str) -> None:
        dns = await front.ready("shared", {"load_balancer": algorithm}, replicas=3)

        async def three() -> bool:
            answers = [(await front.get(dns)) for _ in range(6)]
            return len({answer.json()["instance"] for answer in answers if answer.status_code == 200}) == 3

        await until(three, "all three answer")

    async def test_least_connections_avoids_the_busy_one(self, front: Front) -> None:
        dns = await front.ready("shared", {"load_balancer": "least_number_of_connections"}, replicas=2)

        async def two() -> bool:
            answers = [(await front.get(dns)) for _ in range(4)]
            return len({answer.json()["instance"] for answer in answers if answer.status_code == 200}) == 2

        await until(two, "both answer")
        busy = asyncio.create_task(front.get(dns, "/wait/1"))

        async def avoided() -> bool:
            answers = [(await front.get(dns)).json()["instance"] for _ in range(4)]
            return len(set(answers)) == 1 and not busy.done()

        await until(avoided, "the other one gets everything")
        assert (await busy).status_code == 200
