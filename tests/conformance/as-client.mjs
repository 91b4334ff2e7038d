// Translates the environment variables of the conformance suite into flags of `mcpo probe`, so that
// the tool does not depend on the suite. The server's URL is the last argument.

import { spawnSync } from "node:child_process";

const url = process.argv.at(-1);
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");
// The suite expects a program on this machine that registers with its application_type, and counts
// an invalid token as a fault of the client.
const flags = ["--as", "codex", "--only-valid-tokens"];
const environment = { ...process.env };

if (context.client_id) {
  flags.push("--client-id", context.client_id);
}
if (context.client_secret) {
  environment.MCPO_PROBE_CLIENT_SECRET = context.client_secret;
}
if (process.env.MCP_CONFORMANCE_SCENARIO === "auth/basic-cimd") {
  flags.push("--client-metadata-url", "https://conformance-test.local/client-metadata.json");
}

const { status, error } = spawnSync(process.env.MCPO, ["probe", ...flags, url], {
  env: environment,
  stdio: "inherit",
});
if (error) {
  console.error(error.message);
}
process.exit(status ?? 2);
