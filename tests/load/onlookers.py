"""People who watch the board without a browser: each does over HTTP what the page's script does."""

from __future__ import annotations

import asyncio
import random
import sys

import httpx

from sered.central.web.views import COOKIE


async def watch(client: httpx.AsyncClient, there: asyncio.Event) -> None:
    """Hear the stream; after a change, and a moment as the script waits it, fetch the queue."""
    changed = asyncio.Event()
    fetching = asyncio.create_task(_fetch(client, changed))
    async with client.stream("GET", "/stream") as stream:
        assert stream.status_code == 200
        async for line in stream.aiter_lines():
            there.set()
            if line == "event: changed":
                changed.set()
    fetching.cancel()
    sys.exit("The stream ended.")


async def _fetch(client: httpx.AsyncClient, changed: asyncio.Event) -> None:
    while True:
        await changed.wait()
        await asyncio.sleep(0.05 + random.random() * 0.2)
        changed.clear()
        answer = await client.get("/queue?case=", headers={"x-piece": "1"})
        assert answer.status_code == 200, answer.text


async def main(address: str, token: str, count: int) -> None:
    """So many people, until it is killed."""
    clients = [
        httpx.AsyncClient(base_url=address, cookies={COOKIE: token}, timeout=60.0, trust_env=False)
        for _ in range(count)
    ]
    there = [asyncio.Event() for _ in clients]
    pairs = zip(clients, there, strict=True)
    watching = [asyncio.create_task(watch(client, event)) for client, event in pairs]
    for event in there:
        await event.wait()
    print("watching", flush=True)
    await asyncio.gather(*watching)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
