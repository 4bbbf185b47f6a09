// Mouse, wheel and touch of one viewport, as messages (one move, wheel or pinch per animation frame), or for what is drawn over it.

import { wheelDelta } from "./geometry";
import type { Button, ClientMessage } from "./protocol";

const BUTTONS: readonly (Button | undefined)[] = ["left", "middle", "right"];
/** What a tool makes of the left button. */
const WORK = { window: "left", scroll: "scroll", zoom: "right", pan: "middle", crosshair: "left" } as const;
/** The bit of `PointerEvent.buttons` for each button. */
const BITS: Readonly<Record<Button, number>> = { left: 1, right: 2, middle: 4 };
/** A second tap within this time and distance is a double tap. */
const DOUBLE_TAP_MS = 350;
const DOUBLE_TAP_PX = 30;
/** A finger that stays this long or moves this far does not tap. */
/** Of a drag that pages. */
const PX_PER_SLICE = 6;
const TAP_MS = 250;
const TAP_PX = 12;

export interface Target {
  readonly view: number;
  /** Picture pixels per CSS pixel. */
  ratio(): number;
  send(message: ClientMessage): unknown;
  activate(): void;
  maximise(): void;
  /** Pages by whole slices. */
  page(slices: number): void;
  /** What a left drag does. */
  readonly tool: Tool;
  /** The left button, or a finger, at a place of the surface: whether that is meant for what is drawn over the picture. */
  draw(kind: "press" | "move" | "release" | "cancel", at: Point, byTouch: boolean): boolean;
  /** The pointer is here, or nowhere. */
  hover(at: Point | null): void;
}

/** What a left drag does on slices where it draws nothing; with `window` volumes turn. */
export type Tool = "window" | "scroll" | "zoom" | "pan" | "crosshair";

export interface Point {
  x: number;
  y: number;
}

interface Drag {
  id: number;
  button: Button;
  /** What is done with it: another button's work, paging, or what is drawn. */
  does: Button | "scroll" | "draw";
  /** Pixels of a drag that pages, less than a slice. */
  rest: number;
  at: Point;
  /** Where and when it began, to tell a tap. */
  from: Point;
  since: number;
}

interface Pinch {
  middle: Point;
  distance: number;
}

export class Gestures {
  readonly #surface: HTMLElement;
  readonly #target: Target;
  readonly #fingers = new Map<number, Point>();
  #drag: Drag | null = null;
  #pinch: Pinch | null = null;
  #lastTap: (Point & { time: number }) | null = null;
  #touched = false;
  /** The last press was meant for what is drawn. */
  #drew = false;
  #frame = 0;
  #moved = false;
  #wheel = { delta: 0, zoom: false };
  #pinched = { zoom: 1, dx: 0, dy: 0 };

  constructor(surface: HTMLElement, target: Target) {
    this.#surface = surface;
    this.#target = target;
    surface.addEventListener("pointerdown", (event) => this.#down(event));
    surface.addEventListener("pointermove", (event) => this.#move(event));
    surface.addEventListener("pointerup", (event) => this.#up(event));
    surface.addEventListener("pointercancel", (event) => this.#up(event));
    surface.addEventListener("lostpointercapture", (event) => this.#up(event));
    surface.addEventListener("contextmenu", (event) => event.preventDefault());
    // The middle button would start the browser's own scrolling.
    surface.addEventListener("mousedown", (event) => event.button === 1 && event.preventDefault());
    surface.addEventListener("pointerleave", () => target.hover(null));
    surface.addEventListener("dblclick", () => !this.#touched && !this.#drew && target.maximise());
    surface.addEventListener("wheel", (event) => this.#turn(event), { passive: false });
  }

  /** Ends what is held, for instance when the connection is lost. */
  cancel(): void {
    if (this.#drag?.does === "draw") this.#target.draw("cancel", this.#drag.at, this.#touched);
    this.#drag = null;
    this.#pinch = null;
    this.#fingers.clear();
    this.#moved = false;
    this.#wheel = { delta: 0, zoom: false };
    this.#pinched = { zoom: 1, dx: 0, dy: 0 };
  }

  #down(event: PointerEvent): void {
    this.#touched = event.pointerType === "touch";
    const at = this.#locate(event);
    this.#target.activate();
    this.#surface.focus({ preventScroll: true });
    this.#surface.setPointerCapture(event.pointerId);
    if (this.#touched) {
      this.#fingers.set(event.pointerId, at);
      if (this.#fingers.size > 1) {
        if (this.#drag?.does === "draw") this.cancelDrawing();
        else this.#release();
        this.#pinch = this.#fingers.size === 2 ? this.#span() : null;
        return;
      }
    }
    const button = BUTTONS[event.button];
    if (!button || this.#drag) return;
    this.#drew = button === "left" && this.#target.draw("press", at, this.#touched);
    const does = this.#drew ? "draw" : button === "left" ? WORK[this.#target.tool] : button;
    this.#drag = { id: event.pointerId, button, does, rest: 0, at, from: at, since: event.timeStamp };
    this.#pointer("press");
  }

  /** A second finger means something else. */
  cancelDrawing(): void {
    if (this.#drag) this.#target.draw("cancel", this.#drag.at, this.#touched);
    this.#drag = null;
  }

  #move(event: PointerEvent): void {
    const at = this.#locate(event);
    if (this.#fingers.has(event.pointerId)) this.#fingers.set(event.pointerId, at);
    if (this.#pinch) {
      const span = this.#span();
      if (!span) return;
      this.#pinched.zoom *= span.distance / this.#pinch.distance;
      this.#pinched.dx += span.middle.x - this.#pinch.middle.x;
      this.#pinched.dy += span.middle.y - this.#pinch.middle.y;
      this.#pinch = span;
      this.#schedule();
      return;
    }
    const drag = this.#drag;
    this.#target.hover(at);
    if (!drag) this.#target.draw("move", at, this.#touched);
    if (drag?.id !== event.pointerId) return;
    if (drag.does === "scroll") this.#page(drag, at);
    drag.at = at;
    if (event.pointerType === "mouse" && (event.buttons & BITS[drag.button]) === 0) {
      // Another button is still down, so the browser says "move" where this one was let go.
      this.#release();
      return;
    }
    this.#moved = true;
    this.#schedule();
  }

  #up(event: PointerEvent): void {
    const touched = this.#fingers.delete(event.pointerId);
    if (this.#pinch) {
      this.#flush();
      this.#pinch = null;
    }
    const drag = this.#drag;
    if (drag?.id !== event.pointerId) return;
    if (event.type === "pointerup") drag.at = this.#locate(event);
    this.#release();
    if (touched && event.type === "pointerup" && drag.does !== "draw") this.#tap(drag, event.timeStamp);
  }

  #tap(drag: Drag, time: number): void {
    const still = Math.hypot(drag.at.x - drag.from.x, drag.at.y - drag.from.y) <= TAP_PX;
    const last = this.#lastTap;
    this.#lastTap = null;
    if (!still || time - drag.since > TAP_MS) return;
    const again =
      last && time - last.time <= DOUBLE_TAP_MS && Math.hypot(drag.at.x - last.x, drag.at.y - last.y) <= DOUBLE_TAP_PX;
    if (again) this.#target.maximise();
    else this.#lastTap = { ...drag.at, time };
  }

  #turn(event: WheelEvent): void {
    event.preventDefault();
    this.#target.activate();
    if (this.#wheel.zoom !== event.ctrlKey) this.#flush();
    this.#wheel = { delta: this.#wheel.delta + wheelDelta(event), zoom: event.ctrlKey };
    this.#schedule();
  }

  #schedule(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#flush();
    });
  }

  #flush(): void {
    const view = this.#target.view;
    if (this.#moved && this.#drag) this.#pointer("move");
    this.#moved = false;
    const { delta, zoom } = this.#wheel;
    if (delta !== 0) this.#target.send({ type: "wheel", view, delta, zoom });
    this.#wheel = { delta: 0, zoom };
    const { zoom: factor, dx, dy } = this.#pinched;
    if (factor !== 1 || dx !== 0 || dy !== 0) {
      const ratio = this.#target.ratio();
      this.#target.send({ type: "pinch", view, zoom: factor, dx: dx * ratio, dy: dy * ratio });
    }
    this.#pinched = { zoom: 1, dx: 0, dy: 0 };
  }

  #release(): void {
    if (!this.#drag) return;
    // The release carries the last position: a move that waits says nothing more.
    this.#moved = false;
    this.#pointer("release");
    this.#drag = null;
  }

  #pointer(kind: "press" | "move" | "release"): void {
    const drag = this.#drag;
    if (!drag) return;
    const ratio = this.#target.ratio();
    const { view } = this.#target;
    const { does, at } = drag;
    if (does === "draw") {
      // The press has been told.
      if (kind !== "press") this.#target.draw(kind, at, this.#touched);
    } else if (does !== "scroll") this.#target.send({ type: "pointer", view, kind, button: does, x: at.x * ratio, y: at.y * ratio });
  }

  #page(drag: Drag, to: Point): void {
    const slices = drag.rest + (to.y - drag.at.y) / PX_PER_SLICE;
    drag.rest = slices % 1;
    if (Math.trunc(slices) !== 0) this.#target.page(Math.trunc(slices));
  }

  #locate(event: MouseEvent): Point {
    const box = this.#surface.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #span(): Pinch | null {
    const [a, b] = this.#fingers.values();
    if (!a || !b) return null;
    const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
    return { middle, distance: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)) };
  }
}
