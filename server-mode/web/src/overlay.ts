// Streaming figures over the active view, and a test of how long an input takes to its picture.

import { element, setText } from "./dom";
import { t } from "./texts";
import { type Codec, type Percentiles, type Summary, percentiles } from "./stats";

const ROUNDS = 30;
/** Between two presses; not always the same, so that none of them keeps time with the screen. */
const PAUSE_MS = 100;
const PAUSES_DIFFER_MS = 50;
/** A press that is not answered for so long is not counted. */
const PATIENCE_MS = 3_000;

export interface Facts {
  transport: string;
  /** Why it is not a better one, or empty. */
  reason: string;
  /** Of the picture on screen. */
  codec: Codec | null;
  size: readonly [number, number] | null;
  roundTripMs: number | null;
  /** What part of the packets got lost, and how much their time on the way varies; null where it is not known. */
  lostShare: number | null;
  jitterMs: number | null;
  summary: Summary;
  /** How long input has waited for any picture, and how long ago the last one came; null when none did. */
  stalledMs: number;
  stillMs: number | null;
  /** Whether the page draws the view itself, so that no pictures come. */
  drawnHere: boolean;
  /** Why it does, or does not. */
  why: string;
}

/** Waiting for longer is told in words. */
const STALL_MS = 1_000;
/** Figures of pictures that came longer ago are old. */
const FRESH_MS = 1_000;

/** Sends a small movement, there or back, and waits until its picture is on screen; null where nothing can move. */
export type Press = (forth: boolean) => Promise<void> | null;

export class Overlay {
  readonly #root: HTMLElement;
  readonly #values = new Map<string, HTMLElement>();
  readonly #age = element("p", { class: "age" });
  readonly #test = element("button", { type: "button" }, t("test-latency"));
  readonly #result = element("p", { role: "status" });
  readonly #press: Press;

  constructor(press: Press) {
    this.#press = press;
    const names = ["transport", "codec", "picture-size", "rate", "data", "round-trip", "losses", "freeze", "latency"] as const;
    const rows = names.map((name) => {
      const value = element("dd", {}, "–");
      this.#values.set(name, value);
      return element("div", {}, element("dt", {}, t(name)), value);
    });
    this.#root = element(
      "section",
      { class: "overlay", hidden: true, "aria-label": t("streaming-figures") },
      element("dl", {}, ...rows),
      this.#age,
      this.#test,
      this.#result,
    );
    this.#test.addEventListener("click", () => void this.#run());
  }

  get isShown(): boolean {
    return !this.#root.hidden;
  }

  toggle(): void {
    this.#root.hidden = !this.#root.hidden;
  }

  /** Lies over this viewport from now on. */
  moveTo(viewport: HTMLElement): void {
    if (this.#root.parentElement !== viewport) viewport.append(this.#root);
  }

  show({ transport, reason, codec, size, roundTripMs, lostShare, jitterMs, summary, stalledMs, stillMs, drawnHere, why }: Facts): void {
    const stalls = stalledMs > STALL_MS && !drawnHere;
    this.#root.classList.toggle("stalls", stalls);
    this.#root.classList.toggle("old", stalls || stillMs === null || stillMs > FRESH_MS);
    setText(this.#age, drawnHere ? t("is-drawn-here") : ageText(stalls ? stalledMs : null, stillMs));
    this.#age.title = why;
    const { framesPerSecond, latencyMs, bitsPerSecond, longestFreezeMs } = summary;
    const rows = {
      transport: reason ? `${transport} (${reason})` : transport,
      codec: codec ? CODEC_NAMES[codec] : "–",
      "picture-size": size ? `${size[0]} × ${size[1]}` : "–",
      rate: framesPerSecond > 0 ? `${framesPerSecond.toFixed(1)} fps` : "–",
      latency: latencyMs ? percentilesText(latencyMs) : "–",
      data: `${(bitsPerSecond / 1000).toFixed(0)} kbit/s`,
      "round-trip": roundTripMs === null ? "–" : `${roundTripMs.toFixed(0)} ms`,
      losses: lostShare === null ? "–" : `${(lostShare * 100).toFixed(1)} % · ${(jitterMs ?? 0).toFixed(0)} ms`,
      freeze: longestFreezeMs > 0 ? `${longestFreezeMs.toFixed(0)} ms` : "–",
    };
    for (const [name, text] of Object.entries(rows)) setText(this.#values.get(name)!, text);
  }

  async #run(): Promise<void> {
    this.#test.disabled = true;
    const samples: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      setText(this.#result, t("press-of", { round: round + 1, rounds: ROUNDS }));
      const began = performance.now();
      const answered = this.#press(round % 2 === 0);
      if (!answered) break;
      const inTime = await Promise.race([answered.then(() => true), pause(PATIENCE_MS).then(() => false)]);
      if (inTime) samples.push(performance.now() - began);
      await pause(PAUSE_MS + ((round * 37) % PAUSES_DIFFER_MS));
    }
    const found = percentiles(samples);
    setText(this.#result, found ? t("from-press", { figures: percentilesText(found) }) : t("nothing-moves"));
    this.#test.disabled = false;
  }
}

/** What the figures are of: pictures that come, or came so long ago. */
function ageText(stalledMs: number | null, stillMs: number | null): string {
  if (stalledMs !== null) return t("no-picture-for", { time: secondsText(stalledMs) });
  if (stillMs === null) return t("no-picture-yet");
  return stillMs > FRESH_MS ? t("still-for", { time: secondsText(stillMs) }) : t("live");
}

function secondsText(ms: number): string {
  return ms < 120_000 ? `${Math.floor(ms / 1000)} s` : `${Math.floor(ms / 60_000)} min`;
}

export const CODEC_NAMES = { jpeg: "JPEG", png: "PNG", h264: "H.264", hevc: "HEVC", av1: "AV1", webp: "WebP" } as const;

function percentilesText({ p50, p95, p99 }: Percentiles): string {
  return `${p50.toFixed(0)} · ${p95.toFixed(0)} · ${p99.toFixed(0)} ms (p50 · p95 · p99)`;
}

function pause(ms: number): Promise<void> {
  return new Promise((over) => setTimeout(over, ms));
}
