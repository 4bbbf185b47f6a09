import assert from "node:assert/strict";
import { test } from "node:test";

import { Meter, percentiles } from "../src/stats";

test("latency is the age of every input that a picture is the first to show", () => {
  const meter = new Meter();
  for (const [seq, at] of [[1, 100], [2, 110], [3, 120]] as const) meter.sent(0, seq, at);
  meter.shown(0, 2, "h264", 150);
  assert.deepEqual(meter.summary(1000, 150).latencyMs, { p50: 40, p95: 50, p99: 50 });
  meter.shown(0, 2, "h264", 400);
  assert.equal(meter.summary(100, 400).latencyMs, null, "a picture shown again measures nothing");
  meter.sent(3, 4, 600);
  meter.shown(0, 9, "h264", 700);
  assert.equal(meter.summary(100, 700).latencyMs, null, "an input of another view ended the wait");
});

test("an input that changed nothing does not count when the next picture comes", () => {
  const meter = new Meter();
  meter.sent(0, 1, 0);
  meter.sent(0, 2, 5000);
  meter.shown(0, 2, "jpeg", 5040);
  assert.deepEqual(meter.summary(1000, 5040).latencyMs, { p50: 40, p95: 40, p99: 40 });
});

test("rate and freezes count only while the hand moves", () => {
  const meter = new Meter();
  let seq = 0;
  const move = (at: number) => meter.sent(0, ++seq, at);
  const show = (at: number) => meter.shown(0, seq, "h264", at);
  for (const at of [0, 40, 80, 120]) {
    move(at - 20);
    show(at);
  }
  move(130);
  show(330);
  // The hand rests; a lossless picture comes meanwhile.
  meter.shown(0, seq, "png", 900);
  move(3000);
  show(3040);
  const { framesPerSecond, longestFreezeMs, codec } = meter.summary(5000, 3040);
  assert.equal(longestFreezeMs, 210);
  assert.equal(codec, "h264");
  assert.ok(Math.abs(framesPerSecond - 6 / 0.39) < 0.01, `${framesPerSecond}`);
});

test("bits and pictures are counted over the time asked for", () => {
  const meter = new Meter();
  for (const at of [0, 500, 1000, 1400]) {
    meter.received(1000, at);
    meter.shown(2, 0, "png", at);
  }
  assert.equal(meter.rate(2, 1450), 3);
  assert.equal(meter.rate(1, 1450), 0);
  assert.equal(meter.summary(1000, 1450).bitsPerSecond, 24_000);
  assert.equal(meter.summary(1000, 90_000).bitsPerSecond, 0);
});

test("percentiles are values that were measured", () => {
  assert.equal(percentiles([]), null);
  assert.deepEqual(percentiles([3]), { p50: 3, p95: 3, p99: 3 });
  assert.deepEqual(percentiles(Array.from({ length: 100 }, (_, i) => 100 - i)), { p50: 50, p95: 95, p99: 99 });
});

test("input that waits for its picture tells for how long there was none", () => {
  const meter = new Meter();
  assert.equal(meter.stillMs(0, 100), null);
  meter.sent(0, 1, 100);
  meter.shown(0, 1, "jpeg", 140);
  assert.equal(meter.stalledMs(0, 5000), 0, "nothing waits");
  assert.equal(meter.stillMs(0, 5000), 4860);
  meter.sent(0, 2, 6000);
  meter.sent(0, 3, 6500);
  assert.equal(meter.stalledMs(0, 9000), 3000);
  assert.equal(meter.stalledMs(1, 9000), 0, "another view waits for nothing");
  meter.shown(0, 2, "jpeg", 9100);
  assert.equal(meter.stalledMs(0, 9300), 200, "a picture of some of it is a sign of life");
  assert.equal(meter.stalledMs(0, 17_000), 0, "what is never answered has changed nothing");
});

test("input that the page answers itself is no wait, and what follows is measured right", () => {
  const meter = new Meter();
  meter.shown(0, 0, "png", 0);
  meter.sent(0, 1, 1000);
  meter.sent(0, 2, 1020);
  meter.drawnHere(0);
  assert.equal(meter.stalledMs(0, 5000), 0);
  meter.shown(0, 9, "jpeg", 5000);
  assert.equal(meter.summary(10_000, 5000).latencyMs, null);
  assert.equal(meter.summary(10_000, 5000).longestFreezeMs, 0);
  meter.sent(3, 10, 6000);
  meter.drawnHere(0);
  meter.shown(3, 10, "h264", 6040);
  assert.deepEqual(meter.summary(10_000, 6040).latencyMs, { p50: 40, p95: 40, p99: 40 });
  assert.equal(meter.summary(10_000, 6040).longestFreezeMs, 40);
});
