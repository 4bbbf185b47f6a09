// What the page remembers in its tab while it is loaded again.

import type { Annotation } from "./annotation";
import type { Digits } from "./owners";
import type { ClientMessage, Size, ViewState } from "./protocol";
import { showsPreset } from "./viewport";

export interface Kept {
  resumeToken: string;
  active: number;
  maximised: boolean;
  /** The views' sizes: one that is hidden stays in the layout with it. */
  sizes: readonly (Size | null)[];
  drawn: readonly Annotation[];
  /** Whose the series are that something was drawn on. */
  owners: Digits;
}

const KEPT = "voxcast.kept";

export function keep(kept: Kept): void {
  sessionStorage.setItem(KEPT, JSON.stringify(kept));
}

export function takeKept(): Kept | null {
  const text = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  return text === null ? null : (JSON.parse(text) as Kept);
}

/** What is said to bring back how a view looked before a reconnect: slice, window, preset. */
export function asBefore(saved: ViewState, now: ViewState): ClientMessage[] {
  const { view } = now;
  const messages: ClientMessage[] = [];
  if (saved.content !== now.content) return messages;
  if (saved.slice !== null && now.slice !== null && saved.slice !== now.slice) {
    messages.push({ type: "scroll", view, slices: saved.slice - now.slice });
  }
  if (saved.preset !== null && saved.preset !== now.preset) {
    messages.push({ type: "preset", view, name: saved.preset });
  }
  const moved = saved.window.center !== now.window.center || saved.window.width !== now.window.width;
  if (moved && (!showsPreset(saved.content) || saved.preset === null)) {
    messages.push({ type: "window", view, ...saved.window });
  }
  return messages;
}
