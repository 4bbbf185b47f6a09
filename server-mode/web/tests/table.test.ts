import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { type Annotation, KINDS } from "../src/annotation";
import { type Measured, type SeriesOpened, type Study, parseMessage } from "../src/protocol";
import { voxelMiddle } from "../src/sight";
import { acquiredSlice, csvOf } from "../src/table";

const fixture = (name: string) => parseMessage(readFileSync(`../protocol/fixtures/valid/${name}.json`, "utf8"));
const opened = { ...(fixture("server-series-opened") as SeriesOpened), warnings: [] };
const series: SeriesOpened = {
  ...opened,
  dims: [100, 100, 50],
  selfCheck: { ...opened.selfCheck, millimetres: "everywhere" },
  outline: { ...opened.outline, directionsUnknown: false, patientFromVoxel: [[1, 0, 0], [0, 1, 0], [0, 0, 2], [-50, -50, 10]] },
};
const middle = voxelMiddle(series, [20, 30, 10]);
const of = (kind: Annotation["kind"], more: Partial<Annotation> = {}): Annotation => ({ id: 1, kind, series: "1", points: [middle], placement: { centerMm: middle, right: [1, 0, 0], down: [0, 1, 0] }, ...more });
const measured = (doubt: string | null, ...quantities: Measured["quantities"]): Measured => ({ ...(fixture("server-measured") as Measured), quantities, doubt });

const study: Study = { studyInstanceUid: "1.2.3", description: "", date: "20240131", patientName: "Doe^Jane", patientId: "-7", patientSex: "", patientBirthDate: "", series: [] };
const uid = series.seriesInstanceUid;

test("the table has the columns of the window's, units in their headings, and no formulas", () => {
  const rows = [
    { annotation: of("length"), measured: measured(null, { measure: "length", value: 12.345678, unit: "mm" }), series, title: "=2  Thorax, \"nativ\"", study },
    { annotation: of("ellipse"), measured: measured("no spacing", { measure: "mean", value: -3.5, unit: "HU" }, { measure: "area", value: 7, unit: "px²" }), series, title: "3", study: null },
  ];
  const lines = csvOf(rows, false).split("\r\n");
  assert.equal(lines[0], "Study Date,Study Instance UID,Series,Series Instance UID,Slice,Instance Number,X (mm),Y (mm),Z (mm),Kind,Label,Length (mm),Area (px²),Mean (HU),SOP Instance UID,Frame,Note");
  assert.equal(lines[1], `2024-01-31,1.2.3,"'=2  Thorax, ""nativ""",${uid},40,,-30.00,-20.00,30.00,Length,,12.345678,,,,,`);
  assert.equal(lines[2], `,,3,${uid},40,,-30.00,-20.00,30.00,Ellipse,,,7,-3.5,,,no spacing`);
  assert.equal(lines[3], "");
  const window = readFileSync("../../render-core/reading/src/table.rs", "utf8").replace(/\s+/g, " ");
  assert.ok(window.includes('"Slice", "Instance Number", "X (mm)", "Y (mm)", "Z (mm)", "Kind", "Label"'));
  assert.ok(window.includes('["SOP Instance UID", "Frame", "Note"]'));
  const kinds = readFileSync("../../render-core/reading/src/annotation.rs", "utf8");
  for (const kind of KINDS) assert.ok(kinds.includes(`=> "${csvOf([{ ...rows[0]!, annotation: of(kind) }], false).split("\r\n")[1]!.split(",").at(-6)!}"`), kind);
  const measures = readFileSync("../../render-core/reading/src/measure.rs", "utf8");
  for (const name of ["Length", "Area", "Perimeter", "Value", "Mean", "SD", "Min", "Max", "Count"]) assert.ok(measures.includes(`=> "${name}"`), name);
});

test("whose it is stands first in the table, where that is asked for", () => {
  const row = { annotation: of("probe"), measured: measured(null), series, title: "1", study };
  const [head, line] = csvOf([row], true).split("\r\n");
  assert.match(head!, /^Patient Name,Patient ID,Study Date,Study Instance UID,Series,Series Instance UID,Slice,/);
  assert.ok(line!.startsWith(`"Doe, Jane",'-7,2024-01-31,1.2.3,1,${uid},40,`), line);
  for (const sign of ["=", "+", "-", "@", "\t"]) {
    const [, said] = csvOf([{ ...row, study: { ...study, patientId: `${sign}2` } }], true).split("\r\n");
    assert.ok(said!.startsWith(`"Doe, Jane",'${sign}2,`), said);
  }
});

test("a slice has a number where it was acquired, as its picture shows it", () => {
  assert.equal(acquiredSlice(of("length"), series), 40, "pages go from head to feet");
  assert.equal(acquiredSlice(of("length", { placement: { centerMm: middle, right: [1, 0, 0], down: [0, 0, -1] } }), series), null, "no acquired slice");
  assert.equal(acquiredSlice(of("length", { points: [[0, 0, 500]] }), series), null, "outside");
  assert.equal(acquiredSlice(of("length"), { ...series, warnings: [{ code: "missing-slices", message: "", value: null }] }), null);
});

test("places are told only where they are known", () => {
  const unplaced = { ...series, outline: { ...series.outline, directionsUnknown: true } };
  const [, line] = csvOf([{ annotation: of("probe"), measured: measured(null), series: unplaced, title: "1", study: null }], false).split("\r\n");
  assert.equal(line, `,,1,${uid},40,,,,,Probe,,,,`);
});
