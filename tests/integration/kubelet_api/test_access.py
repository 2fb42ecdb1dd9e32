"""Who may call what: every route, and every way to come."""

import asyncio
import ssl
from datetime import UTC, datetime

import httpx2
import pytest

from scvk.testbed.certificates import Authority
from tests.integration.kubelet_api.served import (
    ADMIN_TOKEN,
    EXPIRED_TOKEN,
    POOR_TOKEN,
    READER_TOKEN,
    Served,
    served,
)

READS = [
    "/containerLogs/shop/web-0/app",
    "/pods",
    "/runningpods/",
    "/configz",
    "/healthz",
]
COMMANDS = [
    ("GET", "/exec/shop/web-0/app?command=ls&output=1"),
    ("POST", "/exec/shop/web-0/app?command=ls&output=1"),
    ("GET", "/exec/shop/web-0/uid-1/app?command=ls&output=1"),
    ("GET", "/attach/shop/web-0/app?output=1"),
    ("POST", "/attach/shop/web-0/app?output=1"),
    ("GET", "/portForward/shop/web-0"),
    ("POST", "/portForward/shop/web-0"),
    ("POST", "/run/shop/web-0/app?cmd=true"),
]
ROUTES = [("GET", path) for path in READS] + COMMANDS
LET_IN = range(200, 401)
"""Also 400: the request gets as far as being told that it is no upgrade."""


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_each_route_asks_who_calls_and_whether_that_is_allowed(method: str, path: str) -> None:
    async with served() as api:
        is_command = (method, path) in COMMANDS
        right = api.reviewer.authority
        table = [
            ("no credentials", None, None, [401]),
            ("a right certificate", right.client("apiserver"), None, LET_IN),
            ("a right certificate without rights", right.client("nobody-special"), None, [403]),
            ("a token with rights", None, ADMIN_TOKEN, LET_IN),
            ("a token with get nodes/proxy", None, READER_TOKEN, [403] if is_command else LET_IN),
            ("a token without rights", None, POOR_TOKEN, [403]),
            ("an expired token", None, EXPIRED_TOKEN, [401]),
        ]
        for who, pair, token, expected in table:
            async with api.client(pair, token) as client:
                answer = await client.request(method, path)
                assert answer.status_code in expected, f"{who}: {answer.status_code} {answer.text}"


async def test_a_certificate_of_another_authority_ends_in_a_tls_alert() -> None:
    async with served() as api, api.client(Authority("others", datetime.now(UTC)).client("apiserver")) as client:
        with pytest.raises((httpx2.TransportError, ssl.SSLError)):
            await client.get("/pods")
        assert not any("reviews" in path for path in api.reviewer.asked)


@pytest.mark.parametrize(
    "path",
    [
        "/containerLogs/shop/web-1/app",
        "/containerLogs/other/web-0/app",
        "/containerLogs/shop/web-0/sidecar",
        "/containerLogs/shop/web-0/",
        "/exec/shop/web-0/other-uid/app?command=ls&output=1",
        "/exec/shop/web-0/sidecar?command=ls&output=1",
        "/portForward/shop/web-0/other-uid",
        "/containerLogs/shop/..%2Fother%2Fweb-0/app",
        "/nothing",
        "/exec",
    ],
)
async def test_what_is_not_on_this_node_cannot_be_reached(path: str) -> None:
    async with served() as api, api.client(token=ADMIN_TOKEN) as client:
        assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["//exec/shop/web-0/app", "/%65xec/shop/web-0/app", "/exec/../exec/shop/web-0/app"])
async def test_no_spelling_of_a_path_makes_a_command_a_read(path: str) -> None:
    async with served() as api:
        head = await _head(api, f"{path}?command=cat&output=1")
        assert head.split()[1] in ("403", "404")
        assert api.provider.commands == []


async def _head(api: Served, target: str) -> str:
    """Send the path as it stands, which clients of a library would not do."""
    reader = api.reviewer.authority.client("reader")
    async with api.upgraded(target, "Upgrade: SPDY/3.1", pair=reader) as (head, _):
        return head


async def test_while_the_api_server_gives_no_answer_nobody_new_is_let_in() -> None:
    async with served() as api, api.client(token=ADMIN_TOKEN) as known, api.client(token=READER_TOKEN) as unknown:
        assert (await known.get("/pods")).status_code == 200
        api.reviewer.is_down = True
        assert (await known.get("/pods")).status_code == 200
        answer = await unknown.get("/pods")
        assert answer.status_code == 500
        assert READER_TOKEN not in answer.text


async def test_answers_are_asked_for_once_in_a_while() -> None:
    async with served() as api, api.client(token=ADMIN_TOKEN) as client:
        for _ in range(20):
            assert (await client.get("/pods")).status_code == 200
        assert len([path for path in api.reviewer.asked if "reviews" in path]) == 2


async def test_a_hundred_who_ask_the_same_at_once_share_one_question() -> None:
    async with served() as api, api.client(pair=api.api_server()) as client:
        answers = await asyncio.gather(*(client.get("/pods") for _ in range(100)))
        assert {answer.status_code for answer in answers} == {200}
        assert len([path for path in api.reviewer.asked if "reviews" in path]) == 1


async def test_a_node_that_is_not_well_says_why() -> None:
    async with served() as api, api.client(token=ADMIN_TOKEN) as client:
        assert (await client.get("/healthz")).text == "ok"
        api.ailment[0] = "the pods of the node have not been listed yet"
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.text.strip()) == (500, api.ailment[0])


async def test_pods_and_configuration_are_shown() -> None:
    async with served() as api, api.client(token=ADMIN_TOKEN) as client:
        pods = (await client.get("/pods")).json()
        assert [item["metadata"]["name"] for item in pods["items"]] == ["web-0"]
        assert pods["kind"] == "PodList"
        assert (await client.get("/configz")).json() == {"kubeletconfig": {"nodeName": "node-1"}}


async def test_a_rotated_authority_lets_its_clients_in_and_others_no_more(served_api: Served) -> None:
    api = served_api
    old, new = api.reviewer.authority, Authority("new", datetime.now(UTC))

    async def is_let_in(authority: Authority) -> bool:
        async with api.client(authority.client("apiserver")) as client:
            try:
                return (await client.get("/pods")).status_code == 200
            except (httpx2.TransportError, ssl.SSLError):
                return False

    async with api.client(old.client("apiserver")) as before:
        assert (await before.get("/pods")).status_code == 200
        api.reviewer.rotate(new)
        async with asyncio.timeout(5):
            while not await is_let_in(new):
                pass  # the change is on its way through the watch
        assert (await before.get("/pods")).status_code == 200, "a connection that is there goes on"
        assert not await is_let_in(old)
