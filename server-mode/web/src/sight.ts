// Where a slice lies in the patient: from pixels of a view to millimetres and back. Patient space is LPS.

import type { Content, Letters, Place, SeriesOpened, Size, ViewState } from "./protocol";

export type Vec = readonly [number, number, number];
/** Pixels of a view, from its top left corner. */
export type Pixel = readonly [number, number];

/** A slice as a view shows it. */
export interface Sight {
  series: string;
  centerMm: Vec;
  /** Unit vectors of the picture, at a right angle. */
  right: Vec;
  down: Vec;
  mmPerPixel: number;
  size: Size;
  /** Half the distance of slices: what is nearer is on this slice. */
  reachMm: number;
}

/** A plane in the patient. */
export type Placement = Pick<Sight, "centerMm" | "right" | "down">;

export const add = (a: Vec, b: Vec): Vec => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const minus = (a: Vec, b: Vec): Vec => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const times = (a: Vec, by: number): Vec => [a[0] * by, a[1] * by, a[2] * by];
export const dot = (a: Vec, b: Vec): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a: Vec, b: Vec): Vec => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const length = (a: Vec): number => Math.sqrt(dot(a, a));

export function isSlice(content: Content): boolean {
  return content === "axial" || content === "coronal" || content === "sagittal";
}

export function normalOf({ right, down }: Pick<Sight, "right" | "down">): Vec {
  return cross(right, down);
}

/** The patient's directions at the edges of a picture (PS3.3 C.7.6.1.1.1). */
export function lettersOf({ right, down }: Pick<Sight, "right" | "down">): Letters {
  return { left: letters(times(right, -1)), right: letters(right), top: letters(times(down, -1)), bottom: letters(down) };
}

/** Strongest first; what is off an axis by less than about 3 degrees counts as along it. */
function letters(direction: Vec): string {
  const parts = direction.map((size, axis) => ({ size: Math.abs(size), letter: ["LR", "PA", "HF"][axis]![size > 0 ? 0 : 1]! }));
  parts.sort((a, b) => b.size - a.size);
  return parts.filter(({ size }) => size > 0.05).map(({ letter }) => letter).join("");
}

/** Of a view that shows a plain slice; `plane` tells how the slice lies, `state` where it is now. */
export function sightOf(series: SeriesOpened, plane: Place["plane"], state: ViewState, size: Size): Sight {
  const { right, down, fitMm } = plane;
  const mm = Math.max(fitMm[0] / Math.max(size[0], 1), fitMm[1] / Math.max(size[1], 1), 1e-6) / state.zoom;
  return {
    series: series.seriesInstanceUid,
    centerMm: state.positionMm,
    right,
    down,
    mmPerPixel: state.mmPerPixel ?? mm,
    size,
    reachMm: sliceSpacing(series, cross(right, down)) / 2,
  };
}

/** From one slice to the next along a plane's normal, in mm: the spacing of the voxels along it. */
export function sliceSpacing(series: SeriesOpened, normal: Vec): number {
  const perMm = voxelsOf(series, normal).map(Math.abs);
  return 1 / Math.max(...perMm, 1e-6);
}

/** A vector in the patient as columns, rows and slices. */
function voxelsOf({ outline }: SeriesOpened, mm: Vec): Vec {
  const [x, y, z] = outline.patientFromVoxel;
  const volume = dot(x, cross(y, z));
  return volume === 0 ? [0, 0, 0] : [dot(mm, cross(y, z)) / volume, dot(mm, cross(z, x)) / volume, dot(mm, cross(x, y)) / volume];
}

/** Whether it is one image, of which there is but one cut worth a look. */
export function isFlat({ dims }: SeriesOpened): boolean {
  return dims[2] === 1;
}

/** The cut that the images' own plane comes nearest. */
export function nearestCut({ outline }: SeriesOpened): "axial" | "coronal" | "sagittal" {
  const [x, y] = outline.patientFromVoxel;
  const normal = cross(x, y).map(Math.abs) as [number, number, number];
  const most = normal.indexOf(Math.max(...normal));
  return (["sagittal", "coronal", "axial"] as const)[most] ?? "axial";
}

/** The voxel that a place is in; null outside the volume. */
export function voxelAt(series: SeriesOpened, mm: Vec): Vec | null {
  const voxel = voxelsOf(series, minus(mm, series.outline.patientFromVoxel[3])).map(Math.round) as unknown as Vec;
  return voxel.every((n, axis) => n >= 0 && n < series.dims[axis]!) ? voxel : null;
}

/** The middle of a voxel. */
export function voxelMiddle({ outline }: SeriesOpened, [i, j, k]: Vec): Vec {
  const [x, y, z, origin] = outline.patientFromVoxel;
  return add(origin, add(times(x, i), add(times(y, j), times(z, k))));
}

export function patientFromPixel(sight: Sight, [x, y]: Pixel): Vec {
  const { centerMm, right, down, mmPerPixel, size } = sight;
  const offset = add(times(right, (x - size[0] / 2) * mmPerPixel), times(down, (y - size[1] / 2) * mmPerPixel));
  return add(centerMm, offset);
}

export function pixelFromPatient({ centerMm, right, down, mmPerPixel, size }: Sight, mm: Vec): Pixel {
  const offset = minus(mm, centerMm);
  return [dot(offset, right) / mmPerPixel + size[0] / 2, dot(offset, down) / mmPerPixel + size[1] / 2];
}

/** In front of a plane or behind it, in mm along its normal. */
export function distanceMm(plane: Placement, mm: Vec): number {
  return dot(minus(mm, plane.centerMm), normalOf(plane));
}

/** The nearest place of a plane. */
export function onto(plane: Placement, mm: Vec): Vec {
  return minus(mm, times(normalOf(plane), distanceMm(plane, mm)));
}

/** How many slices to page to get to a place: paging goes from head to feet, front to back, right to left. */
export function slicesTo(sight: Sight, mm: Vec): number {
  const normal = normalOf(sight);
  const [x, y, z] = normal.map(Math.abs) as [number, number, number];
  const follows = z >= x && z >= y ? normal[2] < 0 : y >= x ? normal[1] > 0 : normal[0] > 0;
  const slices = Math.round(distanceMm(sight, mm) / (2 * sight.reachMm));
  return (follows ? slices : -slices) || 0;
}
