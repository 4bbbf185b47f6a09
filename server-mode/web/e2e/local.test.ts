// Pictures that the browser draws itself, by WebGPU on an adapter that emulates a card.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Browser, BrowserContext, Page } from "playwright-core";

import { type RunningServer, drag, factsThat, openBrowser, openClient, phantom, pixels, pixelsAtRest, serve, settled, viewport } from "./harness";

const [AXIAL, CORONAL, , VOLUME] = [0, 1, 2, 3] as const;
const ALL = [0, 1, 2, 3];
// Emulated, a picture may take longer than the watchdog allows.
const WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--disable-gpu-watchdog"];

let study: ReturnType<typeof phantom>;
let server: RunningServer;
let browser: Browser;
let context: BrowserContext;

before(async () => {
  study = phantom();
  [server, browser] = await Promise.all([serve(study.folder), openBrowser(...WEBGPU)]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  study?.remove();
});

afterEach(async () => {
  await context?.close();
});

async function desk(url = server.url, by = browser): Promise<Page> {
  context = await by.newContext({ viewport: { width: 900, height: 640 } });
  const page = await context.newPage();
  page.on("console", (message) => process.env["VERBOSE"] && console.log(message.text()));
  // Remembers the devices that the worker opens.
  await context.route("**/local.js", async (route) => {
    const answer = await route.fetch();
    const remember = `{
      const request = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (...wanted) {
        return (self.device = await request.apply(this, wanted));
      };
    }\n`;
    const prefix = `if (self.GPUAdapter) ${remember}`;
    await route.fulfill({ response: answer, body: prefix + (await answer.text()) });
  });
  await openClient(page, url, ALL);
  return page;
}

async function choose(page: Page, choice: "automatic" | "local" | "remote"): Promise<void> {
  await page.locator("#source").selectOption(choice);
}

/** Waits until the computer has drawn these views, and they rest. */
async function drawnHere(page: Page, views: readonly number[] = ALL): Promise<void> {
  for (const view of views) {
    const drawn = page.locator(`${viewport(view)} .quality.final:text-is("Local")`);
    await drawn.waitFor().catch(async (error: unknown) => {
      const told = await page.locator("#drawn-by").getAttribute("title");
      throw new Error(`view ${view} is not drawn here: ${told}; ${await page.locator(".badges").allInnerTexts()}`, { cause: error });
    });
  }
}

async function lossless(page: Page, views: readonly number[] = ALL): Promise<void> {
  for (const view of views) await page.locator(`${viewport(view)} .quality.lossless:visible`).waitFor();
}

/** Largest and mean difference, and the share of bytes that differ by more than 3. */
function compare(a: readonly number[], b: readonly number[]): { largest: number; mean: number; off: number } {
  assert.equal(a.length, b.length);
  let [largest, sum, off] = [0, 0, 0];
  a.forEach((value, i) => {
    const by = Math.abs(value - b[i]!);
    largest = Math.max(largest, by);
    sum += by;
    if (by > 3) off += 1;
  });
  return { largest, mean: sum / a.length, off: off / a.length };
}

function same(view: number, here: readonly number[], there: readonly number[]): void {
  const { largest, mean, off } = compare(here, there);
  const found = `view ${view}: largest ${largest}, mean ${mean.toFixed(4)}, off ${off.toFixed(5)}`;
  console.log(`# ${found}`);
  // A slice is one grey level off at most. In a volume a rounding may pick the neighbouring entry of a table.
  if (view === VOLUME) assert.ok(mean < 0.05 && off < 0.001, found);
  else assert.ok(largest <= 1, found);
}

test("pictures of this computer are those of the server", async () => {
  const page = await desk();
  const there = await Promise.all(ALL.map((view) => pixelsAtRest(page, view)));
  await choose(page, "local");
  await drawnHere(page);
  const here = await Promise.all(ALL.map((view) => pixels(page, view)));
  for (const view of ALL) same(view, here[view]!, there[view]!);
  assert.equal(await page.locator("#drawn-by").innerText(), "this computer");
});

test("what hands do here is what the server shows after going back", async () => {
  const page = await desk();
  await choose(page, "local");
  await drawnHere(page);
  const [, first] = await factsThat(page, AXIAL, /(\d+) \/ \d+$/m);
  await page.locator(viewport(AXIAL)).hover();
  for (let i = 0; i < 7; i++) await page.mouse.wheel(0, 100);
  await factsThat(page, AXIAL, new RegExp(`\\b${Number(first) + 7} / \\d+`));
  await drag(page, AXIAL, 40, 25);
  await drag(page, CORONAL, 30, -20, "middle");
  await drag(page, VOLUME, 70, 30);
  await drag(page, VOLUME, 0, 30, "right");
  await drawnHere(page);
  const facts = await page.locator(`${viewport(AXIAL)} .bottom-left`).innerText();
  assert.equal(await page.locator(`${viewport(CORONAL)} .bottom-left`).innerText().then((text) => text.split("\n")[0]), facts.split("\n")[0], "slices share a window");
  const here = await Promise.all(ALL.map((view) => pixels(page, view)));
  await choose(page, "remote");
  const there = await Promise.all(ALL.map((view) => pixelsAtRest(page, view)));
  assert.equal(await page.locator("#drawn-by").innerText(), "the server");
  for (const view of ALL) same(view, here[view]!, there[view]!);
  assert.equal(await page.locator(`${viewport(AXIAL)} .bottom-left`).innerText(), facts);
});

test("going from one to the other, a picture is always there", async () => {
  const page = await desk();
  await page.evaluate((selector) => {
    const canvas = document.querySelector<HTMLCanvasElement>(selector)!;
    const seen = ((window as unknown as { dark: number[] }).dark = [] as number[]);
    const look = () => {
      const { width, height } = canvas;
      const data = width > 0 ? canvas.getContext("2d")!.getImageData(0, 0, width, height).data : new Uint8ClampedArray(4);
      let lit = 0;
      for (let i = 0; i < data.length; i += 64) if (data[i]! > 30) lit += 1;
      seen.push(lit / (data.length / 64));
      requestAnimationFrame(look);
    };
    look();
  }, `${viewport(VOLUME)} canvas`);
  for (const choice of ["local", "remote", "local"] as const) {
    await choose(page, choice);
    if (choice === "local") await drawnHere(page);
    else await lossless(page, [VOLUME]);
  }
  const seen = await page.evaluate(() => (window as unknown as { dark: number[] }).dark);
  assert.ok(Math.min(...seen) > 0.5 * Math.max(...seen), `a picture went dark: ${Math.min(...seen)} of ${Math.max(...seen)}`);
});

test("presets, resets and projections are the server's to decide, and drawn here", async () => {
  const page = await desk();
  await choose(page, "local");
  await drawnHere(page);
  const first = await pixels(page, VOLUME);
  const changes = async (act: () => Promise<unknown>, from: readonly number[]) => {
    await act();
    for (const end = Date.now() + 30_000; Date.now() < end; ) {
      await drawnHere(page, [VOLUME]);
      const now = await pixels(page, VOLUME);
      if (now.length === from.length && compare(now, from).mean > 1) return now;
    }
    throw new Error("the picture did not change");
  };
  await page.locator(viewport(VOLUME)).click();
  const preset = await changes(() => page.keyboard.press("p"), first);
  const mip = await changes(() => page.keyboard.press("m"), preset);
  await changes(() => page.keyboard.press("m"), mip);
  await choose(page, "remote");
  await lossless(page, [VOLUME]);
});

test("what is drawn here is measured, flipped and windowed as what the server draws", async () => {
  const page = await desk();
  await choose(page, "local");
  await drawnHere(page);
  await page.keyboard.press("n");
  await drag(page, AXIAL, 80, 0);
  const told = page.locator("#measurements .told", { hasText: /^[\d.]+ mm$/ });
  await told.waitFor();
  const length = await told.innerText();
  const box = (await page.locator(`${viewport(AXIAL)} .surface`).boundingBox())!;
  const mm = Math.max(360 / box.width, 360 / box.height);
  assert.ok(Math.abs(parseFloat(length) - 80 * mm) < 0.1, `${length}, drawn as ${80 * mm}`);
  await page.waitForFunction(() => / HU\s+[LR] /.test(document.querySelector("#probe")!.textContent!));
  await page.keyboard.press("h");
  await page.locator(`${viewport(AXIAL)} .letter.left`, { hasText: /^L$/ }).waitFor();
  await drawnHere(page, [AXIAL]);
  const here = await pixels(page, AXIAL);
  await choose(page, "remote");
  same(AXIAL, here, await pixelsAtRest(page, AXIAL));
  assert.equal(await page.locator(`${viewport(AXIAL)} .letter.left`).innerText(), "L");
  assert.equal(await told.innerText(), length);
});

test("a card that is lost gives the pictures back, and says so", async () => {
  const page = await desk();
  await choose(page, "local");
  await drawnHere(page);
  await page.workers()[0]!.evaluate(() => (self as unknown as { device: GPUDevice }).device.destroy());
  await drag(page, VOLUME, 40, 0);
  await page.getByText("Pictures come from the server again").waitFor();
  await lossless(page);
  assert.match((await page.locator("#drawn-by").getAttribute("title"))!, /by the server: .*lost/);
  await choose(page, "local");
  await drawnHere(page);
});

test("the choice is remembered", async () => {
  const page = await desk();
  await choose(page, "local");
  await drawnHere(page);
  await page.reload();
  await drawnHere(page);
  assert.equal(await page.locator("#source").inputValue(), "local");
});

test("an adapter that only emulates a card is left alone, unless it is asked for", async () => {
  const page = await desk();
  await page.waitForFunction(() => /only emulates/.test(document.querySelector("#drawn-by")!.getAttribute("title")!));
  assert.equal(await page.locator("#drawn-by").innerText(), "the server");
});

test("a server may keep its voxels to itself", async () => {
  const strict = await serve(study.folder, "127.0.0.1:0", "--voxels", "none");
  try {
    const page = await desk(strict.url);
    await choose(page, "local");
    await page.waitForFunction(() => /hands out no voxels/.test(document.querySelector("#drawn-by")!.getAttribute("title")!));
    await settled(page, VOLUME);
    const status = await page.evaluate(() => fetch("/voxels/1/0").then((answer) => answer.status));
    assert.equal(status, 403);
  } finally {
    await context.close();
    await strict.stop();
  }
});

test("without WebGPU the server draws, and the page says why", async () => {
  const without = await openBrowser();
  try {
    const page = await desk(server.url, without);
    await choose(page, "local");
    await page.waitForFunction(() => /no graphics card|no WebGPU/.test(document.querySelector("#drawn-by")!.getAttribute("title")!));
    await settled(page, VOLUME);
  } finally {
    await without.close();
  }
});
