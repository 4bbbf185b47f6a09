import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";

import { ALL, AXIAL, SLICE, VOLUME, WINDOW, changed, context, desk, differs, equals, newContext, server, study } from "./desk";
import {
  drag,
  factsThat,
  link,
  openClient,
  picture,
  pictureThat,
  pixels,
  serve,
  settled,
  viewport,
} from "./harness";

test("a server that dies is shown at once, and one with another token shows nothing and asks to sign in", async () => {
  const first = await serve(study.folder);
  await newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await openClient(page, first.url, ALL);
  await first.stop();
  await page.locator(`${viewport(AXIAL)} .stale-note`).waitFor();
  assert.match(await page.locator("#connection-text").innerText(), /Reconnecting|gone/);
  assert.match(await page.locator(`${viewport(AXIAL)} canvas:not(.local)`).evaluate((canvas) => getComputedStyle(canvas).filter), /grayscale/);
  const second = await serve(study.folder, new URL(first.url).host);
  try {
    await page.locator("#ended").waitFor();
    assert.match(await page.locator("#ended").innerText(), /Signed out[^]*another token[^]*Sign in/);
    await nothingIsTold(page);
    await page.locator("#sign-in").click();
    await page.locator("#token").waitFor();
  } finally {
    await second.stop();
  }
});

test("whom the host sends away sees nothing of the patient any more, and in German why", async () => {
  await newContext({ viewport: { width: 1280, height: 800 }, locale: "de-DE" });
  const page = await context.newPage();
  let sendAway = () => {};
  await page.routeWebSocket(/\/ws$/, (socket) => {
    const passed = socket.connectToServer();
    socket.onMessage((message) => passed.send(message));
    passed.onMessage((message) => socket.send(typeof message === "string" ? message.replace('"role":"owner"', '"role":"viewer"') : message));
    sendAway = () => void socket.close({ code: 4001, reason: "The host has sent you away." });
  });
  await page.goto(`${server.url}&transport=websocket`);
  await page.locator("#role").waitFor();
  await page.locator("#studies button").first().waitFor();
  sendAway();
  await page.locator("#ended").waitFor();
  assert.equal(await page.locator("#ended").innerText(), "Sie wurden aus der geteilten Sitzung entfernt\n\nUm mehr zu sehen, bitte um einen neuen Link bitten.");
  await nothingIsTold(page);
  assert.doesNotMatch(await page.locator("body").innerText(), /host|sent|server/i);
  await page.keyboard.press("i");
  await nothingIsTold(page);
});

/** What tells of a patient is gone, from the page and from what it keeps. */
async function nothingIsTold(page: Page): Promise<void> {
  assert.equal(await page.locator("canvas, img, #studies > *, #measurements > *, #messages > *").count(), 0);
  const text = await page.locator("body").evaluate((body) => body.textContent + body.innerHTML);
  assert.doesNotMatch(text, /phantom|1970|Slice \d/i);
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide")));
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
}

test("a connection that breaks is made again, and the session goes on as it was", async () => {
  const way = await link(server.url);
  try {
    await newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await openClient(page, way.url, ALL);
    const shown = await changed(page);
    await page.locator("#rendering").selectOption("mip");
    const projected = await pictureThat(page, VOLUME, differs(shown.volume));
    way.cut();
    await page.locator(`${viewport(AXIAL)} .stale-note`).waitFor();
    await page.locator(`${viewport(AXIAL)} .stale-note`).waitFor({ state: "hidden" });
    assert.equal(await page.locator("#connection-text").innerText(), "Connected");
    await factsThat(page, AXIAL, shown.slice);
    await pictureThat(page, VOLUME, equals(projected));
    await page.locator("#rendering").selectOption("volume");
    await pictureThat(page, VOLUME, equals(shown.volume));
    await drag(page, VOLUME, 90, 0);
    await pictureThat(page, VOLUME, differs(shown.volume));
  } finally {
    await way.stop();
  }
});

test("a window that the page draws stays, with its label, while the server is silent and when it is lost", async () => {
  const way = await link(server.url);
  try {
    await newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await openClient(page, `${way.url}&transport=websocket`, ALL);
    await page.locator(`${viewport(AXIAL)} .quality.lossless:visible`).waitFor();
    const [, width] = await factsThat(page, AXIAL, WINDOW);
    const box = (await page.locator(viewport(AXIAL)).boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.locator(`${viewport(AXIAL)} .local`).waitFor();
    way.hold();
    await page.mouse.move(x + 60, y + 30, { steps: 10 });
    await factsThat(page, AXIAL, new RegExp(`W (?!${width}\\b)`));
    await page.waitForTimeout(200);
    const [text, wide] = await factsThat(page, AXIAL, WINDOW);
    assert.equal(await page.locator("#width").inputValue(), wide, "the controls follow");
    const drawn = await pixels(page, AXIAL, ".local");
    // Longer than an echo waits for its picture.
    await page.waitForTimeout(2_000);
    assert.equal((await factsThat(page, AXIAL, WINDOW))[0], text);
    assert.deepEqual(await pixels(page, AXIAL, ".local"), drawn);
    way.cut();
    await page.locator(`${viewport(AXIAL)} .stale-note`).waitFor();
    assert.ok(await page.locator(`${viewport(AXIAL)} .local`).isVisible());
    assert.deepEqual(await pixels(page, AXIAL, ".local"), drawn);
    assert.equal((await factsThat(page, AXIAL, WINDOW))[0], text);
    await page.mouse.up();
    await page.locator(`${viewport(AXIAL)} .stale-note`).waitFor({ state: "hidden" });
    await page.locator(`${viewport(AXIAL)} .local`).waitFor({ state: "hidden" });
  } finally {
    await way.stop();
  }
});

test("a page that is loaded again shows what it showed", async () => {
  const page = await desk();
  const shown = await changed(page);
  await page.locator("#rendering").selectOption("mip");
  const projected = await pictureThat(page, VOLUME, differs(shown.volume));
  await page.locator(`${viewport(AXIAL)} .surface`).dblclick();
  await page.locator(viewport(VOLUME)).waitFor({ state: "hidden" });
  await page.reload();
  await settled(page, AXIAL);
  assert.equal(await page.locator(".viewport:visible").count(), 1);
  await factsThat(page, AXIAL, shown.slice);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#rendering").inputValue(), "mip");
  await pictureThat(page, VOLUME, equals(projected));
  assert.equal(await page.locator("#messages .message").count(), 0);
});

test("when the session is gone, slice, window and preset come back in another", async () => {
  const page = await desk();
  const bone = await picture(page, VOLUME);
  await page.keyboard.press("End");
  const [slice] = await factsThat(page, AXIAL, /Slice (\d+) \/ \1/);
  await page.locator("#presets").selectOption("CT_Angio");
  const angio = await pictureThat(page, VOLUME, differs(bone));
  await takeSession(page);
  await page.locator(`${viewport(AXIAL)} .stale-note`).waitFor();
  await page.locator(`${viewport(AXIAL)} .stale-note`).waitFor({ state: "hidden" });
  await factsThat(page, AXIAL, new RegExp(slice));
  await pictureThat(page, VOLUME, equals(angio));
});

test("a tab that is duplicated has a session of its own, and two that want one do not fight for it", async () => {
  const page = await desk([AXIAL]);
  await page.keyboard.press("End");
  const [slice, last] = await factsThat(page, AXIAL, /Slice (\d+) \/ \1/);
  const [copy] = await Promise.all([context.waitForEvent("page"), page.evaluate(() => void open(location.href))]);
  await settled(copy, AXIAL);
  await factsThat(copy, AXIAL, SLICE);
  await copy.keyboard.press("Home");
  await factsThat(copy, AXIAL, /Slice 1 \//);
  await factsThat(page, AXIAL, new RegExp(slice));

  const thief = await takeSession(page);
  await factsThat(thief, AXIAL, new RegExp(slice));
  await page.locator(`${viewport(AXIAL)} .stale-note`).waitFor();
  await page.locator(`${viewport(AXIAL)} .stale-note`).waitFor({ state: "hidden" });
  await thief.keyboard.press("Home");
  await factsThat(thief, AXIAL, /Slice 1 \//);
  await factsThat(page, AXIAL, new RegExp(`Slice ${last} /`));
  for (const tab of [page, thief]) assert.equal(await tab.locator("#connection-text").innerText(), "Connected");
});

/** Another tab goes on with the session of this one. */
async function takeSession(page: Page): Promise<Page> {
  const kept = await page.evaluate(() => {
    dispatchEvent(new PageTransitionEvent("pagehide"));
    const entry = Object.entries(sessionStorage)[0]!;
    sessionStorage.clear();
    return entry;
  });
  const thief = await page.context().newPage();
  thief.setDefaultTimeout(60_000);
  await thief.addInitScript(([key, value]) => sessionStorage.setItem(key!, value!), kept);
  await thief.goto(page.url());
  await settled(thief, AXIAL);
  return thief;
}
