// Azure's quickstart: audio and text from audio.
const { AzureOpenAI } = require("openai");
const { readFileSync, writeFileSync } = require("node:fs");

const endpoint = process.env["AZURE_OPENAI_ENDPOINT"];
const apiKey = process.env["AZURE_OPENAI_API_KEY"];
const deployment = "gpt-4o-mini-audio-preview";
const apiVersion = "2025-01-01-preview";

const client = new AzureOpenAI({ endpoint, apiKey, apiVersion, deployment });

async function main() {
  const base64str = readFileSync("dog.wav").toString("base64");

  const response = await client.chat.completions.create({
    model: "gpt-4o-mini-audio-preview",
    modalities: ["text", "audio"],
    audio: { voice: "alloy", format: "wav" },
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "Describe in detail the spoken audio input." },
          { type: "input_audio", input_audio: { data: base64str, format: "wav" } },
        ],
      },
    ],
  });

  console.log(response.choices[0].message.audio.transcript);

  writeFileSync("analysis.wav", Buffer.from(response.choices[0].message.audio.data, "base64"), { encoding: "utf-8" });
}

main().catch((err) => {
  console.error("Error occurred:", err);
  process.exitCode = 1;
});
