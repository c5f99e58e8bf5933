// The servers of a run, their own pages, and what the cases share.

import assert from "node:assert/strict";
import { BedrockClient } from "@aws-sdk/client-bedrock";
import { BedrockRuntimeClient } from "@aws-sdk/client-bedrock-runtime";

export const REGION = "us-east-1";
export const MODEL = "anthropic.claude-sonnet-4-6";
export const PROFILE = `us.${MODEL}`;
export const ON_DEMAND = "anthropic.claude-3-haiku-20240307-v1:0";
export const HELLO = [{ role: "user", content: [{ text: "Say something." }] }];
export const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };

export class Mock {
  constructor(endpoint, guarded) {
    Object.assign(this, { endpoint, guarded });
  }

  // A client as its user makes it, but for one attempt.
  runtime(more = {}) {
    const usual = { endpoint: this.endpoint, region: REGION, credentials: KEYS, maxAttempts: 1 };
    return new BedrockRuntimeClient({ ...usual, ...more });
  }

  plane() {
    return new BedrockClient({ endpoint: this.endpoint, region: REGION, credentials: KEYS, maxAttempts: 1 });
  }

  async page(path, method = "GET", body = undefined) {
    const answer = await fetch(`${this.endpoint}/_richter/${path}`, { method, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    return text;
  }

  async state() {
    return JSON.parse(await this.page("state"));
  }

  async records() {
    const lines = (await this.page("records")).split("\n");
    return lines.filter((line) => line).map((line) => JSON.parse(line));
  }

  // How many requests of an operation have reached the server.
  async requests(operation) {
    const rows = (await this.state()).counts.filter((row) => row.operation === operation);
    return rows.reduce((sum, row) => sum + row.count, 0);
  }

  // A fault of the scenario format, for as long as the block runs.
  async during(fault, block) {
    await this.page("faults", "POST", { name: "case", fault });
    try {
      return await block();
    } finally {
      await this.page("faults/case", "DELETE");
    }
  }

  async failing(kind, block, more = {}) {
    return this.during({ error_burst: { errors: { [kind]: "100%" }, ...more } }, block);
  }

  // The block sends so many requests, as the server counts them.
  async counted(operation, expected, block) {
    const before = await this.requests(operation);
    const result = await block();
    assert.equal((await this.requests(operation)) - before, expected, `requests of ${operation}`);
    return result;
  }
}

// The call fails with this name and status; gives the error.
export async function refused(name, status, call) {
  const error = await fails(call);
  assert.deepEqual([error.name, error.$metadata?.httpStatusCode], [name, status], String(error));
  assert.ok(error.message, "a refusal says why");
  assert.ok(error.$metadata.requestId, "a refusal has a request id");
  return error;
}

export async function fails(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

export async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

// How many events came before the stream failed, and how it failed.
export async function untilItBreaks(stream) {
  let events = 0;
  try {
    for await (const _ of stream) events += 1;
  } catch (error) {
    return { events, error };
  }
  return { events, error: undefined };
}

export const native = (answer) => JSON.parse(new TextDecoder().decode(answer.body));
export const chunks = async (answer) =>
  (await all(answer.body)).map((event) => JSON.parse(new TextDecoder().decode(event.chunk.bytes)));
