// What is drawn over one view, as SVG in its CSS pixels.

import { type Annotation, type Line, handlesOf, isOn, lines, textPlace, told } from "./annotation";
import { type CutLine, drawn as drawnCuts } from "./crosshair";
import { svg } from "./dom";
import type { Editor } from "./editor";
import { type HostedLine, place, rows as hostedRows, seen } from "./hosted";
import { type Box, beside, boxOf, leader } from "./labels";
import type { Measuring } from "./measuring";
import type { Drawing } from "./protocol";
import { type Pixel, type Sight, pixelFromPatient } from "./sight";
import { t } from "./texts";

const HANDLE_PX = 4;
const LINE_PX = 15;
/** Their values are those of one slice. */
const OF_A_SLICE: readonly Drawing["kind"][] = ["probe", "ellipse", "rectangle", "freehand"];
/** How wide rows of the labels are; no more of them than this are remembered. */
const WIDTHS = new Map<string, number>();
const MOST_WIDTHS = 1000;
/** Between a text and the edge of a view, its back, and the bar of slices at the right. */
const MARGIN_PX = 8;
const BAR_PX = 30;
/** Below the letter and the caption at a view's top. */
const MARKS_PX = 24;

/** How pixels of the picture lie on the screen. */
export interface Scale {
  /** CSS pixels of a pixel. */
  by: number;
  /** Where the picture's top left corner is. */
  left: number;
  top: number;
}

/** A picture of this size in the middle of a box, as large as it fits. A box has parts of pixels, too. */
export function scaleOf([width, height]: readonly [number, number], box: { getBoundingClientRect(): { width: number; height: number } }): Scale {
  const { width: boxWidth, height: boxHeight } = box.getBoundingClientRect();
  const by = Math.min(boxWidth / width, boxHeight / height) || 1;
  return { by, left: (boxWidth - width * by) / 2, top: (boxHeight - height * by) / 2 };
}

/** What a host has drawn on the series of a view, and how far from the slice it is shown. */
export interface Hosted {
  drawings: readonly Drawing[];
  reachMm: number;
  /** Whether the host's words are shown, too: they may name the patient. */
  named: boolean;
}

/** Where other slices cut this one. */
export interface Cuts {
  lines: readonly CutLine[];
  /** Whether the crosshair's tool is in hand. */
  held: boolean;
}

/** Where the labels of a view have their place. */
interface Labels {
  room: Box;
  /** Where some stand already. */
  taken: Box[];
  /** The picture is a slab's: what is measured in a slice of it is not what is seen. */
  inSlab: boolean;
  /** How wide a row is. */
  widthOf(row: string): number;
}

/** Draws what lies on the slice; `active` is the view that has the keyboard's pointer, `inSlab` one that shows a slab. */
export function sketch(root: SVGSVGElement, sight: Sight | null, cuts: Cuts, hosted: Hosted, editor: Editor, measuring: Measuring, active: boolean, inSlab: boolean): void {
  const box = root.parentElement ?? root;
  const { clientWidth: width, clientHeight: height } = box;
  if (!sight || width === 0) return root.replaceChildren();
  const scale = scaleOf(sight.size, box);
  const onScreen = ([x, y]: Pixel): Pixel => [scale.left + x * scale.by, scale.top + y * scale.by];
  const shown = editor.shown.filter((one) => isOn(one, sight));
  // What is selected lies over the others.
  shown.sort((a, b) => Number(a.id === editor.selected) - Number(b.id === editor.selected));
  const room: Box = { left: MARGIN_PX, top: 2, width: width - MARGIN_PX - BAR_PX, height: height - 6 };
  // Asked for before anything is changed, and only where there is something to write: the layout is known then.
  const taken = shown.length + hosted.drawings.length > 0 ? cornersOf(box) : [];
  const sample = svg("text");
  root.append(svg("g", { class: "values" }, sample));
  const labels: Labels = { room, taken, inSlab, widthOf: (row) => widthIn(sample, row) };
  let marks = 0;
  const theirs = hosted.drawings.flatMap((one) => {
    const drawn = seen(one, sight, hosted.reachMm);
    if (!drawn) return [];
    if (one.kind !== "keyImage") return [hostedDrawing(one, drawn, hosted.named, onScreen, labels)];
    // Of the whole picture: below each other at its top.
    marks += 1;
    return [hostedDrawing(one, drawn, hosted.named, onScreen, labels, [width / 2, MARKS_PX + LINE_PX * marks])];
  });
  const own = shown.map((one) => drawing(one, sight, editor, measuring, onScreen, labels));
  const parts = [...drawnCuts(cuts.lines, onScreen, width + height, cuts.held), ...theirs, ...own];
  if (active && editor.pointer) {
    const [x, y] = onScreen(editor.pointer);
    parts.push(svg("path", { class: "cursor", d: `M${x - 12} ${y}h24M${x} ${y - 12}v24` }));
  }
  root.replaceChildren(...parts);
}

/** Where the corners of a view have their texts. */
function cornersOf(surface: Element): Box[] {
  const from = surface.getBoundingClientRect();
  const corners = [...(surface.parentElement?.querySelectorAll(".corner") ?? [])].map((corner) => corner.getBoundingClientRect());
  return corners.filter(({ width }) => width > 0).map(({ left, top, width, height }) => ({ left: left - from.left, top: top - from.top, width, height }));
}

/** As a text of the page is drawn. */
function widthIn(sample: SVGTextElement, row: string): number {
  const known = WIDTHS.get(row);
  if (known !== undefined) return known;
  if (WIDTHS.size >= MOST_WIDTHS) WIDTHS.clear();
  sample.textContent = row;
  const width = sample.getComputedTextLength();
  WIDTHS.set(row, width);
  return width;
}

/** In the host's colours, which its window shows, too. */
function hostedDrawing(one: Drawing, drawn: readonly HostedLine[], named: boolean, onScreen: (at: Pixel) => Pixel, labels: Labels, mark?: Pixel): SVGElement {
  const lines = drawn.map((line) => ({ ...line, points: line.points.map(onScreen) }));
  const shade = lines.filter(({ dashed }) => !dashed);
  const group = svg("g", { class: "drawing hosted", "data-kind": one.kind }, svg("path", { class: "shade", d: pathOf(shade) }));
  const stroke = `rgb(${one.color.join(" ")})`;
  for (const dashed of [false, true]) {
    const of = lines.filter((line) => (line.dashed ?? false) === dashed);
    if (of.length > 0) group.append(svg("path", { class: dashed ? "line dashed" : "line", d: pathOf(of), stroke }));
  }
  const at = mark ?? place(one, lines);
  if (at) group.append(...label(at, lines, [...hostedRows(one, named), ...caution(one.kind, one.quantities.length > 0, labels)], true, labels, stroke));
  return group;
}

function pathOf(lines: readonly { points: readonly Pixel[]; closed: boolean }[]): string {
  return lines.map(({ points, closed }) => `M${points.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`).join("L")}${closed ? "Z" : ""}`).join("");
}

function drawing(one: Annotation, sight: Sight, editor: Editor, measuring: Measuring, onScreen: (at: Pixel) => Pixel, labels: Labels): SVGElement {
  const selected = one.id === editor.selected;
  const drawn = lines(one, sight).map(({ points, closed }) => ({ points: points.map(onScreen), closed }));
  const d = pathOf(drawn);
  const group = svg("g", { class: selected ? "drawing selected" : "drawing", "data-kind": one.kind }, svg("path", { class: "shade", d }), svg("path", { class: "line", d }));
  if (selected) {
    const handles = new Set([...handlesOf(one), ...(editor.focus === null ? [] : [editor.focus])]);
    one.points.forEach((p, i) => {
      if (!handles.has(i)) return;
      const [x, y] = onScreen(pixelFromPatient(sight, p));
      const held = editor.focus === i ? { class: "handle held", r: HANDLE_PX * 1.6 } : { class: "handle", r: HANDLE_PX };
      group.append(svg("circle", { cx: x.toFixed(2), cy: y.toFixed(2), ...held }));
    });
  }
  const at = textPlace(drawn);
  const known = measuring.told(one.id);
  const rows = [...told(known?.known, selected), ...caution(one.kind, known !== undefined && "measured" in known.known, labels)];
  if (at && rows.length > 0) group.append(...label(at, drawn, rows, known?.of === one, labels));
  return group;
}

/** Of values that were measured in one slice, over a picture of more of them. */
function caution(kind: Drawing["kind"], isMeasured: boolean, { inSlab }: Labels): readonly string[] {
  return inSlab && isMeasured && OF_A_SLICE.includes(kind) ? [t("values-of-one-slice")] : [];
}

/** Beside what it tells of, with a line to it where it has to stand apart. */
function label(at: Pixel, of: readonly Line[], rows: readonly string[], isOfNow: boolean, { room, taken, widthOf }: Labels, fill?: string): readonly SVGElement[] {
  const points = of.length > 0 ? of.flatMap((line) => line.points) : [at];
  const [wide, high] = [Math.ceil(Math.max(...rows.map(widthOf))), LINE_PX * rows.length];
  const box = beside(at, wide, high, boxOf(points), room, taken);
  taken.push(box);
  const { left, top } = box;
  const spans = rows.map((row, i) => {
    const span = svg("tspan", { x: left.toFixed(1), y: (top + (i + 0.8) * LINE_PX).toFixed(1) });
    span.textContent = row;
    return span;
  });
  const back = svg("rect", { class: "back", x: left - 4, y: top - 1, width: wide + 8, height: high + 2, rx: 3 });
  const text = svg("g", { class: isOfNow ? "values" : "values before", fill: fill ?? false }, back, svg("text", {}, ...spans));
  const line = of.length > 0 ? leader(box, points) : null;
  return line ? [svg("path", { class: "leader", d: pathOf([{ points: line, closed: false }]), stroke: fill ?? false }), text] : [text];
}
