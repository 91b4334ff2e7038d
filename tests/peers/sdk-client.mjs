// The official TypeScript SDK as a client. It registers, authorizes through the real pages, calls a
// tool, and keeps its state in a file, as an application would.
//
//   node sdk-client.mjs URL STATE-FILE TOOL [PASSWORD [LOGIN]]
//
// LOGIN is the user who signs in at oidc-provider, if the server uses one.
//
// Prints {"text", "authorized", "server", "instructions"}: the result of the tool, whether a user
// had to consent, and the server's description of itself.

import { readFileSync, writeFileSync } from "node:fs";
import { auth, UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { signInAndAllow } from "./browser.mjs";

const [url, file, tool, password, login] = process.argv.slice(2);
const state = load();
let redirectedTo;

const provider = {
  redirectUrl: "http://127.0.0.1:33418/callback",
  clientMetadata: {
    client_name: "SDK client",
    redirect_uris: ["http://127.0.0.1:33418/callback"],
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  },
  state: () => "sdk-state",
  clientInformation: () => state.client,
  saveClientInformation: (client) => save({ client }),
  tokens: () => state.tokens,
  saveTokens: (tokens) => save({ tokens }),
  codeVerifier: () => state.verifier,
  saveCodeVerifier: (verifier) => save({ verifier }),
  redirectToAuthorization: (target) => {
    redirectedTo = target;
  },
};

let connection = await connect();
if (!connection) {
  const callback = new URL(await signInAndAllow(redirectedTo.href, { password, login }));
  if (callback.searchParams.get("state") !== "sdk-state") throw new Error("wrong state");
  const authorizationCode = callback.searchParams.get("code");
  const iss = callback.searchParams.get("iss") ?? undefined;
  const outcome = await auth(provider, { serverUrl: url, authorizationCode, iss });
  if (outcome !== "AUTHORIZED") throw new Error(outcome);
  connection = await connect();
}
const answer = await connection.callTool({ name: tool, arguments: {} });
const server = connection.getServerVersion();
const instructions = connection.getInstructions();
await connection.close();
const text = answer.content.map((part) => part.text).join("");
console.log(JSON.stringify({ text, authorized: redirectedTo !== undefined, server, instructions }));

async function connect() {
  const client = new Client({ name: "sdk-client", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  try {
    await client.connect(transport);
    return client;
  } catch (error) {
    if (error instanceof UnauthorizedError && redirectedTo) return undefined;
    throw error;
  }
}

function load() {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return {};
  }
}

function save(part) {
  Object.assign(state, part);
  writeFileSync(file, JSON.stringify(state));
}
