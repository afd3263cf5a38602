// Azure's quickstart: a conversation of several turns.
const { AzureOpenAI } = require("openai");
const { readFileSync } = require("node:fs");

const endpoint = process.env["AZURE_OPENAI_ENDPOINT"];
const apiKey = process.env["AZURE_OPENAI_API_KEY"];
const deployment = "gpt-4o-mini-audio-preview";
const apiVersion = "2025-01-01-preview";

const client = new AzureOpenAI({ endpoint, apiKey, apiVersion, deployment });

async function main() {
  const base64str = readFileSync("dog.wav").toString("base64");

  const messages = [
    {
      role: "user",
      content: [
        { type: "text", text: "Describe in detail the spoken audio input." },
        { type: "input_audio", input_audio: { data: base64str, format: "wav" } },
      ],
    },
  ];

  let response = await client.chat.completions.create({
    model: "gpt-4o-mini-audio-preview",
    modalities: ["text", "audio"],
    audio: { voice: "alloy", format: "wav" },
    messages,
  });

  console.log(response.choices[0].message.audio.transcript);

  messages.push({ role: "assistant", audio: { id: response.choices[0].message.audio.id } });
  messages.push({ role: "user", content: [{ type: "text", text: "Very briefly summarize the favorability." }] });

  response = await client.chat.completions.create({ model: "gpt-4o-mini-audio-preview", messages });

  console.log(response.choices[0].message.content);
}

main().catch((err) => {
  console.error("Error occurred:", err);
  process.exitCode = 1;
});
