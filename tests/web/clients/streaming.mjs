// `openai` from npm: streams, a client of OpenAI's and one of Azure's, speech and transcriptions.
import assert from "node:assert/strict";
import { AzureOpenAI, OpenAI, toFile } from "openai";

const [endpoint, apiKey] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${endpoint}/v1`, apiKey });
const azure = new AzureOpenAI({ endpoint, apiKey, apiVersion: "2025-01-01-preview", deployment: "any" });

for (const client of [openai, azure]) {
  const stream = await client.chat.completions.create({
    model: "gpt-audio",
    modalities: ["text", "audio"],
    audio: { voice: "alloy", format: "pcm16" },
    messages: [{ role: "user", content: "Is a golden retriever a good family dog?" }],
    stream: true,
    stream_options: { include_usage: true },
  });
  let transcript = "";
  let bytes = 0;
  let usages = 0;
  for await (const chunk of stream) {
    usages += chunk.usage ? 1 : 0;
    const audio = chunk.choices[0]?.delta?.audio;
    transcript += audio?.transcript ?? "";
    bytes += Buffer.from(audio?.data ?? "", "base64").length;
  }
  assert.ok(transcript.length > 10);
  assert.ok(bytes > 20_000);
  assert.equal(usages, 1);
}

const speech = await openai.audio.speech.create({ model: "tts-1", voice: "alloy", input: "Hello." });
const mp3 = Buffer.from(await speech.arrayBuffer());
assert.ok(mp3.length > 1000);
const heard = await openai.audio.transcriptions.create({
  model: "whisper-1",
  file: await toFile(mp3, "a.mp3"),
  response_format: "verbose_json",
  timestamp_granularities: ["word"],
});
assert.ok(heard.words[0].end > 0);

await assert.rejects(
  openai.chat.completions.create({ model: "gpt-audio", n: 2, modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" }, messages: [{ role: "user", content: "Hi." }] }),
  (error) => error instanceof OpenAI.BadRequestError && error.param === "n",
);
