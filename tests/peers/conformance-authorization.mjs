// Runs both scenarios of the official suite against the server as an authorization server.
//
//   node conformance-authorization.mjs ISSUER [PASSWORD [CLIENT-ID | METHOD]]
//
// Without a client id, it registers a client with METHOD, or a public client by default. An empty
// password means no password. Exits with 0 only if both scenarios were run and passed.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { signInAndAllow } from "./browser.mjs";

const [issuer, password, known = "none"] = process.argv.slice(2);
const port = 20000 + (process.pid % 20000);
const suite = fileURLToPath(
  new URL("node_modules/@modelcontextprotocol/conformance/dist/index.js", import.meta.url),
);

const client = known.includes("://") ? { client_id: known } : await register(known);
const secret = client.client_secret ? ["--client-secret", client.client_secret] : [];

const run = spawn(process.execPath, [
  suite, "authorization", "--url", issuer, "--port", String(port),
  "--client-id", client.client_id, ...secret,
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
if (!walked) throw new Error("the suite did not try the code grant");
process.exit(code ?? 1);

async function register(method) {
  const answer = await fetch(`${issuer}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: "Conformance suite",
      redirect_uris: [`http://127.0.0.1:${port}/callback`],
      token_endpoint_auth_method: method,
    }),
  });
  if (answer.status !== 201) throw new Error(await answer.text());
  return answer.json();
}
