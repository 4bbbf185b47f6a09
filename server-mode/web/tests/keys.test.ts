import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { commandOf } from "../src/keys";
import { SHEET_KEYS } from "../src/sheet";
import { ENTRIES } from "../src/viewmenu";

const press = (key: string, held: { shiftKey?: boolean; ctrlKey?: boolean; altKey?: boolean } = {}) =>
  commandOf({ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...held });

test("arrows page, move between views, rotate and pan", () => {
  assert.deepEqual(press("ArrowUp"), { do: "slice", by: -1 });
  assert.deepEqual(press("ArrowDown"), { do: "slice", by: 1 });
  assert.deepEqual(press("ArrowRight"), { do: "view", by: 1 });
  assert.deepEqual(press("ArrowLeft", { shiftKey: true }), { do: "arrow", dx: -1, dy: 0 });
  assert.deepEqual(press("ArrowUp", { ctrlKey: true }), { do: "change", change: "thicker" });
});

test("digits choose windows", () => {
  assert.deepEqual(press("1"), { do: "window", index: 0 });
  assert.deepEqual(press("5"), { do: "window", index: 4 });
  assert.equal(press("0"), null);
});

test("letters work with the shift lock on", () => {
  assert.deepEqual(press("P"), { do: "preset" });
  assert.deepEqual(press("C", { shiftKey: true }), { do: "cinematic" });
  assert.deepEqual(press("?", { shiftKey: true }), { do: "help" });
});

test("the browser keeps its own shortcuts", () => {
  for (const key of ["d", "l", "p", "+", "-", "=", "1"]) assert.equal(press(key, { ctrlKey: true }), null, `Ctrl+${key}`);
  assert.equal(press("ArrowLeft", { altKey: true }), null);
  assert.equal(press("F5"), null);
  assert.equal(press("constructor"), null);
});

/** What a key does that is named as people read it. */
function named(keys: string) {
  const names: Record<string, string> = { "↑": "ArrowUp", "↓": "ArrowDown", "←": "ArrowLeft", "→": "ArrowRight", "−": "-", Space: " ", Esc: "Escape", arrows: "ArrowUp" };
  const parts = keys === "+" ? ["+"] : keys.split("+");
  const key = parts.at(-1)!;
  const held = { shiftKey: parts.includes("Shift"), ctrlKey: parts.includes("Ctrl") };
  return press(names[key] ?? (key.length === 1 ? key.toLowerCase() : key), held);
}

test("the help sheet names keys that do something", () => {
  for (const shown of SHEET_KEYS) assert.ok(named(shown), shown);
});

test("the menu of a view names the keys that do the same", () => {
  for (const { keys, command } of ENTRIES.flat()) assert.deepEqual(named(keys), command, keys);
});

test("keys that the window has, too, do the same here", () => {
  const window = readFileSync("../../app/src/desktop/command.rs", "utf8");
  const desktop = (key: string, shift = false) => new RegExp(`\\(${shift ? "(Modifiers::)?SHIFT" : "NONE"}, Key::${key}, \\|\\| ([^)]+\\)?)`).exec(window)?.at(-1) ?? "";
  const same: [string, boolean, RegExp, object | null][] = [
    ["C", false, /ToggleCine/, press("c")],
    ["C", true, /ToggleCinematic/, press("c", { shiftKey: true })],
    ["L", false, /Turn\(-90/, press("l")],
    ["R", false, /Turn\(90/, press("r")],
    ["S", false, /Scroll/, press("s")],
    ["F", false, /ToggleMaximiseActive/, press("f")],
    ["I", false, /Invert/, press("i")],
    ["N", false, /Length/, press("n")],
    ["Space", false, /Reset\b/, press(" ")],
    ["Space", true, /ResetAll/, press(" ", { shiftKey: true })],
  ];
  const here = ["play", "cinematic", "change", "change", "tool", "maximise", "change", "tool", "reset", "reset all"];
  same.forEach(([key, shift, means, command], i) => {
    assert.match(desktop(key, shift), means, key);
    assert.equal((command as { do: string }).do, here[i], key);
  });
});
