// Accessibility of a page in Chromium, as axe judges it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// `label` names the page if there is a violation.
export async function assertAccessible(page, label) {
  // Not as an element of the page: its policy allows no scripts.
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, {
      preload: false,
      resultTypes: ["violations"],
    });
    return violations.map(({ id, nodes }) => [id, nodes.map(({ html, any }) => [html, any[0]?.message])]);
  });
  assert.deepEqual(violations, [], label);
}
