// The sheet of keys: what the mouse, fingers and keys do. Its keys are those of keys.ts; a test holds them to each other.

import { byId, element } from "./dom";
import { type Text, isText, t } from "./texts";

type Row = readonly [keys: readonly string[], does: Text];
interface Table {
  title: Text;
  rows: readonly Row[];
}

/** The mouse and fingers are described, not pressed. */
const HANDS: readonly Table[] = [
  {
    title: "mouse",
    rows: [
      [["left-drag"], "window-on-slices-rotate-in-3d"],
      [["middle-drag"], "pan"],
      [["right-drag"], "zoom"],
      [["wheel"], "slice-zoom-in-3d"],
      [["ctrl-wheel"], "zoom"],
      [["double-click"], "one-view-or-all"],
    ],
  },
  {
    title: "touch",
    rows: [
      [["one-finger"], "window-on-slices-rotate-in-3d"],
      [["two-fingers"], "pan-and-zoom"],
      [["bar-at-the-right"], "slice"],
      [["double-tap"], "maximise"],
    ],
  },
];

const KEYS: readonly Table[] = [
  {
    title: "study",
    rows: [
      [["PageUp", "PageDown"], "previous-next-series"],
      [["Ctrl+[", "Ctrl+]"], "previous-next-time"],
      [["Ctrl+E"], "save-picture-or-table"],
      [["D"], "show-or-hide-patient-data"],
    ],
  },
  {
    title: "picture",
    rows: [
      [["1", "…", "9"], "window-presets"],
      [["P"], "next-3d-preset"],
      [["M"], "volume-or-mip"],
      [["Shift+C"], "volume-or-cinematic"],
      [["Space"], "reset-the-view"],
      [["Shift+Space"], "reset-all-views"],
      [["I"], "invert-the-greys"],
      [["H", "V"], "flip"],
      [["Ctrl+↑", "Ctrl+↓", "Shift+M"], "slab-keys"],
      [["C"], "play-slices"],
      [["X"], "cut-lines"],
    ],
  },
  {
    title: "tools",
    rows: [
      [["W", "S", "Z", "B"], "window-scroll-zoom-crosshair"],
      [["N", "A"], "length-angle"],
      [["E", "U", "O"], "ellipse-rectangle-freehand"],
      [["Q"], "probe"],
      [["J", "Enter", "Shift+arrows"], "handle-keys"],
      [["Delete", "Ctrl+Z", "Ctrl+Y"], "delete-undo-redo"],
    ],
  },
  {
    title: "move",
    rows: [
      [["↑", "↓"], "slice-or-tilt"],
      [["Home", "End"], "first-last-slice"],
      [["R", "L"], "turn-right-left"],
      [["+", "−", "="], "zoom-in-out-fit"],
      [["Shift+arrows"], "pan-or-rotate"],
    ],
  },
  {
    title: "page",
    rows: [
      [["←", "→"], "previous-next-view"],
      [["F"], "one-view-or-all"],
      [["Shift+S"], "streaming-figures"],
      [["Esc"], "cancel-close-restore"],
      [["?"], "this-sheet"],
    ],
  },
];

export function fillSheet(): void {
  const pressed = (keys: string) => keys.split("+").flatMap((key, i) => [...(i > 0 ? ["+"] : []), element("kbd", {}, keyName(key))]);
  const named = (keys: readonly string[]) => keys.flatMap((key, i) => [...(i > 0 ? [" "] : []), ...(key === "…" ? [key] : key === "+" ? [element("kbd", {}, key)] : pressed(key))]);
  const table = ({ title, rows }: Table, head: (keys: readonly string[]) => readonly (Node | string)[]) =>
    element(
      "table",
      {},
      element("caption", {}, t(title)),
      element("tbody", {}, ...rows.map(([keys, does]) => element("tr", {}, element("th", { scope: "row" }, ...head(keys)), element("td", {}, t(does))))),
    );
  const described = ([name]: readonly string[]) => [name && isText(name) ? t(name) : ""];
  const [keys, hands] = [KEYS.map((keys) => table(keys, named)), HANDS.map((hands) => table(hands, described))];
  // Fingers come first where there may be nothing else.
  byId("sheets", HTMLDivElement).replaceChildren(...(matchMedia("(pointer: coarse)").matches ? [...hands.reverse(), ...keys] : [...keys, ...hands]));
}

/** As it is written on the key. */
function keyName(key: string): string {
  const name = `key-${key.toLowerCase()}`;
  return isText(name) ? t(name) : key;
}

/** "Ctrl+Z" as it is written on the keys. */
export function keysText(keys: string): string {
  return keys.split("+").map(keyName).join("+");
}

/** Every key of the sheet, for tests. */
export const SHEET_KEYS: readonly string[] = KEYS.flatMap(({ rows }) => rows.flatMap(([keys]) => keys)).filter((key) => key !== "…");
