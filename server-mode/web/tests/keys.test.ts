import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { commandOf } from "../src/keys";

const press = (key: string, held: { shiftKey?: boolean; ctrlKey?: boolean; altKey?: boolean } = {}) =>
  commandOf({ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...held });

test("arrows page, move between views, rotate and pan", () => {
  assert.deepEqual(press("ArrowUp"), { do: "slice", by: -1 });
  assert.deepEqual(press("ArrowDown"), { do: "slice", by: 1 });
  assert.deepEqual(press("ArrowRight"), { do: "view", by: 1 });
  assert.deepEqual(press("ArrowLeft", { shiftKey: true }), { do: "rotate", dx: -1, dy: 0 });
  assert.deepEqual(press("ArrowUp", { ctrlKey: true }), { do: "pan", dx: 0, dy: -1 });
});

test("digits choose windows", () => {
  assert.deepEqual(press("1"), { do: "window", index: 0 });
  assert.deepEqual(press("5"), { do: "window", index: 4 });
  assert.equal(press("0"), null);
});

test("letters work with the shift lock on", () => {
  assert.deepEqual(press("P", { shiftKey: true }), { do: "preset" });
  assert.deepEqual(press("?", { shiftKey: true }), { do: "help" });
});

test("the browser keeps its own shortcuts", () => {
  for (const key of ["d", "l", "p", "+", "-", "=", "1"]) assert.equal(press(key, { ctrlKey: true }), null, `Ctrl+${key}`);
  assert.equal(press("ArrowLeft", { altKey: true }), null);
  assert.equal(press("F5"), null);
  assert.equal(press("constructor"), null);
});

test("the help sheet names every key", () => {
  const page = readFileSync("src/index.html", "utf8");
  for (const key of ["↑", "Home", "End", "←", "Shift", "Ctrl", "+", "−", "=", "Space", "1", "P", "M", "C", "L", "D", "Esc", "?"]) {
    assert.ok(page.includes(`<kbd>${key}</kbd>`), key);
  }
});
