#!/bin/sh
# speak with curl, jq and base64.
set -eu
jq -n --arg model "$AZURE_OPENAI_DEPLOYMENT_NAME" --arg prompt "Is a golden retriever a good family dog?" \
    '{model: $model, modalities: ["text", "audio"], audio: {voice: "alloy", format: "wav"},
      messages: [{role: "user", content: $prompt}]}' |
    curl -sSf -H "api-key: $AZURE_OPENAI_API_KEY" -H "Content-Type: application/json" --data-binary @- -o answer.json \
        "$AZURE_OPENAI_ENDPOINT/openai/deployments/$AZURE_OPENAI_DEPLOYMENT_NAME/chat/completions?api-version=2025-01-01-preview"
jq -r '.choices[0].message.audio.transcript' answer.json
jq -r '.choices[0].message.audio.data' answer.json | base64 -d >dog.wav
