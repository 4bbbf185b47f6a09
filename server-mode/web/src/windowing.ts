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

/** Whether two windows are the same to the eye. */
export function isSame(a: WindowValues, b: WindowValues): boolean {
  const near = Math.min(0.5, a.width * 1e-3);
  return Math.abs(a.center - b.center) < near && Math.abs(a.width - b.width) < near;
}
