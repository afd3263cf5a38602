"""Azure's quickstart: a conversation of several turns."""

import base64
import os

from openai import AzureOpenAI

endpoint = os.environ["AZURE_OPENAI_ENDPOINT"]
api_key = os.environ["AZURE_OPENAI_API_KEY"]

client = AzureOpenAI(api_version="2025-01-01-preview", api_key=api_key, azure_endpoint=endpoint)

with open("dog.wav", "rb") as wav_reader:
    encoded_string = base64.b64encode(wav_reader.read()).decode("utf-8")

messages = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Describe in detail the spoken audio input."},
            {"type": "input_audio", "input_audio": {"data": encoded_string, "format": "wav"}},
        ],
    }
]

completion = client.chat.completions.create(
    model="gpt-4o-mini-audio-preview",
    modalities=["text", "audio"],
    audio={"voice": "alloy", "format": "wav"},
    messages=messages,
)

print(completion.choices[0].message.audio.transcript)

messages.append({"role": "assistant", "audio": {"id": completion.choices[0].message.audio.id}})
messages.append({"role": "user", "content": "Very briefly summarize the favorability."})

completion = client.chat.completions.create(model="gpt-4o-mini-audio-preview", messages=messages)

print(completion.choices[0].message.content)
