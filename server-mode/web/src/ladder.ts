// Which way pictures come: WebRTC, else H.264 by WebSocket, else JPEG by WebSocket. The page starts at once by WebSocket;
// what is better is tried while it works, left when it fails, and tried again later.

import type { Transport } from "./protocol";

export const RUNGS = ["webrtc", "websocket", "jpeg"] as const;
export type Rung = (typeof RUNGS)[number];

/** Pauses before what failed is tried again; the last one from then on. */
const WAITS_MS = [30_000, 120_000, 600_000] as const;
/** The same where nothing else is wanted. */
const PINNED_WAIT_MS = 2_000;
/** Something that worked for so long has not failed before. */
const PROVEN_MS = 60_000;
/** To find a path. */
const CONNECT_MS = 8_000;
/** To send the first picture, once there is a path. */
const FIRST_PICTURE_MS = 3_000;
const FREEZE_MS = 3_000;
/** Something was asked and nothing came. */
const SILENCE_MS = 2_000;

type Attempt =
  | { step: "idle"; at: number; reason: string }
  | { step: "connecting" | "opened" | "used"; since: number }
  | { step: "never"; reason: string };

/** One thing that is tried, given up and tried again. */
class Trial {
  attempt: Attempt = { step: "never", reason: "" };
  #failures = 0;
  readonly #waitsMs: readonly number[];

  constructor(waitsMs: readonly number[]) {
    this.#waitsMs = waitsMs;
  }

  get reason(): string {
    return "reason" in this.attempt ? this.attempt.reason : "";
  }

  failed(reason: string, now: number): void {
    const { attempt } = this;
    if (attempt.step === "idle" || attempt.step === "never") return;
    if (attempt.step === "used" && now - attempt.since > PROVEN_MS) this.#failures = 0;
    const wait = this.#waitsMs[Math.min(this.#failures, this.#waitsMs.length - 1)] ?? 0;
    this.#failures += 1;
    this.attempt = { step: "idle", at: now + wait, reason };
  }

  isDue(now: number): boolean {
    return this.attempt.step === "idle" && now >= this.attempt.at;
  }
}

export interface Health {
  /** How long a picture that was announced has not come. */
  waitedMs: number;
  /** How long nothing has come since the server was asked; 0 when it was not. */
  silentMs: number;
}

export class Ladder {
  readonly #pinned: Rung | null;
  readonly #webrtc: Trial;
  readonly #video: Trial;

  /** `pinned` is the only rung that is wanted, but for what has to come before it. */
  constructor(pinned: Rung | null) {
    this.#pinned = pinned;
    this.#webrtc = new Trial(pinned === "webrtc" ? [PINNED_WAIT_MS] : WAITS_MS);
    this.#video = new Trial(WAITS_MS);
  }

  /** A connection was made. The reasons tell why something cannot be; null where it can. */
  begin(noWebRtc: string | null, noVideo: string | null, now: number): void {
    const chosen = `the address says transport=${this.#pinned}`;
    const no = (reason: string): Attempt => ({ step: "never", reason });
    const rtc = this.#pinned === null || this.#pinned === "webrtc" ? noWebRtc : chosen;
    const video = this.#pinned === "jpeg" ? chosen : noVideo;
    this.#webrtc.attempt = rtc === null ? { step: "idle", at: now, reason: "being tried" } : no(rtc);
    this.#video.attempt = video === null ? { step: "used", since: now } : no(video);
  }

  get transport(): Transport {
    return this.#webrtc.attempt.step === "used" ? "webrtc" : "websocket";
  }

  /** Whether the server may send H.264. */
  get takesVideo(): boolean {
    const { step } = this.#webrtc.attempt;
    return step === "used" || step === "opened" || (this.#pinned !== "jpeg" && this.#video.attempt.step === "used");
  }

  /** Why it is not the best one; empty when it is. */
  get reason(): string {
    if (this.transport === "webrtc") return "";
    const reasons = [["no WebRTC", this.#webrtc.reason], ["no H.264", this.#video.reason]] as const;
    return reasons.flatMap(([what, why]) => (why ? `${what}: ${why}` : [])).join("; ");
  }

  /** Whether WebRTC is to be tried now. Nobody waits for it: pictures come by WebSocket meanwhile. */
  triesWebRtc(now: number): boolean {
    if (!this.#webrtc.isDue(now)) return false;
    this.#webrtc.attempt = { step: "connecting", since: now };
    return true;
  }

  /** Whether video that failed is to be tried again. */
  triesVideo(now: number): boolean {
    if (!this.#video.isDue(now)) return false;
    this.#video.attempt = { step: "used", since: now };
    return true;
  }

  webRtcOpened(now: number): void {
    if (this.#webrtc.attempt.step === "connecting") this.#webrtc.attempt = { step: "opened", since: now };
  }

  /** Something came by WebRTC. Returns whether it is the first time. */
  webRtcUsed(now: number): boolean {
    if (this.#webrtc.attempt.step !== "opened") return false;
    this.#webrtc.attempt = { step: "used", since: now };
    return true;
  }

  webRtcFailed(reason: string, now: number): void {
    this.#webrtc.failed(reason, now);
  }

  videoFailed(reason: string, now: number): void {
    this.#video.failed(reason, now);
  }

  /** Why WebRTC has failed by now, or null. */
  webRtcFault({ waitedMs, silentMs }: Health, now: number): string | null {
    const { attempt } = this.#webrtc;
    if (attempt.step === "connecting" && now - attempt.since > CONNECT_MS) return "no path by UDP was found";
    if (attempt.step === "opened" && now - attempt.since > FIRST_PICTURE_MS) return "nothing came by it";
    if (attempt.step !== "used") return null;
    if (waitedMs > FREEZE_MS) return "its video froze";
    return silentMs > SILENCE_MS ? "it fell silent" : null;
  }
}
