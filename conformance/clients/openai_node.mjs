// The official `openai` package for Node: BASE_URL API_KEY MODEL EMBEDDING_MODEL [ONLY...]
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(new URL("./node/package.json", import.meta.url));
const { default: OpenAI, toFile } = await import(pathToFileURL(require.resolve("openai")).href);

const [baseURL, apiKey, model, embeddingModel, ...only] = process.argv.slice(2);
const api = new OpenAI({ baseURL, apiKey });
const said = (content) => [{ role: "user", content }];
const pixel =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const weather = { type: "function", function: { name: "get_weather", parameters, strict: true } };

const scenarios = {
  async chat() {
    const answer = await api.chat.completions.create({
      model,
      messages: said("Hello there"),
      max_tokens: 30,
    });
    assert.ok(answer.choices[0].message.content);
    assert.ok(answer.usage.total_tokens > 0);
  },

  async stream() {
    const running = await api.chat.completions.create({
      model,
      messages: said("Hello there"),
      max_tokens: 30,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage = null;
    for await (const chunk of running) {
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.ok(text);
    assert.ok(usage.total_tokens > 0);
  },

  async tools() {
    const messages = said("Call it for Oslo");
    const answer = await api.chat.completions.create({ model, messages, tools: [weather] });
    const [call] = answer.choices[0].message.tool_calls;
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "Call it for Oslo" });
    messages.push(answer.choices[0].message);
    messages.push({ role: "tool", tool_call_id: call.id, content: "4 degrees" });
    const final = await api.chat.completions.create({ model, messages, tools: [weather] });
    assert.equal(final.choices[0].message.content, "The tool said: 4 degrees");
  },

  async structured_output() {
    const schema = {
      type: "object",
      properties: { degrees: { type: "integer" } },
      required: ["degrees"],
      additionalProperties: false,
    };
    const answer = await api.chat.completions.parse({
      model,
      messages: said("Weather"),
      response_format: { type: "json_schema", json_schema: { name: "w", strict: true, schema } },
    });
    assert.deepEqual(answer.choices[0].message.parsed, { degrees: 1 });
  },

  async vision() {
    const parts = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: pixel } },
    ];
    const answer = await api.chat.completions.create({ model, messages: said(parts) });
    assert.equal(answer.choices[0].message.content, "I see 1 picture: image/png");
  },

  async responses() {
    const first = await api.responses.create({ model, input: "Remember seven", max_output_tokens: 24 });
    assert.ok(first.output_text);
    const second = await api.responses.create({
      model,
      input: "What was it?",
      previous_response_id: first.id,
      max_output_tokens: 24,
    });
    assert.ok(second.output_text);
    assert.equal((await api.responses.retrieve(first.id)).id, first.id);
  },

  async responses_stream() {
    const kinds = [];
    const running = await api.responses.create({
      model,
      input: "Hello",
      max_output_tokens: 24,
      stream: true,
    });
    for await (const event of running) {
      kinds.push(event.type);
    }
    assert.equal(kinds[0], "response.created");
    assert.ok(["response.completed", "response.incomplete"].includes(kinds.at(-1)));
  },

  async embeddings() {
    const answer = await api.embeddings.create({ model: embeddingModel, input: ["a", "b c"] });
    assert.equal(answer.data.length, 2);
    assert.ok(answer.data[0].embedding.every(Number.isFinite));
  },

  async batch() {
    const line = (number) =>
      JSON.stringify({
        custom_id: `line-${number}`,
        method: "POST",
        url: "/v1/chat/completions",
        body: { model, messages: said(`Line ${number}`), max_tokens: 12 },
      });
    const file = await toFile(Buffer.from([0, 1].map(line).join("\n")), "in.jsonl");
    const given = await api.files.create({ file, purpose: "batch" });
    let job = await api.batches.create({
      input_file_id: given.id,
      endpoint: "/v1/chat/completions",
      completion_window: "24h",
    });
    for (let tries = 0; tries < 300 && job.status !== "completed"; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      job = await api.batches.retrieve(job.id);
    }
    assert.equal(job.status, "completed");
    const text = await (await api.files.content(job.output_file_id)).text();
    assert.equal(text.trim().split("\n").length, 2);
  },

  async errors() {
    await assert.rejects(
      api.chat.completions.create({ model: "no-such-model", messages: said("x") }),
      (error) => error instanceof OpenAI.NotFoundError && Boolean(error.code),
    );
    const wrong = new OpenAI({ baseURL, apiKey: "sov-wrong", maxRetries: 0 });
    await assert.rejects(
      wrong.chat.completions.create({ model, messages: said("x") }),
      OpenAI.AuthenticationError,
    );
  },

  async retry() {
    const text = `fail twice, then answer ${Date.now()} ${Math.random()}`;
    const patient = new OpenAI({ baseURL, apiKey, maxRetries: 4 });
    const answer = await patient.chat.completions.create({ model, messages: said(text) });
    assert.ok(answer.choices[0].message.content.includes("fail twice"));
  },

  async abort() {
    const running = await api.chat.completions.create({
      model,
      messages: said("Go on slowly " + "and on ".repeat(40)),
      max_tokens: 200,
      stream: true,
    });
    for await (const chunk of running) {
      assert.ok(chunk.id);
      running.controller.abort();
    }
  },
};

for (const name of only.length ? only : Object.keys(scenarios)) {
  try {
    await scenarios[name]();
    console.log(JSON.stringify({ scenario: name, ok: true, error: null }));
  } catch (error) {
    console.log(JSON.stringify({ scenario: name, ok: false, error: String(error?.stack ?? error) }));
  }
}
