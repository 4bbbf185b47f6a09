// One server and one browser for the tests of a file, and a page of its own for each of them.

import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";

import {
  type Picture,
  type RunningServer,
  difference,
  drag,
  factsThat,
  openBrowser,
  openClient,
  phantom,
  picture,
  pictureThat,
  serve,
  viewport,
} from "./harness";

export const [AXIAL, CORONAL, SAGITTAL, VOLUME] = [0, 1, 2, 3] as const;
export const ALL = [AXIAL, CORONAL, SAGITTAL, VOLUME];
export const SLICE = /Slice (\d+) \/ (\d+)/;
export const WINDOW = /W (\S+)\s+L (\S+)/;
/** Pictures that differ less than this are the same but for the compression. */
export const SAME = 2;
/** Pictures that differ more than this plainly show something else. */
export const OTHER = 4;

export let study: ReturnType<typeof phantom>;
export let server: RunningServer;
export let browser: Browser;
export let context: BrowserContext;

before(async () => {
  study = phantom();
  [server, browser] = await Promise.all([serve(study.folder), openBrowser()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  study?.remove();
});

afterEach(async () => {
  await context?.close();
});

/** The context of the test that runs; it ends with it. */
export async function newContext(options?: BrowserContextOptions): Promise<void> {
  context = await browser.newContext(options);
}

/** `lacking` names what a browser may not have. */
export async function desk(
  views: readonly number[] = ALL,
  transport?: "webrtc" | "websocket" | "jpeg",
  lacking: readonly string[] = [],
): Promise<Page> {
  await newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("close", () => assert.deepEqual(faults, [], "the page threw"));
  await page.addInitScript((names) => names.forEach((name) => Reflect.deleteProperty(window, name)), lacking);
  await openClient(page, transport ? `${server.url}&transport=${transport}` : server.url, views);
  return page;
}

export const differs = (from: Picture, by = OTHER) => (now: Picture) => difference(from, now) > by;
export const equals = (to: Picture, within = SAME) => (now: Picture) => difference(to, now) < within;
/** How far the colours are from grey. */
export const colour = (shown: Picture) => shown.reduce((sum, value, i) => sum + Math.abs(value - shown[i - (i % 3)]!), 0) / shown.length;

/** Turns the volume and goes to the last axial slice. */
export async function changed(page: Page): Promise<{ slice: RegExp; volume: Picture }> {
  const front = await picture(page, VOLUME);
  await drag(page, VOLUME, 120, 30);
  const volume = await pictureThat(page, VOLUME, differs(front));
  await page.locator(`${viewport(AXIAL)} .surface`).focus();
  await page.keyboard.press("End");
  const [slice] = await factsThat(page, AXIAL, /Slice (\d+) \/ \1/);
  return { slice: new RegExp(slice), volume };
}
