"""`/containerLogs` as the API server asks for it."""

import asyncio

import pytest

from tests.integration.kubelet_api.served import ADMIN_TOKEN, Served

PATH = "/containerLogs/shop/web-0/app"


async def test_lines_are_shown(served_api: Served) -> None:
    async with served_api.client(token=ADMIN_TOKEN) as client:
        answer = await client.get(PATH)
        assert answer.text == "line 0\nline 1\nline 2\n"
        assert answer.headers["content-type"].startswith("text/plain")


async def test_lines_have_time_stamps_where_asked_for(served_api: Served) -> None:
    async with served_api.client(token=ADMIN_TOKEN) as client:
        answer = await client.get(PATH, params={"timestamps": "true"})
        assert answer.text.splitlines()[0] == "2026-01-02T03:04:05.000678000Z line 0"


async def test_what_is_sent_is_cut_at_the_byte(served_api: Served) -> None:
    async with served_api.client(token=ADMIN_TOKEN) as client:
        assert (await client.get(PATH, params={"limitBytes": "9"})).text == "line 0\nli"


async def test_the_query_reaches_the_provider(served_api: Served) -> None:
    async with served_api.client(token=ADMIN_TOKEN) as client:
        await client.get(PATH, params={"tailLines": "7", "sinceTime": "2026-01-01T00:00:00Z"})
        await client.get(PATH, params={"tail": "8"})
        await client.get(PATH, params={"tail": "all"})
    request, *older_names = served_api.provider.asked
    assert [each.tail_lines for each in older_names] == [8, None]
    assert (request.tail_lines, request.since and request.since.isoformat()) == (7, "2026-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    "query",
    [
        {"tailLines": "-1"},
        {"tailLines": "many"},
        {"sinceSeconds": "0"},
        {"sinceTime": "yesterday"},
        {"sinceTime": "2026-01-01T00:00:00"},
        {"sinceTime": "2026-01-01T00:00:00Z", "sinceSeconds": "1"},
        {"limitBytes": "0"},
        {"follow": "perhaps"},
        {"stream": "Stdin"},
    ],
)
async def test_a_wrong_query_is_told(served_api: Served, query: dict[str, str]) -> None:
    async with served_api.client(token=ADMIN_TOKEN) as client:
        assert (await client.get(PATH, params=query)).status_code == 400


async def test_what_cannot_be_shown_is_told_in_words(served_api: Served) -> None:
    async with served_api.client(token=ADMIN_TOKEN) as client:
        answer = await client.get(PATH, params={"previous": "true"})
        assert answer.status_code == 400
        assert answer.text == "previous terminated container app in pod web-0 not found"


async def test_a_follower_that_goes_is_noticed(served_api: Served) -> None:
    async with served_api.client(token=ADMIN_TOKEN) as client:
        async with client.stream("GET", PATH, params={"follow": "true"}) as answer:
            assert (await anext(answer.aiter_bytes())).startswith(b"line 0")
        async with asyncio.timeout(5):
            await served_api.provider.cancelled.wait()
