// A session of the TypeScript SDK whose server ends in the middle.
//
//   node sdk-session.mjs URL STATE-FILE     (the file is one that sdk-client.mjs left)
//
// Prints "ready" when the session has served a call, waits for a line, and calls again. Prints
// {"lost", "text"}: the error of the old session, and the result of the tool in the next session.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, file] = process.argv.slice(2);
const { tokens } = JSON.parse(readFileSync(file, "utf8"));

let session = await connect();
await call(session);
console.log("ready");
for await (const _ of createInterface({ input: process.stdin })) break;

let lost;
try {
  await call(session);
} catch (error) {
  lost = error.code;
}
session = await connect();
const text = await call(session);
console.log(JSON.stringify({ lost, text }));
process.exit(0);

async function connect() {
  const client = new Client({ name: "sdk-session", version: "1" });
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  await client.connect(transport);
  if (!transport.sessionId) throw new Error("there is no session");
  return client;
}

async function call(client) {
  const answer = await client.callTool({ name: "whoami", arguments: {} });
  return answer.content.map((part) => part.text).join("");
}
