// From presses, moves and keys to annotations, as ../../../render-core/reading/src/editor.rs does it. Without a page and without a server.

import { type Annotation, type Kind, givenPoints, handlesOf, hit, isOn, lines, moved, shaped, withHandle } from "./annotation";
import { type Pixel, type Sight, type Vec, distanceMm, length, minus, onto, patientFromPixel, pixelFromPatient } from "./sight";

/** A drag of less is a click. */
const CLICK_PX = 4;
/** Points of an outline drawn by hand are this far apart. */
const HAND_PX = 2;
const MOST_GIVEN = 100_000;
/** An annotation that is smaller was not meant. */
const LEAST_PX = 2;
const MOST_STEPS = 500;
/** More would wait for the server for long. */
export const MOST_ANNOTATIONS = 500;

interface Step {
  before: Annotation | null;
  after: Annotation | null;
  /** Steps of one turn that follow each other are one. */
  turn: number;
}

/** What is being drawn. */
interface Draft {
  annotation: Annotation;
  given: Vec[];
  /** Where the button went down, while it is held. */
  pressed: Pixel | null;
  /** Points that the hand has drawn since. */
  byHand: number;
}

/** What is being moved, as it was before. */
interface Grip {
  before: Annotation;
  handle: number | null;
  from: Vec;
}

export class Editor {
  #annotations: readonly Annotation[] = [];
  #tool: Kind | null = null;
  #selected: number | null = null;
  /** The handle that keys move. */
  #focus: number | null = null;
  /** The keyboard's pointer. */
  #pointer: Pixel | null = null;
  #draft: Draft | null = null;
  #grip: Grip | null = null;
  #done: Step[] = [];
  #undone: Step[] = [];
  #next = 1;
  #turn = 0;
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** All that are drawn, with what is being drawn last. */
  get shown(): readonly Annotation[] {
    return this.#draft ? [...this.#annotations, this.#draft.annotation] : this.#annotations;
  }

  get annotations(): readonly Annotation[] {
    return this.#annotations;
  }

  get tool(): Kind | null {
    return this.#tool;
  }

  get selected(): number | null {
    return this.#draft?.annotation.id ?? this.#selected;
  }

  get focus(): number | null {
    return this.#focus;
  }

  get pointer(): Pixel | null {
    return this.#pointer;
  }

  /** Whether a hand draws or moves something. */
  get isBusy(): boolean {
    return this.#draft !== null || this.#grip !== null;
  }

  /** Whether Shift and arrows are for what is drawn. */
  get wantsArrows(): boolean {
    return this.#pointer !== null || this.#focus !== null;
  }

  /** Takes up what a page before this one has drawn. */
  restore(annotations: readonly Annotation[]): void {
    this.#annotations = annotations;
    this.#next = Math.max(0, ...annotations.map(({ id }) => id)) + 1;
  }

  /** Forgets what was drawn on a series for good. */
  forget(isGone: (series: string) => boolean): void {
    const stays = ({ before, after }: Step) => ![before, after].some((one) => one && isGone(one.series));
    this.#annotations = this.#annotations.filter(({ series }) => !isGone(series));
    this.#done = this.#done.filter(stays);
    this.#undone = this.#undone.filter(stays);
    this.abandon();
    this.#changed();
  }

  choose(tool: Kind | null): void {
    this.abandon();
    this.#pointer = null;
    this.#tool = tool;
    this.#changed();
  }

  select(id: number | null): void {
    [this.#selected, this.#focus] = [id, null];
    this.#changed();
  }

  /** The left button goes down. Returns whether that is meant for what is drawn. */
  press(sight: Sight, at: Pixel, tolerance: number): boolean {
    this.#turn += 1;
    this.#focus = null;
    const place = patientFromPixel(sight, at);
    const draft = this.#draft;
    if (draft && isOn(draft.annotation, sight) && closes(draft, sight, at)) {
      this.#shape(draft);
      this.#finish(draft, sight);
      this.#changed();
      return true;
    }
    if (draft && isOn(draft.annotation, sight)) {
      [draft.pressed, draft.byHand] = [at, 0];
      draft.given.push(onto(draft.annotation.placement, place));
      this.#shape(draft);
      return true;
    }
    this.#draft = null;
    const found = hit(this.#annotations, sight, at, tolerance, this.#selected);
    const before = this.#annotations.find(({ id }) => id === found?.id);
    this.#selected = before?.id ?? null;
    if (before) this.#grip = { before, handle: found?.handle ?? null, from: place };
    else if (this.#tool && this.#annotations.length < MOST_ANNOTATIONS) {
      const { right, down } = sight;
      const annotation = { id: this.#next++, kind: this.#tool, series: sight.series, points: [place], placement: { centerMm: place, right, down } };
      this.#draft = { annotation, given: [place], pressed: at, byHand: 0 };
      this.#shape(this.#draft);
    }
    this.#changed();
    return before !== undefined || this.#tool !== null;
  }

  /** Returns whether it moves anything. */
  move(sight: Sight, at: Pixel): boolean {
    const place = patientFromPixel(sight, at);
    const { before, handle, from } = this.#grip ?? {};
    if (before && from && before.series === sight.series) {
      this.#put(handle == null ? moved(before, minus(place, from)) : withHandle(before, handle, place));
      this.#changed();
      return true;
    }
    const draft = this.#draft;
    if (!draft || !isOn(draft.annotation, sight)) return false;
    const on = onto(draft.annotation.placement, place);
    const last = draft.given.at(-1);
    const byHand = draft.annotation.kind === "freehand" && draft.pressed !== null;
    if (byHand && last && length(minus(on, last)) >= HAND_PX * sight.mmPerPixel && draft.given.length < MOST_GIVEN) {
      draft.given.push(on);
      draft.byHand += 1;
    }
    this.#shape(draft, on);
    this.#changed();
    return true;
  }

  release(sight: Sight, at: Pixel): void {
    this.move(sight, at);
    const grip = this.#grip;
    this.#grip = null;
    if (grip) {
      const after = this.#find(grip.before.id);
      if (after && after !== grip.before) this.#did({ before: grip.before, after, turn: ++this.#turn });
    }
    const draft = this.#draft;
    if (draft?.pressed) {
      const dragged = Math.hypot(draft.pressed[0] - at[0], draft.pressed[1] - at[1]) > CLICK_PX;
      draft.pressed = null;
      const byHand = draft.annotation.kind === "freehand";
      // An outline may well end where it began.
      const drawn = draft.byHand * HAND_PX > CLICK_PX;
      if (dragged && !byHand && !isWhole(draft)) draft.given.push(onto(draft.annotation.placement, patientFromPixel(sight, at)));
      this.#shape(draft);
      if (isWhole(draft) || (byHand && drawn && draft.given.length > 2)) this.#finish(draft, sight);
    }
    this.#changed();
  }

  /** Gives up what is being done; what was moved is as before. */
  abandon(): void {
    if (this.#grip) this.#put(this.#grip.before);
    this.#grip = this.#draft = null;
    this.#changed();
  }

  /** Leaves what is being drawn, else the keyboard's pointer or handle, else what is selected. Returns whether there was any. */
  escape(): boolean {
    if (this.isBusy) this.abandon();
    else if (this.#pointer) this.#pointer = null;
    else if (this.#focus !== null) this.#focus = null;
    else if (this.#selected !== null) this.#selected = null;
    else return false;
    this.#changed();
    return true;
  }

  /** Removes one, or what is selected. */
  remove(id: number | null = this.#selected): Annotation | null {
    this.abandon();
    const before = this.#find(id);
    if (!before) return null;
    this.#annotations = this.#annotations.filter((one) => one !== before);
    if (this.#selected === id) [this.#selected, this.#focus] = [null, null];
    this.#did({ before, after: null, turn: ++this.#turn });
    this.#changed();
    return before;
  }

  /** As a click where the keyboard's pointer is; first it appears in the middle of the view. */
  enter(sight: Sight, tolerance: number): boolean {
    if (this.#tool === null) return false;
    const at = this.#pointer;
    if (!at) {
      this.#pointer = [sight.size[0] / 2, sight.size[1] / 2];
      this.#changed();
      return true;
    }
    this.press(sight, at, tolerance);
    this.release(sight, at);
    return true;
  }

  /** To the next handle, and from the last one to the next annotation of the view. */
  nextHandle(sight: Sight): Annotation | null {
    this.#turn += 1;
    const shown = this.#annotations.filter((one) => isOn(one, sight));
    const at = shown.findIndex(({ id }) => id === this.#selected);
    const next = this.#focus === null ? 0 : this.#focus + 1;
    const handle = at < 0 ? undefined : handlesOf(shown[at]!).find((handle) => handle >= next);
    if (handle !== undefined) this.#focus = handle;
    else {
      this.#focus = null;
      this.#selected = (shown[at + 1] ?? shown[0])?.id ?? null;
    }
    this.#changed();
    return this.#find(this.#selected);
  }

  /** Moves the handle or the keyboard's pointer by pixels of the view. */
  nudge(sight: Sight, dx: number, dy: number): boolean {
    const before = this.#focus === null ? null : this.#find(this.#selected);
    if (before && this.#focus !== null && isOn(before, sight)) {
      const [x, y] = [dx * sight.mmPerPixel, dy * sight.mmPerPixel];
      const by = sight.right.map((r, i) => r * x + sight.down[i]! * y) as unknown as Vec;
      const from = before.points[this.#focus]!;
      const after = withHandle(before, this.#focus, [from[0] + by[0], from[1] + by[1], from[2] + by[2]]);
      this.#put(after);
      this.#did({ before, after, turn: this.#turn });
    } else if (this.#pointer) {
      const [x, y] = this.#pointer;
      const within = (n: number, size: number) => Math.min(size, Math.max(0, n));
      this.#pointer = [within(x + dx, sight.size[0]), within(y + dy, sight.size[1])];
      this.move(sight, this.#pointer);
    } else return false;
    this.#changed();
    return true;
  }

  /** Whether there is something to take back, or to do again, on this series. */
  canUndo(series: string): boolean {
    return this.#done.some((step) => isOf(step, series));
  }

  canRedo(series: string): boolean {
    return this.#undone.some((step) => isOf(step, series));
  }

  /** Takes back the last step on this series; others nobody sees. Returns what it was done to. */
  undo(series: string): Annotation | null {
    this.abandon();
    return this.#again(this.#done, this.#undone, series, ({ before, after }) => [after, before]);
  }

  redo(series: string): Annotation | null {
    this.abandon();
    return this.#again(this.#undone, this.#done, series, ({ before, after }) => [before, after]);
  }

  #again(from: Step[], to: Step[], series: string, ends: (step: Step) => readonly [Annotation | null, Annotation | null]): Annotation | null {
    const at = from.findLastIndex((step) => isOf(step, series));
    const [step] = at < 0 ? [] : from.splice(at, 1);
    if (!step) return null;
    to.push(step);
    const [there, wanted] = ends(step);
    if (wanted) this.#put(wanted);
    else this.#annotations = this.#annotations.filter(({ id }) => id !== there?.id);
    [this.#selected, this.#focus] = [wanted?.id ?? null, null];
    this.#changed();
    return wanted ?? there;
  }

  #did(step: Step): void {
    const last = this.#done.at(-1);
    if (last && last.turn === step.turn && last.after?.id === step.after?.id) last.after = step.after;
    else this.#done.push(step);
    if (this.#done.length > MOST_STEPS) this.#done.shift();
    this.#undone = [];
  }

  #find(id: number | null): Annotation | null {
    return this.#annotations.find((one) => one.id === id) ?? null;
  }

  #put(annotation: Annotation): void {
    const known = this.#annotations.some(({ id }) => id === annotation.id);
    this.#annotations = known
      ? this.#annotations.map((one) => (one.id === annotation.id ? annotation : one))
      : [...this.#annotations, annotation];
  }

  /** As it would be if `cursor` were its last point. */
  #shape(draft: Draft, cursor?: Vec): void {
    const { kind, placement } = draft.annotation;
    if (cursor && isWhole(draft) && draft.pressed) draft.given[draft.given.length - 1] = cursor;
    const given = cursor && !isWhole(draft) ? [...draft.given, cursor] : draft.given;
    const points = shaped(kind, placement, given);
    const centerMm = kind === "probe" ? points[0]! : placement.centerMm;
    draft.annotation = { ...draft.annotation, points, placement: { ...placement, centerMm } };
  }

  #finish({ annotation }: Draft, sight: Sight): void {
    this.#draft = null;
    const pixels = lines(annotation, sight).flatMap(({ points }) => points);
    const extent = ([0, 1] as const).map((axis) => Math.max(...pixels.map((p) => p[axis])) - Math.min(...pixels.map((p) => p[axis])));
    const area = ["ellipse", "rectangle", "freehand"].includes(annotation.kind);
    if ((area ? Math.min(...extent) : Math.max(...extent)) < LEAST_PX) return;
    this.#put(annotation);
    this.#selected = annotation.id;
    this.#did({ before: null, after: annotation, turn: ++this.#turn });
  }
}

function isWhole(draft: Draft): boolean {
  return draft.given.length >= givenPoints(draft.annotation.kind);
}

/** Whether a press ends an outline that is drawn by clicks: at its last point again, or at its first. */
function closes({ annotation, given }: Draft, sight: Sight, at: Pixel): boolean {
  if (annotation.kind !== "freehand" || given.length < 3) return false;
  return [given[0]!, given.at(-1)!].some((end) => {
    const [x, y] = pixelFromPatient(sight, end);
    return Math.hypot(x - at[0], y - at[1]) <= CLICK_PX;
  });
}

function isOf({ before, after }: Step, series: string): boolean {
  return (after ?? before)?.series === series;
}

/** Whether a place is on a slice. */
export function isAt(sight: Sight, mm: Vec): boolean {
  return Math.abs(distanceMm(sight, mm)) <= sight.reachMm;
}
