// Sizes and lengths on screen.

import type { Size } from "./protocol";

/** More device pixels per CSS pixel than this no eye sees in a moving picture. */
const MAX_RATIO = 2;
/**
 * Pixels of all visible views together: what a CPU draws fluently, and a quarter of what a layout may have, as each
 * of the four views may once have been alone on screen and keeps its size while hidden.
 */
const MAX_PIXELS_CPU = 2_600_000;
const MAX_PIXELS_GPU = 4_100_000;
const MAX_SIDE = 8192;

/** Pixels to ask for per CSS pixel when the views cover this many CSS pixels together. */
export function pixelRatio(cssPixels: number, devicePixelRatio: number, backend: string): number {
  const cap = backend === "gpu" ? MAX_PIXELS_GPU : MAX_PIXELS_CPU;
  const ratio = Math.min(Math.max(devicePixelRatio, 0.5), MAX_RATIO);
  return Math.min(ratio, Math.sqrt(cap / Math.max(cssPixels, 1)));
}

/** Size of a view in picture pixels. */
export function viewSize(cssWidth: number, cssHeight: number, ratio: number): Size {
  const side = (css: number) => Math.min(MAX_SIDE, Math.max(16, Math.round(css * ratio)));
  return [side(cssWidth), side(cssHeight)];
}

export interface Ruler {
  mm: number;
  /** Length in CSS pixels. */
  length: number;
  /** Equal parts between the ticks. */
  parts: number;
}

/** The longest round length (1, 2 or 5 times a power of ten, in mm) within `maxLength` CSS pixels. */
export function ruler(mmPerCssPixel: number, maxLength: number): Ruler | null {
  if (!(mmPerCssPixel > 0) || !(maxLength > 0)) return null;
  const limit = mmPerCssPixel * maxLength;
  const power = 10 ** Math.floor(Math.log10(limit));
  const digit = [5, 2].find((d) => d * power <= limit) ?? 1;
  const mm = digit * power;
  return { mm, length: mm / mmPerCssPixel, parts: digit === 1 ? 10 : digit === 2 ? 4 : 5 };
}

/** "5 cm", "2 mm", "0.5 mm". */
export function lengthLabel(mm: number): string {
  return mm >= 10 ? `${Number((mm / 10).toPrecision(3))} cm` : `${Number(mm.toPrecision(3))} mm`;
}

/** A wheel event in the protocol's unit: 100 is one notch. */
export function wheelDelta(event: { deltaX: number; deltaY: number; deltaMode: number; ctrlKey: boolean }): number {
  // Shift turns a wheel sideways in some browsers.
  const delta = event.deltaY || event.deltaX;
  // Lines: three are a notch. Pages: one is.
  if (event.deltaMode === 1) return (delta / 3) * 100;
  if (event.deltaMode === 2) return delta * 100;
  // Two fingers that spread on a trackpad come as a wheel with Ctrl, in steps much smaller than any notch.
  if (event.ctrlKey && Math.abs(delta) < 50) return delta * 10;
  // Chromium on Linux counts 120 a notch; trackpads give anything.
  return delta !== 0 && delta % 120 === 0 ? (delta / 120) * 100 : delta;
}

/** Position 0…1 of a slider for a window width: fine steps where windows are narrow. */
export function widthToSlider(width: number, maxWidth: number): number {
  return Math.sqrt(Math.min(1, Math.max(0, (width - 1) / Math.max(1, maxWidth - 1))));
}

export function sliderToWidth(position: number, maxWidth: number): number {
  return Math.max(1, Math.round(1 + (maxWidth - 1) * position * position));
}
