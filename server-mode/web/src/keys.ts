// The keyboard: which key means what. One table serves the listener and the tests.

import { byId } from "./dom";

export type Command =
  | { do: "slice" | "view" | "zoom"; by: number }
  | { do: "rotate" | "pan"; dx: number; dy: number }
  | { do: "window"; index: number }
  | {
      do:
        | "first"
        | "last"
        | "fit"
        | "reset"
        | "preset"
        | "projection"
        | "cinematic"
        | "layout"
        | "demographics"
        | "stats"
        | "help"
        | "escape";
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

const PLAIN = new Map<string, Command>([
  ["Home", { do: "first" }],
  ["End", { do: "last" }],
  ["+", { do: "zoom", by: 1 }],
  ["-", { do: "zoom", by: -1 }],
  ["=", { do: "fit" }],
  [" ", { do: "reset" }],
  ["p", { do: "preset" }],
  ["m", { do: "projection" }],
  ["c", { do: "cinematic" }],
  ["l", { do: "layout" }],
  ["d", { do: "demographics" }],
  ["s", { do: "stats" }],
  ["?", { do: "help" }],
  ["Escape", { do: "escape" }],
]);

/** What a key means, or null. */
export function commandOf(key: Key): Command | null {
  if (key.altKey || key.metaKey) return null;
  const arrow = ARROWS.get(key.key);
  if (arrow) {
    const [dx, dy] = arrow;
    if (key.ctrlKey) return { do: "pan", dx, dy };
    if (key.shiftKey) return { do: "rotate", dx, dy };
    return dx === 0 ? { do: "slice", by: dy } : { do: "view", by: dx };
  }
  if (key.ctrlKey) return null;
  if (/^[1-9]$/.test(key.key)) return { do: "window", index: Number(key.key) - 1 };
  return PLAIN.get(key.key.length === 1 ? key.key.toLowerCase() : key.key) ?? null;
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
    if (target?.closest("button") && (event.key === " " || event.key === "Enter")) return;
    if (event.key.length === 1 && !singleKeys.checked) return;
    event.preventDefault();
    obey(command);
  });
}
