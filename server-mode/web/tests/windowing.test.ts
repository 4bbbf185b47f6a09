import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { CT_KEYS, isSame, numbersOf, windowOf, windowsOfKeys } from "../src/windowing";

const suv = { bodyWeight: 0.0005, leanBodyMass: null, bodySurface: null };
const close = (a: readonly number[], b: readonly number[]) => a.forEach((n, i) => assert.ok(Math.abs(n - b[i]!) < 1e-6, `${a.join()} and ${b.join()}`));

test("a PET's window is told and set by the SUVs at its ends", () => {
  close(numbersOf({ center: 5000, width: 10_000 }, suv), [0, 5]);
  const { center, width } = windowOf([0, 7], 1, suv);
  close([center, width], [7000, 14_000]);
  const beyond = windowOf([8, 7], 0, suv);
  close(numbersOf(beyond, suv), [8, 8.01]);
  close(numbersOf(windowOf([3, 2], 1, suv), suv), [1.99, 2]);
});

test("other windows are told by centre and width", () => {
  assert.deepEqual(numbersOf({ center: 40, width: 400 }, null), [40, 400]);
  assert.deepEqual(windowOf([40, 0], 1, null), { center: 40, width: 1 });
});

test("windows are compared as finely as they tell apart", () => {
  assert.ok(isSame({ center: 40, width: 400 }, { center: 40.3, width: 400 }));
  assert.ok(!isSame({ center: 2.5, width: 5 }, { center: 2.6, width: 5 }));
});

test("number keys choose the window's own of a CT, and the menu's of what else there is", () => {
  const usual = readFileSync("../../render-core/volumes/src/window.rs", "utf8").matchAll(/\("[^"]+", Window::of\(([\d.-]+), ([\d.-]+)\)\)/g);
  const first = Array.from(usual, ([, width, center]) => ({ center: Number(center), width: Number(width) })).slice(0, 9);
  assert.deepEqual(CT_KEYS, first);
  const windows = [{ label: "WINDOW1", center: 300, width: 1200 }];
  assert.equal(windowsOfKeys({ modality: "CT", windows })[0], CT_KEYS[0]);
  assert.equal(windowsOfKeys({ modality: "MR", windows })[0], windows[0]);
});
