"""exec and attach over every protocol: streams, ends, sizes, and clients that go."""

import asyncio
import json

import pytest

from scvk.kubelet.api.spdy_session import SpdyStream
from tests.integration.kubelet_api.remote_clients import WEBSOCKET, Spdy, all_of, spdy, websocket
from tests.integration.kubelet_api.served import Served

EXEC = "/exec/shop/web-0/app?input=1&output=1&error=1"
V4_AND_LATER = ["v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"]
BEFORE_V4 = ["channel.k8s.io", "base64.channel.k8s.io", ""]
DATA = bytes(range(256)) * 8000


@pytest.mark.parametrize("protocol", V4_AND_LATER + BEFORE_V4)
async def test_output_errors_and_exit_code_over_websocket(served_api: Served, protocol: str) -> None:
    async with websocket(served_api, f"{EXEC}&command=fail&command=7", protocol) as client:
        await client.read_all()
        assert (client.received[1], client.received[2]) == (b"out", b"err")
        assert client.closed_with == 1000
        if protocol in V4_AND_LATER:
            assert client.status()["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]
        else:
            assert client.received[3] == b"command terminated with non-zero exit code: exit status 7"


async def test_a_success_over_websocket(served_api: Served) -> None:
    async with websocket(served_api, f"{EXEC}&command=fail&command=0") as client:
        await client.read_all()
        assert client.status()["status"] == "Success"


async def test_input_ends_where_v5_says_so(served_api: Served) -> None:
    async with websocket(served_api, f"{EXEC}&command=cat") as client:
        reading = asyncio.create_task(client.read_all())
        for at in range(0, len(DATA), 50_000):
            await client.send(0, DATA[at : at + 50_000])
        await client.send_message(b"\xff\x00")
        await reading
        assert client.received[1] == DATA
        assert client.status()["status"] == "Success"


async def test_sizes_of_the_terminal_reach_the_command(served_api: Served) -> None:
    async with websocket(served_api, "/exec/shop/web-0/app?input=1&output=1&tty=1&command=size") as client:
        await client.send(4, b'{"Width":120,"Height":40}')
        await client.read_all()
        assert client.received[1] == b"120x40"
    assert served_api.provider.commands[0].tty


async def test_what_cannot_be_run_is_told_in_words(served_api: Served) -> None:
    async with websocket(served_api, f"{EXEC}&command=anything") as client:
        await client.read_all()
        assert client.status()["message"] == "no SSH key is configured"


@pytest.mark.parametrize("how", ["websocket", "spdy"])
async def test_the_command_ends_when_the_client_goes(served_api: Served, how: str) -> None:
    if how == "websocket":
        async with websocket(served_api, f"{EXEC}&command=hang") as client:
            await client.read_all(until=b"hanging")
    else:
        async with spdy(served_api, f"{EXEC}&command=hang") as over_spdy:
            streams = await opened(over_spdy)
            await streams["stdout"].read()
    async with asyncio.timeout(5):
        await served_api.provider.cancelled.wait()


async def test_offers_that_are_not_known_are_refused_before_the_switch(served_api: Served) -> None:
    offer = "Sec-WebSocket-Protocol: v9.channel.k8s.io"
    async with served_api.upgraded(f"{EXEC}&command=cat", *WEBSOCKET, offer) as (head, _):
        assert head.startswith("HTTP/1.1 403 ")
    headers = ("Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: v9.channel.k8s.io")
    async with served_api.upgraded(f"{EXEC}&command=cat", *headers) as (head, _):
        assert head.startswith("HTTP/1.1 403 ")
        assert "x-accepted-stream-protocol-versions: v4.channel.k8s.io" in head.lower()


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param(f"{EXEC}&command=cat", ("Upgrade: websocket", "Sec-WebSocket-Version: 13"), id="no-key"),
        pytest.param(f"{EXEC}&command=cat", ("Upgrade: h2c",), id="another-upgrade"),
        pytest.param("/exec/shop/web-0/app?command=cat", WEBSOCKET, id="no-streams"),
        pytest.param(EXEC, WEBSOCKET, id="no-command"),
    ],
)
async def test_what_cannot_be_served_is_told_before_the_switch(
    served_api: Served, path: str, headers: tuple[str, ...]
) -> None:
    async with served_api.upgraded(path, *headers) as (head, _):
        assert head.startswith("HTTP/1.1 400 ")


async def opened(client: Spdy, *kinds: str) -> dict[str, SpdyStream]:
    return {kind: await client.open(kind) for kind in kinds or ("error", "stdin", "stdout", "stderr")}


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io", "channel.k8s.io"])
async def test_output_errors_and_exit_code_over_spdy(served_api: Served, protocol: str) -> None:
    async with spdy(served_api, f"{EXEC}&command=fail&command=7", protocol) as client:
        streams = await opened(client)
        out, err, end = [await all_of(streams[kind]) for kind in ("stdout", "stderr", "error")]
        assert (out, err) == (b"out", b"err")
        if protocol.startswith(("v4", "v5")):
            assert json.loads(end)["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]
        else:
            assert end == b"command terminated with non-zero exit code: exit status 7"


async def test_input_and_output_of_megabytes_over_spdy(served_api: Served) -> None:
    async with spdy(served_api, f"{EXEC}&command=cat") as client:
        streams = await opened(client)
        reading = asyncio.create_task(all_of(streams["stdout"]))
        await streams["stdin"].write(DATA)
        await streams["stdin"].write_eof()
        assert await reading == DATA
        assert json.loads(await all_of(streams["error"]))["status"] == "Success"


async def test_sizes_of_the_terminal_over_spdy(served_api: Served) -> None:
    async with spdy(served_api, "/exec/shop/web-0/app?input=1&output=1&tty=1&command=size") as client:
        streams = await opened(client, "error", "stdin", "stdout", "resize")
        await streams["resize"].write(b'{"Width":120,"Height":40}')
        assert await all_of(streams["stdout"]) == b"120x40"


async def test_output_waits_for_a_client_that_does_not_read(served_api: Served) -> None:
    async with websocket(served_api, f"{EXEC}&command=pour&command=200000000") as client:
        await client.read_all(until=b"xxx")
        received = len(client.received[1])
        await asyncio.sleep(0)
        await client.read_all(until=b"x" * (received + 1000))
    assert served_api.provider.commands[0].words == ("pour", "200000000")


async def test_attach_shows_what_is_written_and_refuses_input_in_words(served_api: Served) -> None:
    async with websocket(served_api, "/attach/shop/web-0/app?output=1") as client:
        await client.read_all(until=b"line 2\n")
        assert client.received[1] == b"line 0\nline 1\nline 2\n"
    assert served_api.provider.asked[0].follow
    async with websocket(served_api, "/attach/shop/web-0/app?input=1&output=1") as client:
        await client.read_all()
        assert "nothing can be attached to its standard input" in client.status()["message"]


async def test_run_answers_with_the_output(served_api: Served) -> None:
    async with served_api.client(served_api.api_server()) as client:
        answer = await client.post("/run/shop/web-0/app", params={"cmd": "fail 0"})
        assert (answer.status_code, answer.text) == (200, "outerr")
        answer = await client.post("/run/shop/web-0/app", params={"cmd": "anything else"})
        assert (answer.status_code, answer.text) == (400, "no SSH key is configured")
