// Azure's quickstart: a conversation of several turns.
import { readFileSync } from "node:fs";
import { AzureOpenAI } from "openai/index.js";
import { ChatCompletionMessageParam } from "openai/resources/index.mjs";

const endpoint: string = process.env["AZURE_OPENAI_ENDPOINT"] || "";
const apiKey: string = process.env["AZURE_OPENAI_API_KEY"] || "";
const deployment: string = "gpt-4o-mini-audio-preview";
const apiVersion: string = "2025-01-01-preview";

const client = new AzureOpenAI({ endpoint, apiKey, apiVersion, deployment });

async function main(): Promise<void> {
  const base64str: string = readFileSync("dog.wav").toString("base64");

  const messages: ChatCompletionMessageParam[] = [
    {
      role: "user",
      content: [
        { type: "text", text: "Describe in detail the spoken audio input." },
        { type: "input_audio", input_audio: { data: base64str, format: "wav" } },
      ],
    },
  ];

  const first = await client.chat.completions.create({
    model: "gpt-4o-mini-audio-preview",
    modalities: ["text", "audio"],
    audio: { voice: "alloy", format: "wav" },
    messages,
  });

  console.log(first.choices[0].message.audio?.transcript);

  messages.push({ role: "assistant", audio: first.choices[0].message.audio ? { id: first.choices[0].message.audio.id } : undefined });
  messages.push({ role: "user", content: "Very briefly summarize the favorability." });

  const second = await client.chat.completions.create({ model: "gpt-4o-mini-audio-preview", messages });

  console.log(second.choices[0].message.content);
}

main().catch((err: Error) => {
  console.error("Error occurred:", err);
  process.exitCode = 1;
});
