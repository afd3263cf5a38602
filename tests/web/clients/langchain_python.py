"""langchain-openai against a server: a spoken answer, recordings in LangChain's own form, a stream, several turns."""

import base64
import sys

from langchain_core.messages import HumanMessage
from langchain_openai import AzureChatOpenAI, ChatOpenAI

base, key, path = sys.argv[1:]
with open(path, "rb") as file:
    recording = base64.b64encode(file.read()).decode()
SPOKEN = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}

openai = ChatOpenAI(model="gpt-audio", base_url=f"{base}/v1", api_key=key, model_kwargs=SPOKEN)
azure = AzureChatOpenAI(
    azure_endpoint=base,
    azure_deployment="gpt-audio",
    api_version="2025-01-01-preview",
    api_key=key,
    model_kwargs=SPOKEN,
)
for model in (openai, azure):
    answer = model.invoke("Is a golden retriever a good family dog?")
    assert len(base64.b64decode(answer.additional_kwargs["audio"]["data"])) > 20_000
    assert answer.usage_metadata["output_token_details"]["audio"] > 0
    again = model.invoke([HumanMessage("Is it?"), answer, HumanMessage("Why?")])
    assert again.additional_kwargs["audio"]["transcript"]

# Its own form names the format by the subtype of the media type.
for mime_type in ("audio/wav", "audio/x-wav", "audio/mpeg", "audio/mp4", "audio/webm"):
    content = [
        {"type": "text", "text": "What is said?"},
        {"type": "audio", "base64": recording, "mime_type": mime_type},
    ]
    heard = ChatOpenAI(model="gpt-audio", base_url=f"{base}/v1", api_key=key).invoke([HumanMessage(content)])
    assert heard.content, mime_type

streamed = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}
model = ChatOpenAI(model="gpt-audio", base_url=f"{base}/v1", api_key=key, model_kwargs=streamed)
chunks = list(model.stream("Is it?"))
assert len(chunks) > 3
