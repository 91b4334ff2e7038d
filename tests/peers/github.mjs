// The official TypeScript SDK as a client, and Chromium as the browser of a user who signs in with
// GitHub.
//
//   node github.mjs BASE GITHUB SCREENSHOTS
//
// Prints one line for each check. After printing "wait: …", it continues when it reads a line from
// stdin.

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { auth, UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { chromium } from "playwright-core";

const [base, github, screenshots] = process.argv.slice(2);
mkdirSync(screenshots, { recursive: true });
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
if (!executablePath) throw new Error("could not run: Chromium is not installed");

const callbacks = [];
const listener = createServer((request, response) => {
  if (request.url !== "/favicon.ico") callbacks.push(new URL(request.url, "http://127.0.0.1"));
  response.writeHead(200, { "content-type": "text/html" }).end("<title>The client</title>");
});
await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
const redirectUrl = `http://127.0.0.1:${listener.address().port}/callback`;

const held = {};
const provider = {
  redirectUrl,
  clientMetadata: {
    client_name: "SDK client",
    redirect_uris: [redirectUrl],
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  },
  clientInformation: () => held.client,
  saveClientInformation: (client) => (held.client = client),
  tokens: () => held.tokens,
  saveTokens: (tokens) => (held.tokens = tokens),
  codeVerifier: () => held.verifier,
  saveCodeVerifier: (verifier) => (held.verifier = verifier),
  redirectToAuthorization: (target) => (held.target = target.href),
  invalidateCredentials: () => delete held.tokens,
};

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
});
const complaints = [];
const context = await browser.newContext();
const page = await context.newPage();
page.setDefaultTimeout(10_000);
page.on("console", (message) => {
  const text = message.text();
  // A refused sign-in is a page with status 403, which the console reports as an error. The browser
  // also requests icons by itself.
  const known = text.includes("403") || message.location().url.endsWith("/favicon.ico");
  if (message.type() === "error" && !known) complaints.push(text);
});

try {
  await assert.rejects(call("whoami"), UnauthorizedError);
  await check("a user who is not allowed sees why, and signs in with another account", async () => {
    await page.goto(held.target);
    await page.getByText("You sign in with GitHub").waitFor();
    await page.screenshot({ path: `${screenshots}/consent-github.png`, fullPage: true });
    await page.getByRole("button", { name: "Allow and sign in" }).click();
    await page.getByRole("button", { name: "stranger" }).click();
    await page.getByText("as stranger, and that account may not").waitFor();
    await page.screenshot({ path: `${screenshots}/refused-github.png`, fullPage: true });
    await page.getByRole("link", { name: "Start again" }).click();
    await page.getByRole("button", { name: "Allow and sign in" }).click();
    assert.equal(new URL(page.url()).origin, github);
    await page.getByRole("button", { name: "octocat" }).click();
    await finish();
  });
  await check("the tool works as the caller", async () => {
    assert.equal(await call("whoami"), "github:583231 is octocat");
    assert.match(await call("read", { url: `${github}/api/v3/user` }), /octocat in full/);
  });
  await check("when the user removes the app, the client requires a new sign-in", async () => {
    await wait("the user removes the app at GitHub");
    await assert.rejects(call("read", { url: `${github}/api/v3/user` }), UnauthorizedError);
    await page.goto(held.target);
    await page.getByRole("button", { name: "Allow and sign in" }).click();
    await page.getByRole("button", { name: "octocat" }).click();
    await finish();
    assert.match(await call("read", { url: `${github}/api/v3/user` }), /octocat in full/);
  });
  await check("the browser reported no errors", async () => assert.deepEqual(complaints, []));
} finally {
  await browser.close();
  listener.close();
}
process.exit(0);

// Completes the flow when the browser has reached the client.
async function finish() {
  await page.waitForURL(`${redirectUrl}**`);
  const { searchParams } = callbacks.at(-1);
  const authorizationCode = searchParams.get("code");
  const iss = searchParams.get("iss") ?? undefined;
  const outcome = await auth(provider, { serverUrl: `${base}/mcp`, authorizationCode, iss });
  assert.equal(outcome, "AUTHORIZED");
}

async function call(name, parameters = {}) {
  const client = new Client({ name: "sdk-client", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`${base}/mcp`), {
    authProvider: provider,
  });
  await client.connect(transport);
  try {
    const answer = await client.callTool({ name, arguments: parameters });
    return answer.content.map((part) => part.text).join("");
  } finally {
    await client.close();
  }
}

async function check(name, run) {
  await run();
  console.log(`passed: ${name}`);
}

async function wait(what) {
  const lines = createInterface({ input: process.stdin });
  console.log(`wait: ${what}`);
  await new Promise((resolve) => lines.once("line", resolve));
  lines.close();
}
