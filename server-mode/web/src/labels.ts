// Where the text of something drawn stands: beside it, and not over the texts of others.

import type { Pixel } from "./sight";

/** In CSS pixels of a view. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Between what is drawn and its text. */
const GAP_PX = 8;
/** Between texts. */
const APART_PX = 4;

/**
 * To the right of what it tells of, else to its left, below or above it, always within `room`: where it covers no text that
 * stands already, else where it covers not what it tells of. `at` is the point that it tells of.
 */
export function beside(at: Pixel, width: number, height: number, of: Box, room: Box, taken: readonly Box[]): Box {
  const within = (n: number, from: number, size: number) => Math.max(from, Math.min(n, from + size));
  const put = (left: number, top: number): Box => ({
    left: within(left, room.left, room.width - width),
    top: within(top, room.top, room.height - height),
    width,
    height,
  });
  const [right, left] = [of.left + of.width + GAP_PX, of.left - GAP_PX - width];
  const middle = of.left + (of.width - width) / 2;
  const level = at[1] - height / 2;
  const levels = taken.flatMap((box) => [box.top + box.height + APART_PX, box.top - height - APART_PX]);
  levels.sort((a, b) => Math.abs(a - level) - Math.abs(b - level));
  const near = [put(right, level), put(left, level), put(middle, of.top + of.height + GAP_PX), put(middle, of.top - GAP_PX - height)];
  const places = [...near, ...levels.map((top) => put(right, top)), ...levels.map((top) => put(left, top))];
  const clear = places.filter((place) => !meet(place, of));
  return clear.find((place) => !taken.some((box) => meet(place, box))) ?? clear[0] ?? near[0]!;
}

/** From a text to the nearest of the points that it tells of; null where it stands next to them. */
export function leader({ left, top, width, height }: Box, points: readonly Pixel[]): readonly [Pixel, Pixel] | null {
  const edge = ([x, y]: Pixel): Pixel => [Math.max(left, Math.min(x, left + width)), Math.max(top, Math.min(y, top + height))];
  const far = (p: Pixel) => Math.hypot(p[0] - edge(p)[0], p[1] - edge(p)[1]);
  const [first] = points;
  if (!first) return null;
  const nearest = points.reduce((best, p) => (far(p) < far(best) ? p : best), first);
  return far(nearest) > 2 * GAP_PX ? [edge(nearest), nearest] : null;
}

/** The smallest box that holds all points. */
export function boxOf(points: readonly Pixel[]): Box {
  const [x, y] = [points.map((p) => p[0]), points.map((p) => p[1])];
  const [left, top] = [Math.min(...x), Math.min(...y)];
  return { left, top, width: Math.max(...x) - left, height: Math.max(...y) - top };
}

function meet(a: Box, b: Box): boolean {
  return a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;
}
