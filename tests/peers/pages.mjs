// The pages in a real browser: everything that a user can do with them, right and wrong. How they
// look is checked by `audit.mjs`.
//
//   node pages.mjs BASE PASSWORD SCREENSHOTS
//
// Prints one line for each check. After printing "wait: …", it continues when it reads a line from
// stdin.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [base, password, screenshots] = process.argv.slice(2);
mkdirSync(screenshots, { recursive: true });
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
if (!executablePath) throw new Error("could not run: Chromium is not installed");

const callbacks = [];
// Redirect targets of a client's callback: another host, a port without TLS, an app.
const leadOn = {
  "/leads-on": `https://127.0.0.1:${await closedPort()}/done`,
  "/leads-on-plain": `http://127.0.0.1:${await closedPort()}/done`,
};
const appScheme = "some-app://done";
const client = createServer((request, response) => {
  // The browser requests an icon by itself.
  if (request.url !== "/favicon.ico") callbacks.push(new URL(request.url, "http://127.0.0.1"));
  const { pathname } = new URL(request.url, "http://127.0.0.1");
  if (leadOn[pathname]) {
    response.writeHead(302, { location: leadOn[pathname] }).end();
  } else if (pathname === "/leads-to-app") {
    response.writeHead(307, { location: appScheme }).end();
  } else {
    response.writeHead(200, { "content-type": "text/html" }).end("<title>The client</title>");
  }
});
await new Promise((resolve) => client.listen(0, "127.0.0.1", resolve));
const clientBase = `http://127.0.0.1:${client.address().port}`;
const framing = createServer((request, response) => {
  const target = new URL(request.url, "http://localhost").searchParams.get("target") ?? "";
  response.writeHead(200, { "content-type": "text/html" });
  response.end(`<iframe src="${target.replaceAll("&", "&amp;")}"></iframe>`);
});
await new Promise((resolve) => framing.listen(0, "127.0.0.1", resolve));

const registered = await fetch(`${base}/register`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    client_name: "A client with a rather long name",
    redirect_uris: ["/callback", "/leads-on", "/leads-on-plain", "/leads-to-app"].map(
      (path) => clientBase + path,
    ),
    token_endpoint_auth_method: "none",
  }),
});
const { client_id: clientId } = await registered.json();

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
});
const complaints = [];

try {
  await check("a user signs in and allows", async () => {
    const page = await open();
    await page.goto(authorize());
    assert.match(await page.title(), /^Sign in · /);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    const field = page.getByLabel("Password");
    assert.equal(await field.getAttribute("autocomplete"), "current-password");
    assert.ok(await field.evaluate((element) => element === document.activeElement), "focused");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: /^Allow A client/ }).waitFor();
    await decide(page, "Allow");
    assert.ok(callbacks.at(-1).searchParams.get("code"));
  });

  await check("a wrong password is reported, and the right one still works", async () => {
    const page = await open();
    await page.goto(authorize());
    await signIn(page, "not the password");
    const alert = page.getByRole("alert");
    assert.equal(await alert.textContent(), "Wrong password.");
    assert.equal(await page.getByLabel("Password").inputValue(), "");
    await signIn(page, password);
    await decide(page, "Allow");
    assert.ok(callbacks.at(-1).searchParams.get("code"));
  });

  await check("denial reaches the client", async () => {
    const page = await open();
    await page.goto(authorize());
    await signIn(page, password);
    await decide(page, "Deny");
    assert.equal(callbacks.at(-1).searchParams.get("error"), "access_denied");
  });

  await check("the back button and another press still lead to the client", async () => {
    const page = await open();
    await page.goto(authorize());
    await signIn(page, password);
    await decide(page, "Allow");
    const first = callbacks.at(-1).searchParams.get("code");
    await page.goBack();
    await decide(page, "Allow");
    assert.notEqual(callbacks.at(-1).searchParams.get("code"), first);
  });

  await check("the back button from consent leads to consent again", async () => {
    const page = await open();
    await page.goto(authorize());
    await signIn(page, password);
    await page.goBack();
    await page.reload();
    await decide(page, "Allow");
  });

  await check("two quick presses lead to the client once", async () => {
    const page = await open();
    await page.goto(authorize());
    await signIn(page, password);
    await page.getByRole("button", { name: "Allow" }).dblclick({ noWaitAfter: true });
    await page.waitForURL(`${clientBase}/callback**`);
    assert.equal(await page.title(), "The client");
  });

  await check("a callback may lead on to another host, with TLS and without", async () => {
    for (const [path, target] of Object.entries(leadOn)) {
      const page = await open({ complaining: false });
      const failed = page.waitForEvent("requestfailed", (request) => request.url() === target);
      await page.goto(authorize({ redirect_uri: clientBase + path }));
      await signIn(page, password);
      await page.getByRole("button", { name: "Allow" }).click({ noWaitAfter: true });
      // Nothing listens at the target, but the browser must have tried to connect.
      assert.equal((await failed).failure().errorText, "net::ERR_CONNECTION_REFUSED");
    }
  });

  await check("a callback may lead on to an app", async () => {
    const page = await open({ complaining: false });
    const objections = [];
    page.on("console", (message) => objections.push(message.text()));
    await page.goto(authorize({ redirect_uri: `${clientBase}/leads-to-app` }));
    await signIn(page, password);
    const failed = page.waitForEvent("requestfailed", (request) => request.isNavigationRequest());
    await page.getByRole("button", { name: "Allow" }).click({ noWaitAfter: true });
    const failure = (await failed).failure().errorText;
    // No such app is installed; it only matters that the page's policy did not block the
    // navigation.
    assert.notEqual(failure, "net::ERR_BLOCKED_BY_CSP", objections.join("\n"));
    assert.ok(!objections.some((text) => text.includes("Content Security Policy")), objections);
  });

  await check("a click that was meant for the page before does not allow", async () => {
    const page = await open();
    await page.goto(authorize());
    await signIn(page, password);
    const allow = page.getByRole("button", { name: "Allow" });
    await allow.waitFor();
    // Slows the animation down by a factor of 100, so that a slow machine clicks early enough.
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Animation.enable");
    await devtools.send("Animation.setPlaybackRate", { playbackRate: 0.01 });
    await page.reload();
    await allow.waitFor();
    const { x, y, width, height } = await allow.boundingBox();
    const before = callbacks.length;
    await page.mouse.click(x + width / 2, y + height / 2);
    await page.waitForTimeout(300);
    assert.equal(callbacks.length, before);
    await devtools.send("Animation.setPlaybackRate", { playbackRate: 1 });
    await decide(page, "Allow");
  });

  await check("everything works without scripts", async () => {
    const page = await open({ javaScriptEnabled: false });
    await page.goto(authorize());
    await signIn(page, password);
    await decide(page, "Allow");
  });

  await check("no page can be framed", async () => {
    const page = await open({ complaining: false });
    const target = encodeURIComponent(authorize());
    await page.goto(`http://127.0.0.1:${framing.address().port}/?target=${target}`);
    const [, frame] = page.frames();
    await frame.waitForLoadState();
    assert.equal(await frame.getByLabel("Password").count(), 0);
  });

  await check("a client in a page of another origin can read everything it needs", async () => {
    const page = await open({ complaining: false });
    await page.goto(`${clientBase}/page`);
    const seen = await page.evaluate(async (base) => {
      const json = { "content-type": "application/json" };
      const ask = async (path, init) => {
        const response = await fetch(base + path, init);
        const body = await response.json();
        const { status, headers } = response;
        return { status, body, challenge: headers.get("www-authenticate") };
      };
      const form = (fields) => ({ method: "POST", body: new URLSearchParams(fields) });
      const redirect_uris = [`${location.origin}/callback`];
      const metadata = JSON.stringify({ redirect_uris, token_endpoint_auth_method: "none" });
      const authorization = "Bearer mcpo_at_nonsense";
      return {
        resource: await ask("/.well-known/oauth-protected-resource/mcp"),
        server: await ask("/.well-known/oauth-authorization-server"),
        register: await ask("/register", { method: "POST", headers: json, body: metadata }),
        token: await ask("/token", form({ grant_type: "refresh_token", client_id: "unknown" })),
        revoke: await ask("/revoke", form({ token: "x", client_id: "unknown" })),
        introspect: await ask("/introspect", form({ token: "x", client_id: "unknown" })),
        mcp: await ask("/mcp", {
          method: "POST",
          headers: { ...json, authorization, "mcp-protocol-version": "2025-11-25" },
          body: "{}",
        }),
      };
    }, base);
    assert.equal(seen.resource.body.resource, `${base}/mcp`);
    assert.equal(seen.server.body.issuer, base);
    assert.equal(seen.register.status, 201);
    for (const endpoint of ["token", "revoke", "introspect"]) {
      assert.equal(seen[endpoint].status, 401, endpoint);
      assert.equal(seen[endpoint].body.error, "invalid_client", endpoint);
    }
    assert.equal(seen.mcp.status, 401);
    assert.match(seen.mcp.challenge, /resource_metadata=/);
  });

  await check("a broken link shows an error", async () => {
    const page = await open({ complaining: false });
    await page.goto(authorize({ redirect_uri: "https://evil.example/" }));
    await page.getByRole("heading", { name: "This link does not work" }).waitFor();
    assert.equal(page.url().startsWith(base), true);
  });

  await check("a form that is too old leads to a fresh one", async () => {
    const page = await open();
    await page.goto(authorize());
    await signIn(page, password);
    await wait("eleven minutes pass");
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByRole("heading", { name: "This page is too old" }).waitFor();
    await shoot(page, "expired-light");
    await page.getByRole("link", { name: "Start again" }).click();
    await decide(page, "Allow");
  });

  assert.deepEqual(complaints, [], "the browser reported errors");
  console.log("passed: the browser reported no errors");
} finally {
  await browser.close();
  client.close();
  framing.close();
}
process.exit(0);

// Returns a port on which nothing listens: a port that was free a moment ago.
async function closedPort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function check(name, run) {
  await run();
  console.log(`passed: ${name}`);
}

async function open({ complaining = true, ...options } = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  if (complaining) {
    page.on("console", (message) => {
      // The browser requests an icon of the client's page by itself.
      if (message.type() === "error" && !message.location().url.startsWith(clientBase)) {
        complaints.push(message.text());
      }
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
  }
  return page;
}

function authorize(changed = {}) {
  const challenge = createHash("sha256").update("v".repeat(43)).digest("base64url");
  const parameters = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: `${clientBase}/callback`,
    state: "s",
    code_challenge: challenge,
    code_challenge_method: "S256",
    ...changed,
  });
  return `${base}/authorize?${parameters}`;
}

async function signIn(page, typed) {
  await page.getByLabel("Password").fill(typed);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForLoadState();
}

async function decide(page, decision) {
  await page.getByRole("button", { name: decision }).click();
  await page.waitForURL(`${clientBase}/callback**`);
}

async function shoot(page, name) {
  await page.screenshot({ path: `${screenshots}/${name}.png`, fullPage: true });
}

async function wait(what) {
  const lines = createInterface({ input: process.stdin });
  console.log(`wait: ${what}`);
  await new Promise((resolve) => lines.once("line", resolve));
  lines.close();
}
