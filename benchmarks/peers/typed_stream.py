"""The SDK's typed stream, its sound written to stdout as it comes."""

import base64
import os
import sys

from openai import AzureOpenAI

client = AzureOpenAI(
    azure_endpoint=os.environ["AZURE_OPENAI_ENDPOINT"],
    api_key=os.environ["AZURE_OPENAI_API_KEY"],
    api_version="2025-01-01-preview",
)

completion = client.chat.completions.create(
    model=os.environ["AZURE_OPENAI_DEPLOYMENT_NAME"],
    modalities=["text", "audio"],
    audio={"voice": "alloy", "format": "pcm16"},
    messages=[{"role": "user", "content": "Tell me about rain."}],
    stream=True,
)

for chunk in completion:
    if chunk.choices:
        audio = chunk.choices[0].delta.audio
        if audio and audio.data:
            sys.stdout.buffer.write(base64.b64decode(audio.data))
            sys.stdout.buffer.flush()
