// The official suite against us as an authorization server: both scenarios, with the pages walked.
//
//   node conformance-authorization.mjs ISSUER [PASSWORD [CLIENT-ID]]
//
// Without a client id it registers a public client. An empty password is none.
// Exits 0 only if both scenarios were run and passed.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { signInAndAllow } from "./browser.mjs";

const [issuer, password, documentUrl] = process.argv.slice(2);
const port = 20000 + (process.pid % 20000);
const suite = fileURLToPath(
  new URL("node_modules/@modelcontextprotocol/conformance/dist/index.js", import.meta.url),
);

const id = documentUrl ?? (await register());

const run = spawn(process.execPath, [
  suite, "authorization", "--url", issuer, "--client-id", id, "--port", String(port),
]);
let output = "";
let walked = false;
for (const stream of [run.stdout, run.stderr]) {
  stream.on("data", (chunk) => {
    output += chunk;
    const authorizeUrl = /^(http\S+\/authorize\?\S+)\s/m.exec(output)?.[1];
    if (walked || !authorizeUrl || !output.includes("Callback server started")) return;
    walked = true;
    signInAndAllow(authorizeUrl, { password })
      .then((callback) => fetch(callback))
      .catch((error) => {
        console.error(error);
        run.kill();
      });
  });
}
const code = await new Promise((resolve) => run.on("exit", resolve));
console.log(output);
if (!walked) throw new Error("the code grant was never tried");
process.exit(code ?? 1);

async function register() {
  const answer = await fetch(`${issuer}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "Conformance suite",
      redirect_uris: [`http://127.0.0.1:${port}/callback`],
      token_endpoint_auth_method: "none",
    }),
  });
  return (await answer.json()).client_id;
}
