"""The `openai` package from PyPI against a server: typed, sync and async, streams, transcriptions, speech."""

import asyncio
import base64
import io
import sys
import wave

from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, BadRequestError, OpenAI
from openai.types.chat import ChatCompletion

base, key = sys.argv[1:]
client = OpenAI(base_url=f"{base}/v1", api_key=key)
ASK = {
    "model": "gpt-audio",
    "modalities": ["text", "audio"],
    "messages": [{"role": "user", "content": "Is a golden retriever a good family dog?"}],
}
WAV = {"voice": "alloy", "format": "wav"}
PCM = {"voice": "alloy", "format": "pcm16"}


def check_whole(completion: ChatCompletion) -> None:
    assert isinstance(completion, ChatCompletion)
    audio = completion.choices[0].message.audio
    assert audio is not None and audio.transcript and audio.expires_at > 0
    with wave.open(io.BytesIO(base64.b64decode(audio.data))) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (24_000, 1)
        assert sound.getnframes() > 10_000
    assert completion.usage is not None and completion.usage.completion_tokens_details.audio_tokens > 0
    assert completion._request_id.startswith("req_")


def check_stream(chunks: list) -> None:
    deltas = [chunk.choices[0].delta.model_dump() for chunk in chunks if chunk.choices]
    audio = [delta["audio"] for delta in deltas if delta.get("audio")]
    assert sum(len(base64.b64decode(one.get("data") or "")) for one in audio) > 20_000
    assert "".join(one.get("transcript") or "" for one in audio)
    assert sum(chunk.usage is not None for chunk in chunks) == 1


def chat() -> None:
    azure = [
        AzureOpenAI(azure_endpoint=base, api_key=key, api_version="2025-01-01-preview"),
        AzureOpenAI(azure_endpoint=base, api_key=key, api_version="preview", azure_deployment="mine"),
        OpenAI(base_url=f"{base}/openai/v1/", api_key=key),
    ]
    for one in (client, *azure):
        check_whole(one.chat.completions.create(audio=WAV, **ASK))
        check_stream(
            list(one.chat.completions.create(audio=PCM, stream=True, stream_options={"include_usage": True}, **ASK))
        )
        one.models.list()
    try:
        client.chat.completions.create(audio=WAV, n=2, **ASK)
    except BadRequestError as error:
        assert error.param == "n"
    else:
        raise AssertionError


async def chat_async() -> None:
    for one in (
        AsyncOpenAI(base_url=f"{base}/v1", api_key=key),
        AsyncAzureOpenAI(azure_endpoint=base, api_key=key, api_version="2025-01-01-preview"),
    ):
        check_whole(await one.chat.completions.create(audio=WAV, **ASK))
        stream = await one.chat.completions.create(
            audio=PCM, stream=True, stream_options={"include_usage": True}, **ASK
        )
        check_stream([chunk async for chunk in stream])
        await one.close()


def speech_and_transcriptions() -> None:
    for format in ("mp3", "wav", "flac", "opus", "aac", "pcm"):
        spoken = client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.", response_format=format)
        assert len(spoken.read()) > 1000, format
    with client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="Hello.") as response:
        mp3 = b"".join(response.iter_bytes())
    file = ("a.mp3", mp3)
    assert client.audio.transcriptions.create(model="whisper-1", file=file).text
    assert isinstance(client.audio.transcriptions.create(model="whisper-1", file=file, response_format="text"), str)
    assert "-->" in client.audio.transcriptions.create(model="whisper-1", file=file, response_format="srt")
    verbose = client.audio.transcriptions.create(
        model="whisper-1",
        file=file,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert verbose.words and verbose.words[0].end > 0
    assert verbose.segments and verbose.language == "english"
    azure = AzureOpenAI(azure_endpoint=base, api_key=key, api_version="2024-06-01")
    assert azure.audio.transcriptions.create(model="whisper", file=file).text
    events = list(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=file, stream=True))
    assert [one.type for one in events][-1] == "transcript.text.done"


chat()
asyncio.run(chat_async())
speech_and_transcriptions()
