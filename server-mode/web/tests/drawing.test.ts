import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { type Annotation, type Kind, hit, isOn, quantityText, shaped, told, withHandle } from "../src/annotation";
import { type Cut, linesOn } from "../src/crosshair";
import { Editor } from "../src/editor";
import { Measuring, Pointed } from "../src/measuring";
import { type ClientMessage, type Measured, type Place, type SeriesOpened, parseMessage } from "../src/protocol";
import { type Sight, type Vec, lettersOf, minus, patientFromPixel, pixelFromPatient, slicesTo, sliceSpacing, voxelAt, voxelMiddle } from "../src/sight";
import { scaleOf } from "../src/sketch";
import { Turns, changed } from "../src/turns";

const near = (a: readonly number[], b: readonly number[]) => assert.ok(a.every((n, i) => Math.abs(n - b[i]!) < 1e-9), `${a.join()} and ${b.join()}`);

const axial: Sight = { series: "1.2.3", centerMm: [10, 20, 30], right: [1, 0, 0], down: [0, 1, 0], mmPerPixel: 0.5, size: [400, 200], reachMm: 1 };

function drawn(kind: Kind, points: readonly Vec[]): Annotation {
  return { id: 1, kind, series: "1.2.3", points, placement: axial };
}

const fixture = (name: string) => parseMessage(readFileSync(`../protocol/fixtures/valid/${name}.json`, "utf8"));
const opened = fixture("server-series-opened") as SeriesOpened;
const measured = (request: number): Measured => ({ ...(fixture("server-measured") as Measured), request });

/** A window's hand: from one pixel to another. */
function drag(editor: Editor, from: readonly [number, number], to: readonly [number, number], sight = axial): void {
  editor.press(sight, from, 8);
  editor.move(sight, to);
  editor.release(sight, to);
}

test("pixels are places in the patient, and back", () => {
  near(patientFromPixel(axial, [200, 100]), [10, 20, 30]);
  near(patientFromPixel(axial, [210, 80]), [15, 10, 30]);
  near(pixelFromPatient(axial, [15, 10, 99]), [210, 80]);
  const coronal: Sight = { ...axial, down: [0, 0, -1] };
  near(patientFromPixel(coronal, [200, 120]), [10, 20, 20]);
  const box = { getBoundingClientRect: () => ({ width: 200, height: 200.5 }) };
  assert.deepEqual(scaleOf([400, 200], box), { by: 0.5, left: 0, top: 50.25 });
});

test("paging goes from head to feet, front to back and right to left", () => {
  assert.equal(slicesTo(axial, [0, 0, 34]), -2);
  const up: Sight = { ...axial, down: [0, -1, 0] };
  assert.equal(slicesTo(up, [0, 0, 34]), -2, "a flip changes nothing");
  assert.equal(slicesTo({ ...axial, down: [0, 0, -1] }, [10, 24, 30]), 2);
  assert.equal(slicesTo({ ...axial, right: [0, 1, 0], down: [0, 0, -1] }, [14, 20, 30]), 2);
});

test("edges have the letters of the patient", () => {
  assert.deepEqual(lettersOf(axial), { left: "R", right: "L", top: "A", bottom: "P" });
  assert.deepEqual(lettersOf({ right: [0, 1, 0], down: [0, 0, -1] }), { left: "A", right: "P", top: "H", bottom: "F" });
  assert.equal(lettersOf({ right: [0.6, 0, 0.8], down: [0, 1, 0] }).right, "HL");
});

test("a place is in one voxel, or in none", () => {
  const dims = opened.dims;
  for (const voxel of [[0, 0, 0], [dims[0] - 1, dims[1] - 1, dims[2] - 1]] as const) near(voxelAt(opened, voxelMiddle(opened, voxel))!, voxel);
  assert.equal(voxelAt(opened, minus(voxelMiddle(opened, [0, 0, 0]), [1e4, 1e4, 1e4])), null);
  const [x] = opened.outline.patientFromVoxel;
  assert.ok(Math.abs(sliceSpacing(opened, [1, 0, 0]) - Math.abs(x[0])) < 1e-9);
});

test("an ellipse fits the box that was dragged, a rectangle has its corners", () => {
  assert.deepEqual(shaped("rectangle", axial, [[0, 0, 30], [4, 2, 30]]), [[0, 0, 30], [4, 0, 30], [4, 2, 30], [0, 2, 30]]);
  assert.deepEqual(shaped("ellipse", axial, [[4, 2, 30], [0, 0, 30]]), [[0, 1, 30], [4, 1, 30], [2, 0, 30], [2, 2, 30]]);
  assert.equal(shaped("angle", axial, [[0, 0, 30], [1, 0, 30]]).length, 3);
});

test("a handle moves what belongs to it", () => {
  const rectangle = drawn("rectangle", shaped("rectangle", axial, [[0, 0, 30], [4, 2, 30]]));
  assert.deepEqual(withHandle(rectangle, 2, [6, 5, 31]).points, [[0, 0, 30], [6, 0, 30], [6, 5, 30], [0, 5, 30]]);
  const ellipse = drawn("ellipse", shaped("ellipse", axial, [[0, 0, 30], [4, 2, 30]]));
  const wider = withHandle(ellipse, 1, [6, 1, 30]).points;
  [[-2, 1, 30], [6, 1, 30], [2, 0, 30], [2, 2, 30]].forEach((p, i) => near(wider[i]!, p));
});

test("drawings show on their slice only, and are found there", () => {
  const line = drawn("length", [[0, 20, 30], [20, 20, 30]]);
  assert.ok(isOn(line, axial) && isOn(line, { ...axial, centerMm: [0, 0, 30.9] }));
  assert.ok(!isOn(line, { ...axial, centerMm: [0, 0, 32] }) && !isOn(line, { ...axial, series: "1.2.4" }));
  assert.ok(!isOn(line, { ...axial, down: [0, 0, -1] }), "a crossing slice shows none");
  assert.deepEqual(hit([line], axial, [221, 101], 8, null), { id: 1, handle: 1 });
  assert.deepEqual(hit([line], axial, [200, 105], 8, null), { id: 1, handle: null });
  assert.equal(hit([line], axial, [200, 120], 8, null), null);
});

test("an outline is drawn by a drag, or by clicks that end where they began, and pulled", () => {
  const editor = new Editor(() => {});
  editor.choose("freehand");
  editor.press(axial, [100, 100], 8);
  for (let i = 1; i <= 100; i++) editor.move(axial, [100 + i, 100 + 20 * Math.sin(i / 20)]);
  editor.release(axial, [200, 100]);
  assert.equal(editor.annotations.length, 1);
  editor.press(axial, [300, 150], 8);
  for (let i = 0; i <= 60; i++) editor.move(axial, [280 + 20 * Math.cos(i / 9.55), 150 + 20 * Math.sin(i / 9.55)]);
  editor.release(axial, [300, 150]);
  assert.equal(editor.annotations.length, 2, "it may end where it began");
  editor.undo("1.2.3");
  assert.ok(editor.annotations[0]!.points.length > 30);
  editor.press(axial, [300, 20], 8);
  editor.release(axial, [300, 20]);
  for (const at of [[340, 20], [340, 60]] as const) {
    editor.press(axial, at, 8);
    editor.release(axial, at);
  }
  assert.equal(editor.annotations.length, 1, "it is not closed yet");
  editor.press(axial, [301, 21], 8);
  editor.release(axial, [301, 21]);
  assert.equal(editor.annotations.length, 2);
  assert.equal(editor.annotations[1]!.points.length, 3);
  const round = drawn("freehand", Array.from({ length: 40 }, (_, i) => [Math.cos(i / 6.4) * 10, Math.sin(i / 6.4) * 10, 30] as const));
  const pulled = withHandle(round, 0, [14, 0, 30]).points;
  near(pulled[0]!, [14, 0, 30]);
  assert.ok(pulled[3]![0] > round.points[3]![0] + 1, "its neighbours follow");
  near(pulled[20]!, round.points[20]!);
  assert.equal(shaped("freehand", axial, Array.from({ length: 5000 }, () => [0, 0, 30] as const)).length, 1000);
});

test("other slices are lines that cross where they are to cross", () => {
  const sight = (right: Vec, down: Vec, centerMm: Vec): Sight => ({ ...axial, right, down, centerMm });
  const cut = (view: number, content: Cut["content"], of: Sight, space = "1.2"): Cut => ({ view, content, sight: of, space });
  const all = [
    cut(0, "axial", axial),
    cut(1, "coronal", sight([1, 0, 0], [0, 0, -1], [10, 25, 30])),
    cut(2, "sagittal", sight([0, 1, 0], [0, 0, -1], [-10, 20, 30])),
    cut(3, "axial", sight([1, 0, 0], [0, 1, 0], [10, 20, 50])),
    cut(4, "coronal", sight([1, 0, 0], [0, 0, -1], [10, 99, 30]), "another patient"),
  ];
  const [coronal, sagittal, ...more] = linesOn(all[0]!, all, [-10, 25, 44]);
  assert.equal(more.length, 0, "a parallel slice and one of another patient have no line");
  near(coronal!.at, [160, 110]);
  near(coronal!.along.map(Math.abs), [1, 0]);
  near(sagittal!.at, [160, 110]);
  near(sagittal!.along.map(Math.abs), [0, 1]);
});

test("values are told with their units, the most important ones where there is little room", () => {
  const quantities = [
    { measure: "area", value: 251.34, unit: "mm²" },
    { measure: "mean", value: -40.25, unit: "HU" },
    { measure: "standard-deviation", value: 3.456, unit: "HU" },
    { measure: "minimum", value: -51, unit: "HU" },
    { measure: "maximum", value: 12.5, unit: "HU" },
  ];
  const known = { measured: { ...measured(1), quantities } };
  assert.deepEqual(told(known, false), ["Area 251.3 mm²", "Mean −40.3 HU  SD 3.46 HU"]);
  assert.deepEqual(told(known, true).at(-1), "Min −51 HU  Max 12.5 HU");
  assert.equal(quantityText({ measure: "angle", value: 45, unit: "°" }), "45.0°");
  assert.equal(quantityText({ measure: "value", value: 4.321, unit: "SUVbw" }), "4.32 SUVbw");
  assert.deepEqual(told({ failed: "The series is not open." }, false), ["The series is not open."]);
});

test("a length is drawn by a drag, an angle by clicks, and what is too small not at all", () => {
  const editor = new Editor(() => {});
  assert.equal(editor.press(axial, [10, 10], 8), false, "without a tool a press is not for drawing");
  editor.choose("length");
  drag(editor, [100, 100], [140, 130]);
  near(editor.annotations[0]!.points.flat(), [-40, 20, 30, -20, 35, 30]);
  drag(editor, [300, 20], [301, 20]);
  editor.press(axial, [301, 20], 8);
  editor.release(axial, [301, 20]);
  assert.equal(editor.annotations.length, 1);
  editor.choose("angle");
  for (const at of [[20, 20], [60, 60], [100, 20]] as const) drag(editor, at, at);
  assert.equal(editor.annotations[1]!.points.length, 3);
  assert.equal(editor.isBusy, false);
});

test("what is done is taken back and done again, on the series that is shown only", () => {
  const editor = new Editor(() => {});
  editor.choose("length");
  drag(editor, [100, 100], [140, 130]);
  const [first] = editor.annotations;
  drag(editor, [120, 115], [130, 115]);
  const [shifted] = editor.annotations;
  near(shifted!.points[0]!, [-35, 20, 30]);
  drag(editor, [100, 20], [180, 20], { ...axial, series: "1.2.4" });
  editor.undo("1.2.3");
  assert.equal(editor.annotations[0], first);
  assert.equal(editor.annotations.length, 2, "what nobody sees stays");
  editor.undo("1.2.3");
  assert.ok(editor.canRedo("1.2.3") && !editor.canUndo("1.2.3") && editor.canUndo("1.2.4"));
  editor.redo("1.2.3");
  editor.redo("1.2.3");
  assert.deepEqual(editor.annotations.find(({ id }) => id === first!.id), shifted);
  editor.remove(first!.id);
  assert.equal(editor.annotations.length, 1);
  editor.undo("1.2.3");
  assert.equal(editor.annotations.length, 2);
});

test("everything is drawn and moved by keys, and nudges of one handle are one step", () => {
  const editor = new Editor(() => {});
  editor.choose("length");
  for (let i = 0; i < 2; i++) editor.enter(axial, 8);
  editor.nudge(axial, 20, 0);
  editor.nudge(axial, 20, 0);
  editor.enter(axial, 8);
  near(editor.annotations[0]!.points[1]!, [30, 20, 30]);
  assert.ok(editor.escape() && !editor.wantsArrows, "the pointer goes");
  editor.nextHandle(axial);
  for (let i = 0; i < 3; i++) editor.nudge(axial, 0, 10);
  near(editor.annotations[0]!.points[0]!, [10, 35, 30]);
  editor.undo("1.2.3");
  near(editor.annotations[0]!.points[0]!, [10, 20, 30]);
});

test("what is left is as before, and a pinch draws nothing", () => {
  const editor = new Editor(() => {});
  editor.choose("rectangle");
  editor.press(axial, [20, 20], 8);
  editor.move(axial, [60, 60]);
  editor.abandon();
  assert.deepEqual(editor.shown, []);
  drag(editor, [20, 20], [60, 60]);
  const [before] = editor.annotations;
  editor.press(axial, [60, 60], 8);
  editor.move(axial, [90, 90]);
  assert.ok(editor.escape());
  assert.deepEqual(editor.annotations, [before]);
});

test("the server is asked once for each state, and its answer is of what it was asked", () => {
  const sent: Extract<ClientMessage, { type: "measure" }>[] = [];
  const measuring = new Measuring((message) => sent.push(message));
  const line = drawn("length", [[0, 20, 30], [20, 20, 30]]);
  const open = () => true;
  measuring.look([line], () => false);
  assert.equal(sent.length, 0, "the series is not open");
  measuring.look([line], open);
  measuring.look([line], open);
  assert.deepEqual(sent.map(({ kind, pointsMm }) => [kind, pointsMm]), [["length", line.points]]);
  const later = withHandle(line, 1, [30, 20, 30]);
  measuring.look([later], open);
  assert.equal(sent.length, 1, "one at a time");
  assert.equal(measuring.answered(measured(sent[0]!.request)), line);
  assert.equal(measuring.told(1)?.of, line, "it is known of what was asked");
  measuring.look([later], open);
  assert.equal(measuring.refused(2, "No."), true);
  assert.deepEqual(measuring.told(1), { of: later, known: { failed: "No." } });
  assert.equal(measuring.answered(measured(99)), null);
  measuring.look([], open);
  assert.equal(measuring.told(1), undefined);
});

test("no more wait at a time than a server takes, and all are measured in the end", () => {
  const sent: Extract<ClientMessage, { type: "measure" }>[] = [];
  const measuring = new Measuring((message) => sent.push(message));
  const lines = Array.from({ length: 100 }, (_, id) => ({ ...drawn("length", [[0, 20, 30], [20, 20, 30]]), id }));
  for (let answered = 0; answered < lines.length; answered++) {
    measuring.look(lines, () => true);
    assert.ok(sent.length - answered <= 16, `${sent.length - answered} wait`);
    assert.ok(measuring.answered(measured(sent[answered]!.request)));
  }
  assert.ok(lines.every((line) => measuring.told(line.id)?.of === line));
});

test("after a lost connection what was not answered is asked again", () => {
  let sent = 0;
  const measuring = new Measuring(() => ++sent);
  const line = drawn("length", [[0, 20, 30], [20, 20, 30]]);
  measuring.look([line], () => true);
  measuring.lost();
  measuring.look([line], () => true);
  assert.equal(sent, 2);
});

test("the value under the pointer is asked for one at a time and ten a second at most", () => {
  const sent: Extract<ClientMessage, { type: "measure" }>[] = [];
  const pointed = new Pointed((message) => sent.push(message));
  const look = (now: number, i: number) => pointed.look(now, "1.2.3", [i, 0, 0], [i, 0, 0]);
  look(0, 1);
  assert.ok("waitMs" in look(50, 2), "the first is not answered");
  assert.equal(sent.length, 1);
  assert.ok(pointed.answered(measured(sent[0]!.request)));
  assert.deepEqual(look(60, 1), { value: { value: 251.3, unit: "mm²" } });
  assert.deepEqual(look(60, 2), { waitMs: 40 });
  look(100, 2);
  assert.equal(sent.length, 2);
  assert.ok(!pointed.answered(measured(sent[0]!.request)), "a late answer is of another place");
  assert.ok(pointed.refused(2));
  assert.deepEqual(look(110, 2), { value: null });
  look(300, 3);
  look(2400, 4);
  assert.equal(sent.length, 4, "an answer was lost");
});

test("slices are inverted, flipped, turned and thickened, volumes inverted only", () => {
  const state = fixture("server-view-state") as { place: Place };
  const slice: Place = { ...state.place, content: { kind: "slice" }, slab: { thicknessMm: 0, combine: "mean" }, inverted: false, plane: { ...state.place.plane, right: [1, 0, 0], down: [0, 1, 0] } };
  assert.equal(changed(slice, "invert")!.inverted, true);
  assert.deepEqual(changed(slice, "flip horizontally")!.plane.right, [-1, 0, 0]);
  const right = changed(slice, "turn right")!;
  assert.deepEqual(lettersOf(right.plane), { left: "P", right: "A", top: "R", bottom: "L" }, "what was above is right");
  assert.deepEqual(changed(right, "turn left")!.plane, slice.plane);
  assert.equal(changed(slice, "thicker")!.slab.thicknessMm, 2);
  assert.equal(changed(slice, "thinner"), null);
  assert.equal(changed(slice, "next projection")!.slab.combine, "maximum");
  assert.equal(changed({ ...slice, content: { kind: "volume" } }, "turn left"), null);
});

test("changes that come fast are one", () => {
  const sent: ClientMessage[] = [];
  const turns = new Turns((message) => sent.push(message));
  const told = fixture("server-view-state") as Extract<ReturnType<typeof fixture>, { type: "viewState" }>;
  const slice = { ...told, place: { ...told.place, content: { kind: "slice" as const }, slab: { thicknessMm: 0, combine: "mean" as const } } };
  assert.equal(turns.state(slice), null, "nobody asked");
  turns.ask(slice.view, "thicker");
  turns.ask(slice.view, "thicker");
  assert.deepEqual(sent, [{ type: "askState", view: slice.view }]);
  assert.equal(turns.state(slice)!.slab.thicknessMm, 5);
  assert.deepEqual(sent.map(({ type }) => type), ["askState", "set"]);
  turns.ask(slice.view, "thinner");
  turns.refused(1);
  turns.ask(slice.view, "thinner");
  assert.equal(sent.length, 3, "another message was refused: the state is still to come");
  turns.refused(3);
  assert.equal(turns.state(slice), null, "what waited was given up");
  turns.ask(slice.view, "thinner");
  assert.equal(sent.length, 4, "and it is asked again");
});
