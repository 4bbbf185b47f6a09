// What the page remembers in its tab while it is loaded again.

import type { Annotation } from "./annotation";
import type { Size } from "./protocol";

export interface Kept {
  resumeToken: string;
  active: number;
  maximised: boolean;
  /** The views' sizes: one that is hidden stays in the layout with it. */
  sizes: readonly (Size | null)[];
  drawn: readonly Annotation[];
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
