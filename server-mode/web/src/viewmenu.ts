// The menu of what else can be done to a view: for hands without a keyboard, and for who does not know the keys.

import { byId, element } from "./dom";
import type { Command } from "./keys";
import { keysText } from "./sheet";
import { type Text, t } from "./texts";

interface Entry {
  name: Text;
  keys: string;
  command: Command;
  /** Does nothing to a volume. */
  ofSlices?: true;
}

export const ENTRIES: readonly (readonly Entry[])[] = [
  [
    { name: "thicker", keys: "Ctrl+↑", command: { do: "change", change: "thicker" }, ofSlices: true },
    { name: "thinner", keys: "Ctrl+↓", command: { do: "change", change: "thinner" }, ofSlices: true },
    { name: "next-projection", keys: "Shift+M", command: { do: "change", change: "next projection" }, ofSlices: true },
  ],
  [
    { name: "invert-the-greys", keys: "I", command: { do: "change", change: "invert" } },
    { name: "flip-horizontally", keys: "H", command: { do: "change", change: "flip horizontally" }, ofSlices: true },
    { name: "flip-vertically", keys: "V", command: { do: "change", change: "flip vertically" }, ofSlices: true },
    { name: "turn-right", keys: "R", command: { do: "change", change: "turn right" } },
    { name: "turn-left", keys: "L", command: { do: "change", change: "turn left" } },
  ],
  [
    { name: "play-slices", keys: "C", command: { do: "play" }, ofSlices: true },
    { name: "cut-lines-on-off", keys: "X", command: { do: "cut lines" }, ofSlices: true },
  ],
];

/** `isSlice` tells of the view that commands go to. */
export function fillViewMenu(obey: (command: Command) => void, isSlice: () => boolean): void {
  const menu = byId("more", HTMLDetailsElement);
  const ofSlices: HTMLButtonElement[] = [];
  const groups = ENTRIES.map((entries) =>
    element("div", {}, ...entries.map((entry) => {
      const button = element("button", { type: "button" }, element("span", {}, t(entry.name)), element("kbd", {}, keysText(entry.keys)));
      button.addEventListener("click", () => obey(entry.command));
      if (entry.ofSlices) ofSlices.push(button);
      return button;
    })),
  );
  byId("more-menu", HTMLDivElement).replaceChildren(...groups);
  menu.addEventListener("toggle", () => {
    for (const button of ofSlices) button.disabled = !isSlice();
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !menu.contains(target)) menu.open = false;
  });
}

/** Returns whether it was open. */
export function closeViewMenu(): boolean {
  const menu = byId("more", HTMLDetailsElement);
  const wasOpen = menu.open;
  menu.open = false;
  return wasOpen;
}
