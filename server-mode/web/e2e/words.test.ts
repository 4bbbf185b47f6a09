// What the page says, and what is left of it where there is little room.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { AXIAL, browser, context, newContext, server, study } from "./desk";
import { openClient, serve, settled, viewport } from "./harness";

test("a German browser has a German page, and nothing of it is cut off", async () => {
  for (const [width, height] of [
    [1280, 720],
    [1024, 768],
    [390, 844],
  ] as const) {
    const german = await browser.newContext({ locale: "de-DE", viewport: { width, height } });
    try {
      const page = await german.newPage();
      await openClient(page, server.url, [AXIAL]);
      assert.equal(await page.locator("html").getAttribute("lang"), "de");
      await page.locator("#connection-text", { hasText: "Verbunden" }).waitFor();
      assert.match(await page.locator(`${viewport(AXIAL)} .bottom-left`).innerText(), /Schicht \d+ \/ \d+/);
      assert.equal(await page.locator("#windows option:checked").innerText(), "Weichteile (1)");
      const notice = page.locator(".notice");
      assert.equal(await notice.innerText(), "Nicht für die Diagnostik");
      const box = (await notice.boundingBox())!;
      assert.ok(box.x >= 0 && box.x + box.width <= width && box.y + box.height <= height, `${width}: ${JSON.stringify(box)}`);
      await page.keyboard.press("?");
      await page.locator("#help-dialog kbd", { hasText: "Leertaste" }).first().waitFor();
    } finally {
      await german.close();
    }
  }
});

test("a server that is full says so in the middle of the page, and lets in whoever waits", async () => {
  const small = await serve(study.folder, "127.0.0.1:0", "--max-sessions", "1");
  try {
    await newContext();
    const first = await context.newPage();
    await openClient(first, small.url, [AXIAL]);
    const second = await (await browser.newContext()).newPage();
    await second.goto(small.url);
    await second.locator("#full h2").waitFor();
    assert.match(await second.locator("#full").innerText(), /full[^]*tries again[^]*--max-sessions/);
    const box = (await second.locator("#full h2").boundingBox())!;
    assert.ok(Math.abs(box.y + box.height / 2 - 360) < 120, "in the middle");
    await first.close();
    await settled(second, AXIAL);
    assert.equal(await second.locator("#full").isVisible(), false);
    await second.context().close();
  } finally {
    await small.stop();
  }
});

test("a single image is one view, and studies are found by their words", async () => {
  const folder = mkdtempSync(join(tmpdir(), "voxcast-e2e-"));
  const files = readdirSync(study.folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".dcm"));
  cpSync(join(study.folder, files[0]!), join(folder, "one.dcm"));
  const one = await serve(folder);
  try {
    await newContext();
    const page = await context.newPage();
    await openClient(page, one.url, [AXIAL]);
    assert.equal(await page.locator(".viewport:visible").count(), 1);
    assert.equal(await page.locator("#rendering").isVisible(), false);
    assert.equal(await page.locator("#search").isVisible(), false, "there is but one study");
  } finally {
    await one.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
