// One call of the official Node SDK: `node ask.mjs <base URL> <key> <request as JSON>`; prints what came as JSON.
//
// Invariant: an exception of the SDK is an outcome, told by its class and fields; anything else ends with status 1.

import OpenAI from "openai";

const [baseURL, apiKey, asked] = process.argv.slice(2);
const { call, params } = JSON.parse(asked);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 8000 });
const told = { chunks: [], error: null };

const calls = {
  async chat() {
    const { data, response, request_id } = await client.chat.completions.create(params).withResponse();
    Object.assign(told, { data, requestId: request_id, headers: Object.fromEntries(response.headers) });
  },
  async stream() {
    for await (const chunk of await client.chat.completions.create({ ...params, stream: true })) {
      told.chunks.push(chunk);
    }
  },
  async gathered() {
    told.data = await client.chat.completions.stream(params).finalChatCompletion();
  },
  async leave() {
    for await (const chunk of await client.chat.completions.create({ ...params, stream: true })) {
      told.chunks.push(chunk);
      if (chunk.choices[0]?.delta.content?.includes(params.metadata.until)) break;
    }
  },
  async embed() {
    told.data = await client.embeddings.create(params);
  },
  async models() {
    for await (const model of client.models.list()) told.chunks.push(model.id);
  },
};

try {
  await calls[call]();
} catch (error) {
  if (!(error instanceof OpenAI.OpenAIError)) throw error;
  const { status, code, type, param, message, requestID } = error;
  told.error = { class: error.constructor.name, status, code, type, param, message, requestID };
}
console.log(JSON.stringify(told));
