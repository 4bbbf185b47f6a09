// Measuring in the page: the tools, what is drawn over the views, the list of it, and the value under the pointer.

import { type Annotation, type Kind, KINDS, isOn, told } from "./annotation";
import { type Cut, linesOn } from "./crosshair";
import { byId, element, setText, svg } from "./dom";
import { Editor } from "./editor";
import type { Point, Tool } from "./gestures";
import { Lists, listed } from "./hosted";
import { Measuring, Pointed } from "./measuring";
import type { ClientMessage, Drawing, Measured, Place, SeriesOpened, ServerMessage } from "./protocol";
import { type Pixel, type Sight, type Vec, isSlice, onto, patientFromPixel, pixelFromPatient, sightOf, slicesTo, voxelAt, voxelMiddle } from "./sight";
import { keysText } from "./sheet";
import { type Hosted, scaleOf, sketch } from "./sketch";
import { type Row, acquiredSlice } from "./table";
import { type Text, named, t } from "./texts";
import { type Viewport, showsPreset } from "./viewport";
import { sentence } from "./words";

/** CSS pixels within which something is taken hold of. */
const NEAR_PX = 8;
const NEAR_FINGER_PX = 22;
const MOUSE_TOOLS = ["window", "scroll", "zoom", "pan", "crosshair"] as const satisfies readonly Tool[];

export interface DrawingsOwner {
  /** Past all that watches for answers by pictures. */
  send(message: ClientMessage): number | null;
  /** The series that a view shows. */
  seriesOf(view: number): SeriesOpened | null;
  active(): Viewport;
  activate(view: number): void;
  announce(text: string): void;
}

/** How the slice of a view lies, as the server told it last. */
interface Lies {
  series: string;
  place: Place;
  /** Pictures of earlier revisions of the view show it as it lay before. */
  from: number;
}

export class Drawings {
  readonly #views: readonly Viewport[];
  readonly #owner: DrawingsOwner;
  readonly #editor = new Editor(() => this.#redraw());
  readonly #measuring: Measuring;
  readonly #pointed: Pointed;
  readonly #lies = new Map<number, Lies>();
  /** Views whose place was asked for, with the series. */
  readonly #asked = new Map<number, string>();
  readonly #hosted = new Lists();
  readonly #buttons = new Map<Tool | Kind, HTMLButtonElement>();
  readonly #undo = button("undo", "Ctrl+Z", () => this.undo());
  readonly #redo = button("redo", "Ctrl+Shift+Z", () => this.redo());
  readonly #delete = button("delete", "Delete", () => this.remove());
  readonly #list = byId("measurements", HTMLElement);
  readonly #title = element("h2", {}, t("measurements"));
  readonly #rows = element("ul");
  readonly #hostedTitle = element("h2", {}, t("host-drawings"));
  readonly #hostedRows = element("ul");
  readonly #value = byId("probe", HTMLElement);
  #tool: Tool = "window";
  /** Whether the host alone moves what is shown. */
  #watches = false;
  /** Where the slices of each patient space are to cross. */
  readonly #crossings = new Map<string, Vec>();
  /** The view in which the crosshair is dragged. */
  #crossed: number | null = null;
  #showsCuts = true;
  /** Whether words of a host's may be shown; null as on screen. */
  #named: boolean | null = null;
  readonly #measuredOn = new Map<string, SeriesOpened>();
  /** Where the pointer is, in CSS pixels of a view. */
  #hovered: { view: number; at: Point } | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;

  constructor(views: readonly Viewport[], owner: DrawingsOwner) {
    this.#views = views;
    this.#owner = owner;
    this.#measuring = new Measuring((message) => owner.send(message));
    this.#pointed = new Pointed((message) => owner.send(message));
    const bar = byId("tools", HTMLDivElement);
    const tools = [...MOUSE_TOOLS, ...KINDS].map((tool) => {
      const chosen = button(tool, KEYS[tool], () => this.choose(tool, true));
      this.#buttons.set(tool, chosen);
      return chosen;
    });
    bar.append(...tools, element("hr", { role: "presentation" }), this.#undo, this.#redo, this.#delete);
    this.#list.append(this.#title, this.#rows, this.#hostedTitle, this.#hostedRows);
    this.#show();
  }

  get tool(): Tool {
    return this.#tool;
  }

  /** All that was drawn, for a page that is loaded again. */
  get annotations(): readonly Annotation[] {
    return this.#editor.annotations;
  }

  restore(annotations: readonly Annotation[]): void {
    this.#editor.restore(annotations);
    this.#redraw();
  }

  // --- What the server tells ---------------------------------------------------------------------------------------

  opened(): void {
    this.#crossings.clear();
    this.#lies.clear();
    this.#asked.clear();
    this.#editor.abandon();
    this.#redraw();
  }

  /** A view, or all of them, may lie otherwise from now on. */
  forget(view?: number): void {
    for (const { view: other } of this.#views) {
      if (view !== undefined && view !== other) continue;
      this.#lies.delete(other);
      this.#asked.delete(other);
    }
    this.#redraw();
  }

  /** How a view lies, in pictures `from` a revision of it on. */
  state(view: number, series: string, place: Place, from: number): void {
    this.#lies.set(view, { series, place, from });
    this.#redraw();
  }

  /** What a host has drawn on a series. */
  hosted(message: Extract<ServerMessage, { type: "drawn" }>): void {
    this.#hosted.take(message);
    this.#owner.send({ type: "ackDrawn" });
    this.#redraw();
  }

  /** Nobody says any more what a host shows. */
  unhosted(): void {
    this.#hosted.clear();
    this.#redraw();
  }

  measured(message: Measured): void {
    if (this.#pointed.answered(message)) return this.#tellValue();
    const of = this.#measuring.answered(message);
    const series = of && this.#views.map(({ view }) => this.#owner.seriesOf(view)).find((series) => series?.seriesInstanceUid === of.series);
    if (series) this.#measuredOn.set(series.seriesInstanceUid, series);
    if (of && this.#editor.annotations.includes(of)) this.#owner.announce([t(of.kind), ...told(this.#measuring.told(of.id)?.known, true)].join(", "));
    this.#redraw();
  }

  /** An error of the server's. Returns whether it was about a measurement. */
  refused({ seq, message }: Extract<ServerMessage, { type: "error" }>): boolean {
    const mine = this.#pointed.refused(seq) || this.#measuring.refused(seq, message);
    if (mine) this.#redraw();
    return mine;
  }

  /** A session that begins anew may be of other studies: all is measured again. */
  measureAnew(): void {
    this.#measuring.forget();
    this.#pointed.forget();
    this.#measuredOn.clear();
    this.#redraw();
  }

  /** What was drawn on series that are another patient's now is forgotten. */
  letGoOf(changed: ReadonlySet<string>): void {
    if (changed.size > 0) this.#editor.forget((series) => changed.has(series));
    this.#redraw();
  }

  lost(): void {
    this.#measuring.lost();
    this.#pointed.lost();
    this.#asked.clear();
    this.#lies.clear();
    this.#editor.abandon();
  }

  // --- Hands and keys ----------------------------------------------------------------------------------------------

  /** Who only watches measures, and moves nothing. */
  watch(watches: boolean): void {
    this.#watches = watches;
    for (const tool of MOUSE_TOOLS) {
      const button = this.#buttons.get(tool)!;
      button.disabled = watches;
      button.title = watches ? t("you-watch") : titleOf(tool, KEYS[tool]);
    }
    if (watches && this.#tool !== "window") this.#take("window");
  }

  /** Takes up a tool; with a click, the view gets the keyboard back. Who only watches puts one away by choosing it again. */
  choose(tool: Tool | Kind, byClick = false): void {
    if (this.#buttons.get(tool)!.disabled) return;
    this.#take(this.#watches && tool === this.#editor.tool ? "window" : tool);
    if (byClick) this.#owner.active().surface.focus();
  }

  #take(tool: Tool | Kind): void {
    const kind = KINDS.find((kind) => kind === tool) ?? null;
    this.#tool = kind ? "window" : (tool as Tool);
    this.#editor.choose(kind);
    this.#owner.announce(t(tool));
    this.#redraw();
  }

  draw(view: number, kind: "press" | "move" | "release" | "cancel", at: Point, byTouch: boolean): boolean {
    if (kind === "cancel") {
      this.#crossed = null;
      this.#editor.abandon();
      return true;
    }
    if (this.#tool === "crosshair" && (kind === "press" || this.#crossed === view)) return this.#dragCrosshair(view, kind, at);
    const sight = this.#sight(view);
    if (!sight) return false;
    const [pixel, by] = this.#pixel(view, sight, at);
    if (kind === "press") return this.#editor.press(sight, pixel, (byTouch ? NEAR_FINGER_PX : NEAR_PX) / by);
    if (kind === "move") return this.#editor.move(sight, pixel);
    this.#editor.release(sight, pixel);
    return true;
  }

  #dragCrosshair(view: number, kind: "press" | "move" | "release", at: Point): boolean {
    const shown = this.#views[view]?.drawn;
    if (!shown || !isSlice(shown.content)) return false;
    this.#crossed = kind === "release" ? null : view;
    const sight = this.#sight(view);
    if (sight) this.#crossAt(view, patientFromPixel(sight, this.#pixel(view, sight, at)[0]));
    return true;
  }

  /** The other slices of the view's patient space page to a place. */
  #crossAt(view: number, mm: Vec): void {
    const cuts = this.#cuts();
    const space = cuts.find((cut) => cut.view === view)?.space;
    if (space === undefined) return;
    this.#crossings.set(space, mm);
    for (const cut of cuts) {
      const viewport = this.#views[cut.view];
      const slice = viewport?.drawn?.slice;
      if (cut.view !== view && cut.space === space && viewport && slice != null) viewport.showSlice(slice + slicesTo(cut.sight, mm));
    }
    this.#redraw();
  }

  /** The slices on screen whose places are known. */
  #cuts(): readonly Cut[] {
    return this.#views.flatMap(({ view, content }) => {
      const sight = this.#sight(view);
      const space = sight && this.#spaceOf(view);
      return sight && space ? [{ view, content, sight, space }] : [];
    });
  }

  /** Empty where nobody knows how the images lie in the patient. */
  #spaceOf(view: number): string {
    const series = this.#owner.seriesOf(view);
    return !series || series.outline.directionsUnknown ? "" : series.frameOfReferenceUid || series.seriesInstanceUid;
  }

  /** Shows or hides where the other slices cut a slice. */
  toggleCuts(): void {
    this.#showsCuts = !this.#showsCuts;
    this.#owner.announce(t(this.#showsCuts ? "cut-lines-shown" : "cut-lines-hidden"));
    this.#redraw();
  }

  hover(view: number, at: Point | null): void {
    this.#hovered = at && { view, at };
    this.#tellValue();
  }

  /** Leaves what is being done, or the tool. Returns whether there was anything to leave. */
  escape(): boolean {
    if (this.#editor.escape()) return true;
    if (this.#editor.tool === null && this.#tool === "window") return false;
    this.#take("window");
    return true;
  }

  remove(id?: number): void {
    const gone = this.#editor.remove(id);
    if (gone) this.#owner.announce(t("removed", { name: t(gone.kind) }));
  }

  undo(): void {
    const done = this.#editor.undo(this.#series);
    if (done) this.#owner.announce(t("undone", { name: t(done.kind) }));
  }

  redo(): void {
    const done = this.#editor.redo(this.#series);
    if (done) this.#owner.announce(t("redone", { name: t(done.kind) }));
  }

  /** The keyboard's click, where a tool draws. Returns whether it was one. */
  enter(): boolean {
    const { view } = this.#owner.active();
    const sight = this.#sight(view);
    return sight !== null && this.#editor.enter(sight, NEAR_PX);
  }

  nextHandle(): void {
    const sight = this.#sight(this.#owner.active().view);
    const on = sight && this.#editor.nextHandle(sight);
    if (on) this.#owner.announce([t(on.kind), ...told(this.#measuring.told(on.id)?.known, true)].join(", "));
  }

  /** Moves a handle, the keyboard's pointer or with its tool the crosshair, by CSS pixels. Returns whether there was any. */
  nudge(dx: number, dy: number): boolean {
    const { view, surface } = this.#owner.active();
    if (this.#tool === "crosshair") {
      const sight = this.#sight(view);
      if (!sight) return false;
      const [x, y] = pixelFromPatient(sight, onto(sight, this.#crossings.get(this.#spaceOf(view)) ?? sight.centerMm));
      const { by } = scaleOf(sight.size, surface);
      this.#crossAt(view, patientFromPixel(sight, [x + dx / by, y + dy / by]));
      return true;
    }
    const sight = this.#editor.wantsArrows ? this.#sight(view) : null;
    if (!sight) return false;
    const { by } = scaleOf(sight.size, surface);
    return this.#editor.nudge(sight, dx / by, dy / by);
  }

  // --- Where things lie --------------------------------------------------------------------------------------------

  get #series(): string {
    return this.#owner.seriesOf(this.#owner.active().view)?.seriesInstanceUid ?? "";
  }

  /** The slice that a view shows; null where it shows none, where it lies is not known yet, or the picture does not show it yet. */
  #sight(view: number): Sight | null {
    const viewport = this.#views[view];
    const series = this.#owner.seriesOf(view);
    const state = viewport?.drawn;
    // Of projections, too, it is to be told whether they are inverted.
    if (!viewport?.visible || !series || !state || !viewport.size || showsPreset(state.content)) return null;
    const lies = this.#lies.get(view);
    if (lies?.series !== series.seriesInstanceUid) {
      this.#ask(view, series.seriesInstanceUid);
      return null;
    }
    if (!isSlice(state.content) || (state.revision < lies.from && !viewport.drawnHere)) return null;
    return lies.place.content.kind === "slice" ? sightOf(series, lies.place.plane, state, viewport.size) : null;
  }

  #ask(view: number, series: string): void {
    if (this.#asked.get(view) === series) return;
    if (this.#owner.send({ type: "askState", view }) !== null) this.#asked.set(view, series);
  }

  /** A place of a view's surface as a pixel of its picture, and how many CSS pixels one is. */
  #pixel(view: number, sight: Sight, at: Point): [at: Pixel, by: number] {
    const { by, left, top } = scaleOf(sight.size, this.#views[view]!.surface);
    return [[(at.x - left) / by, (at.y - top) / by], by];
  }

  // --- What is seen ------------------------------------------------------------------------------------------------

  /** Of all series that were measured on, with what the list says of them. */
  rows(said: (series: string) => Pick<Row, "title" | "study">): readonly Row[] {
    return this.#editor.annotations.flatMap((annotation) => {
      const { of, known } = this.#measuring.told(annotation.id) ?? {};
      const series = this.#measuredOn.get(annotation.series);
      return of === annotation && known && "measured" in known && series ? [{ annotation, measured: known.measured, series, ...said(annotation.series) }] : [];
    });
  }

  /** Does something while what a host has drawn names nobody, or as the host named it. */
  drawnAs(named: boolean, act: () => void): void {
    this.#named = named;
    this.#show();
    act();
    this.#named = null;
    this.#show();
  }

  /** What is on screen has changed. */
  drew(): void {
    this.#redraw();
  }

  #redraw(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#show();
      this.#tellValue();
    });
  }

  #show(): void {
    const editor = this.#editor;
    this.#measuring.look(editor.shown, (series) => this.#isOpen(series));
    const active = this.#owner.active().view;
    const all = this.#cuts();
    const held = this.#tool === "crosshair";
    for (const viewport of this.#views) {
      const sight = this.#sight(viewport.view);
      const cut = held || this.#showsCuts ? all.find(({ view }) => view === viewport.view) : undefined;
      const lines = cut ? linesOn(cut, all, this.#crossings.get(cut.space)) : [];
      sketch(viewport.sketch, sight, { lines, held }, this.#hostedOn(viewport.view, sight), editor, this.#measuring, viewport.view === active, this.#slabMm(viewport.view) > 0);
    }
    const chosen = editor.tool ?? this.#tool;
    for (const [tool, button] of this.#buttons) button.setAttribute("aria-pressed", String(tool === chosen));
    document.body.classList.toggle("draws", editor.tool !== null || held);
    this.#undo.disabled = !editor.canUndo(this.#series);
    this.#redo.disabled = !editor.canRedo(this.#series);
    this.#delete.disabled = editor.selected === null || editor.isBusy;
    this.#showList();
  }

  #hostedOn(view: number, sight: Sight | null): Hosted {
    return { drawings: this.#hosted.on(sight?.series ?? ""), reachMm: Math.max(sight?.reachMm ?? 0, this.#slabMm(view) / 2), named: this.#namesPatient };
  }

  /** How thick the slab is that a view shows. */
  #slabMm(view: number): number {
    return this.#lies.get(view)?.place.slab.thicknessMm ?? 0;
  }

  /** Whether patient data is shown. */
  get #namesPatient(): boolean {
    return this.#named ?? !document.body.classList.contains("no-demographics");
  }

  #isOpen(series: string): boolean {
    return this.#opened(series) !== null;
  }

  #opened(series: string): SeriesOpened | null {
    for (const { view } of this.#views) {
      const shown = this.#owner.seriesOf(view);
      if (shown?.seriesInstanceUid === series) return shown;
    }
    return null;
  }

  #showList(): void {
    const own = this.#editor.annotations.filter(({ series }) => this.#isOpen(series));
    const theirs = this.#hosted.all((series) => this.#isOpen(series));
    this.#list.hidden = own.length + theirs.length === 0;
    this.#title.hidden = this.#rows.hidden = own.length === 0;
    this.#showHosted(theirs);
    const before = new Map([...this.#rows.children].map((row) => [row.getAttribute("data-id"), row]));
    const rows = own.map((one) => {
      const row = before.get(String(one.id)) ?? this.#row(one);
      const { known, of } = this.#measuring.told(one.id) ?? {};
      const lines = of === one ? told(known, true) : [t("measuring")];
      const source = known && "measured" in known ? ((known.measured.doubt && sentence(named(known.measured.doubt))) ?? (known.measured.lengthsBy && t("lengths-by", { source: known.measured.lengthsBy }))) : null;
      const slice = acquiredSlice(one, this.#opened(one.series)!);
      setText(row.querySelector(".kind")!, slice === null ? t(one.kind) : t("kind-on-slice", { kind: t(one.kind), slice }));
      setText(row.querySelector(".told")!, lines.join("\n"));
      setText(row.querySelector(".by")!, source ?? "");
      row.querySelector(".show")!.setAttribute("aria-pressed", String(one.id === this.#editor.selected));
      return row;
    });
    if (rows.length !== this.#rows.children.length || rows.some((row, i) => row !== this.#rows.children[i])) this.#rows.replaceChildren(...rows);
  }

  /** To be read only: what a host has drawn is the host's to change. */
  #showHosted(drawings: readonly Drawing[]): void {
    this.#hostedTitle.hidden = this.#hostedRows.hidden = drawings.length === 0;
    const list = this.#hostedRows;
    while (list.children.length > drawings.length) list.lastElementChild!.remove();
    while (list.children.length < drawings.length) list.append(element("li", {}, element("div", { class: "show" }, element("span", { class: "kind" }), element("span", { class: "told" }))));
    drawings.forEach((drawing, i) => {
      const { kind, told } = listed(drawing, this.#namesPatient);
      setText(list.children[i]!.querySelector(".kind")!, kind);
      setText(list.children[i]!.querySelector(".told")!, told);
    });
  }

  #row(one: Annotation): Element {
    const lines = [element("span", { class: "kind" }), element("span", { class: "told" }), element("span", { class: "by" })];
    const show = element("button", { type: "button", class: "show", title: t("show-its-slice") }, ...lines);
    const name = t("delete-named", { name: t(one.kind) });
    const gone = element("button", { type: "button", class: "icon", "aria-label": name, title: name }, "×");
    show.addEventListener("click", () => this.#jump(one.id));
    gone.addEventListener("click", () => this.remove(one.id));
    return element("li", { "data-id": one.id }, show, gone);
  }

  /** Selects one, and pages to the slice that it lies on, in a view that can show it. */
  #jump(id: number): void {
    const one = this.#editor.annotations.find((one) => one.id === id);
    if (!one) return;
    this.#editor.select(id);
    const parallel = ({ view }: Viewport) => {
      const sight = this.#sight(view);
      // As if it lay on the slice that is shown.
      return sight !== null && isOn({ ...one, points: [sight.centerMm] }, sight);
    };
    const active = this.#owner.active();
    const viewport = parallel(active) ? active : this.#views.find(parallel);
    const sight = viewport && this.#sight(viewport.view);
    if (!sight || !viewport.drawn?.slice) return;
    this.#owner.activate(viewport.view);
    viewport.showSlice(viewport.drawn.slice + slicesTo(sight, one.points[0]!));
  }

  /** The value and the place under the pointer, below the views. */
  #tellValue(): void {
    clearTimeout(this.#again);
    setText(this.#value, this.#valueText() ?? "");
  }

  #valueText(): string | null {
    const { view, at } = this.#hovered ?? {};
    const sight = view === undefined ? null : this.#sight(view);
    const series = view === undefined ? null : this.#owner.seriesOf(view);
    if (view === undefined || !at || !sight || !series) return null;
    const mm = patientFromPixel(sight, this.#pixel(view, sight, at)[0]);
    const voxel = voxelAt(series, mm);
    if (!voxel) return null;
    const known = this.#pointed.look(performance.now(), series.seriesInstanceUid, voxel, voxelMiddle(series, voxel));
    if ("waitMs" in known) this.#again = setTimeout(() => this.#tellValue(), known.waitMs);
    const value = "value" in known ? (known.value ? `${valueText(known.value.value)} ${known.value.unit}`.trimEnd() : "–") : "…";
    const inSlab = this.#slabMm(view) > 0;
    const placed = series.selfCheck.millimetres === "everywhere" && !series.outline.directionsUnknown;
    const where = placed ? `${mm.map(axisText).join("  ")} mm` : t("voxel-at", { i: voxel[0], j: voxel[1], k: voxel[2] });
    return `${inSlab ? t("value-in-slab", { value }) : value}   ${where}`;
  }
}

/** Whole numbers as such: a CT value has no decimals. */
export function valueText(value: number): string {
  return (Number.isInteger(value) ? String(value) : value.toFixed(3)).replace("-", "−");
}

/** "L 12.3": a place along an axis of the patient. */
export function axisText(mm: number, axis: number): string {
  return `${["LR", "PA", "HF"][axis]![mm < 0 ? 1 : 0]!} ${Math.abs(mm).toFixed(1)}`;
}

// --- Buttons -------------------------------------------------------------------------------------------------------

const KEYS: Readonly<Record<Tool | Kind, string>> = {
  window: "W",
  scroll: "S",
  zoom: "Z",
  pan: "",
  crosshair: "B",
  length: "N",
  angle: "A",
  ellipse: "E",
  rectangle: "U",
  freehand: "O",
  probe: "Q",
};

/** In a box of 20 by 20. */
const ICONS: Readonly<Partial<Record<Text, string>>> = {
  window: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
  scroll: "M4 6h12M4 10h12M4 14h12M10 1.5v2M10 16.5v2",
  zoom: "M9 3.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M13 13l4.5 4.5M6.5 9h5M9 6.5v5",
  pan: "M10 2v16M2 10h16M7.5 4.5L10 2l2.5 2.5M7.5 15.5L10 18l2.5-2.5M4.5 7.5L2 10l2.5 2.5M15.5 7.5L18 10l-2.5 2.5",
  length: "M4 16L16 4M2.5 14.5l3 3M14.5 2.5l3 3",
  angle: "M16 4L4 16h13M10.5 9.5a8 8 0 0 1 2.5 6.5",
  ellipse: "M10 5a7.5 5 0 1 0 0 10a7.5 5 0 1 0 0-10",
  rectangle: "M3 5.5h14v9H3z",
  freehand: "M5 13L4 8L8 4L11 8L16 7L15 14L10 16Z",
  crosshair: "M10 2v6M10 12v6M2 10h6M12 10h6M10 8.500a1.500 1.500 0 1 0 0 3a1.500 1.500 0 1 0 0-3",
  probe: "M10 3v14M3 10h14",
  undo: "M7 4L3 8l4 4M3 8h8.5a4.5 4.5 0 0 1 0 9H8",
  redo: "M13 4l4 4-4 4M17 8H8.500a4.5 4.5 0 0 0 0 9H12",
  delete: "M4 6h12M8 6V3.500h4V6M5.500 6l1 11h7l1-11M8.500 9v5M11.500 9v5",
};

function titleOf(name: Text, key: string): string {
  return key ? `${t(name)} (${keysText(key)})` : t(name);
}

function button(name: Text, key: string, act: () => void): HTMLButtonElement {
  const icon = svg("svg", { width: 20, height: 20, viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("path", { d: ICONS[name] ?? "" }));
  const made = element("button", { type: "button", class: "tool", "aria-label": t(name), title: titleOf(name, key), "data-tool": name }, icon);
  made.addEventListener("click", act);
  return made;
}
