// Every page in Chromium, narrow and wide, light and dark: screenshots, axe, and the keyboard.
//
//   node audit.mjs LOCAL PUBLIC PASSWORD SCREENSHOTS
//
// LOCAL and PUBLIC are the loopback URLs of two servers. The second one has the base URL
// https://acme.example, and its requests are sent there. Prints one line for each check.

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import { chromium } from "playwright-core";
import { assertAccessible } from "./accessibility.mjs";

const [local, publicServer, password, screenshots] = process.argv.slice(2);
mkdirSync(screenshots, { recursive: true });
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
if (!executablePath) throw new Error("could not run: Chromium is not installed");
const acme = "https://acme.example";

const client = createServer((_, response) => {
  response.writeHead(200, { "content-type": "text/html" }).end("<title>The client</title>");
});
await new Promise((resolve) => client.listen(0, "127.0.0.1", resolve));
const callback = `http://127.0.0.1:${client.address().port}/callback`;
const appCallback = "cursor://anysphere.cursor-mcp/oauth/callback";
const clientId = await register("A client with a rather long name", [callback]);
const claudeCallback = "https://claude.ai/api/mcp/auth_callback";
const claudeId = await register("Claude", [claudeCallback]);
const appId = await register("Cursor", [appCallback]);

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
});
const complaints = [];

try {
  const page = await open();

  await check("the landing page", async () => {
    await page.goto(`${acme}/`);
    await audit(page, "landing");
    // All instructions at once, so that axe sees them.
    await page.evaluate(() => {
      for (const details of document.querySelectorAll("details")) {
        details.removeAttribute("name");
        details.open = true;
      }
    });
    await audit(page, "landing-clients");
  });

  await check("one click selects a command, and the keyboard selects the address", async () => {
    await page.goto(`${acme}/mcp`);
    assert.equal(await page.title(), "Add this server · Acme Tools");
    await page.keyboard.press("Tab");
    const selected = await page.evaluate(() => {
      const { value, selectionStart, selectionEnd } = document.activeElement;
      return value.slice(selectionStart, selectionEnd);
    });
    assert.equal(selected, `${acme}/mcp`);
    for (let press = 0; press < 2; press += 1) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    const command = page.getByText("claude mcp add");
    await command.click();
    const text = await page.evaluate(() => getSelection().toString());
    assert.equal(text, `claude mcp add --transport http acme-tools ${acme}/mcp`);
  });

  await check("pages at addresses of a sign-in, and the page for a wrong address", async () => {
    await page.goto(`${acme}/consent`);
    await audit(page, "notice");
    const lost = await open({ expected: 404 });
    await lost.goto(`${acme}/nowhere`);
    await audit(lost, "not-found");
    await lost.getByRole("link", { name: "How to add this server" }).click();
    await lost.getByRole("heading", { name: "Acme Tools" }).waitFor();
    const broken = await open({ expected: 400 });
    await broken.goto(authorize(clientId, "https://evil.example/"));
    await audit(broken, "error");
  });

  await check("the sign-in page", async () => {
    await page.goto(authorize(claudeId, claudeCallback));
    await audit(page, "sign-in");
    await page.keyboard.type("not the password");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await audit(page, "wrong-password");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Allow" }).waitFor();
  });

  await check("the consent page, with the keyboard only", async () => {
    await audit(page, "consent");
    await page.goto(authorize(clientId, callback));
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "and 9 more, 3 of them can change data");
    await page.keyboard.press("Enter");
    await page.getByText("Compare two anvils").waitFor();
    await audit(page, "consent-all-tools");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Not you?");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Allow");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineWidth);
    assert.equal(outline, "3px");
    await page.keyboard.press("Enter");
    await page.waitForURL(`${callback}**`);
  });

  await check("the page that opens an app", async () => {
    const handover = await open({ complaining: false, storageState: await page.context().storageState() });
    await handover.goto(authorize(appId, appCallback));
    await handover.getByRole("button", { name: "Allow" }).click({ noWaitAfter: true });
    await handover.getByRole("link", { name: "Open Cursor" }).waitFor();
    await audit(handover, "handover");
  });

  await check("another user signs out, with the keyboard only", async () => {
    await page.goto(authorize(clientId, callback));
    for (let press = 0; press < 2; press += 1) await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Not you?");
    await page.keyboard.press("Enter");
    await page.getByLabel("Password").waitFor();
  });

  assert.deepEqual(complaints, [], "the browser reported errors");
  console.log("passed: the browser reported no errors");
} finally {
  await browser.close();
  client.close();
}
process.exit(0);

async function check(name, run) {
  await run();
  console.log(`passed: ${name}`);
}

async function register(name, redirectUris) {
  const answer = await fetch(`${local}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      client_name: name,
      redirect_uris: redirectUris,
      token_endpoint_auth_method: "none",
    }),
  });
  return (await answer.json()).client_id;
}

function authorize(id, redirectUri) {
  const parameters = new URLSearchParams({
    response_type: "code",
    client_id: id,
    redirect_uri: redirectUri,
    state: "s",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
  });
  return `${local}/authorize?${parameters}`;
}

// `expected` is the status of the page, if it is an error: the console reports it.
async function open({ complaining = true, expected, ...options } = {}) {
  const context = await browser.newContext(options);
  await context.route(`${acme}/**`, sendToPublicServer);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  if (complaining) {
    page.on("console", (message) => {
      const known = expected && message.text().includes(`status of ${expected}`);
      if (message.type() === "error" && !known) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
  }
  return page;
}

async function sendToPublicServer(route) {
  const request = route.request();
  const { pathname, search } = new URL(request.url());
  const { hostname, port } = new URL(publicServer);
  const headers = { ...(await request.allHeaders()), host: new URL(acme).host };
  for (const name of Object.keys(headers)) if (name.startsWith(":")) delete headers[name];
  const answer = await new Promise((resolve, reject) => {
    const options = { hostname, port, path: pathname + search, method: request.method(), headers };
    httpRequest(options, resolve).on("error", reject).end();
  });
  const chunks = [];
  for await (const chunk of answer) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  await route.fulfill({ status: answer.statusCode, headers: answer.headers, body });
}

async function audit(page, name) {
  for (const width of [320, 1280]) {
    await page.setViewportSize({ width, height: 720 });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const label = `${name}-${width}-${colorScheme}`;
      // Buttons ignore clicks at first and are paler then.
      await page.evaluate(() => Promise.all(document.getAnimations().map((one) => one.finished)));
      const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(scrollWidth <= width, `${label}: ${scrollWidth} pixels wide`);
      await page.screenshot({ path: `${screenshots}/${label}.png`, fullPage: true });
      // Contrast depends on the colors and layout on the width, so two of the four are enough.
      if ((width === 320) !== (colorScheme === "light")) continue;
      await assertAccessible(page, label);
    }
  }
}

async function focused(page) {
  return page.evaluate(() => document.activeElement.textContent);
}
