// Runs the official suite against an MCP server behind the bearer check.
//
//   node conformance-server.mjs BASE-URL REVISION [PASSWORD]
//
// Runs the scenarios that REVISION requires, and prints the number of checks by status for each
// scenario: {"scenario": {"SUCCESS": 2}}. The suite's summary does not include skipped checks and
// warnings. Exits with the suite's code, which is not 0 if a required scenario failed.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startProxy } from "./bearer-proxy.mjs";

const [base, revision, password] = process.argv.slice(2);
const suite = fileURLToPath(
  new URL("node_modules/@modelcontextprotocol/conformance/dist/index.js", import.meta.url),
);
const results = mkdtempSync(join(tmpdir(), "conformance-"));
const proxy = await startProxy(base, { password });
const run = spawn(
  process.execPath,
  [suite, "server", "--url", proxy.url, "--requirements", revision, "--output-dir", results],
  { stdio: ["ignore", "pipe", "inherit"] },
);
let report = "";
run.stdout.on("data", (chunk) => (report += chunk));
const code = await new Promise((resolve) => run.on("close", resolve));
proxy.stop();
if (code !== 0) console.error(report);
const outcome = Object.fromEntries(required().map((scenario) => [scenario, statuses(scenario)]));
rmSync(results, { recursive: true });
console.log(JSON.stringify(outcome));
process.exit(code ?? 1);

function required() {
  const arguments_ = [suite, "list", "--requirements", revision];
  const listed = execFileSync(process.execPath, arguments_, { encoding: "utf8" });
  const servers = /Server scenarios[^\n]*\n((?: {2}- \S+\n)+)/.exec(listed);
  return servers[1].trim().split(/\s*- /).filter(Boolean);
}

function statuses(scenario) {
  const found = readdirSync(results).filter(
    (name) => name.replace(/-\d{4}-\d\d-\d\dT.*$/, "") === `server-${scenario}`,
  );
  const counts = {};
  for (const folder of found) {
    for (const { status } of JSON.parse(readFileSync(join(results, folder, "checks.json")))) {
      counts[status] = (counts[status] ?? 0) + 1;
    }
  }
  return counts;
}
