// Measurements as a table, with the columns of the window's (../../../render-core/reading/src/table.rs). Instance number, SOP
// Instance UID and frame stay empty: the server does not tell them.

import type { Annotation, Kind } from "./annotation";
import type { Measured, SeriesOpened, Study } from "./protocol";
import { type Vec, add, cross, dot, length, minus, normalOf, times, voxelAt } from "./sight";
import { dateText, nameText } from "./words";

export interface Row {
  annotation: Annotation;
  measured: Measured;
  series: SeriesOpened;
  /** The series as people know it. */
  title: string;
  /** As the list has it; null where it does not. */
  study: Study | null;
}

const KINDS: Readonly<Record<Kind, string>> = {
  length: "Length",
  angle: "Angle",
  ellipse: "Ellipse",
  rectangle: "Rectangle",
  freehand: "Freehand region",
  probe: "Probe",
};

/** In the order of their columns. */
const MEASURES: Readonly<Record<string, string>> = {
  length: "Length",
  "long-axis": "Long axis",
  "short-axis": "Short axis",
  angle: "Angle",
  "cobb-angle": "Cobb angle",
  area: "Area",
  perimeter: "Perimeter",
  volume: "Volume",
  value: "Value",
  mean: "Mean",
  "standard-deviation": "SD",
  minimum: "Min",
  maximum: "Max",
  count: "Count",
};

/** Slices of a grid that others were resampled to, or that has slices between them, are nobody else's. */
const RESAMPLED = ["uneven-spacing", "missing-slices"];

/**
 * RFC 4180, lines ending with CR LF. X grows to the patient's left, Y to the back, Z to the head. Units stand in the headings;
 * numbers have all their digits. Text that a spreadsheet would take for a formula begins with an apostrophe. Whose it is stands in it with
 * `named` only.
 */
export function csvOf(rows: readonly Row[], named: boolean): string {
  const order = Object.keys(MEASURES);
  const all = rows.flatMap(({ measured }) => measured.quantities.filter(({ measure }) => order.includes(measure)));
  const columns = all.filter((one, i) => all.findIndex(({ measure, unit }) => measure === one.measure && unit === one.unit) === i);
  columns.sort((a, b) => order.indexOf(a.measure) - order.indexOf(b.measure));
  const headings = columns.map(({ measure, unit }) => (unit ? `${MEASURES[measure]} (${unit})` : MEASURES[measure]!));
  const lines = rows.map(({ annotation, measured, series, title, study }) => {
    const middle = middleOf(annotation);
    const placed = series.selfCheck.millimetres === "everywhere" && !series.outline.directionsUnknown;
    const values = columns.map(({ measure, unit }) => measured.quantities.find((one) => one.measure === measure && one.unit === unit)?.value ?? "");
    const place = placed ? middle.map((mm) => mm.toFixed(2)) : ["", "", ""];
    const patient = named ? [nameText(study?.patientName ?? ""), study?.patientId ?? ""] : [];
    const whose = [...patient, dateText(study?.date ?? ""), study?.studyInstanceUid ?? "", title, series.seriesInstanceUid];
    return [...whose.map(text), acquiredSlice(annotation, series) ?? "", "", ...place, KINDS[annotation.kind], "", ...values, "", "", text(measured.doubt ?? "")];
  });
  const whose = [...(named ? ["Patient Name", "Patient ID"] : []), "Study Date", "Study Instance UID", "Series", "Series Instance UID"];
  const fixed = ["Slice", "Instance Number", "X (mm)", "Y (mm)", "Z (mm)", "Kind", "Label"];
  return [[...whose, ...fixed, ...headings, "SOP Instance UID", "Frame", "Note"], ...lines].map((fields) => `${fields.map(field).join(",")}\r\n`).join("");
}

function middleOf({ points }: Annotation): Vec {
  return times(points.reduce(add), 1 / points.length);
}

/** The number of the acquired slice that it lies on, as its picture shows it; null on slices of other planes. */
export function acquiredSlice(annotation: Annotation, series: SeriesOpened): number | null {
  if (series.warnings.some(({ code }) => RESAMPLED.includes(code))) return null;
  const [columns, rows, slices] = series.outline.patientFromVoxel;
  const normal = cross(columns, rows);
  if (Math.abs(dot(normalOf(annotation.placement), normal)) < 0.9999 * length(normal)) return null;
  const voxel = voxelAt(series, middleOf(annotation));
  if (!voxel) return null;
  // Pages go from head to feet, front to back, right to left.
  const [x, y, z] = minus(slices, [0, 0, 0]).map(Math.abs) as [number, number, number];
  const follows = z >= x && z >= y ? slices[2] < 0 : y >= x ? slices[1] > 0 : slices[0] > 0;
  return follows ? voxel[2] + 1 : series.dims[2] - voxel[2];
}

/** Text that no spreadsheet takes for a formula. */
function text(words: string): string {
  return /^[=+\-@\t\r]/.test(words) ? `'${words}` : words;
}

function field(value: string | number): string {
  const words = String(value);
  return /[",\r\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
}
