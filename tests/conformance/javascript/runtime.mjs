// The operations on models, where all goes well.

import assert from "node:assert/strict";
import {
  ConverseCommand,
  ConverseStreamCommand,
  CountTokensCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { CreateInferenceProfileCommand } from "@aws-sdk/client-bedrock";
import { HELLO, MODEL, ON_DEMAND, PROFILE, REGION, all, chunks, native, refused } from "./mock.mjs";

export const CLAUDE = {
  anthropic_version: "bedrock-2023-05-31",
  max_tokens: 200,
  messages: [{ role: "user", content: "Say something." }],
};
const NOVA = { schemaVersion: "messages-v1", messages: HELLO, inferenceConfig: { maxTokens: 200 } };
// Model, a body in its own dialect, and where its answer has its text.
const FAMILIES = [
  [PROFILE, CLAUDE, (body) => body.content[0].text],
  ["us.amazon.nova-lite-v1:0", NOVA, (body) => body.output.message.content[0].text],
  ["us.meta.llama3-3-70b-instruct-v1:0", { prompt: "hi" }, (body) => body.generation],
  ["amazon.titan-text-express-v1", { inputText: "hi" }, (body) => body.results[0].outputText],
  ["mistral.mistral-large-2402-v1:0", { prompt: "hi" }, (body) => body.outputs[0].text],
];
const SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const TOOLS = { tools: [{ toolSpec: { name: "weather", description: "tells it", inputSchema: { json: SCHEMA } } }] };
const ACCOUNT_ARN = `arn:aws:bedrock:${REGION}:111122223333`;
const NAMES = [
  ON_DEMAND,
  `arn:aws:bedrock:${REGION}::foundation-model/${ON_DEMAND}`,
  PROFILE,
  `${ACCOUNT_ARN}:inference-profile/${PROFILE}`,
  `global.${MODEL}`,
];

const texts = (content) => content.map((block) => block.text ?? "").join("");
const body = (value) => ({ body: JSON.stringify(value), contentType: "application/json" });

// Each inference operation by its row.
export const operations = (client, modelId = PROFILE) => ({
  Converse: () => client.send(new ConverseCommand({ modelId, messages: HELLO })),
  ConverseStream: async () => (await client.send(new ConverseStreamCommand({ modelId, messages: HELLO }))).stream,
  InvokeModel: () => client.send(new InvokeModelCommand({ modelId, ...body(CLAUDE) })),
  InvokeModelWithResponseStream: async () =>
    (await client.send(new InvokeModelWithResponseStreamCommand({ modelId, ...body(CLAUDE) }))).body,
});

export const runtime = {
  converse_answers: [
    ["Converse"],
    async (mock) => {
      const answer = await mock.runtime().send(new ConverseCommand({ modelId: PROFILE, messages: HELLO }));
      assert.ok(texts(answer.output.message.content));
      assert.equal(answer.stopReason, "end_turn");
      assert.ok(answer.metrics.latencyMs > 0);
      assert.equal(answer.usage.totalTokens, answer.usage.inputTokens + answer.usage.outputTokens);
    },
  ],
  converse_stream_comes_event_by_event: [
    ["ConverseStream"],
    async (mock) => {
      const events = await all(await operations(mock.runtime()).ConverseStream());
      const names = events.map((event) => Object.keys(event)[0]);
      assert.equal(names[0], "messageStart");
      assert.deepEqual(names.slice(-3), ["contentBlockStop", "messageStop", "metadata"]);
      assert.ok(names.slice(1, -3).every((name) => name === "contentBlockDelta"), names.join());
      assert.equal(events.at(-1).metadata.usage.outputTokens, events.length - 4);
    },
  ],
  invoke_model_speaks_every_family: [
    ["InvokeModel"],
    async (mock) => {
      for (const [modelId, request, text] of FAMILIES) {
        const answer = await mock.runtime().send(new InvokeModelCommand({ modelId, ...body(request) }));
        assert.ok(text(native(answer)), modelId);
        assert.equal(answer.contentType, "application/json");
      }
    },
  ],
  native_streams_end_with_their_counts: [
    ["InvokeModelWithResponseStream"],
    async (mock) => {
      for (const [modelId, request] of FAMILIES) {
        const command = new InvokeModelWithResponseStreamCommand({ modelId, ...body(request) });
        const events = await chunks(await mock.runtime().send(command));
        assert.ok(events.at(-1)["amazon-bedrock-invocationMetrics"].outputTokenCount > 0, modelId);
        assert.ok(events.length > 1, modelId);
      }
    },
  ],
  count_tokens_says_what_converse_bills: [
    ["CountTokens"],
    async (mock) => {
      const billed = (await operations(mock.runtime()).Converse()).usage.inputTokens;
      const input = { converse: { messages: HELLO } };
      const counted = await mock.runtime().send(new CountTokensCommand({ modelId: MODEL, input }));
      assert.equal(counted.inputTokens, billed);
    },
  ],
  a_tool_is_called_and_its_result_is_answered: [
    ["Converse", "tool use"],
    async (mock) => {
      const ask = { modelId: PROFILE, toolConfig: TOOLS };
      const asked = await mock.runtime().send(new ConverseCommand({ ...ask, messages: HELLO }));
      const { message } = asked.output;
      const { toolUse } = message.content.find((block) => block.toolUse);
      assert.equal(asked.stopReason, "tool_use");
      assert.equal(typeof toolUse.input.city, "string");
      const toolResult = { toolUseId: toolUse.toolUseId, content: [{ json: { sky: "blue" } }] };
      const messages = [...HELLO, message, { role: "user", content: [{ toolResult }] }];
      const told = await mock.runtime().send(new ConverseCommand({ ...ask, messages }));
      assert.equal(told.stopReason, "end_turn");
    },
  ],
  a_tools_input_comes_in_fragments: [
    ["ConverseStream", "tool use"],
    async (mock) => {
      const command = new ConverseStreamCommand({ modelId: PROFILE, messages: HELLO, toolConfig: TOOLS });
      const events = await all((await mock.runtime().send(command)).stream);
      const start = events.find((event) => event.contentBlockStart).contentBlockStart;
      assert.equal(start.start.toolUse.name, "weather");
      const parts = events.map((event) => event.contentBlockDelta?.delta.toolUse?.input ?? "");
      assert.equal(typeof JSON.parse(parts.join("")).city, "string");
    },
  ],
  claude_calls_tools_in_its_own_words: [
    ["InvokeModel", "InvokeModelWithResponseStream", "tool use"],
    async (mock) => {
      const ask = { modelId: PROFILE, ...body({ ...CLAUDE, tools: [{ name: "weather", input_schema: SCHEMA }] }) };
      const whole = native(await mock.runtime().send(new InvokeModelCommand(ask)));
      assert.equal(typeof whole.content.find((block) => block.type === "tool_use").input.city, "string");
      const events = await chunks(await mock.runtime().send(new InvokeModelWithResponseStreamCommand(ask)));
      const parts = events.map((event) => event.delta?.partial_json ?? "");
      assert.equal(typeof JSON.parse(parts.join("")).city, "string");
    },
  ],
  reasoning_comes_before_the_text: [
    ["Converse", "ConverseStream", "reasoning"],
    async (mock) => {
      const thinking = { thinking: { type: "enabled", budget_tokens: 1024 } };
      const ask = { modelId: PROFILE, messages: HELLO, additionalModelRequestFields: thinking };
      const { content } = (await mock.runtime().send(new ConverseCommand(ask))).output.message;
      assert.ok(content[0].reasoningContent.reasoningText.signature && texts(content.slice(1)));
      const events = await all((await mock.runtime().send(new ConverseStreamCommand(ask))).stream);
      const deltas = events.map((event) => event.contentBlockDelta?.delta.reasoningContent).filter((delta) => delta);
      assert.ok(deltas[0].text && deltas.at(-1).signature, JSON.stringify(deltas));
    },
  ],
  prompt_cache_is_written_and_read: [
    ["Converse", "prompt cache"],
    async (mock) => {
      const content = [{ text: "x".repeat(20_000) }, { cachePoint: { type: "default" } }, { text: "And this?" }];
      const command = () => new ConverseCommand({ modelId: PROFILE, messages: [{ role: "user", content }] });
      const first = (await mock.runtime().send(command())).usage;
      const second = (await mock.runtime().send(command())).usage;
      assert.deepEqual([first.cacheWriteInputTokens, second.cacheReadInputTokens], [5_000, 5_000]);
    },
  ],
  point_01_a_model_id_is_one_encoded_segment: [
    ["ARNs as model ids", "profiles"],
    async (mock) => {
      for (const name of NAMES) {
        const calls = operations(mock.runtime(), name);
        assert.ok((await calls.Converse()).usage.outputTokens > 0, name);
        assert.ok((await all(await calls.ConverseStream())).at(-1).metadata, name);
        assert.ok(native(await calls.InvokeModel()).content, name);
        assert.ok((await all(await calls.InvokeModelWithResponseStream())).length > 1, name);
        assert.equal((await mock.records()).at(-1).modelId, name, "the record has the id as it was sent");
      }
    },
  ],
  application_profiles_are_called_by_their_arn: [
    ["ARNs as model ids", "profiles", "inference profiles: create, delete"],
    async (mock) => {
      const modelSource = { copyFrom: `arn:aws:bedrock:${REGION}::foundation-model/${ON_DEMAND}` };
      const command = new CreateInferenceProfileCommand({ inferenceProfileName: "mine", modelSource });
      const { inferenceProfileArn } = await mock.plane().send(command);
      for (const call of Object.values(operations(mock.runtime(), inferenceProfileArn))) assert.ok(await call());
    },
  ],
  point_24_and_25_a_profile_is_called_from_its_own_regions: [
    ["profiles"],
    async (mock) => {
      const europe = mock.runtime({ region: "eu-central-1" });
      assert.ok((await operations(europe, `eu.${MODEL}`).Converse()).usage);
      const error = await refused("ValidationException", 400, operations(europe).Converse);
      assert.equal(error.message, "The provided model identifier is invalid.");
    },
  ],
};
