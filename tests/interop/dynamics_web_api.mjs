// Does with npm's dynamics-web-api what each line of standard input says, and prints what came of it.
//
//     node dynamics_web_api.mjs PATH_OF_DYNAMICS_WEB_API
//
// The first line is the library's configuration, as JSON. Each line after it is {"token", "calls", "batch"}: `calls` are
// [verb, argument, …]; with `batch`, they are sent as one, with its options. Bytes are {"base64"} both ways. A line is
// answered by {"value"} or {"error"}; an error of a batch is a list.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { DynamicsWebApi } = await import(pathToFileURL(process.argv[2]).href);
let token;
let api;

const given = (name, value) => (typeof value?.base64 === "string" ? Buffer.from(value.base64, "base64") : value);
// JSON.stringify turns moments and bytes into text before it asks here, so what they were is looked up.
function told(name, value) {
  const own = this[name];
  if (own instanceof Date) return own.toISOString().replace(".000Z", "Z");
  return Buffer.isBuffer(own) ? { base64: own.toString("base64") } : value;
}
// An error of a batch holds the service's own one, others are it.
function failure(error) {
  if (Array.isArray(error)) return error.map(failure);
  const { code, message } = error.error ?? error;
  return { status: error.status, code, message };
}

async function run({ calls, batch }) {
  if (!batch) {
    const [[verb, ...given]] = calls;
    return api[verb](...given);
  }
  api.startBatch();
  for (const [verb, ...given] of calls) api[verb](...given);
  return api.executeBatch(batch);
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line, given);
  if (!api) {
    api = new DynamicsWebApi({ ...asked, onTokenRefresh: async () => token });
    continue;
  }
  token = asked.token;
  let answer;
  try {
    answer = { value: await run(asked) };
  } catch (error) {
    answer = { error: failure(error) };
  }
  console.log(JSON.stringify(answer, told));
}
