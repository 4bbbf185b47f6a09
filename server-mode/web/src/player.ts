// Slices that follow each other by themselves.

import type { Viewport } from "./viewport";

const SLICES_PER_SECOND = 15;

export class Player {
  readonly #active: () => Viewport;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(active: () => Viewport) {
    this.#active = active;
  }

  get plays(): boolean {
    return this.#timer !== undefined;
  }

  toggle(): void {
    if (this.plays) this.stop();
    else this.#timer = setInterval(() => this.#step(), 1000 / SLICES_PER_SECOND);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The last is followed by the first. A way that is too slow leaves out nothing, and plays slower. */
  #step(): void {
    const viewport = this.#active();
    const { state } = viewport;
    if (state?.slice == null || viewport.wantedSlice !== null) return;
    viewport.showSlice(state.slice === state.slices ? 1 : state.slice + 1);
  }
}
