// The two numbers that a window is told by: its centre and width, or the SUVs at its ends where its values have a scale to them.

import type { SeriesOpened, WindowValues } from "./protocol";

type Numbers = readonly [number, number];

/** The narrowest window, in SUV. */
const LEAST_SUV = 0.01;

/** Centre and width; or the SUVs that are black and white. */
export function numbersOf({ center, width }: WindowValues, suv: SeriesOpened["suv"]): Numbers {
  return suv ? [(center - width / 2) * suv.bodyWeight, (center + width / 2) * suv.bodyWeight] : [center, width];
}

/** The window of such numbers, of which one (0 or 1) was just changed: ends that would meet move the other one along. */
export function windowOf([first, second]: Numbers, changed: 0 | 1, suv: SeriesOpened["suv"]): WindowValues {
  if (!suv) return { center: first, width: Math.max(1, second) };
  const low = changed === 0 ? first : Math.min(first, second - LEAST_SUV);
  const high = changed === 1 ? second : Math.max(second, first + LEAST_SUV);
  return { center: (low + high) / 2 / suv.bodyWeight, width: (high - low) / suv.bodyWeight };
}

/** The windows of CT on the number keys, the first five those of every viewer: a file's own ones do not move them. */
export const CT_KEYS: readonly WindowValues[] = [
  { center: 40, width: 400 },
  { center: -600, width: 1500 },
  { center: 480, width: 2500 },
  { center: 40, width: 80 },
  { center: 90, width: 150 },
  { center: 50, width: 350 },
  { center: 300, width: 600 },
  { center: 100, width: 700 },
  { center: 40, width: 40 },
];

/** The windows of the number keys, from 1 on; other than CT they follow the menu. */
export function windowsOfKeys({ modality, windows }: Pick<SeriesOpened, "modality" | "windows">): readonly WindowValues[] {
  return modality === "CT" ? CT_KEYS : windows.slice(0, CT_KEYS.length);
}

/** Whether two windows are the same to the eye. */
export function isSame(a: WindowValues, b: WindowValues): boolean {
  const near = Math.min(0.5, a.width * 1e-3);
  return Math.abs(a.center - b.center) < near && Math.abs(a.width - b.width) < near;
}
