// The browser view of `mcpo dev` in a real browser.
//
//   node view.mjs VIEW BASE SCREENSHOTS
//
// VIEW is the URL of the page, and BASE the address of the server. Prints one line for each check.

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { request } from "node:http";
import { chromium } from "playwright-core";
import { assertAccessible } from "./accessibility.mjs";

const [view, base, screenshots] = process.argv.slice(2);
mkdirSync(screenshots, { recursive: true });
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
if (!executablePath) throw new Error("could not run: Chromium is not installed");

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
});
const complaints = [];

try {
  const page = await open();
  const form = page.getByRole("region", { name: "Call a tool" });
  const calls = page.getByRole("region", { name: "Tool calls" }).getByRole("listitem");

  await check("the page shows the server and its tools", async () => {
    await page.goto(view);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.locator("#server", { hasText: "Tools: fail, greet, quit" }).waitFor();
    await form.getByRole("option", { name: "greet" }).waitFor({ state: "attached" });
  });

  await check("a sign-in appears as arrows while it happens", async () => {
    await fetch(`${base}/stops`);
    const step = page.getByRole("listitem", {
      name: "claude.ai, from the client to the server: POST registration, 201",
    });
    await step.waitFor();
    assert.match(await step.textContent(), /claude\.ai: 201 in 4 ms/);
  });

  await check("a call of a client appears with its arguments and its result", async () => {
    const params = { name: "greet", arguments: { name: "Ada" } };
    await fetch(`${base}/mcp`, {
      method: "POST",
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
    });
    const call = calls.filter({ hasText: "by claude.ai as ada in 3 ms: ok" });
    await call.waitFor();
    assert.equal(await call.getByLabel("result").textContent(), "Hello, Ada!");
    assert.match(await call.getByLabel("arguments").textContent(), /"name": "Ada"/);
  });

  await check("the form has a field for each argument, and calls the tool", async () => {
    await form.getByLabel("Tool").selectOption("greet");
    await form.getByText("Greet someone.").waitFor();
    assert.equal(await form.getByLabel("times").inputValue(), "1");
    assert.equal(await form.getByLabel("loud").isChecked(), false);
    assert.deepEqual(await form.getByLabel("mood").locator("option").allTextContents(), ["", "calm", "glad"]);
    await form.getByLabel("name (required)").fill("<b>Ada</b>");
    await form.getByRole("button", { name: "Call" }).click();
    await form.getByText(/^greet returned in /).waitFor();
    assert.equal(await page.locator("#result").textContent(), "Hello, <b>Ada</b>!");
    assert.equal(await page.locator("#result b, #calls b").count(), 0, "markup is text");
    await calls.filter({ hasText: "by mcpo" }).first().waitFor();
    await shoot(page, "view");
  });

  await check("arguments can be edited as JSON, and mistakes are explained", async () => {
    await form.getByLabel("Edit the arguments as JSON").check();
    const field = form.getByLabel("Arguments", { exact: true });
    assert.deepEqual(JSON.parse(await field.inputValue()), { name: "<b>Ada</b>", times: 1 });
    await field.fill("{");
    await form.getByRole("button", { name: "Call" }).click();
    await form.getByText(/^The arguments are not JSON: /).waitFor();
    assert.ok(await field.evaluate((element) => element === document.activeElement));
    await field.fill('{"name":"Grace"}');
    await form.getByRole("button", { name: "Call" }).click();
    await page.locator("#result", { hasText: "Hello, Grace!" }).waitFor();
    // What no field can show is not discarded.
    await field.fill('{"name":"Grace","other":1}');
    await form.getByLabel("Edit the arguments as JSON").click();
    await form.getByText("No field can show other.").waitFor();
    assert.equal(await field.inputValue(), '{"name":"Grace","other":1}');
    await field.fill('{"name":"Grace","times":2}');
    await form.getByLabel("Edit the arguments as JSON").uncheck();
    assert.equal(await form.getByLabel("name (required)").inputValue(), "Grace");
    assert.equal(await form.getByLabel("times").inputValue(), "2");
  });

  await check("an error of a tool is shown as an error", async () => {
    await form.getByLabel("Tool").selectOption("fail");
    await form.getByRole("button", { name: "Call" }).click();
    await form.getByText(/^fail failed in /).waitFor();
    assert.equal(await page.locator("#result").textContent(), "it does not work");
  });

  await check("a page that is opened later shows what happened before", async () => {
    const later = await open();
    await later.goto(view);
    await later.getByText("POST registration").waitFor();
    await later.getByText("by claude.ai as ada in 3 ms: ok").waitFor();
  });

  await check("the page is accessible and not cut off, narrow and wide, light and dark", async () => {
    for (const width of [320, 1280]) {
      for (const colorScheme of ["light", "dark"]) {
        const later = await open({ colorScheme, viewport: { width, height: 640 } });
        await later.goto(view);
        await later.getByText("POST registration").waitFor();
        const scrollWidth = await later.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(scrollWidth <= width, `${scrollWidth} pixels wide`);
        await shoot(later, `view-${width}-${colorScheme}`);
        await assertAccessible(later, `view-${width}-${colorScheme}`);
      }
    }
  });

  await check("only the page itself is answered", async () => {
    const { host, origin, pathname } = new URL(view);
    const call = { method: "POST", headers: { "content-type": "application/json" } };
    const body = JSON.stringify({ tool: "greet", arguments: {} });
    for (const [path, options, status] of [
      [pathname, {}, 200],
      [`${pathname}tools`, { headers: { origin } }, 200],
      ["/", {}, 404],
      ["/wrong/tools", {}, 404],
      [`${pathname}tools`, { headers: { host: "evil.example" } }, 404],
      [`${pathname}tools`, { headers: { origin: "http://evil.example" } }, 404],
      [`${pathname}call`, { method: "POST", body }, 415],
      [`${pathname}call`, { ...call, body: "{}" }, 400],
      [`${pathname}call`, { ...call, body: `"${"x".repeat(1024 * 1024)}"` }, 400],
    ]) {
      const answer = await send(host, path, options);
      assert.equal(answer.statusCode, status, `${path} ${JSON.stringify(options).slice(0, 200)}`);
      assert.match(answer.headers["content-security-policy"], /^default-src 'none'; /);
      assert.equal(answer.headers["referrer-policy"], "no-referrer");
    }
  });

  assert.deepEqual(complaints, [], "the browser reported errors");
  console.log("passed: the browser reported no errors");
} finally {
  await browser.close();
}
process.exit(0);

async function check(name, run) {
  await run();
  console.log(`passed: ${name}`);
}

async function open(options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return page;
}

async function shoot(page, name) {
  await page.screenshot({ path: `${screenshots}/${name}.png`, fullPage: true });
}

// Sends a request with any headers, which `fetch` does not allow.
function send(host, path, { method = "GET", headers = {}, body } = {}) {
  const [hostname, port] = host.split(":");
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers: { host, ...headers } }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
