// Local echo: what the last picture has to be moved, scaled and windowed by to look as it will when the server has answered.
// The numbers are those of ../../../render-core/src/scene/interaction.rs.

import type { Button, ClientMessage, Content, WindowValues } from "./protocol";

const ZOOM_PER_PIXEL = 0.01;
const ZOOM_PER_WHEEL = 0.001;
const PIXELS_PER_WINDOW = 300;
/** A camera's full angle of view at zoom 1. */
const VIEW_ANGLE = (30 * Math.PI) / 180;
/** What was not answered for so long changes nothing: a limit was reached, or it got lost. */
const PATIENCE_MS = 1_500;

type Effect =
  | { does: "pan"; dx: number; dy: number }
  | { does: "zoom"; factor: number }
  /** A drag that windows. */
  | { does: "window by"; dx: number; dy: number }
  | { does: "window to"; window: WindowValues };

/** What the last picture shows. */
export interface Base {
  window: WindowValues;
  zoom: number;
}

export interface Appearance {
  /** About the middle; then the picture is moved by so many of its pixels. */
  scale: number;
  dx: number;
  dy: number;
  window: WindowValues;
  /** New brightness of an old one, both 0 to 1; null where it stays. */
  grey: { slope: number; intercept: number } | null;
}

const SLICES: readonly Content[] = ["axial", "coronal", "sagittal"];
const SHADED: readonly Content[] = ["volume", "cinematic"];

export class Echo {
  #pending: { seq: number; at: number; effect: Effect }[] = [];
  #drag: { button: Button; x: number; y: number } | null = null;

  /** A message for the view was sent. Returns whether the view looks different for it. */
  sent(message: ClientMessage, seq: number, content: Content, at: number): boolean {
    const effects = this.#effects(message, content);
    for (const effect of effects) this.#pending.push({ seq, at, effect });
    return effects.length > 0;
  }

  /** A picture that shows all input up to `inputSeq` is on screen. */
  shown(inputSeq: number): void {
    this.#pending = this.#pending.filter(({ seq }) => seq > inputSeq);
  }

  clear(): void {
    this.#pending = [];
    this.#drag = null;
  }

  /** How the picture of `base` is to look now; null: as it is. Where the page draws it itself, it need not wait for the server. */
  appearance(base: Base, content: Content, now: number, drawnHere = false): Appearance | null {
    if (!drawnHere) this.#pending = this.#pending.filter(({ at }) => now - at < PATIENCE_MS);
    if (this.#pending.length === 0) return null;
    const isSlice = SLICES.includes(content);
    let { zoom, window } = base;
    const shown = { scale: 1, dx: 0, dy: 0 };
    for (const { effect } of this.#pending) {
      switch (effect.does) {
        case "pan":
          shown.dx += effect.dx;
          shown.dy += effect.dy;
          break;
        case "zoom": {
          const next = clamp(zoom * effect.factor, 0.05, isSlice ? 100 : 60);
          const factor = isSlice ? next / zoom : Math.tan(VIEW_ANGLE / 2 / zoom) / Math.tan(VIEW_ANGLE / 2 / next);
          zoom = next;
          shown.scale *= factor;
          shown.dx *= factor;
          shown.dy *= factor;
          break;
        }
        case "window by": {
          const perPixel = window.width / PIXELS_PER_WINDOW;
          window = { center: window.center + effect.dy * perPixel, width: Math.max(1, window.width + effect.dx * perPixel) };
          break;
        }
        case "window to":
          window = effect.window;
          break;
      }
    }
    const grey = window === base.window ? null : brightness(base.window, window);
    return { ...shown, window, grey };
  }

  #effects(message: ClientMessage, content: Content): Effect[] {
    const isSlice = SLICES.includes(content);
    switch (message.type) {
      case "pointer": {
        const from = this.#drag;
        const { kind, button, x, y } = message;
        const held = kind === "press" ? button : (from?.button ?? button);
        this.#drag = kind === "release" || held === undefined ? null : { button: held, x, y };
        if (!from || kind === "press") return [];
        const [dx, dy] = [x - from.x, y - from.y];
        if (dx === 0 && dy === 0) return [];
        if (from.button === "middle") return [{ does: "pan", dx, dy }];
        if (from.button === "right") return [{ does: "zoom", factor: clamp(1 + ZOOM_PER_PIXEL * dy, 0.1, 10) }];
        return isSlice ? [{ does: "window by", dx, dy }] : [];
      }
      case "wheel":
        return message.zoom || !isSlice ? [{ does: "zoom", factor: clamp(1 - ZOOM_PER_WHEEL * message.delta, 0.1, 10) }] : [];
      case "pinch":
        return [
          { does: "zoom", factor: clamp(message.zoom, 0.1, 10) },
          { does: "pan", dx: message.dx, dy: message.dy },
        ];
      case "window":
        return SHADED.includes(content)
          ? []
          : [{ does: "window to", window: { center: message.center, width: Math.max(1, message.width) } }];
      default:
        return [];
    }
  }
}

/** Brightness under one window to brightness under another: a straight line (DICOM PS3.3, C.11.2.1.2). */
export function brightness(from: WindowValues, to: WindowValues): { slope: number; intercept: number } {
  const [a, b] = [Math.max(1, from.width - 1), Math.max(1, to.width - 1)];
  return { slope: a / b, intercept: (from.center - to.center - a / 2) / b + 0.5 };
}

/** Compression leaves black and white this far from where they were, in levels of 8 bits. */
const NOISE = 2;

/**
 * The new brightness of each of 256 old ones. What was black or white stays so: beyond the window mostly lies what is
 * far beyond it, as air and bone are.
 */
export function levels({ slope, intercept }: { slope: number; intercept: number }): number[] {
  return Array.from({ length: 256 }, (_, level) => {
    if (level <= NOISE || level >= 255 - NOISE) return level <= NOISE ? 0 : 1;
    return clamp((level / 255) * slope + intercept, 0, 1);
  });
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
