// What the server measures for the page: what is drawn, and the value under the pointer.

import type { Annotation, Known } from "./annotation";
import type { ClientMessage, Measured } from "./protocol";
import { type Placement, type Vec } from "./sight";

type Ask = Extract<ClientMessage, { type: "measure" }>;

export interface Told {
  /** What it was measured of. */
  of: Annotation;
  known: Known;
}

/** Requests of the values under the pointer have the numbers from here on, annotations those before. */
const POINTED = 2 ** 31;

/** Waiting at a time; a server refuses many more. */
const AT_ONCE = 16;

/** One request for each annotation at a time: what changes meanwhile is asked for once it is answered. */
export class Measuring {
  readonly #send: (message: Ask) => number | null;
  readonly #told = new Map<number, Told>();
  readonly #asked = new Map<number, { of: Annotation; seq: number }>();
  #next = 1;

  constructor(send: (message: Ask) => number | null) {
    this.#send = send;
  }

  /** What was measured last of an annotation; of it as it is now where `of` is the same. */
  told(id: number): Told | undefined {
    return this.#told.get(id);
  }

  /** Asks for what is not known yet of those that are drawn; series that are not open cannot be measured. */
  look(annotations: readonly Annotation[], isOpen: (series: string) => boolean): void {
    const ids = new Set(annotations.map(({ id }) => id));
    for (const id of this.#told.keys()) if (!ids.has(id)) this.#told.delete(id);
    const waiting = new Set([...this.#asked.values()].map(({ of }) => of.id));
    for (const annotation of annotations) {
      if (this.#asked.size >= AT_ONCE) return;
      const { kind, points, placement, series } = annotation;
      // An outline that has just been begun is none yet.
      if (kind === "freehand" && points.length < 3) continue;
      if (waiting.has(annotation.id) || this.#told.get(annotation.id)?.of === annotation || !isOpen(series)) continue;
      const request = this.#next++;
      const seq = this.#send({ type: "measure", request, seriesInstanceUid: series, kind, pointsMm: points, plane: placement });
      if (seq === null) return;
      this.#asked.set(request, { of: annotation, seq });
    }
  }

  /** Returns what it was measured of, or null where nobody asked. */
  answered(measured: Measured): Annotation | null {
    return this.#settle(measured.request, { measured });
  }

  /** The server could not: `seq` is of the request. Returns whether it was one of these. */
  refused(seq: number | null, reason: string): boolean {
    const request = [...this.#asked].find(([, asked]) => asked.seq === seq)?.[0];
    return request !== undefined && this.#settle(request, { failed: reason }) !== null;
  }

  /** What was measured before may not be true any more. */
  forget(): void {
    this.#told.clear();
    this.#asked.clear();
  }

  /** The connection is gone, and with it what was asked. */
  lost(): void {
    this.#asked.clear();
  }

  #settle(request: number, known: Known): Annotation | null {
    const asked = this.#asked.get(request);
    if (!asked) return null;
    this.#asked.delete(request);
    this.#told.set(asked.of.id, { of: asked.of, known });
    return asked.of;
  }
}

/** A server is asked no more often: a value is read, and nobody reads ten a second. */
const EVERY_MS = 100;
/** An answer that has not come by then does not. */
const LONGEST_MS = 2_000;
const ANY_PLANE: Pick<Placement, "right" | "down"> = { right: [1, 0, 0], down: [0, 1, 0] };

/** The value of a voxel. */
export interface Value {
  value: number;
  unit: string;
}

/** The value under the pointer: one question at a time, ten a second at most. */
export class Pointed {
  readonly #send: (message: Ask) => number | null;
  #asked: { key: string; at: number; seq: number; request: number } | null = null;
  #next = POINTED;
  #known: { key: string; value: Value | null } | null = null;

  constructor(send: (message: Ask) => number | null) {
    this.#send = send;
  }

  /** The value of a voxel, null where it has none, or for how many ms to wait before this is worth asking again. */
  look(now: number, series: string, voxel: Vec, middleMm: Vec): { value: Value | null } | { waitMs: number } {
    const key = `${series} ${voxel.join(" ")}`;
    if (this.#known?.key === key) return { value: this.#known.value };
    const asked = this.#asked;
    if (asked) {
      const since = now - asked.at;
      if (this.#known?.key !== asked.key && since < LONGEST_MS) return { waitMs: LONGEST_MS - since };
      if (since < EVERY_MS) return { waitMs: EVERY_MS - since };
    }
    const plane = { ...ANY_PLANE, centerMm: middleMm };
    const request = this.#next;
    this.#next = request + 1 < 2 ** 32 ? request + 1 : POINTED;
    const seq = this.#send({ type: "measure", request, seriesInstanceUid: series, kind: "probe", pointsMm: [middleMm], plane });
    if (seq !== null) this.#asked = { key, at: now, seq, request };
    return { waitMs: LONGEST_MS };
  }

  /** Returns whether it was the answer to its question. */
  answered({ request, quantities }: Measured): boolean {
    if (this.#asked?.request !== request) return false;
    const [first] = quantities;
    this.#known = { key: this.#asked.key, value: first ? { value: first.value, unit: first.unit } : null };
    return true;
  }

  refused(seq: number | null): boolean {
    if (seq === null || this.#asked?.seq !== seq) return false;
    this.#known = { key: this.#asked.key, value: null };
    return true;
  }

  forget(): void {
    [this.#asked, this.#known] = [null, null];
  }

  lost(): void {
    this.#asked = null;
  }
}
