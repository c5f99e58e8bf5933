// Everything that goes wrong: errors before and inside streams, retries, timeouts, keys.

import assert from "node:assert/strict";
import { KEYS, PROFILE, REGION, fails, refused, untilItBreaks } from "./mock.mjs";
import { operations } from "./runtime.mjs";

const EXCEPTIONS = {
  AccessDeniedException: 403,
  InternalServerException: 500,
  ModelErrorException: 424,
  ModelNotReadyException: 429,
  ModelStreamErrorException: 424,
  ModelTimeoutException: 408,
  ResourceNotFoundException: 404,
  ServiceQuotaExceededException: 400,
  ServiceUnavailableException: 503,
  ThrottlingException: 429,
  ValidationException: 400,
};
const IN_STREAMS = [
  "InternalServerException",
  "ModelStreamErrorException",
  "ServiceUnavailableException",
  "ThrottlingException",
  "ValidationException",
];
// How many attempts the SDK makes of each failure by itself: standard mode, three in total.
const ATTEMPTS = {
  ThrottlingException: 3,
  ServiceUnavailableException: 3,
  InternalServerException: 3,
  ModelNotReadyException: 3,
  ModelTimeoutException: 1,
  ModelErrorException: 1,
  AccessDeniedException: 1,
  ValidationException: 1,
};
const STREAMS = ["ConverseStream", "InvokeModelWithResponseStream"];

export const failures = {
  point_09_every_exception_has_its_name_and_status: [
    ["errors before the answer"],
    async (mock) => {
      for (const [kind, status] of Object.entries(EXCEPTIONS)) {
        await mock.failing(kind, async () => {
          for (const call of Object.values(operations(mock.runtime()))) await refused(kind, status, call);
        });
      }
    },
  ],
  point_16_an_error_inside_a_stream_is_raised_and_not_retried: [
    ["errors inside the stream"],
    async (mock) => {
      const table = IN_STREAMS.flatMap((kind) => STREAMS.map((row) => [kind, row]));
      for (const [error, row] of [...table, ["ModelTimeoutException", STREAMS[1]]]) {
        const broken = await mock.during({ exception_mid_stream: { error, after: 3 } }, () =>
          mock.counted(row, 1, async () =>
            untilItBreaks(await operations(mock.runtime({ maxAttempts: 3 }))[row]()),
          ),
        );
        assert.equal(broken.error?.name, error, `${row}: ${broken.error}`);
        assert.ok(broken.error.message && broken.events > 3, `${broken.events} events came first`);
      }
    },
  ],
  point_16_a_clean_end_without_message_stop_is_accepted: [
    ["errors inside the stream"],
    async (mock) => {
      const stream = async () => untilItBreaks(await operations(mock.runtime()).ConverseStream());
      assert.deepEqual(await mock.during({ eof_mid_stream: { after: 3 } }, stream), { events: 4, error: undefined });
    },
  ],
  a_reset_inside_a_stream_is_an_error: [
    ["errors inside the stream"],
    async (mock) => {
      for (const row of STREAMS) {
        const stream = async () => untilItBreaks(await operations(mock.runtime())[row]());
        assert.ok((await mock.during({ reset_mid_stream: { after: 3 } }, stream)).error, row);
      }
    },
  ],
  the_sdk_tries_three_times: [
    ["retries, counted by the server"],
    async (mock) => {
      for (const [kind, attempts] of Object.entries(ATTEMPTS)) {
        const call = operations(mock.runtime({ maxAttempts: undefined })).Converse;
        const error = await mock.failing(kind, () =>
          mock.counted("Converse", attempts, () => refused(kind, EXCEPTIONS[kind], call)),
        );
        assert.equal(error.$metadata.attempts, attempts, kind);
      }
    },
  ],
  point_15_neither_408_nor_424_is_tried_again: [
    ["retries, counted by the server"],
    async (mock) => {
      for (const [row, call] of Object.entries(operations(mock.runtime({ maxAttempts: undefined })))) {
        for (const kind of ["ModelTimeoutException", "ModelErrorException"]) {
          await mock.failing(kind, () => mock.counted(row, 1, () => refused(kind, EXCEPTIONS[kind], call)));
        }
      }
    },
  ],
  point_14_a_wait_is_taken_from_the_header_in_milliseconds: [
    ["retries, counted by the server"],
    async (mock) => {
      const call = operations(mock.runtime({ maxAttempts: 2 })).Converse;
      const start = performance.now();
      await mock.failing("ServiceUnavailableException", () => refused("ServiceUnavailableException", 503, call), {
        retry_after: "700ms",
      });
      const took = performance.now() - start;
      assert.ok(took >= 700, `it took ${took} ms`);
    },
  ],
  a_slow_answer_can_be_given_up: [
    ["timeouts"],
    async (mock) => {
      await mock.during({ first_token_slow: { add: "600s" } }, async () => {
        const hurried = mock.runtime({ requestHandler: { requestTimeout: 300 } });
        const error = await fails(operations(hurried).Converse);
        assert.equal(error.name, "TimeoutError", String(error));
        const thrice = mock.runtime({ requestHandler: { requestTimeout: 300 }, maxAttempts: undefined });
        await mock.counted("InvokeModel", 3, () => fails(operations(thrice).InvokeModel));
      });
    },
  ],
  a_right_signature_is_let_in: [
    ["signatures"],
    async (mock) => {
      const arn = `arn:aws:bedrock:${REGION}:111122223333:inference-profile/${PROFILE}`;
      for (const name of [PROFILE, arn]) {
        for (const call of Object.values(operations(mock.runtime({ endpoint: mock.guarded }), name))) {
          assert.ok(await call());
        }
      }
    },
  ],
  point_11_a_wrong_signature_is_refused_in_its_own_words: [
    ["signatures"],
    async (mock) => {
      const temporary = { accessKeyId: "ASIATEMPORARY", secretAccessKey: "s2", sessionToken: "other" };
      const expired = { accessKeyId: "ASIAEXPIRED", secretAccessKey: "s3", sessionToken: "token" };
      const table = [
        [{ ...KEYS, secretAccessKey: "wrong" }, "InvalidSignatureException"],
        [{ ...KEYS, accessKeyId: "AKIANOBODY" }, "UnrecognizedClientException"],
        [temporary, "UnrecognizedClientException"],
        [expired, "ExpiredTokenException"],
      ];
      for (const [credentials, name] of table) {
        await refused(name, 403, operations(mock.runtime({ endpoint: mock.guarded, credentials })).Converse);
      }
    },
  ],
  an_api_key_is_let_in_and_a_wrong_one_is_not: [
    ["API keys"],
    async (mock) => {
      const bearing = (token) =>
        mock.runtime({
          endpoint: mock.guarded,
          credentials: undefined,
          token: { token },
          authSchemePreference: ["httpBearerAuth"],
        });
      assert.ok((await operations(bearing("ABSKsecret")).Converse()).usage);
      const error = await fails(operations(bearing("ABSKb3RoZXI6a2V5")).Converse);
      assert.equal(error.$metadata.httpStatusCode, 403, String(error));
    },
  ],
};
