// Azure's quickstart: audio from text.
const { AzureOpenAI } = require("openai");
const { writeFileSync } = require("node:fs");

const endpoint = process.env["AZURE_OPENAI_ENDPOINT"];
const apiKey = process.env["AZURE_OPENAI_API_KEY"];
const deployment = "gpt-4o-mini-audio-preview";
const apiVersion = "2025-01-01-preview";

const client = new AzureOpenAI({ endpoint, apiKey, apiVersion, deployment });

async function main() {
  const response = await client.chat.completions.create({
    model: "gpt-4o-mini-audio-preview",
    modalities: ["text", "audio"],
    audio: { voice: "alloy", format: "wav" },
    messages: [{ role: "user", content: "Is a golden retriever a good family dog?" }],
  });

  console.log(response.choices[0]);

  writeFileSync("dog.wav", Buffer.from(response.choices[0].message.audio.data, "base64"), { encoding: "utf-8" });
}

main().catch((err) => {
  console.error("Error occurred:", err);
  process.exitCode = 1;
});
