import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Lists, listed, place, rows, seen } from "../src/hosted";
import { type Drawing, ProtocolError, parseMessage } from "../src/protocol";
import type { Pixel, Sight, Vec } from "../src/sight";

const axial: Sight = { series: "1.2.3", centerMm: [0, 0, 10], right: [1, 0, 0], down: [0, 1, 0], mmPerPixel: 0.5, size: [400, 200], reachMm: 1 };
const coronal: Sight = { ...axial, centerMm: [0, 0, 10], down: [0, 0, -1] };

function drawn(kind: Drawing["kind"], pointsMm: readonly Vec[], more: Partial<Drawing> = {}): Drawing {
  return { kind, pointsMm, plane: { centerMm: [0, 0, 10], right: [1, 0, 0], down: [0, 1, 0] }, label: "", color: [255, 210, 70], quantities: [], ...more };
}

const lengthMm = (value: number) => [{ measure: "length", value, unit: "mm" }];

test("a length is where the host drew it, and on slices of its plane only", () => {
  const length = drawn("length", [[0, 0, 10], [30, 40, 10]], { quantities: lengthMm(50) });
  const [line] = seen(length, axial, 1)!;
  assert.deepEqual(line!.points, [[200, 100], [260, 180]]);
  assert.deepEqual(place(length, [line!]), [260, 180]);
  assert.deepEqual(rows(length, true), ["Host", "50.0 mm"]);
  assert.equal(seen(length, { ...axial, centerMm: [0, 0, 12] }, 1), null);
  assert.ok(seen(length, { ...axial, centerMm: [0, 0, 12] }, 2.5), "a slab shows it");
  assert.equal(seen(length, coronal, 1), null);
  assert.equal(seen({ ...length, pointsMm: [[0, 0, 10]] }, axial, 1), null, "half of it is nothing");
});

test("what joins two lines of a Cobb angle is dashed and carries no text", () => {
  const cobb = drawn("cobb", [[0, 0, 10], [10, 0, 10], [0, 20, 10], [10, 24, 10]], { quantities: [{ measure: "cobb-angle", value: 21.8, unit: "°" }] });
  const lines = seen(cobb, axial, 1)!;
  assert.deepEqual(lines.map(({ dashed }) => dashed ?? false), [false, false, true]);
  assert.deepEqual(rows(cobb, true), ["Host", "21.8°"]);
  const axes = drawn("bidirectional", [[0, 0, 10], [30, 0, 10], [10, -5, 10], [10, 5, 10]], {
    quantities: [{ measure: "long-axis", value: 30, unit: "mm" }, { measure: "short-axis", value: 10, unit: "mm" }],
  });
  assert.deepEqual(rows(axes, true), ["Host", "Long axis 30.0 mm", "Short axis 10.0 mm"]);
});

test("an arrow has a head at its tip, and its words at its tail", () => {
  const arrow = drawn("arrow", [[0, 0, 10], [20, 0, 10]], { label: "<b>here</b>" });
  const lines = seen(arrow, axial, 1)!;
  assert.equal(lines.length, 3);
  assert.ok(lines.every(({ points }) => points[0]![0] === 200 && points[0]![1] === 100));
  assert.deepEqual(place(arrow, lines), [240, 100]);
  assert.deepEqual(rows(arrow, true), ["Host: <b>here</b>"]);
  assert.deepEqual(rows(arrow, false), ["Host"], "they may name the patient");
  assert.deepEqual([listed(arrow, true), listed(arrow, false)], [{ kind: "Arrow · <b>here</b>", told: "" }, { kind: "Arrow", told: "" }]);
});

test("what has no size is nothing, but for what is a point", () => {
  const lists = new Lists();
  const begun = drawn("ellipse", [[1, 2, 10], [1, 2, 10], [1, 2, 10], [1, 2, 10]]);
  const [probe, mark] = [drawn("probe", [[1, 2, 10]]), drawn("keyImage", [[1, 2, 10]])];
  const length = drawn("length", [[1, 2, 10], [1, 2.5, 10]]);
  lists.take({ type: "drawn", number: 1, seriesInstanceUid: "1", drawings: [begun, probe, drawn("length", []), mark, length] });
  assert.deepEqual(lists.on("1"), [probe, mark, length]);
  assert.deepEqual(lists.all(() => true), [probe, mark, length]);
});

test("a marked image is named, wherever on it one looks", () => {
  const mark = drawn("keyImage", [[0, 0, 10]]);
  assert.deepEqual(seen(mark, axial, 1), []);
  assert.deepEqual(rows(mark, true), ["Host: Key image"]);
  assert.deepEqual(rows({ ...mark, label: "Nodule" }, true), ["Host: Nodule"]);
  assert.equal(seen(mark, coronal, 1), null);
});

test("solids are seen wherever a slice cuts them", () => {
  const corners: readonly Vec[] = [[-10, -20, 0], [10, 20, 20]];
  const values = [{ measure: "volume", value: 1.5, unit: "ml" }, { measure: "mean", value: 40.26, unit: "HU" }, { measure: "maximum", value: 60, unit: "HU" }];
  assert.deepEqual(rows(drawn("box", corners, { quantities: values }), true), ["Host", "Volume 1.500 ml", "Mean 40.3 HU"]);
  assert.deepEqual(listed(drawn("box", corners, { quantities: values }), true), { kind: "Box", told: "Volume 1.500 ml\nMean 40.3 HU  Max 60 HU" });
  const extent = (points: readonly Pixel[]) => ([0, 1] as const).map((axis) => Math.max(...points.map((p) => p[axis])) - Math.min(...points.map((p) => p[axis])));
  const [box] = seen(drawn("box", corners), axial, 1)!;
  assert.equal(box!.points.length, 4);
  assert.deepEqual(extent(box!.points), [40, 80]);
  assert.deepEqual(extent(seen(drawn("box", corners), coronal, 1)![0]!.points), [40, 40]);
  const [round] = seen(drawn("ellipsoid", corners), axial, 1)!;
  assert.ok(extent(round!.points).every((n, i) => Math.abs(n - [40, 80][i]!) < 0.2));
  const above = { ...axial, centerMm: [0, 0, 18] as const };
  const [smaller] = seen(drawn("ellipsoid", corners), above, 1)!;
  // 8 of 10 mm from the middle: 0.6 of its width.
  assert.ok(extent(smaller!.points).every((n, i) => Math.abs(n - [24, 48][i]!) < 0.2));
  for (const kind of ["box", "ellipsoid"] as const) assert.equal(seen(drawn(kind, corners), { ...axial, centerMm: [0, 0, 21] }, 1), null);
  assert.equal(seen(drawn("ellipsoid", [[0, 0, 10], [0, 0, 10]]), axial, 1)?.[0]?.points.every((p) => p.every(Number.isFinite)) ?? true, true);
});

test("areas are closed, and points are seen in every plane", () => {
  assert.deepEqual(["rectangle", "freehand", "ellipse"].map((kind) => seen(drawn(kind as Drawing["kind"], [[0, 0, 10], [20, 0, 10], [20, 10, 10], [0, 10, 10]]), axial, 1)![0]!.closed), [true, true, true]);
  const probe = drawn("probe", [[4, 0, 10]], { quantities: [{ measure: "value", value: -7, unit: "HU" }] });
  assert.equal(seen(probe, axial, 1)!.length, 2);
  assert.equal(seen(probe, coronal, 1)!.length, 2);
  assert.deepEqual(rows(probe, true), ["Host", "−7 HU"]);
});

test("no host draws without an end", () => {
  const told = JSON.parse(readFileSync("../protocol/fixtures/valid/server-drawn.json", "utf8")) as { drawings: Drawing[] };
  const many = (count: number, points: number) => {
    const one = { ...told.drawings[0]!, pointsMm: Array.from({ length: points }, () => [0, 0, 0]) };
    return () => parseMessage(JSON.stringify({ ...told, drawings: Array.from({ length: count }, () => one) }));
  };
  assert.doesNotThrow(many(1000, 50));
  assert.throws(many(1001, 1), ProtocolError);
  assert.throws(many(1000, 51), ProtocolError);
});

test("a list that comes after a newer one of its series is left", () => {
  const lists = new Lists();
  const told = (number: number, seriesInstanceUid: string, count: number) =>
    lists.take({ type: "drawn", number, seriesInstanceUid, drawings: Array.from({ length: count }, () => drawn("probe", [[0, 0, 10]])) });
  told(2, "1.2", 1);
  told(5, "1.2", 0);
  told(3, "1.2", 4);
  assert.equal(lists.on("1.2").length, 0, "what was deleted stays so");
  told(4, "1.3", 3);
  assert.equal(lists.all((series) => series !== "1.9").length, 3);
  assert.equal(lists.all(() => false).length, 0);
  lists.clear();
  told(1, "1.2", 2);
  assert.equal(lists.on("1.2").length, 2, "a new connection counts anew");
});
