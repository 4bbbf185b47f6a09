// On phones the series list and the controls are drawers: one is open at a time. The menu of the view closes with them.

import { byId } from "./dom";
import { closeViewMenu } from "./viewmenu";

const NAMES = ["library", "controls"] as const;

export class Drawers {
  constructor() {
    for (const name of NAMES) {
      byId(`${name}-toggle`, HTMLButtonElement).addEventListener("click", () => {
        const open = !isOpen(name);
        this.close();
        if (open) set(name, true);
      });
    }
  }

  /** Returns whether any was open. */
  close(): boolean {
    const open = NAMES.filter(isOpen);
    for (const name of open) set(name, false);
    return closeViewMenu() || open.length > 0;
  }
}

function isOpen(name: string): boolean {
  return document.body.classList.contains(`${name}-open`);
}

function set(name: string, open: boolean): void {
  document.body.classList.toggle(`${name}-open`, open);
  byId(`${name}-toggle`, HTMLButtonElement).setAttribute("aria-expanded", String(open));
}
