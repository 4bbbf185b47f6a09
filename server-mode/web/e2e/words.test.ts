// What the page says, and what is left of it where there is little room.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";

import { AXIAL, browser, context, newContext, server, study } from "./desk";
import { openClient, serve, settled, testData, viewport } from "./harness";

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
      if (width === 1280) assert.ok((await page.locator(".toolbar").boundingBox())!.height < 48, "the toolbar is one row");
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

test("studies are listed by patient, the newest first, and fold by the patient's name; a 4D series is one entry", async (t) => {
  const [epi, body] = [testData("geometry/mr-4d-epi"), testData("ct-body-jpeg2000")];
  if (!epi || !body) return t.skip("no ../shared/data");
  const two = await serve(epi, "127.0.0.1:0", body);
  try {
    await newContext();
    const page = await context.newPage();
    await openClient(page, two.url, [AXIAL]);
    assert.deepEqual((await page.locator(".study h3").allInnerTexts()).map((text) => text.slice(0, 4)), ["2022", "2018"]);
    assert.equal(await page.locator(".series[aria-current]").innerText().then((text) => text.includes("512 × 512 × 20")), true, "the newest is shown first");
    assert.equal(await page.locator(".series").count(), 2);
    const heading = page.getByRole("button", { name: "Patient Test, Regression" });
    await heading.click();
    assert.equal(await page.locator(".series:visible").count(), 1);
    assert.equal(await heading.getAttribute("aria-expanded"), "false");
    await page.locator("#search").fill("EPI");
    assert.equal(await page.locator(".series:visible").count(), 1, "a search looks into folded patients, too");
    await page.locator("#search").fill("");
    await heading.press("Enter");
    await page.locator(".series:visible", { hasText: "× 10" }).click();
    await page.locator(".time", { hasText: "1 / 10" }).waitFor();
    await settled(page, AXIAL);
    await page.locator(`${viewport(AXIAL)} .surface`).focus();
    await page.keyboard.press("End");
    await page.locator(`${viewport(AXIAL)} .bottom-left`, { hasText: "Slice 15 / 15" }).waitFor();
    await page.keyboard.press("Control+]");
    await page.locator(`${viewport(AXIAL)} .bottom-right`, { hasText: "Time 2 / 10" }).waitFor();
    await page.locator(`${viewport(AXIAL)} .bottom-left`, { hasText: "Slice 15 / 15" }).waitFor();
    await page.getByRole("button", { name: "Previous time" }).click();
    await page.locator(".time", { hasText: "1 / 10" }).waitFor();
  } finally {
    await two.stop();
  }
});

test("nothing that a view writes covers anything else of it, however small the view is", async (t) => {
  const head = testData("ct-head-tilt-uneven");
  if (!head) return t.skip("no ../shared/data");
  const tilted = await serve(head);
  try {
    const german = await browser.newContext({ locale: "de-DE" });
    const page = await german.newPage();
    await openClient(page, tilted.url, [AXIAL]);
    for (const [width, height] of [[1600, 1000], [1280, 720], [1000, 600], [800, 500], [400, 800], [800, 400]] as const) {
      await page.setViewportSize({ width, height });
      await page.evaluate(() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next))));
      assert.deepEqual(await covered(page), [], `${width} × ${height}`);
    }
    await german.close();
  } finally {
    await tilted.stop();
  }
});

/** What of the texts, badges and bars of a view lies over another of them, or outside of the view. */
function covered(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    for (const view of document.querySelectorAll<HTMLElement>(".viewport:not([hidden])")) {
      const box = view.getBoundingClientRect();
      const parts = [...view.querySelectorAll<HTMLElement>(".top-left > div, .bottom-left > div, .bottom-right > div, .title, .badge, .letter, .slices")];
      const shown = parts.filter((part) => part.checkVisibility() && getComputedStyle(part).clipPath === "none" && (part.textContent || part.matches(".slices")));
      const rects = shown.map((part) => ({ name: part.textContent || "bar", rect: part.getBoundingClientRect() }));
      for (const [i, { name, rect }] of rects.entries()) {
        if (rect.left < box.left || rect.right > box.right || rect.top < box.top || rect.bottom > box.bottom) found.push(`${name} is outside`);
        for (const { name: other, rect: of } of rects.slice(i + 1)) {
          // Lines are higher than their letters.
          if (rect.left < of.right && of.left < rect.right && rect.top < of.bottom - 4 && of.top < rect.bottom - 4) found.push(`${name} and ${other}`);
        }
      }
    }
    return found;
  });
}
