// A proxy for suites that cannot log in. It registers, signs in once, and adds the token to every
// request. Everything else is forwarded unchanged and streamed in both directions. Only a Host
// header that names the proxy is replaced with the server's host, so that foreign hosts stay
// foreign.

import { createHash, randomBytes } from "node:crypto";
import http from "node:http";
import { signInAndAllow } from "./browser.mjs";

const redirectUri = "http://127.0.0.1:33418/callback";

export async function startProxy(base, { password } = {}) {
  const target = new URL(base);
  const token = await logIn(base, password);
  const proxy = http.createServer((request, response) => {
    const headers = request.rawHeaders.slice();
    for (let at = 0; at < headers.length; at += 2) {
      if (headers[at].toLowerCase() === "host" && headers[at + 1] === own) {
        headers[at + 1] = target.host;
      }
    }
    headers.push("Authorization", `Bearer ${token}`);
    const { method, url: path } = request;
    const { hostname: host, port } = target;
    const upstream = http.request({ host, port, method, path, headers, setHost: false });
    upstream.on("response", (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      response.flushHeaders();
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    });
    upstream.on("error", () => response.destroy());
    response.on("close", () => upstream.destroy());
    request.pipe(upstream);
  });
  await new Promise((resolve) => proxy.listen(0, "localhost", resolve));
  const own = `localhost:${proxy.address().port}`;
  return { url: `http://${own}/mcp`, stop: () => proxy.closeAllConnections() || proxy.close() };
}

async function logIn(base, password) {
  const client = await json(
    fetch(`${base}/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        client_name: "Bearer proxy",
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: "none",
      }),
    }),
  );
  const verifier = randomBytes(32).toString("base64url");
  const request = new URLSearchParams({
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: redirectUri,
    state: "proxy",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    resource: `${base}/mcp`,
  });
  const callback = new URL(await signInAndAllow(`${base}/authorize?${request}`, { password }));
  const tokens = await json(
    fetch(`${base}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        client_id: client.client_id,
        code: callback.searchParams.get("code"),
        code_verifier: verifier,
        redirect_uri: redirectUri,
      }),
    }),
  );
  return tokens.access_token;
}

async function json(answering) {
  const answer = await answering;
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${answer.status}: ${JSON.stringify(body)}`);
  return body;
}
