// What the status line tells about speed: measured from echoed input numbers, never guessed.

const KEPT_LATENCIES = 31;
const RATE_WINDOW_MS = 1000;

/** Time from an input to the picture that shows it. */
export class Latency {
  readonly #samples: number[] = [];
  #waiting: { view: number; seq: number; at: number }[] = [];

  /** An input for a view was sent. */
  sent(view: number, seq: number, at: number): void {
    // An input that changed nothing is never answered: forget it once the hand has moved to another view.
    this.#waiting = this.#waiting.filter((input) => input.view === view);
    this.#waiting.push({ view, seq, at });
  }

  /** A picture of a view that shows all input up to `inputSeq` is on screen. */
  shown(view: number, inputSeq: number, at: number): void {
    const answered = this.#waiting.filter((input) => input.view === view && input.seq <= inputSeq);
    const newest = answered.at(-1);
    if (!newest) return;
    this.#waiting = this.#waiting.filter((input) => !answered.includes(input));
    this.#samples.push(at - newest.at);
    if (this.#samples.length > KEPT_LATENCIES) this.#samples.shift();
  }

  /** A new connection counts its messages anew. */
  restart(): void {
    this.#waiting = [];
  }

  medianMs(): number | null {
    const sorted = [...this.#samples].sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? null;
  }
}

/** Pictures per second, over the last second. */
export class Rate {
  #times: number[] = [];

  count(at: number): void {
    this.#times.push(at);
    this.perSecond(at);
  }

  perSecond(now: number): number {
    this.#times = this.#times.filter((time) => now - time < RATE_WINDOW_MS);
    return this.#times.length;
  }
}
