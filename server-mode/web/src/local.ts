// Drawing on this computer, as the page sees it: which views are drawn here, and what the server is told of them.

import type { Ask, Tell } from "./local.worker";
import { type ClientMessage, type SeriesOpened, type ServerMessage, type ViewState, parseMessage } from "./protocol";
import { CHOICES, type Choice, Rendering } from "./rendering";
import { t } from "./texts";

/** What a page may take where the browser does not tell how much memory there is. */
const UNTOLD_GIB = 4;
/** Of the memory, what a page may take for voxels: they lie in its memory and on the card. */
const SHARE = 0.25;
/** Looks at whether something is to be measured again. */
const TICK_MS = 1_000;

const CHOSEN = "voxcast.rendering";

/** What a hand does to a view, and what is drawn here at once. */
const INPUT: readonly ClientMessage["type"][] = ["pointer", "wheel", "pinch", "scroll", "rotate", "window"];
/** What the server decides, and then tells. */
const DECIDED: readonly ClientMessage["type"][] = ["preset", "reset", "layout"];

export interface LocalOwner {
  send(message: ClientMessage): number | null;
  /** A picture that was drawn here, and what the server would tell of it. */
  picture(view: number, bitmap: ImageBitmap, state: ViewState, final: boolean, ms: number): void;
  /** What is on screen of a view drawn here is not what it shows any more. */
  moves(view: number): void;
  /** Who draws a view is another one now: the server is to be told whether to draw it. */
  changed(): void;
  /** What the user is told has changed: who draws, and why. */
  told(): void;
  /** Something ended what was drawn here. */
  fault(why: string): void;
}

/** One that is drawn here, or is about to be. */
interface Mine {
  /** It was asked where it is, and no answer came yet. */
  asked: boolean;
  /** Input went to the server since then, so that the answer is old. */
  stale: boolean;
  /** The worker has it: input goes there. */
  here: boolean;
  /** A hand has moved it here since the server was asked again. */
  moved: boolean;
  /** Only the server can draw it, for this reason. */
  unable: string;
}

export class Local {
  readonly #owner: LocalOwner;
  readonly #views: readonly number[];
  readonly #rendering: Rendering;
  readonly #mostBytes: number;
  readonly #mine = new Map<number, Mine>();
  /** Views with a button held. */
  readonly #held = new Set<number>();
  #worker: Worker | null = null;
  #ready = false;
  #series: SeriesOpened | null = null;
  #fetching: number | null = null;
  #coming = "";
  #live = false;

  constructor(views: readonly number[], owner: LocalOwner) {
    this.#views = views;
    this.#owner = owner;
    const { deviceMemory, connection } = navigator as { deviceMemory?: number; connection?: { downlink?: number } };
    const gib = deviceMemory ?? UNTOLD_GIB;
    const bytesPerSecond = connection?.downlink ? (connection.downlink * 1e6) / 8 : null;
    this.#mostBytes = gib * SHARE * 2 ** 30;
    const chosen = localStorage.getItem(CHOSEN);
    this.#rendering = new Rendering(CHOICES.find((choice) => choice === chosen) ?? "automatic", this.#mostBytes, bytesPerSecond);
    setInterval(() => this.#step(), TICK_MS);
  }

  get choice(): Choice {
    return this.#rendering.choice;
  }

  choose(choice: Choice): void {
    localStorage.setItem(CHOSEN, choice);
    this.#rendering.choose(choice);
    this.#step();
  }

  /** Who draws a view, in words, and why. */
  words(view: number): { source: "local" | "remote"; reason: string } {
    const mine = this.#mine.get(view);
    const source = mine?.here ? "local" : "remote";
    const { reason } = this.#rendering;
    if (this.#rendering.source === "remote") return { source, reason: this.#coming || reason };
    return { source, reason: mine?.unable || (this.#coming ? `${reason}; ${this.#coming}` : reason) };
  }

  draws(view: number): boolean {
    return this.#mine.get(view)?.here ?? false;
  }

  /** Whether the server hands out voxels. */
  connected(allowed: boolean): void {
    this.#rendering.connected(allowed);
  }

  /** The session tells what it shows: from now on it may be taken over. */
  begun(): void {
    this.#live = true;
    this.#step();
  }

  /** The connection is gone; the server draws once it is back. */
  lost(): void {
    this.#live = false;
    this.#held.clear();
    for (const view of [...this.#mine.keys()]) this.#giveBack(view);
  }

  opened(series: SeriesOpened): void {
    this.#forget();
    this.#series = series;
    const voxels = series.dims.reduce((product, n) => product * n, 1);
    // Most are of 16 bits; the header of the voxels tells.
    this.#rendering.opened(voxels * 2);
    if (this.#ready) this.#ask({ do: "series", opened: JSON.stringify(series) });
    this.#step();
  }

  /** Another series is wanted. */
  #forget(): void {
    this.#series = null;
    this.#fetching = null;
    this.#coming = "";
    for (const view of [...this.#mine.keys()]) this.#giveBack(view);
    this.#mine.clear();
  }

  /**
   * A message of the page's, before it is sent. Returns whether it was done here, and the server is told by and by.
   */
  takes(message: ClientMessage): boolean {
    const view = "view" in message ? message.view : undefined;
    if (message.type === "pointer" && message.kind !== "move") {
      if (message.kind === "press") this.#held.add(message.view);
      else this.#held.delete(message.view);
    }
    const mine = view === undefined ? undefined : this.#mine.get(view);
    if (view !== undefined && mine?.here) {
      // There are no pictures to be right or wrong.
      if (message.type === "values" || message.type === "repaint") return true;
      if (INPUT.includes(message.type)) {
        mine.moved = true;
        const ends = message.type === "pointer" && message.kind === "release" && this.#held.size === 0;
        const hand = ends ? "lets go" : this.#held.has(view) ? "holds" : "free";
        this.#ask({ do: "input", view, message: JSON.stringify({ ...message, seq: 1 }), hand });
        return true;
      }
    } else if (mine && INPUT.includes(message.type)) mine.stale = true;
    if (message.type === "pointer" && message.kind === "release") this.#step();
    return false;
  }

  /** A message of the page's that was sent. */
  sent(message: ClientMessage): void {
    if (!DECIDED.includes(message.type)) return;
    for (const [view, mine] of this.#mine) {
      mine.unable = "";
      if (mine.here || mine.asked) this.#askState(view, mine);
    }
    if (message.type === "layout") this.#step();
  }

  /** What the server tells of a view that it was asked for. */
  state(told: Extract<ServerMessage, { type: "viewState" }>): void {
    const mine = this.#mine.get(told.view);
    if (!mine?.asked) return;
    mine.asked = false;
    if (this.#rendering.source === "remote" || told.seriesInstanceUid !== this.#series?.seriesInstanceUid) return;
    if (mine.stale && !mine.here) return this.#askState(told.view, mine);
    this.#ask({ do: "show", view: told.view, told: JSON.stringify(told), keepPlace: mine.here && mine.moved });
    mine.moved = false;
  }

  #askState(view: number, mine: Mine): void {
    [mine.asked, mine.stale, mine.moved] = [true, false, false];
    this.#owner.send({ type: "askState", view });
  }

  /** Does what is next: fetch, measure, take over views or give them back. */
  #step(): void {
    const rendering = this.#rendering;
    const now = performance.now();
    if (rendering.tries && !this.#worker && this.#series) this.#open();
    if (!this.#live || !this.#series) return this.#owner.told();
    if (this.#ready) {
      const { wants } = rendering;
      if (wants !== null && wants !== this.#fetching) {
        this.#fetching = wants;
        const url = `/voxels/${encodeURIComponent(this.#series.seriesInstanceUid)}/${wants}`;
        this.#ask({ do: "fetch", url, level: wants, mostBytes: this.#mostBytes });
      }
      if (rendering.measures(now)) {
        rendering.measuring(now);
        this.#ask({ do: "measure" });
      }
    }
    if (this.#held.size === 0) {
      for (const view of this.#views) {
        if (rendering.source === "local") this.#takeOver(view);
        else if (this.#mine.has(view)) this.#giveBack(view);
      }
    }
    this.#owner.told();
  }

  #takeOver(view: number): void {
    const mine = this.#mine.get(view) ?? { asked: false, stale: false, here: false, moved: false, unable: "" };
    this.#mine.set(view, mine);
    if (!mine.here && !mine.asked && mine.unable === "") this.#askState(view, mine);
  }

  /** The worker first says where the view is; then the server is told to draw it. */
  #giveBack(view: number): void {
    if (this.#mine.get(view)?.here) this.#ask({ do: "hide", view });
    this.#mine.delete(view);
  }

  #ask(ask: Ask): void {
    this.#worker?.postMessage(ask);
  }

  #open(): void {
    const worker = (this.#worker = new Worker("/local.js", { type: "module" }));
    const gone = () => this.#fail(t("worker-ended"));
    worker.addEventListener("error", gone);
    worker.addEventListener("messageerror", gone);
    worker.addEventListener("message", ({ data }: MessageEvent<Tell>) => this.#told(data));
    this.#ask({ do: "open" });
  }

  #told(tell: Tell): void {
    switch (tell.is) {
      case "opened":
        this.#ready = true;
        if (this.#series) this.#ask({ do: "series", opened: JSON.stringify(this.#series) });
        this.#rendering.found({ name: tell.name, software: tell.software });
        break;
      case "absent":
        this.#rendering.found(null, tell.why);
        break;
      case "coming":
        this.#coming = t(tell.level > 0 ? "coarse-voxels-coming" : "voxels-coming", { percent: Math.round(tell.share * 100) });
        return this.#owner.told();
      case "arrived":
        this.#fetching = null;
        this.#coming = "";
        this.#rendering.arrived(tell.level, (tell.bytes / Math.max(tell.ms, 1)) * 1000);
        break;
      case "refused":
        this.#fetching = null;
        this.#coming = "";
        this.#rendering.failed(tell.why);
        break;
      case "measured":
        this.#rendering.measured(tell.ms);
        break;
      case "shown":
        return this.#showed(tell.view, tell.why);
      case "moves":
        return this.#owner.moves(tell.view);
      case "hidden":
        return this.#owner.changed();
      case "picture":
        return this.#picture(tell);
      case "set":
        this.#owner.send(JSON.parse(tell.message) as ClientMessage);
        return;
      case "failed":
        return this.#fail(tell.why);
    }
    this.#step();
  }

  /** A view is in the worker's hands, or cannot be. */
  #showed(view: number, why: string): void {
    const mine = this.#mine.get(view);
    if (!mine) return this.#ask({ do: "hide", view });
    const changed = mine.here !== (why === "");
    [mine.here, mine.unable] = [why === "", why];
    if (changed) this.#owner.changed();
    this.#owner.told();
  }

  #picture({ view, bitmap, info, final, moving, ms }: Extract<Tell, { is: "picture" }>): void {
    if (!this.draws(view)) return bitmap.close();
    if (moving) this.#rendering.drew(ms, performance.now());
    const state = parseMessage(info);
    if (state.type === "view") this.#owner.picture(view, bitmap, state, final, ms);
    else bitmap.close();
    if (this.#rendering.source === "remote") this.#step();
  }

  /** Whatever was drawn here is the server's again. */
  #fail(why: string): void {
    const drew = this.#rendering.source === "local";
    this.#rendering.failed(why);
    this.#held.clear();
    for (const view of [...this.#mine.keys()]) this.#giveBack(view);
    // Another try begins with another device.
    this.#worker?.terminate();
    this.#worker = null;
    this.#ready = false;
    this.#fetching = null;
    this.#coming = "";
    if (this.#series) this.#rendering.opened(this.#series.dims.reduce((product, n) => product * n, 2));
    this.#rendering.failed(why);
    this.#owner.changed();
    if (drew) this.#owner.fault(t("from-server-again", { reason: why }));
    this.#owner.told();
  }
}
