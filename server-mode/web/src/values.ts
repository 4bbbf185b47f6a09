// The values of a slice, and the greys that they become under a window: the server's, bit by bit.

import type { SliceValues, WindowValues } from "./protocol";

/** Values on the pixels of a view, rows from the top; NaN outside the volume. */
export interface Values {
  width: number;
  height: number;
  inverted: boolean;
  linearExact: boolean;
  values: Float32Array;
}

const BLACK = 0xff00_0000;

/** The PNG has the values' bytes, most significant first: four images below each other. */
export async function decode({ width, height, inverted, linearExact, png }: SliceValues): Promise<Values> {
  const bitmap = await createImageBitmap(new Blob([png], { type: "image/png" }), { colorSpaceConversion: "none" });
  try {
    if (bitmap.width !== width || bitmap.height !== 4 * height) throw new Error("values of another size than they say");
    const context = new OffscreenCanvas(width, 4 * height).getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("no canvas");
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, 4 * height);
    return { width, height, inverted, linearExact, values: valuesOf(data, width * height) };
  } finally {
    bitmap.close();
  }
}

/** The values of RGBA pixels whose red holds their bytes. */
export function valuesOf(rgba: Uint8ClampedArray, count: number): Float32Array {
  const bits = new Uint32Array(count);
  const red = (byte: number, i: number) => rgba[4 * (byte * count + i)]!;
  for (let i = 0; i < count; i++) bits[i] = (red(0, i) << 24) | (red(1, i) << 16) | (red(2, i) << 8) | red(3, i);
  return new Float32Array(bits.buffer);
}

/**
 * Black's value, and brightness by value (DICOM PS3.3, C.11.2.1.2.1 and C.11.2.1.3.2). All that is computed here is rounded to
 * 32 bits where `Window::ramp` and `Grey` in ../../../render-core do.
 */
export function ramp({ center, width }: WindowValues, { inverted, linearExact }: Pick<Values, "inverted" | "linearExact">): [low: number, scale: number] {
  const span = linearExact ? width : Math.max(width - 1, 1e-3);
  const low = Math.fround(linearExact ? center - width / 2 : center - 0.5 - (width - 1) / 2);
  const scale = Math.fround(1 / span);
  return inverted ? [Math.fround(low + Math.fround(1 / scale)), -scale] : [low, scale];
}

/** Writes the picture of the values under a window, as RGBA. */
export function paint(image: Values, window: WindowValues, pixels: Uint32Array): void {
  const [low, scale] = ramp(window, image);
  const { values } = image;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const share = Math.fround(Math.fround(value - low) * scale);
    const brightness = share > 0 ? Math.min(share, 1) : 0;
    const level = Math.fround(Math.fround(brightness * 255) + 0.5) | 0;
    // NaN compares to nothing, so what lies outside is black.
    pixels[i] = BLACK | (level * 0x01_0101);
  }
}
