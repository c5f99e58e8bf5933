// The AWS SDK for JavaScript against mock-bedrock.
//
// Usage: node suite.mjs ENDPOINT GUARDED_ENDPOINT SHOWN_FILE
//
// The cases are in runtime.mjs, failures.mjs and control.mjs; each names the rows of the table in mock-bedrock/README.md that
// it speaks for. What a client is here, is a client as its user makes it: it speaks HTTP/2.

import { writeFileSync } from "node:fs";
import { Mock } from "./mock.mjs";
import { control } from "./control.mjs";
import { failures } from "./failures.mjs";
import { runtime } from "./runtime.mjs";

const [endpoint, guarded, shownFile] = process.argv.slice(2);
if (!shownFile) {
  console.error("usage: node suite.mjs ENDPOINT GUARDED_ENDPOINT SHOWN_FILE");
  process.exit(2);
}
// Nothing of the machine's own set-up reaches a client.
for (const name of Object.keys(process.env).filter((name) => name.startsWith("AWS_"))) delete process.env[name];
Object.assign(process.env, { AWS_CONFIG_FILE: "/dev/null", AWS_SHARED_CREDENTIALS_FILE: "/dev/null" });

const mock = new Mock(endpoint, guarded);
const shown = [];
const cases = { ...runtime, ...failures, ...control };
let failed = 0;
for (const [name, [rows, test]] of Object.entries(cases)) {
  await mock.page("reset", "POST");
  const start = performance.now();
  try {
    await test(mock);
    shown.push(...rows.map((row) => `${row}\t${name}\n`));
  } catch (error) {
    failed += 1;
    console.error(`FAILED ${name}\n`, error);
  }
  if (process.env.RICHTER_CONFORMANCE_TIMES) {
    console.log(`${((performance.now() - start) / 1000).toFixed(2).padStart(6)} s  ${name}`);
  }
}
writeFileSync(shownFile, shown.join(""));
const total = Object.keys(cases).length;
console.log(`${total - failed} of ${total} cases hold`);
// Connections that are kept for the next call would keep this process, too.
process.exit(failed > 0 ? 1 : 0);
