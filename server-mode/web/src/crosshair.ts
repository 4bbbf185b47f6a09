// Where the other slices of a patient space cut a slice, and the place where they are to cross, as in the window
// (../../../app/src/desktop/crosshair.rs). Without a page, but for the lines.

import { svg } from "./dom";
import type { Content } from "./protocol";
import { type Pixel, type Sight, type Vec, add, cross, dot, length, minus, normalOf, onto, pixelFromPatient, times } from "./sight";

/** A slice on screen. */
export interface Cut {
  view: number;
  content: Content;
  sight: Sight;
  /** Places hold for all slices of one patient space. */
  space: string;
}

/** Another slice's line on a slice. */
export interface CutLine {
  content: Content;
  /** A pixel of it, nearest to where the slices cross, and its direction. */
  at: Pixel;
  along: Pixel;
}

/** CSS pixels around the crossing that stay free. */
const GAP_PX = 14;
/** Slices whose normals agree so well have no line in each other. */
const PARALLEL = 1e-3;

/** The lines of the other slices on a slice; `placeMm` is where they cross, else the middle of the slice. */
export function linesOn(cut: Cut, all: readonly Cut[], placeMm: Vec | undefined): readonly CutLine[] {
  const { sight } = cut;
  const normal = normalOf(sight);
  const middle = onto(sight, placeMm ?? sight.centerMm);
  return all.flatMap((other) => {
    if (other.view === cut.view || other.space !== cut.space) return [];
    const otherNormal = normalOf(other.sight);
    const line = cross(normal, otherNormal);
    if (length(line) < PARALLEL) return [];
    const across = minus(otherNormal, times(normal, dot(otherNormal, normal)));
    const inPlane = times(across, 1 / length(across));
    const off = dot(minus(other.sight.centerMm, middle), otherNormal) / dot(inPlane, otherNormal);
    const along = times(line, 1 / length(line));
    return [{ content: other.content, at: pixelFromPatient(sight, add(middle, times(inPlane, off))), along: [dot(along, sight.right), dot(along, sight.down)] as const }];
  });
}

/** Thin lines, or with a gap where the tool takes hold; `reach` is longer than any line, in CSS pixels. */
export function drawn(lines: readonly CutLine[], onScreen: (at: Pixel) => Pixel, reach: number, held: boolean): readonly SVGElement[] {
  return lines.flatMap(({ content, at, along: [dx, dy] }) => {
    const [x, y] = onScreen(at);
    const to = (by: number) => `${(x + dx * by).toFixed(2)} ${(y + dy * by).toFixed(2)}`;
    const d = held ? `M${to(-reach)}L${to(-GAP_PX)}M${to(GAP_PX)}L${to(reach)}` : `M${to(-reach)}L${to(reach)}`;
    const line = svg("path", { class: held ? "cut held" : "cut", "data-content": content, d });
    return held ? [svg("path", { class: "shade", d }), line] : [line];
  });
}
