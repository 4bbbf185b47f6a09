// What is drawn in the page is measured by the server's voxels; the phantom's truth is known by formula.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Page, WebSocketRoute } from "playwright-core";

import { AXIAL, CORONAL, SAGITTAL, SLICE, context, desk, newContext, server, study } from "./desk";
import { factsThat, openClient, settled, viewport } from "./harness";

interface Truth {
  geometry: { dims: [number, number, number]; spacing_mm: [number, number, number]; origin_mm: [number, number, number] };
  noise_sigma_hu: number;
}

const truth = () => JSON.parse(readFileSync(join(study.folder, "truth.json"), "utf8")) as Truth;

/** CSS pixels of the screen for a place of the axial slice, and mm of a pixel. */
async function axial(page: Page): Promise<{ at(x: number, y: number): [number, number]; mm: number }> {
  const box = (await page.locator(`${viewport(AXIAL)} .surface`).boundingBox())!;
  const { dims, spacing_mm, origin_mm } = truth().geometry;
  const extent = [0, 1].map((axis) => dims[axis]! * spacing_mm[axis]!) as [number, number];
  const middle = [0, 1].map((axis) => origin_mm[axis]! + ((dims[axis]! - 1) / 2) * spacing_mm[axis]!) as [number, number];
  const mm = Math.max(extent[0] / box.width, extent[1] / box.height);
  return { at: (x, y) => [box.x + box.width / 2 + (x - middle[0]) / mm, box.y + box.height / 2 + (y - middle[1]) / mm], mm };
}

async function drag(page: Page, from: readonly [number, number], to: readonly [number, number]): Promise<void> {
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move(...to, { steps: 4 });
  await page.mouse.up();
}

/** What the list says of the n-th drawing, once it is measured. */
async function listed(page: Page, n: number): Promise<string> {
  const row = page.locator("#measurements li").nth(n).locator(".told");
  await row.filter({ hasText: /\d/ }).waitFor();
  return (await row.innerText()).replaceAll("−", "-");
}

/** Where something is. It may be drawn anew between the look for it and the look at it. */
async function boxOf(page: Page, selector: string): Promise<DOMRect> {
  const found = await page.waitForFunction((selector) => document.querySelector(selector)?.getBoundingClientRect().toJSON() as DOMRect | undefined, selector);
  return await found.jsonValue() as DOMRect;
}

test("a length is as long as it was drawn, and follows slice, zoom and undo", async () => {
  const page = await desk([AXIAL]);
  const { at, mm } = await axial(page);
  const [from, to] = [at(-60, 0).map(Math.round), at(45, 30).map(Math.round)] as [[number, number], [number, number]];
  await page.keyboard.press("n");
  await drag(page, from, to);
  const wanted = Math.hypot(to[0] - from[0], to[1] - from[1]) * mm;
  const told = await listed(page, 0);
  assert.match(told, /^[\d.]+ mm$/);
  assert.ok(Math.abs(parseFloat(told) - wanted) <= 0.1, `${told}, drawn as ${wanted}`);
  assert.match(await page.locator("#measurements .by").innerText(), /Lengths by Pixel Spacing \(0028,0030\)/);
  const [slice] = /(?<=Slice )\d+/.exec(await page.locator(`${viewport(AXIAL)} .bottom-left`).innerText())!;
  assert.equal(await page.locator("#measurements .kind").innerText(), `Length · slice ${slice}`);

  const drawings = page.locator(`${viewport(AXIAL)} .sketch .drawing`);
  assert.equal(await drawings.count(), 1);
  await page.keyboard.press("w");
  const line = `${viewport(AXIAL)} .sketch .line`;
  const width = async () => (await boxOf(page, line)).width;
  const before = await width();
  await page.keyboard.press("+");
  await factsThat(page, AXIAL, /Zoom 1\.10×/);
  await page.waitForFunction(([selector, wide]) => document.querySelector(selector!)!.getBoundingClientRect().width > Number(wide), [line, String(before * 1.05)] as const);
  const wide = await width();
  assert.ok(Math.abs(wide / before - 1.1) < 0.02, `${wide / before}`);
  await page.keyboard.press("ArrowDown");
  await drawings.waitFor({ state: "detached" });
  await page.locator("#measurements .show").click();
  await drawings.waitFor();

  await page.keyboard.press("Control+z");
  await drawings.waitFor({ state: "detached" });
  assert.equal(await page.locator("#measurements li").count(), 0);
  await page.keyboard.press("Control+Shift+z");
  await drawings.waitFor();
  assert.equal(await listed(page, 0), told, "it is measured as before");
  await page.keyboard.press("Delete");
  await drawings.waitFor({ state: "detached" });
});

test("a region's mean is that of its voxels, and the value under the pointer is the voxel's", async () => {
  const page = await desk([AXIAL]);
  const { at } = await axial(page);
  // Air beside the body: -1000 HU and noise, of a known width, in some thousand pixels.
  await page.keyboard.press("u");
  await drag(page, at(-170, -160), at(-120, -110));
  const told = await listed(page, 0);
  const [, mean, deviation] = /Mean ([-\d.]+) HU\s+SD ([\d.]+) HU/.exec(told) ?? [];
  assert.ok(Math.abs(Number(mean) + 1000) <= 0.5, told);
  assert.ok(Math.abs(Number(deviation) - truth().noise_sigma_hu) < 1, told);
  assert.match(told, /Area 2\d{3}\.\d mm²/);
  assert.match(told, /Min -1\d{3} HU\s+Max -9\d{2} HU/);

  await page.keyboard.press("w");
  await page.mouse.move(...at(-150, -140));
  await page.waitForFunction(() => /^−(9|10)\d+ HU\s+R 1(49|50)\.\d\s+A 1(39|40)\.\d\s+[HF] \d+\.\d mm$/.test(document.querySelector("#probe")!.textContent!));
  await page.mouse.move(...at(0, -164.9));
  const [x, y] = at(0, 0);
  await page.mouse.move(x, y);
  await page.waitForFunction(() => /HU\s+[LR] 0\.\d/.test(document.querySelector("#probe")!.textContent!));
});

test("an angle is drawn by keys alone", async () => {
  const page = await desk([AXIAL]);
  await page.locator(`${viewport(AXIAL)} .surface`).focus();
  await page.keyboard.press("a");
  const places = [
    ["ArrowLeft", 4],
    ["ArrowRight", 4],
    ["ArrowUp", 4],
  ] as const;
  await page.keyboard.press("Enter");
  for (const [key, times] of places) {
    for (let i = 0; i < times; i++) await page.keyboard.press(`Shift+${key}`);
    await page.keyboard.press("Enter");
  }
  assert.equal(await listed(page, 0), "90.0°");
  await page.waitForFunction(() => document.querySelector("#live")!.textContent!.includes("Angle, 90.0°"));
});

test("a slice is flipped, turned and thickened, its letters and drawings with it", async () => {
  const page = await desk([AXIAL, CORONAL]);
  const { at } = await axial(page);
  await page.keyboard.press("n");
  await drag(page, at(-60, -40), at(-20, -40));
  const told = await listed(page, 0);
  const place = () => boxOf(page, `${viewport(AXIAL)} .sketch .line`);
  const before = await place();
  await page.keyboard.press("h");
  const letter = (side: string, wanted: string) => page.locator(`${viewport(AXIAL)} .letter.${side}`, { hasText: new RegExp(`^${wanted}$`) }).waitFor();
  await letter("left", "L");
  await letter("right", "R");
  await settled(page, AXIAL);
  const after = await place();
  const box = (await page.locator(`${viewport(AXIAL)} .surface`).boundingBox())!;
  assert.ok(Math.abs(before.x - box.x - (box.x + box.width - after.x - after.width)) < 2, "it is where it was in the patient");
  await page.keyboard.press("r");
  await letter("top", "L");
  assert.equal(await page.locator(`${viewport(CORONAL)} .letter.left`).innerText(), "R", "other views stay");
  await page.keyboard.press("Control+ArrowUp");
  await factsThat(page, AXIAL, /Mean 2 mm|MIP 2 mm|MinIP 2 mm/);
  assert.equal(await listed(page, 0), told);
  await page.keyboard.press("Space");
  await letter("top", "A");
  await letter("left", "R");

  const menu = page.locator("#more-menu");
  await page.locator("#more summary").click();
  await menu.getByRole("button", { name: "Flip top and bottom" }).click();
  await letter("top", "P");
  await menu.getByRole("button", { name: "Thicker slices" }).click();
  await factsThat(page, AXIAL, /Mean 2 mm|MIP 2 mm|MinIP 2 mm/);
  await page.keyboard.press("Escape");
  await menu.waitFor({ state: "hidden" });
});

test("values over a slab say that they are one slice's, and stand clear of the corners of a small view", async () => {
  const page = await desk();
  const { at } = await axial(page);
  await page.locator(viewport(AXIAL)).click({ position: { x: 5, y: 5 } });
  await page.keyboard.press("e");
  await drag(page, at(-30, 20), at(40, 60));
  const told = await listed(page, 0);
  const label = page.locator(`${viewport(AXIAL)} .sketch .values`).last();
  await label.filter({ hasText: "Mean" }).waitFor();
  assert.doesNotMatch((await label.textContent()) ?? "", /slice/);
  for (let press = 0; press < 3; press++) await page.keyboard.press("Control+ArrowUp");
  await label.filter({ hasText: "values of one thin slice, not of this slab" }).waitFor();
  assert.equal(await listed(page, 0), told);
  const met = await page.evaluate((selector) => {
    const of = (element: Element) => element.getBoundingClientRect();
    const back = of([...document.querySelectorAll(`${selector} .sketch .back`)].at(-1)!);
    const meets = (box: DOMRect) => box.left < back.right && back.left < box.right && box.top < back.bottom && back.top < box.bottom;
    return [...document.querySelectorAll(`${selector} .corner`)].filter((corner) => meets(of(corner))).map((corner) => corner.className);
  }, viewport(AXIAL));
  assert.deepEqual(met, []);
});

test("with the crosshair the other slices go where it is put, by mouse and by keys, and are lines there", async () => {
  const page = await desk();
  const { at, mm } = await axial(page);
  const { spacing_mm, origin_mm } = truth().geometry;
  const wanted = ([x, y]: readonly number[]) => [x!, y!].map((place, axis) => Math.round((place - origin_mm[axis]!) / spacing_mm[axis]!) + 1);
  const slice = async (view: number, number: number) => factsThat(page, view, new RegExp(`Slice (${number - 1}|${number}|${number + 1}) /`));
  await page.keyboard.press("b");
  await drag(page, at(10, 10), at(40, -20));
  const [sagittal, coronal] = wanted([40, -20]);
  await slice(CORONAL, coronal!);
  await slice(SAGITTAL, sagittal!);
  const lines = page.locator(`${viewport(AXIAL)} .sketch .cut`);
  assert.deepEqual(await lines.evaluateAll((all) => all.map((line) => line.getAttribute("data-content")).sort()), ["coronal", "sagittal"]);
  const upright = await boxOf(page, `${viewport(AXIAL)} .sketch .cut[data-content="sagittal"]`);
  assert.ok(Math.abs(upright.left + upright.width / 2 - at(40, -20)[0]) <= spacing_mm[0] / mm + 1, "the line is where the slice is");
  for (let i = 0; i < 3; i++) await page.keyboard.press("Shift+ArrowLeft");
  await slice(SAGITTAL, wanted([40 - 30 * mm, 0])[0]!);
  await page.keyboard.press("Escape");
  await page.locator(".sketch .cut.held").first().waitFor({ state: "detached" });
  assert.equal(await lines.count(), 2, "thin ones stay");
  await page.keyboard.press("x");
  await lines.first().waitFor({ state: "detached" });
});

test("a freehand region has the area that it goes around", async () => {
  const page = await desk([AXIAL]);
  const { at, mm } = await axial(page);
  await page.keyboard.press("o");
  const radius = 30;
  const around = (i: number) => at(radius * Math.cos(i / 10), radius * Math.sin(i / 10));
  await page.mouse.move(...around(0));
  await page.mouse.down();
  for (let i = 1; i <= 62; i++) await page.mouse.move(...around(i));
  await page.mouse.up();
  const area = Number(/Area ([\d.]+) mm²/.exec(await listed(page, 0))![1]);
  assert.ok(Math.abs(area / (Math.PI * radius ** 2) - 1) < 0.03, `${area} mm², drawn with ${mm} mm a pixel`);
  assert.match(await page.locator("#measurements .kind").innerText(), /Freehand/);
});

test("measurements are saved as a table, and a view as a picture that names nobody unless it is asked to", async () => {
  const page = await desk([AXIAL]);
  const { at } = await axial(page);
  await page.keyboard.press("n");
  await drag(page, at(-60, 0), at(45, 30));
  await listed(page, 0);
  await page.keyboard.press("Control+e");
  const dialog = page.locator("#save-dialog");
  const saved = async (button: RegExp) => {
    const [download] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: button }).click()]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  };
  const table = await saved(/Measurements as a table \(CSV, 1\)/);
  assert.match(table.name, /^\d{8}-\d{6}-measurements\.csv$/);
  const [head, row] = table.bytes.toString().split("\r\n").map((line) => line.split(","));
  // A comma in the series' name is that field's own.
  const told = (column: string) => row!.at(head!.indexOf(column) - head!.length);
  assert.ok(Math.abs(Number(told("Length (mm)")) - Math.hypot(105, 30)) < 2);
  const [, slice] = await factsThat(page, AXIAL, SLICE);
  assert.equal(told("Slice"), slice);

  /** Bright pixels where the patient's name is written. */
  const written = async ({ bytes }: { bytes: Buffer }) => {
    return page.evaluate(
      async ([base64, selector]) => {
        const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(base64!), (letter) => letter.charCodeAt(0))]));
        const canvas = document.querySelector<HTMLCanvasElement>(`${selector} canvas`)!;
        if (bitmap.width !== canvas.width || bitmap.height !== canvas.height) throw new Error("the picture has another size");
        const view = document.querySelector(selector!)!.getBoundingClientRect();
        const name = document.querySelector(`${selector} .patient-name`)!.getBoundingClientRect();
        const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
        context.drawImage(bitmap, 0, 0);
        const by = bitmap.width / view.width;
        const { data } = context.getImageData((name.left - view.left) * by, (name.top - view.top) * by, 40 * by, name.height * by);
        return data.filter((value, i) => i % 4 === 0 && value > 200).length;
      },
      [bytes.toString("base64"), viewport(AXIAL)] as const,
    );
  };
  await page.locator("#save").click();
  const nobody = await saved(/Picture of the Axial view/);
  assert.match(nobody.name, /^\d{8}-\d{6}-picture\.png$/);
  assert.equal(await written(nobody), 0);
  await page.keyboard.press("d");
  await page.locator("#save").click();
  await dialog.getByLabel("With the patient's name and data").check();
  assert.ok((await written(await saved(/Picture of/))) > 20, "asked for, it is written though it is hidden on screen");
  await page.locator("#save").click();
  assert.equal(await dialog.getByLabel("With the patient's name and data").isChecked(), false, "it is asked for each time");
});

/** A page that takes what a test tells it for its server's words. */
async function hostedDesk(): Promise<{ page: Page; tell(message: object): void; series: string }> {
  await newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  let route: WebSocketRoute | null = null;
  let series = "";
  await page.routeWebSocket(/\/ws/, (ws) => {
    const near = ws.connectToServer();
    route = ws;
    ws.onMessage((message) => near.send(message));
    near.onMessage((message) => {
      const told = typeof message === "string" ? (JSON.parse(message) as { type: string; seriesInstanceUid: string }) : null;
      if (told?.type === "seriesOpened") series = told.seriesInstanceUid;
      ws.send(message);
    });
  });
  await openClient(page, `${server.url}&transport=websocket`, [AXIAL]);
  return { page, tell: (message) => route!.send(JSON.stringify(message)), series };
}

test("what a host draws is where it belongs, in its words, and nobody else can move it", async () => {
  const { page, tell, series } = await hostedDesk();
  const { at } = await axial(page);
  const { dims, spacing_mm, origin_mm } = truth().geometry;
  const [, shown] = await factsThat(page, AXIAL, SLICE);
  const placeZ = origin_mm[2] + (dims[2] - Number(shown)) * spacing_mm[2];
  const plane = { centerMm: [0, 0, placeZ], right: [1, 0, 0], down: [0, 1, 0] };
  const label = "<img src=x onerror=alert(1)>";
  const length = { kind: "length", pointsMm: [[-60, 0, placeZ], [45, 30, placeZ]], plane, label, color: [90, 200, 250], quantities: [{ measure: "length", value: 109.2, unit: "mm" }] };
  tell({ type: "drawn", number: 1, seriesInstanceUid: series, drawings: [length] });
  const drawing = page.locator(`${viewport(AXIAL)} .sketch .hosted`);
  await drawing.waitFor();
  assert.deepEqual(await drawing.locator("tspan").allTextContents(), [`Host: ${label}`, "109.2 mm"]);
  assert.equal(await drawing.locator("img").count(), 0, "words are words");
  const box = async () => boxOf(page, `${viewport(AXIAL)} .sketch .hosted .line`);
  const [left, top] = at(-60, 0);
  const [right, bottom] = at(45, 30);
  const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 2, `${a}, not ${b}`);
  const there = await box();
  close(there.left, left);
  close(there.top, top);
  close(there.right, right);
  close(there.bottom, bottom);
  assert.match(await drawing.locator(".line").evaluate((line) => getComputedStyle(line).stroke), /rgb\(90, 200, 250\)/);

  // A hand that would move one of its own moves nothing.
  await drag(page, at(-60, 0), at(-90, -40));
  await page.keyboard.press("Delete");
  assert.deepEqual(await drawing.locator("tspan").allTextContents(), [`Host: ${label}`, "109.2 mm"]);
  const row = page.locator("#measurements li");
  assert.equal(await row.innerText(), `Length · ${label}\n109.2 mm`);
  assert.equal(await row.locator("button").count(), 0);

  await page.keyboard.press("ArrowDown");
  await drawing.waitFor({ state: "detached" });
  await page.keyboard.press("ArrowUp");
  await drawing.waitFor();
  tell({ type: "drawn", number: 2, seriesInstanceUid: series, drawings: [] });
  await drawing.waitFor({ state: "detached" });
  assert.equal(await row.count(), 0);
});
