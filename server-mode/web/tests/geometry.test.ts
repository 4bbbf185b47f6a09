import assert from "node:assert/strict";
import { test } from "node:test";

import { lengthLabel, pixelRatio, ruler, sliderToWidth, viewSize, wheelDelta, widthToSlider } from "../src/geometry";
import { dateText, levelText, nameText, numberText, sentence, windowText } from "../src/words";

test("a dense screen gets two pixels per CSS pixel at most", () => {
  assert.equal(pixelRatio(390 * 600, 3, "cpu"), 2);
  assert.equal(pixelRatio(390 * 600, 1, "cpu"), 1);
});

test("all views together stay within what the renderer draws fluently", () => {
  const css = 3840 * 2160;
  assert.ok(css * pixelRatio(css, 1, "cpu") ** 2 <= 2_600_001);
  assert.ok(css * pixelRatio(css, 2, "gpu") ** 2 <= 4_100_001);
});

test("a view is never smaller than 16 pixels nor larger than the protocol allows", () => {
  assert.deepEqual(viewSize(3, 100.4, 1), [16, 100]);
  assert.deepEqual(viewSize(9000, 700, 2), [8192, 1400]);
});

test("the ruler is the longest round length that fits", () => {
  assert.deepEqual(ruler(0.78125, 140), { mm: 100, length: 128, parts: 10 });
  assert.deepEqual(ruler(0.5, 140), { mm: 50, length: 100, parts: 5 });
  assert.deepEqual(ruler(0.02, 140), { mm: 2, length: 100, parts: 4 });
  for (const mm of [0.0071, 0.3, 1, 4.4]) {
    const found = ruler(mm, 140);
    assert.ok(found && found.length <= 140 && found.length > 140 / 2.6, `${mm}: ${found?.length}`);
  }
  assert.equal(ruler(0, 140), null);
  assert.equal(ruler(Number.NaN, 140), null);
});

test("lengths are written in cm from 1 cm on", () => {
  assert.deepEqual([100, 50, 10, 5, 0.5, 0.01].map(lengthLabel), ["10 cm", "5 cm", "1 cm", "5 mm", "0.5 mm", "0.01 mm"]);
});

test("a notch of any mouse is 100", () => {
  const turn = (deltaY: number, deltaMode = 0) => wheelDelta({ deltaX: 0, deltaY, deltaMode, ctrlKey: false });
  assert.equal(turn(100), 100);
  assert.equal(turn(-120), -100);
  assert.equal(turn(240), 200);
  assert.equal(turn(3, 1), 100);
  assert.equal(turn(-1, 2), -100);
  assert.equal(turn(7.5), 7.5);
  assert.equal(wheelDelta({ deltaX: 100, deltaY: 0, deltaMode: 0, ctrlKey: false }), 100);
  assert.equal(wheelDelta({ deltaX: 0, deltaY: -2.5, deltaMode: 0, ctrlKey: true }), -25);
  assert.equal(wheelDelta({ deltaX: 0, deltaY: 100, deltaMode: 0, ctrlKey: true }), 100);
});

test("the width slider keeps what it is set to", () => {
  for (const width of [1, 80, 400, 1500, 3000]) {
    assert.equal(sliderToWidth(widthToSlider(width, 3000), 3000), width);
  }
  assert.equal(widthToSlider(9000, 3000), 1);
});

test("DICOM names, dates and numbers are written for people", () => {
  assert.equal(nameText("Doe^Jane^Q^Dr"), "Doe, Jane Q");
  assert.equal(nameText("Yamada^Tarou=山田^太郎"), "Yamada, Tarou");
  assert.equal(nameText("LIDC-IDRI-0314"), "LIDC-IDRI-0314");
  assert.equal(sentence("the slices differ"), "The slices differ.");
  assert.equal(nameText(""), "");
  assert.equal(dateText("20000131"), "2000-01-31");
  assert.equal(dateText("2000-01-31"), "2000-01-31");
  assert.equal(numberText(-599.6), "−600");
  assert.equal(numberText(0.123456), "0.1235");
  assert.equal(levelText(40.53, 400), "41");
  assert.equal(levelText(-0.2, 400), "0");
  assert.equal(levelText(-12.34, 50), "−12.3");
  assert.equal(levelText(0.01234, 0.5), "0.012");
  assert.equal(windowText({ center: 40, width: 400 }, "HU", null), "W 400  L 40 HU");
  const suv = { bodyWeight: 0.0005, leanBodyMass: null, bodySurface: null };
  assert.equal(windowText({ center: 5000, width: 10_000 }, "BQML", suv), "SUV 0.0 – 5.0");
});
