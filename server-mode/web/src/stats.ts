// What is known about speed: measured from echoed input numbers and shown pictures, never guessed.

import type { Frame } from "./protocol";

export type Codec = Frame["codec"];

/** Measurements are kept for so long. */
export const KEPT_MS = 10_000;
const RATE_WINDOW_MS = 1000;
/** Input that is so much older than the one after it changed nothing, or its picture would have come. */
const STALE_INPUT_MS = 1000;
/** A hand that pauses for longer has stopped: the time until its next input is no freeze. */
const PAUSE_MS = 250;

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** The smallest values that half, 95 and 99 of 100 do not exceed; null of nothing. */
export function percentiles(values: readonly number[]): Percentiles | null {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  return sorted.length === 0 ? null : { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

export interface Summary {
  /** Codec of most pictures. */
  codec: Codec | null;
  /** Pictures a second while something moved. */
  framesPerSecond: number;
  latencyMs: Percentiles | null;
  bitsPerSecond: number;
  /** The longest wait for a picture while something moved. */
  longestFreezeMs: number;
}

interface Input {
  view: number;
  seq: number;
  at: number;
}

interface Shown {
  at: number;
  view: number;
  codec: Codec;
  /** Since the picture before it, or since the hand began to move; null for a picture that answers no input. */
  gapMs: number | null;
  /** Ages of the inputs that it is the first to show. */
  latenciesMs: readonly number[];
}

export class Meter {
  #waiting: Input[] = [];
  #shown: Shown[] = [];
  #received: { at: number; bytes: number }[] = [];
  readonly #last = new Map<number, number>();

  /** An input for a view was sent. */
  sent(view: number, seq: number, at: number): void {
    // What changed nothing is never answered: forget it once the hand has moved to another view.
    this.#waiting = this.#waiting.filter((input) => input.view === view);
    this.#waiting.push({ view, seq, at });
  }

  /** The page drew a view itself: no picture answers what was sent for it so far. */
  drawnHere(view: number): void {
    this.#waiting = this.#waiting.filter((input) => input.view !== view);
  }

  received(bytes: number, at: number): void {
    this.#received.push({ at, bytes });
  }

  /** A picture of a view that shows all input up to `inputSeq` is on screen. */
  shown(view: number, inputSeq: number, codec: Codec, at: number): void {
    const answered = this.#waiting.filter((input) => input.view === view && input.seq <= inputSeq);
    this.#waiting = this.#waiting.filter((input) => !answered.includes(input));
    const newest = answered.at(-1)?.at ?? 0;
    const counted = answered.filter((input) => newest - input.at < STALE_INPUT_MS);
    const first = counted[0];
    const before = this.#last.get(view) ?? Number.NEGATIVE_INFINITY;
    const gapMs = first ? at - (first.at > before + PAUSE_MS ? first.at : before) : null;
    this.#last.set(view, at);
    this.#shown.push({ at, view, codec, gapMs, latenciesMs: counted.map((input) => at - input.at) });
  }

  /** A new connection counts its messages anew. */
  restart(): void {
    this.#waiting = [];
    this.#last.clear();
  }

  /** Pictures of a view in the last second. */
  rate(view: number, now: number): number {
    return this.#shown.filter((picture) => picture.view === view && now - picture.at < RATE_WINDOW_MS).length;
  }

  /** For how long input of a view has waited for any picture; 0 when nothing waits. What waits longer than is kept has changed nothing. */
  stalledMs(view: number, now: number): number {
    const oldest = this.#waiting.find((input) => input.view === view && now - input.at < KEPT_MS);
    return oldest ? now - Math.max(oldest.at, this.#last.get(view) ?? 0) : 0;
  }

  /** How long ago a view last had a picture; null when it had none. */
  stillMs(view: number, now: number): number | null {
    const last = this.#last.get(view);
    return last === undefined ? null : now - last;
  }

  /** What was measured in the last `ms`, at most `KEPT_MS`. */
  summary(ms: number, now: number): Summary {
    this.#shown = this.#shown.filter(({ at }) => now - at <= KEPT_MS);
    this.#received = this.#received.filter(({ at }) => now - at <= KEPT_MS);
    const shown = this.#shown.filter(({ at }) => now - at <= ms);
    const gaps = shown.flatMap(({ gapMs }) => gapMs ?? []);
    const movedMs = gaps.reduce((sum, gap) => sum + gap, 0);
    const bytes = this.#received.reduce((sum, part) => (now - part.at <= ms ? sum + part.bytes : sum), 0);
    return {
      codec: mostFrequent(shown.map(({ codec }) => codec)),
      framesPerSecond: movedMs > 0 ? (gaps.length * 1000) / movedMs : 0,
      latencyMs: percentiles(shown.flatMap(({ latenciesMs }) => latenciesMs)),
      bitsPerSecond: (bytes * 8000) / ms,
      longestFreezeMs: Math.max(0, ...gaps),
    };
  }
}

function mostFrequent<T>(values: readonly T[]): T | null {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce<[T | null, number]>((most, one) => (one[1] > most[1] ? one : most), [null, 0])[0];
}
