"""aiohttp with its default limits against a server: it dies of a line that is longer than 128 KiB."""

import asyncio
import base64
import json
import sys

import aiohttp

base, key = sys.argv[1:]
ASK = {
    "model": "gpt-audio",
    "stream": True,
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "pcm16"},
    "messages": [{"role": "user", "content": "Is a golden retriever a good family dog?"}],
}


async def main() -> None:
    headers = {"Authorization": f"Bearer {key}"}
    sound, last = 0, b""
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{base}/v1/chat/completions", json=ASK) as response,
    ):
        assert response.status == 200
        async for line in response.content:
            if line.startswith(b"data: {"):
                for choice in json.loads(line[6:])["choices"]:
                    sound += len(base64.b64decode(choice["delta"].get("audio", {}).get("data", "")))
            last = line.strip() or last
    assert last == b"data: [DONE]"
    assert sound > 20_000


asyncio.run(main())
