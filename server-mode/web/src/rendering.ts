// Who draws: this computer or the server. Without I/O and without a clock of its own.

import { t } from "./texts";

export type Choice = "automatic" | "local" | "remote";
export const CHOICES: readonly Choice[] = ["automatic", "local", "remote"];

/** What a browser offers to draw with. */
export interface Adapter {
  name: string;
  /** It only emulates a graphics card. */
  software: boolean;
}

/** Pictures a second that this computer has to draw; to be tried again, it has to draw some more. */
const WANTED = 30;
const AGAIN = 36;
/** Drawing that is slower for so long goes back to the server. */
const SLOW_MS = 5_000;
/** Pictures further apart than this belong to different movements. */
const PAUSE_MS = 1_000;
/** Back with the server it stays there for so long, each time twice as long. */
const STAY_MS = 60_000;
const STAY_AT_MOST_MS = 600_000;
/** Voxels that take longer to come are not worth the wait. */
const WORTH_S = 180;
/** Voxels of fewer bytes come whole at once. */
const SMALL_BYTES = 8 << 20;
/** How often a volume is halved that comes before the whole one. */
const COARSE = 1;

export class Rendering {
  #choice: Choice;
  #allowed: boolean | null = null;
  #adapter: Adapter | null | undefined;
  #noAdapter = "";
  /** Of the series' voxels, about; null while none is open. */
  #bytes: number | null = null;
  #most: number;
  /** The finest voxels that are here: how often they were halved. */
  #level: number | null = null;
  #bytesPerSecond: number | null = null;
  #framesPerSecond: number | null = null;
  /** Since when the voxels that are here were to be measured again. */
  #toMeasure = false;
  #failed = "";
  #slow: { since: number; last: number } | null = null;
  #stayUntil: number | null = null;
  #stay = STAY_MS;
  #local = false;

  /** `bytesPerSecond` is what the browser thinks of the way, where it says so. */
  constructor(choice: Choice, mostBytes: number, bytesPerSecond: number | null = null) {
    this.#choice = choice;
    this.#most = mostBytes;
    this.#bytesPerSecond = bytesPerSecond;
  }

  get choice(): Choice {
    return this.#choice;
  }

  choose(choice: Choice): void {
    this.#choice = choice;
    this.#failed = "";
    this.#forgive();
    this.#decide();
  }

  /** Whether the server hands out voxels. */
  connected(allowed: boolean): void {
    this.#allowed = allowed;
    this.#decide();
  }

  /** What there is to draw with, or why nothing is. */
  found(adapter: Adapter | null, why = ""): void {
    this.#adapter = adapter;
    this.#noAdapter = why;
    this.#decide();
  }

  /** Another series is open, with about so many bytes of voxels. */
  opened(bytes: number): void {
    this.#bytes = bytes;
    this.#level = this.#framesPerSecond = null;
    this.#failed = "";
    this.#local = this.#toMeasure = false;
    this.#forgive();
    this.#decide();
  }

  /** Voxels are here that were halved so often; the way carried so many bytes a second. */
  arrived(level: number, bytesPerSecond: number): void {
    this.#level = level;
    this.#bytesPerSecond = bytesPerSecond;
    this.#toMeasure = true;
    this.#decide();
  }

  /** The series' own view took so long to draw while it turned. */
  measured(ms: number): void {
    this.#toMeasure = false;
    this.#framesPerSecond = 1000 / ms;
    if (this.#stayUntil !== null) {
      if (this.#framesPerSecond < AGAIN) return;
      this.#stayUntil = null;
    }
    this.#decide();
  }

  /** This computer cannot go on, for this reason; it is not tried again before the user or another series asks for it. */
  failed(why: string): void {
    this.#failed = why;
    this.#decide();
  }

  /** A picture of what moves was drawn here. */
  drew(ms: number, now: number): void {
    if (!this.#local || this.#choice !== "automatic") return;
    const slow = this.#slow && now - this.#slow.last <= PAUSE_MS ? this.#slow : null;
    if (1000 / ms >= WANTED) {
      this.#slow = null;
      return;
    }
    this.#slow = { since: slow?.since ?? now, last: now };
    if (now - this.#slow.since < SLOW_MS) return;
    this.#framesPerSecond = 1000 / ms;
    this.#stayUntil = now + this.#stay;
    this.#stay = Math.min(this.#stay * 2, STAY_AT_MOST_MS);
    this.#slow = null;
    this.#decide();
  }

  /** Whether it is worth to look at what there is to draw with. */
  get tries(): boolean {
    return this.#choice !== "remote" && this.#failed === "" && this.#allowed !== false;
  }

  /** Whether it is time to measure the voxels that are here. */
  measures(now: number): boolean {
    // Who chose to draw here is not made to wait for figures.
    if (this.#choice !== "automatic" || this.#level === null || this.#obstacle !== "") return false;
    return this.#toMeasure || (this.#stayUntil !== null && now >= this.#stayUntil);
  }

  /** A measurement was begun after `measures`: the next one is due a while later. */
  measuring(now: number): void {
    this.#toMeasure = false;
    if (this.#stayUntil !== null) this.#stayUntil = now + this.#stay;
  }

  get source(): "local" | "remote" {
    return this.#local ? "local" : "remote";
  }

  /** Which voxels to fetch now: how often halved. Null for none. */
  get wants(): number | null {
    if (this.#bytes === null || this.#level === 0 || this.#obstacle !== "") return null;
    if (this.#choice === "automatic" && this.#worth !== "") return null;
    if (this.#level === null) return this.#bytes > SMALL_BYTES ? COARSE : 0;
    return this.#choice === "local" || this.#framesPerSecond !== null ? 0 : null;
  }

  /** Why it is drawn where it is drawn, in words. */
  get reason(): string {
    if (this.#choice === "remote") return t("you-chose");
    const obstacle = this.#obstacle || this.#worth;
    if (obstacle !== "") return obstacle;
    const rate = this.#framesPerSecond;
    const drawn = this.#drawn(rate);
    if (this.#local) return this.#choice === "local" ? t("you-chose") : drawn;
    if (this.#stayUntil !== null) return t("fewer-later", { drawn, wanted: WANTED });
    if (this.#adapter === undefined) return t("looked-at");
    return t("on-their-way");
  }

  /** What forbids to draw here, whatever it would gain. */
  get #obstacle(): string {
    if (this.#choice === "remote") return t("you-chose");
    if (this.#failed !== "") return this.#failed;
    if (this.#allowed === false) return t("no-voxels");
    if (this.#adapter === null) return this.#noAdapter;
    const mib = (bytes: number) => Math.round(bytes / (1 << 20));
    if (this.#bytes !== null && this.#bytes > this.#most) return t("volume-takes", { needed: mib(this.#bytes), most: mib(this.#most) });
    if (this.#choice === "automatic" && this.#adapter?.software) return t("only-emulates", { card: this.#adapter.name });
    return this.#adapter === undefined || this.#allowed === null ? t("not-known-yet") : "";
  }

  /** What speaks against it where the user leaves the choice. */
  get #worth(): string {
    if (this.#choice !== "automatic" || this.#local || this.#stayUntil !== null) return "";
    const rate = this.#framesPerSecond;
    if (rate !== null && rate < WANTED) return t("fewer-than", { drawn: this.#drawn(rate), wanted: WANTED });
    if (this.#level === 0 || this.#bytesPerSecond === null || this.#bytes === null) return "";
    // What comes is about half of what it is.
    const seconds = this.#bytes / 2 / this.#bytesPerSecond;
    return seconds > WORTH_S ? t("would-take", { minutes: Math.ceil(seconds / 60) }) : "";
  }

  #drawn(rate: number | null): string {
    const card = this.#adapter?.name ?? t("the-card");
    return rate === null ? t("card-draws-some", { card }) : t("card-draws", { card, rate: rate.toFixed(0) });
  }

  #forgive(): void {
    this.#slow = this.#stayUntil = null;
    this.#stay = STAY_MS;
  }

  #decide(): void {
    const here = this.#level !== null && this.#obstacle === "";
    if (!here || this.#stayUntil !== null) this.#local = false;
    else if (this.#choice === "local") this.#local = true;
    else if (!this.#local) this.#local = this.#level === 0 && this.#framesPerSecond !== null && !this.#toMeasure && this.#framesPerSecond >= WANTED;
  }
}
