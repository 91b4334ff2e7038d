// Chromium as the browser of users who sign in at oidc-provider, through its pages.
//
//   node openid.mjs BASE PROVIDER SCREENSHOTS
//
// Prints one line for each check.

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const [base, provider, screenshots] = process.argv.slice(2);
mkdirSync(screenshots, { recursive: true });
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
if (!executablePath) throw new Error("could not run: Chromium is not installed");

const callbacks = [];
const listener = createServer((request, response) => {
  if (request.url !== "/favicon.ico") callbacks.push(new URL(request.url, "http://127.0.0.1"));
  response.writeHead(200, { "content-type": "text/html" }).end("<title>The client</title>");
});
await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
const redirectUri = `http://127.0.0.1:${listener.address().port}/callback`;

const registered = await fetch(`${base}/register`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    client_name: "A client",
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: "none",
  }),
});
const authorize = new URL(`${base}/authorize`);
for (const [name, value] of Object.entries({
  response_type: "code",
  client_id: (await registered.json()).client_id,
  redirect_uri: redirectUri,
  state: "the-state",
  code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  code_challenge_method: "S256",
})) {
  authorize.searchParams.set(name, value);
}

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
});
const context = await browser.newContext();
const page = await context.newPage();
page.setDefaultTimeout(10_000);

try {
  await check("consent names the provider and the requested scopes", async () => {
    await page.goto(authorize.href);
    await page.getByText("127.0.0.1").first().waitFor();
    await page.getByText("offline_access").waitFor();
    await page.screenshot({ path: `${screenshots}/consent-openid.png`, fullPage: true });
  });
  await check("a user who is not on the allow-list sees why", async () => {
    await page.getByRole("button", { name: "Allow and sign in" }).click();
    await signIn("bob");
    await page.getByText("as bob, and that account may not").waitFor();
    await page.screenshot({ path: `${screenshots}/refused-openid.png`, fullPage: true });
  });
  await check("a user whose address is not verified sees why", async () => {
    await context.clearCookies();
    await page.goto(authorize.href);
    await page.getByRole("button", { name: "Allow and sign in" }).click();
    await signIn("mallory");
    await page.getByText("not verified").waitFor();
  });
  await check("a user on the allow-list returns to the client with a code", async () => {
    await context.clearCookies();
    await page.goto(authorize.href);
    await page.getByRole("button", { name: "Allow and sign in" }).click();
    await signIn("ada");
    await page.waitForURL(`${redirectUri}*`);
    const callback = callbacks.pop();
    assert.equal(callback.searchParams.get("state"), "the-state");
    assert.equal(callback.searchParams.get("iss"), base);
    assert.ok(callback.searchParams.get("code"));
  });
} finally {
  await browser.close();
  listener.close();
}
process.exit(0);

async function signIn(login) {
  assert.equal(new URL(page.url()).origin, provider);
  await page.locator("input[name=login]").fill(login);
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: "Continue" }).click();
}

async function check(name, body) {
  await body();
  console.log(`passed: ${name}`);
}
