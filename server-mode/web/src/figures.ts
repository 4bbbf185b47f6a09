// What streaming costs, in figures: below the views, over the active one, and told to the server.

import { byId, setText } from "./dom";
import type { Link } from "./link";
import { CODEC_NAMES, Overlay } from "./overlay";
import type { ClientMessage, Frame } from "./protocol";
import { type Codec, KEPT_MS, Meter } from "./stats";
import { t } from "./texts";
import type { Viewport } from "./viewport";

const TRANSPORT_NAMES = { webrtc: "WebRTC", websocket: "WebSocket" } as const;
/** How often the server is told what was measured. */
const REPORT_MS = 5_000;
const SHOW_MS = 500;
/** A press of the latency test: 2 degrees of rotation, or so many pixels. */
const PRESS_PIXELS = 4;

export interface FiguresOwner {
  send(message: ClientMessage): number | null;
  link(): Link;
  active(): Viewport;
  /** Why the page draws a view itself, or does not. */
  why(view: number): string;
}

export class Figures {
  readonly meter = new Meter();
  readonly #owner: FiguresOwner;
  readonly #overlay = new Overlay((forth) => this.#press(forth));
  /** A press of the latency test that waits for its picture. */
  #pressed: { view: number; seq: number; answered: () => void } | null = null;

  constructor(owner: FiguresOwner) {
    this.#owner = owner;
    setInterval(() => this.#show(), SHOW_MS);
    setInterval(() => this.#report(), REPORT_MS);
  }

  toggle(): void {
    this.#overlay.toggle();
    byId("stats", HTMLButtonElement).setAttribute("aria-pressed", String(this.#overlay.isShown));
    this.#show();
  }

  /** The figures lie over this viewport from now on. */
  moveTo(viewport: HTMLElement): void {
    this.#overlay.moveTo(viewport);
  }

  /** A picture of the server's is on screen. */
  shown(frame: Frame): void {
    const now = performance.now();
    this.meter.shown(frame.view, frame.inputSeq, frame.codec, now);
    const pressed = this.#pressed;
    if (pressed?.view === frame.view && frame.inputSeq >= pressed.seq) {
      this.#pressed = null;
      requestAnimationFrame(() => pressed.answered());
    }
    // Lossless parts are cut from a picture that was drawn before.
    if (frame.renderMs > 0) setText(byId("render", HTMLElement), `${frame.renderMs.toFixed(0)} ms`);
    setText(byId("encode", HTMLElement), `${frame.encodeMs.toFixed(0)} ms`);
    this.#showWay(frame.codec);
  }

  #showWay(codec: Codec): void {
    const { transport, reason } = this.#owner.link();
    const way = byId("codec", HTMLElement);
    setText(way, `${TRANSPORT_NAMES[transport]} · ${CODEC_NAMES[codec]}`);
    way.title = reason && t("not-better-because", { reason });
  }

  #show(): void {
    const now = performance.now();
    const summary = this.meter.summary(KEPT_MS, now);
    const median = summary.latencyMs?.p50;
    if (median !== undefined) setText(byId("latency", HTMLElement), `${median.toFixed(0)} ms`);
    const viewport = this.#owner.active();
    const rate = this.meter.rate(viewport.view, now);
    setText(byId("rate", HTMLElement), rate > 0 ? `${rate} fps` : t(viewport.windowsItself || viewport.drawnHere ? "drawn-here" : "still"));
    const { transport, reason, roundTripMs, losses } = this.#owner.link();
    if (!this.#overlay.isShown) return;
    const { codec, pictureSize: size } = viewport;
    const drawnHere = viewport.windowsItself || viewport.drawnHere;
    const why = this.#owner.why(viewport.view);
    const [stalledMs, stillMs] = [this.meter.stalledMs(viewport.view, now), this.meter.stillMs(viewport.view, now)];
    this.#overlay.show({ transport: TRANSPORT_NAMES[transport], reason, codec, size, roundTripMs, ...losses, summary, stalledMs, stillMs, drawnHere, why });
  }

  #report(): void {
    const { codec, ...measured } = this.meter.summary(REPORT_MS, performance.now());
    if (!codec) return;
    const { transport, roundTripMs, losses } = this.#owner.link();
    this.#owner.send({ type: "stats", codec, transport, ...measured, roundTripMs, ...losses });
  }

  /** A small movement of the active view, there or back. */
  #press(forth: boolean): Promise<void> | null {
    const { view, content, state } = this.#owner.active();
    const by = forth ? PRESS_PIXELS : -PRESS_PIXELS;
    const turns = state?.slice == null && content !== "cinematic";
    const seq = this.#owner.send(turns ? { type: "rotate", view, dx: by, dy: 0 } : { type: "pinch", view, zoom: 1, dx: by, dy: 0 });
    if (seq === null || !state) return null;
    return new Promise((answered) => {
      this.#pressed = { view, seq, answered };
    });
  }
}
