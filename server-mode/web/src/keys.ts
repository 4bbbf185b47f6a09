// The keyboard: which key means what. One table serves the listener and the tests.

import type { Kind } from "./annotation";
import { byId } from "./dom";
import type { Tool } from "./gestures";
import type { Change } from "./turns";

/** What a left drag does, or what it draws. */
export type ToolName = Tool | Kind;

export type Command =
  | { do: "slice" | "view" | "zoom" | "series" | "time"; by: number }
  | { do: "arrow"; dx: number; dy: number }
  | { do: "window"; index: number }
  | { do: "tool"; tool: ToolName }
  | { do: "change"; change: Change }
  | {
      do:
        | "first"
        | "last"
        | "fit"
        | "reset"
        | "reset all"
        | "preset"
        | "projection"
        | "cinematic"
        | "play"
        | "maximise"
        | "demographics"
        | "stats"
        | "undo"
        | "redo"
        | "delete"
        | "next handle"
        | "enter"
        | "help"
        | "escape"
        | "cut lines"
        | "save";
    };

export interface Key {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

const ARROWS = new Map<string, readonly [dx: number, dy: number]>([
  ["ArrowLeft", [-1, 0]],
  ["ArrowRight", [1, 0]],
  ["ArrowUp", [0, -1]],
  ["ArrowDown", [0, 1]],
]);

/** The keys of the window's own (../../../app/src/desktop/command.rs), as far as the page can do the same. */
const PLAIN = new Map<string, Command>([
  ["Home", { do: "first" }],
  ["End", { do: "last" }],
  ["PageUp", { do: "series", by: -1 }],
  ["PageDown", { do: "series", by: 1 }],
  ["+", { do: "zoom", by: 1 }],
  ["-", { do: "zoom", by: -1 }],
  ["=", { do: "fit" }],
  [" ", { do: "reset" }],
  ["p", { do: "preset" }],
  ["m", { do: "projection" }],
  ["c", { do: "play" }],
  ["f", { do: "maximise" }],
  ["d", { do: "demographics" }],
  ["i", { do: "change", change: "invert" }],
  ["h", { do: "change", change: "flip horizontally" }],
  ["v", { do: "change", change: "flip vertically" }],
  ["r", { do: "change", change: "turn right" }],
  ["l", { do: "change", change: "turn left" }],
  ["w", { do: "tool", tool: "window" }],
  ["s", { do: "tool", tool: "scroll" }],
  ["z", { do: "tool", tool: "zoom" }],
  ["n", { do: "tool", tool: "length" }],
  ["a", { do: "tool", tool: "angle" }],
  ["e", { do: "tool", tool: "ellipse" }],
  ["u", { do: "tool", tool: "rectangle" }],
  ["o", { do: "tool", tool: "freehand" }],
  ["b", { do: "tool", tool: "crosshair" }],
  ["x", { do: "cut lines" }],
  ["q", { do: "tool", tool: "probe" }],
  ["j", { do: "next handle" }],
  ["Enter", { do: "enter" }],
  ["Delete", { do: "delete" }],
  ["Backspace", { do: "delete" }],
  ["?", { do: "help" }],
  ["F1", { do: "help" }],
  ["Escape", { do: "escape" }],
]);

const SHIFTED = new Map<string, Command>([
  [" ", { do: "reset all" }],
  ["c", { do: "cinematic" }],
  ["m", { do: "change", change: "next projection" }],
  ["s", { do: "stats" }],
  ["+", { do: "zoom", by: 1 }],
  ["?", { do: "help" }],
]);

/** With Ctrl, or with Shift besides. */
const CTRL = new Map<string, Command>([
  ["z", { do: "undo" }],
  ["y", { do: "redo" }],
  ["e", { do: "save" }],
  ["[", { do: "time", by: -1 }],
  ["]", { do: "time", by: 1 }],
  ["ArrowUp", { do: "change", change: "thicker" }],
  ["ArrowDown", { do: "change", change: "thinner" }],
]);
const CTRL_SHIFT = new Map<string, Command>([["z", { do: "redo" }]]);

/** What a key means, or null. Large letters of the shift lock are those of the key alone. */
export function commandOf({ key, shiftKey: shifted, ctrlKey, altKey, metaKey }: Key): Command | null {
  if (altKey || metaKey) return null;
  const letter = key.length === 1 ? key.toLowerCase() : key;
  if (ctrlKey) return (shifted ? CTRL_SHIFT : CTRL).get(letter) ?? null;
  const arrow = ARROWS.get(key);
  if (arrow) {
    const [dx, dy] = arrow;
    if (shifted) return { do: "arrow", dx, dy };
    return dx === 0 ? { do: "slice", by: dy } : { do: "view", by: dx };
  }
  if (!shifted && /^[1-9]$/.test(key)) return { do: "window", index: Number(key) - 1 };
  return (shifted ? SHIFTED : PLAIN).get(letter) ?? null;
}

/** Calls back for every key that is a command and is not meant for a field or a button. */
export function onKeys(obey: (command: Command) => void): void {
  const singleKeys = byId("single-keys", HTMLInputElement);
  const setting = "voxcast.singleKeys";
  singleKeys.checked = localStorage.getItem(setting) !== "off";
  singleKeys.addEventListener("change", () => localStorage.setItem(setting, singleKeys.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    const command = commandOf(event);
    const target = event.target instanceof Element ? event.target : null;
    if (!command || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (target?.closest("input, select") && command.do !== "escape") return;
    if (target?.closest("button, summary") && (event.key === " " || event.key === "Enter")) return;
    if (event.key.length === 1 && !event.ctrlKey && !singleKeys.checked) return;
    event.preventDefault();
    obey(command);
  });
}
