// What is drawn on slices to be measured: kinds, points, handles, and what of them is seen. The desktop's are in
// ../../../render-core/reading/src/annotation.rs; the server measures both by the same code.

import type { MeasuredKind, Quantity } from "./messages";
import type { Measured } from "./protocol";
import { type Pixel, type Placement, type Sight, type Vec, add, cross, distanceMm, dot, length, minus, normalOf, onto, pixelFromPatient, times } from "./sight";
import { type Text, t } from "./texts";

export const KINDS = ["length", "angle", "ellipse", "rectangle", "freehand", "probe"] as const satisfies readonly MeasuredKind[];
export type Kind = (typeof KINDS)[number];

export interface Annotation {
  readonly id: number;
  readonly kind: Kind;
  readonly series: string;
  /** As the protocol's `measure` has them. */
  readonly points: readonly Vec[];
  readonly placement: Placement;
}

/** What is known of one: what was measured, or why nothing was. */
export type Known = { readonly measured: Measured } | { readonly failed: string };

/** A server measures no more. */
const MOST_POINTS = 1000;
/** More handles would hide an outline. */
const HANDLES = 12;
/** Corners of an ellipse drawn as a line. */
const CORNERS = 72;
const CROSS_PX = 6;
/** Planes whose normals agree so well are parallel. */
const SAME_PLANE = 0.9999;

/** Points that a hand gives before it is whole; an outline is when the hand says so. */
export function givenPoints(kind: Kind): number {
  if (kind === "freehand") return Infinity;
  return kind === "probe" ? 1 : kind === "angle" ? 3 : 2;
}

/** The points of a kind from those that a hand gave, the last of which may still move. */
export function shaped(kind: Kind, placement: Placement, given: readonly Vec[]): readonly Vec[] {
  const [first, last] = [given[0], given.at(-1)];
  if (!first || !last) return [];
  if (kind === "probe") return [last];
  if (kind === "length") return [first, last];
  if (kind === "angle") return [first, given[1] ?? last, last];
  if (kind === "freehand") return given.filter((_, i) => i % Math.ceil(given.length / MOST_POINTS) === 0);
  const { centerMm, right, down } = placement;
  const flat = (p: Vec) => [dot(minus(p, centerMm), right), dot(minus(p, centerMm), down)] as const;
  const at = (x: number, y: number) => add(centerMm, add(times(right, x), times(down, y)));
  const [[ax, ay], [bx, by]] = [flat(first), flat(last)];
  if (kind === "rectangle") return [at(ax, ay), at(bx, ay), at(bx, by), at(ax, by)];
  const [mx, my, hx, hy] = [(ax + bx) / 2, (ay + by) / 2, Math.abs(bx - ax) / 2, Math.abs(by - ay) / 2];
  return [at(mx - hx, my), at(mx + hx, my), at(mx, my - hy), at(mx, my + hy)];
}

/** Whether it is seen on a slice. */
export function isOn(annotation: Annotation, sight: Sight): boolean {
  if (annotation.series !== sight.series) return false;
  const parallel = Math.abs(dot(normalOf(annotation.placement), normalOf(sight))) > SAME_PLANE;
  const near = (p: Vec) => Math.abs(distanceMm(sight, p)) <= sight.reachMm * (1 + 1e-6);
  return (parallel || annotation.kind === "probe") && annotation.points.every(near);
}

export function moved(annotation: Annotation, by: Vec): Annotation {
  const normal = normalOf(annotation.placement);
  const along = annotation.kind === "probe" ? by : minus(by, times(normal, dot(by, normal)));
  return { ...annotation, points: annotation.points.map((p) => add(p, along)) };
}

/** With one handle somewhere else; what belongs together moves along. */
export function withHandle(annotation: Annotation, handle: number, to: Vec): Annotation {
  const { kind, placement } = annotation;
  const p = [...annotation.points];
  if (kind === "probe") return { ...annotation, points: [to], placement: { ...placement, centerMm: to } };
  const at = onto(placement, to);
  if (kind === "ellipse") {
    // The other end mirrors it; the second axis keeps its length and its right angle.
    const [own, other] = handle < 2 ? [0, 2] : [2, 0];
    const middle = times(add(p[0]!, p[1]!), 0.5);
    const half = minus(at, middle);
    if (length(half) < 1e-6) return annotation;
    const before = times(minus(p[other + 1]!, p[other]!), 0.5);
    const turned = cross(normalOf(placement), half);
    const across = times(turned, (length(before) / length(turned)) * (dot(turned, before) < 0 ? -1 : 1));
    p[handle] = at;
    p[own + (1 - (handle % 2))] = minus(middle, half);
    [p[other], p[other + 1]] = [minus(middle, across), add(middle, across)];
  } else if (kind === "rectangle") {
    // The opposite corner and the directions of the edges stay.
    const opposite = p[(handle + 2) % 4]!;
    const [next, last] = [(handle + 1) % 4, (handle + 3) % 4];
    const [edge, side] = [minus(p[next]!, opposite), cross(minus(p[last]!, opposite), normalOf(placement))];
    const along = length(edge) > 1e-6 ? edge : length(side) > 1e-6 ? side : placement.right;
    const direction = times(along, 1 / length(along));
    const part = times(direction, dot(minus(at, opposite), direction));
    [p[handle], p[next], p[last]] = [at, add(opposite, part), minus(at, part)];
  } else if (kind === "freehand") return { ...annotation, points: pulled(p, handle, at) };
  else p[handle] = at;
  return { ...annotation, points: p };
}

/** An outline with one point somewhere else, and its neighbours part of the way. */
function pulled(points: readonly Vec[], handle: number, to: Vec): readonly Vec[] {
  const count = points.length;
  const by = minus(to, points[handle]!);
  const reach = Math.max(1, Math.floor(count / 8));
  return points.map((p, i) => {
    const steps = (i - handle + count) % count;
    const away = Math.min(steps, count - steps);
    if (away > reach || (count <= 3 && away > 0)) return p;
    return add(p, times(by, 0.5 + 0.5 * Math.cos((Math.PI * away) / (reach + 1))));
  });
}

/** The points that are shown to be taken hold of. */
export function handlesOf({ kind, points }: Annotation): readonly number[] {
  const step = kind === "freehand" ? Math.max(1, Math.ceil(points.length / HANDLES)) : 1;
  return points.flatMap((_, i) => (i % step === 0 ? [i] : []));
}

/** The lines of it in the patient, and whether they close. */
function outline({ kind, points: p }: Annotation): { points: readonly Vec[]; closed: boolean } {
  if (kind === "probe") return { points: [], closed: false };
  if (kind !== "ellipse") return { points: p, closed: kind === "rectangle" || kind === "freehand" };
  return { points: ellipseOf(p), closed: true };
}

/** The corners of an ellipse by both ends of each axis. */
export function ellipseOf(p: readonly Vec[]): readonly Vec[] {
  const middle = times(add(p[0]!, p[1]!), 0.5);
  const [a, b] = [times(minus(p[1]!, p[0]!), 0.5), times(minus(p[3]!, p[2]!), 0.5)];
  const corner = (_: unknown, i: number) => {
    const angle = (2 * Math.PI * i) / CORNERS;
    return add(middle, add(times(a, Math.cos(angle)), times(b, Math.sin(angle))));
  };
  return Array.from({ length: CORNERS }, corner);
}

export interface Line {
  points: readonly Pixel[];
  closed: boolean;
}

/** What is drawn of it, in pixels of the view. */
export function lines(annotation: Annotation, sight: Sight): readonly Line[] {
  const { points, closed } = outline(annotation);
  if (annotation.kind !== "probe") return [{ points: points.map((p) => pixelFromPatient(sight, p)), closed }];
  const [x, y] = pixelFromPatient(sight, annotation.points[0]!);
  const bar = (dx: number, dy: number): Line => ({ points: [[x - dx, y - dy], [x + dx, y + dy]], closed: false });
  return [bar(CROSS_PX, 0), bar(0, CROSS_PX)];
}

/** Where its values are written: at its rightmost point. */
export function textPlace(drawn: readonly Line[]): Pixel | null {
  const points = drawn.flatMap((line) => line.points);
  return points.reduce<Pixel | null>((best, p) => (best === null || p[0] > best[0] ? p : best), null);
}

/** What is at a pixel: an annotation, and its handle where it is one. Of the selected one first: others may lie over it. */
export function hit(annotations: readonly Annotation[], sight: Sight, at: Pixel, tolerance: number, selected: number | null): { id: number; handle: number | null } | null {
  const shown = annotations.filter((one) => isOn(one, sight)).reverse();
  shown.sort((a, b) => Number(b.id === selected) - Number(a.id === selected));
  for (const one of shown) {
    const away = one.points.map((p) => distance(pixelFromPatient(sight, p), at));
    const nearest = away.indexOf(Math.min(...away));
    if (away[nearest]! <= tolerance) return { id: one.id, handle: nearest };
  }
  const touches = ({ points, closed }: Line) =>
    points.some((from, i) => {
      const to = points[i + 1] ?? (closed ? points[0] : undefined);
      return to !== undefined && toSegment(at, from, to) <= tolerance;
    });
  const on = shown.find((one) => lines(one, sight).some(touches));
  return on ? { id: on.id, handle: null } : null;
}

function distance(a: Pixel, b: Pixel): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

function toSegment(at: Pixel, a: Pixel, b: Pixel): number {
  const [along, from] = [[b[0] - a[0], b[1] - a[1]] as const, [at[0] - a[0], at[1] - a[1]] as const];
  const share = (from[0] * along[0] + from[1] * along[1]) / Math.max(along[0] ** 2 + along[1] ** 2, 1e-12);
  const part = Math.min(1, Math.max(0, share));
  return Math.hypot(from[0] - along[0] * part, from[1] - along[1] * part);
}

// --- Values in words -----------------------------------------------------------------------------------------------

const NAMES: Readonly<Record<string, Text>> = {
  length: "length",
  angle: "angle",
  area: "area",
  perimeter: "perimeter",
  volume: "volume",
  "long-axis": "long-axis",
  "short-axis": "short-axis",
  value: "value",
  mean: "mean",
  "standard-deviation": "sd",
  minimum: "min",
  maximum: "max",
  count: "count",
};
/** Told without a name: what it is is seen. */
const PLAIN = ["length", "angle", "cobb-angle", "value"];
/** Told only where there is room for all. */
const MORE = ["count", "minimum", "maximum", "perimeter"];

/** Of an annotation with values, or of one that waits for them; all of them, or the ones that matter most. */
export function told(known: Known | undefined, all: boolean): readonly string[] {
  if (!known) return [];
  if ("failed" in known) return [known.failed];
  const rows: string[] = [];
  for (const quantity of known.measured.quantities) {
    if (!all && MORE.includes(quantity.measure)) continue;
    const name = NAMES[quantity.measure];
    const text = PLAIN.includes(quantity.measure) || !name ? quantityText(quantity) : `${t(name)} ${quantityText(quantity)}`;
    const joins = quantity.measure === "standard-deviation" || quantity.measure === "maximum";
    if (joins && rows.length > 0) rows.push(`${rows.pop()}  ${text}`);
    else rows.push(text);
  }
  return rows;
}

/** mm and degrees to 0.1, values as finely as they mean anything, with the unit. */
export function quantityText({ measure, value, unit }: Quantity): string {
  const number = value.toFixed(decimals(measure, value, unit)).replace("-", "−");
  return unit === "" ? number : unit === "°" ? `${number}°` : `${number} ${unit}`;
}

function decimals(measure: string, value: number, unit: string): number {
  if (measure === "count") return 0;
  if (measure === "volume") return Math.abs(value) < 10 ? 3 : 1;
  if (["mm", "px", "°", "mm²", "px²"].includes(unit)) return 1;
  if (unit.startsWith("SUV")) return 2;
  if (["value", "minimum", "maximum"].includes(measure) && Number.isInteger(value)) return 0;
  const size = Math.abs(value);
  if (size >= 10 || size === 0) return 1;
  return size >= 1 ? 2 : Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(size))));
}
