import assert from "node:assert/strict";
import { test } from "node:test";

import { type Box, beside, boxOf, leader } from "../src/labels";

const room: Box = { left: 0, top: 0, width: 400, height: 300 };
const box = (left: number, top: number, right: number, bottom: number): Box => ({ left, top, width: right - left, height: bottom - top });
const put = (of: Box, taken: readonly Box[] = []) => beside([of.left + of.width, of.top + of.height / 2], 100, 40, of, room, taken);
const meet = (a: Box, b: Box) => a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;

test("a text covers what it tells of only where there is room nowhere else", () => {
  assert.ok(put(box(100, 100, 200, 200)).left > 200);
  assert.ok(put(box(250, 100, 350, 200)).left + 100 < 250);
  assert.ok(put(box(50, 100, 350, 200)).top > 200);
  assert.ok(put(box(50, 100, 350, 280)).top + 40 < 100);
  for (const of of [box(-50, -20, 450, 320), box(600, 100, 700, 150), box(-300, 100, -200, 150)]) {
    const { left, top } = put(of);
    assert.ok(left >= 0 && top >= 0 && left + 100 <= 400 && top + 40 <= 300, `${left} ${top}`);
  }
});

test("texts of what lies side by side do not cover each other", () => {
  const taken: Box[] = [];
  for (let i = 0; i < 8; i++) {
    const text = put(box(150, 100 + i * 6, 200, 130 + i * 6), taken);
    assert.ok(!taken.some((other) => meet(text, other)), `${i}: ${JSON.stringify(text)}`);
    taken.push(text);
  }
});

test("a line leads to a text that stands apart", () => {
  const corners = [[10, 10], [30, 10], [30, 20]] as const;
  assert.deepEqual(boxOf(corners), box(10, 10, 30, 20));
  assert.equal(leader(box(38, 0, 80, 30), corners), null);
  assert.deepEqual(leader(box(38, 60, 80, 90), corners), [[38, 60], [30, 20]]);
});
