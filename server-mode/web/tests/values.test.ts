import assert from "node:assert/strict";
import { test } from "node:test";

import { paint, ramp, valuesOf } from "../src/values";

test("values come out of the bytes that they were taken apart into", () => {
  const values = [-1024, 0.1, 3071.25, Number.NaN, -0];
  const bytes = values.map((value) => new Uint8Array(new Float32Array([value]).buffer).reverse());
  const rgba = Uint8ClampedArray.from([0, 1, 2, 3].flatMap((byte) => bytes.flatMap((of) => [of[byte]!, of[byte]!, of[byte]!, 255])));
  assert.deepEqual([...valuesOf(rgba, values.length)], values.map(Math.fround));
});

/** The pseudo-code of DICOM PS3.3, C.11.2.1.2.1 and C.11.2.1.3.2, for an output of 0 to 255. */
test("greys are those of the standard, and beyond the volume it is black", () => {
  const [center, width] = [40, 400];
  const values = [-400, -160.5, -160, -159.5, 0, 39.5, 40, 200, 239, 239.5, 240, 1000, Number.NaN];
  const linear = (x: number) => ((x - (center - 0.5)) / (width - 1) + 0.5) * 255;
  const exact = (x: number) => ((x - center) / width + 0.5) * 255;
  for (const linearExact of [false, true]) {
    for (const inverted of [false, true]) {
      const image = { width: values.length, height: 1, inverted, linearExact, values: Float32Array.from(values) };
      const pixels = new Uint32Array(values.length);
      paint(image, { center, width }, pixels);
      for (const [i, value] of values.entries()) {
        const [r, g, b, a] = [0, 8, 16, 24].map((shift) => (pixels[i]! >>> shift) & 255);
        const level = Math.min(255, Math.max(0, (linearExact ? exact : linear)(value)));
        const expected = Number.isNaN(value) ? 0 : Math.round(inverted ? 255 - level : level);
        assert.ok(Math.abs(r! - expected) <= (Number.isNaN(value) ? 0 : 1) && r === g && g === b && a === 255, `${value}: ${r}, not ${expected}`);
      }
    }
  }
});

test("a window of width 1 is a step", () => {
  const [low, scale] = ramp({ center: 100, width: 1 }, { inverted: false, linearExact: false });
  assert.equal(low, 99.5);
  assert.ok(scale > 500);
});
