// The page of a guest: the host's views lie as in its window. What a host tells is put into the answers of a server.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page, WebSocketRoute } from "playwright-core";

import type { Cell } from "../src/protocol";
import { context, newContext, server } from "./desk";
import { viewport } from "./harness";

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const view = (view: number): Cell => ({ kind: "view", view });
const row = (cells: Cell[], shares: number[]): Cell => ({ kind: "row", cells, shares });
const column = (cells: Cell[], shares: number[]): Cell => ({ kind: "column", cells, shares });

/** A guest's page, and what tells it how the views lie. */
async function guest(): Promise<{ page: Page; tell: (number: number, views: number[], root: Cell, maximised?: number) => void }> {
  await newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  let socket: WebSocketRoute | undefined;
  await page.routeWebSocket(/\/ws$/, (route) => {
    socket = route;
    route.connectToServer().onMessage((message) => route.send(typeof message === "string" ? message.replace('"role":"owner"', '"role":"viewer"') : message));
  });
  await page.goto(server.url);
  await page.locator("#role", { hasText: "the host drives" }).waitFor();
  return {
    page,
    tell: (number, views, root, maximised) =>
      socket!.send(JSON.stringify({ type: "shared", number, views, layout: { root, maximised: maximised ?? null } })),
  };
}

/** Where views are once so many are on screen, whole pixels. */
async function boxes(page: Page, count: number): Promise<Map<number, Box>> {
  await page.waitForFunction((count) => document.querySelectorAll(".viewport:not([hidden])").length === count, count);
  const found = await page.locator(".viewport:visible").evaluateAll((all) =>
    all.map((one) => {
      const { x, y, width, height } = one.getBoundingClientRect();
      return [Number(one.getAttribute("data-view")), { x: Math.round(x), y: Math.round(y), width: Math.round(width), height: Math.round(height) }] as const;
    }),
  );
  return new Map(found);
}

test("the host's views lie as in its window, and follow it", async () => {
  const { page, tell } = await guest();
  await page.locator("#nothing").waitFor();
  tell(1, [0, 2, 5], row([view(0), view(2), view(5)], [1, 1, 2]));
  const three = await boxes(page, 3);
  const [a, b, c] = [0, 2, 5].map((number) => three.get(number)!) as [Box, Box, Box];
  assert.ok(a.y === b.y && b.y === c.y && a.height === c.height, "they stand beside each other");
  assert.ok(a.x < b.x && b.x < c.x && Math.abs(a.width - b.width) <= 1 && Math.abs(c.width - 2 * a.width) <= 3, JSON.stringify([...three]));

  tell(2, [0, 2, 5], row([view(2), column([view(5), row([view(0), { kind: "empty" }], [1, 1])], [3, 1])], [1, 1]));
  await page.waitForFunction((selector) => document.querySelector<HTMLElement>(selector)!.getBoundingClientRect().height < 250, viewport(0));
  const split = await boxes(page, 3);
  const [small, large, above] = [0, 2, 5].map((number) => split.get(number)!) as [Box, Box, Box];
  assert.ok(large.height > 600 && Math.abs(above.width - large.width) <= 2 && Math.abs(2 * small.width - above.width) <= 2);
  assert.ok(small.y > above.y + above.height - 2 && Math.abs(above.height - 3 * small.height) <= 5, JSON.stringify([...split]));

  tell(3, [0, 2, 5], row([view(0), view(2), view(5)], [1, 1, 2]), 5);
  const whole = (await boxes(page, 1)).get(5)!;
  assert.ok(whole.width > 900, "the host has maximised it");
  // The page's own affair, until the host does something.
  await page.keyboard.press("f");
  await boxes(page, 3);
  tell(2, [0], view(0));
  tell(4, [0, 2, 5], row([view(0), view(2), view(5)], [1, 1, 1]), 5);
  await page.waitForFunction((selector) => Math.abs(document.querySelector<HTMLElement>(selector)!.getBoundingClientRect().width - 342) < 20, viewport(5));
  assert.equal((await boxes(page, 3)).size, 3, "what came too late is nothing");

  const all = Array.from({ length: 16 }, (_, number) => number);
  const rows = [0, 4, 8, 12].map((first) => row(all.slice(first, first + 4).map(view), [1, 1, 1, 1]));
  tell(5, all, column(rows, [1, 1, 1, 1]));
  const sixteen = await boxes(page, 16);
  assert.ok([...sixteen.values()].every(({ width, height }) => width > 200 && height > 100));
  assert.equal(await page.locator("#messages .message").count(), 0, "there is nothing to complain of");
});

test("who only watches finds dull what moves the pictures, and measures", async () => {
  const { page, tell } = await guest();
  tell(1, [0, 1], row([view(0), view(1)], [1, 1]));
  await boxes(page, 2);
  const tool = (name: string) => page.locator(`[data-tool="${name}"]`);
  for (const name of ["window", "scroll", "zoom", "pan", "crosshair"]) {
    assert.ok(await tool(name).isDisabled(), name);
    assert.match((await tool(name).getAttribute("title"))!, /the host may let you drive/);
  }
  await tool("length").click();
  await page.locator('[data-tool="length"][aria-pressed="true"]').waitFor();
  await tool("length").click();
  // There is no other tool to take instead.
  await page.locator('[data-tool="length"][aria-pressed="false"]').waitFor();
});

test("a phone has a tab for each of the host's views", async () => {
  const { page, tell } = await guest();
  await page.setViewportSize({ width: 390, height: 844 });
  tell(1, [0, 1, 4, 7, 9, 12], row([0, 1, 4, 7, 9, 12].map(view), [1, 1, 1, 1, 1, 1]));
  await boxes(page, 1);
  await page.locator("#tabs button:visible").nth(5).click();
  assert.deepEqual([...(await boxes(page, 1)).keys()], [12]);
  const out = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    return [...document.querySelectorAll("body > *")].filter((part) => part.getBoundingClientRect().right > width + 0.5).map((part) => `${part.tagName} ${part.className}`);
  });
  assert.deepEqual(out, [], "nothing sticks out");
});
