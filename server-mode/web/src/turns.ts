// What turns, flips, inverts or thickens a slice: the page asks for its whole state, changes it, and sets it.

import type { Combine } from "./messages";
import type { ClientMessage, Place, ServerMessage } from "./protocol";
import { type Vec, times } from "./sight";

export type Change = "invert" | "flip horizontally" | "flip vertically" | "turn right" | "turn left" | "thicker" | "thinner" | "next projection";

/** Thicknesses of a slice, in mm; those of the window's menu. */
const SLABS_MM = [0, 2, 5, 10, 20, 50];
const NEXT: Readonly<Record<Combine, Combine>> = { maximum: "minimum", minimum: "mean", mean: "maximum" };

/** A view after a change; null where it makes none, as to the thickness of a volume. */
export function changed(place: Place, change: Change): Place | null {
  if (change === "invert") return { ...place, inverted: !place.inverted };
  if (place.content.kind !== "slice") return null;
  const { plane, slab } = place;
  const { right, down } = plane;
  const back = (v: Vec): Vec => times(v, -1).map((n) => n || 0) as unknown as Vec;
  switch (change) {
    case "flip horizontally":
      return { ...place, plane: { ...plane, right: back(right) } };
    case "flip vertically":
      return { ...place, plane: { ...plane, down: back(down) } };
    // The picture turns, so what was above comes to the right.
    case "turn right":
      return { ...place, plane: { ...plane, right: back(down), down: right } };
    case "turn left":
      return { ...place, plane: { ...plane, right: down, down: back(right) } };
    case "next projection":
      return { ...place, slab: { ...slab, combine: NEXT[slab.combine] } };
    case "thicker":
    case "thinner": {
      const found = change === "thicker" ? SLABS_MM.find((mm) => mm > slab.thicknessMm + 1e-6) : SLABS_MM.findLast((mm) => mm < slab.thicknessMm - 1e-6);
      return found === undefined ? null : { ...place, slab: { ...slab, thicknessMm: found } };
    }
  }
}

/** Changes that wait for the state of their view. */
export class Turns {
  readonly #send: (message: ClientMessage) => number | null;
  readonly #waiting: { view: number; change: Change }[] = [];
  #asked: { view: number; seq: number | null } | null = null;

  constructor(send: (message: ClientMessage) => number | null) {
    this.#send = send;
  }

  ask(view: number, change: Change): void {
    this.#waiting.push({ view, change });
    this.#next();
  }

  /** What the server tells of a view. Returns what the view was set to, where its state was asked for to change it. */
  state({ view, seriesInstanceUid, place }: Extract<ServerMessage, { type: "viewState" }>): Place | null {
    if (this.#asked?.view !== view) return null;
    this.#asked = null;
    let wanted = place;
    while (this.#waiting[0]?.view === view) {
      const { change } = this.#waiting.shift()!;
      wanted = changed(wanted, change) ?? wanted;
    }
    if (wanted !== place) this.#send({ type: "set", view, seriesInstanceUid, place: wanted, moving: false });
    this.#next();
    return wanted === place ? null : wanted;
  }

  /** The server would not tell the state: what waits for it is given up. */
  refused(seq: number | null): void {
    if (seq === null || this.#asked?.seq !== seq) return;
    const { view } = this.#asked;
    this.#asked = null;
    while (this.#waiting[0]?.view === view) this.#waiting.shift();
    this.#next();
  }

  lost(): void {
    this.#waiting.length = 0;
    this.#asked = null;
  }

  #next(): void {
    const [first] = this.#waiting;
    if (!first || this.#asked !== null) return;
    this.#asked = { view: first.view, seq: this.#send({ type: "askState", view: first.view }) };
  }
}
