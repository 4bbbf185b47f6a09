import assert from "node:assert/strict";
import { test } from "node:test";

import { type Choice, Rendering } from "../src/rendering";

const MIB = 1 << 20;
const CARD = { name: "a card", software: false };

function begun(choice: Choice = "automatic", bytes = 144 * MIB): Rendering {
  const rendering = new Rendering(choice, 1024 * MIB);
  rendering.connected(true);
  rendering.found(CARD);
  rendering.opened(bytes);
  return rendering;
}

/** Draws a picture each 50 ms, so many milliseconds each. Returns when it ended. */
function turn(rendering: Rendering, ms: number, from: number, until: number): number {
  for (let now = from; now < until; now += 50) rendering.drew(ms, now);
  return until;
}

function local(): Rendering {
  const rendering = begun();
  rendering.arrived(1, 10 * MIB);
  rendering.measured(5);
  rendering.arrived(0, 10 * MIB);
  rendering.measured(10);
  assert.equal(rendering.source, "local");
  return rendering;
}

test("pictures begin by the server, and are drawn here once all voxels are here and prove fast", () => {
  const rendering = begun();
  assert.deepEqual([rendering.source, rendering.wants], ["remote", 1]);
  rendering.arrived(1, 10 * MIB);
  assert.ok(rendering.measures(0));
  assert.equal(rendering.wants, null, "the coarse volume is measured before the whole one is fetched");
  rendering.measured(5);
  assert.deepEqual([rendering.source, rendering.wants], ["remote", 0]);
  rendering.arrived(0, 10 * MIB);
  assert.equal(rendering.source, "remote");
  assert.ok(rendering.measures(0));
  rendering.measured(20);
  assert.deepEqual([rendering.source, rendering.wants], ["local", null]);
  assert.match(rendering.reason, /a card draws 50 pictures a second/);
});

test("a small volume comes whole at once", () => {
  assert.equal(begun("automatic", MIB).wants, 0);
});

test("a computer that is too slow for the coarse volume does not fetch the whole one", () => {
  const rendering = begun();
  rendering.arrived(1, 10 * MIB);
  rendering.measured(50);
  assert.deepEqual([rendering.source, rendering.wants], ["remote", null]);
  assert.match(rendering.reason, /20 pictures a second, fewer than 30/);
});

test("a way that takes minutes for the voxels is not asked for them", () => {
  const rendering = begun();
  rendering.arrived(1, MIB / 8);
  rendering.measured(5);
  assert.equal(rendering.wants, null);
  assert.match(rendering.reason, /would take 10 minutes/);
});

test("where the browser knows the way as slow, not even coarse voxels are asked for", () => {
  const rendering = new Rendering("automatic", 1024 * MIB, MIB / 8);
  rendering.connected(true);
  rendering.found(CARD);
  rendering.opened(144 * MIB);
  assert.deepEqual([rendering.source, rendering.wants], ["remote", null]);
  assert.match(rendering.reason, /would take 10 minutes/);
  rendering.choose("local");
  assert.equal(rendering.wants, 1);
});

test("drawing that stays slow goes back to the server, and is tried again ever later", () => {
  const rendering = local();
  let now = turn(rendering, 40, 0, 4_900);
  assert.equal(rendering.source, "local", "not before 5 s");
  rendering.drew(20, now);
  now = turn(rendering, 40, now, now + 4_900);
  assert.equal(rendering.source, "local", "a quick picture begins them anew");
  now = turn(rendering, 40, now + 2_000, now + 6_900);
  assert.equal(rendering.source, "local", "and so does a pause");
  now = turn(rendering, 40, now, now + 500);
  assert.equal(rendering.source, "remote");
  assert.match(rendering.reason, /25 pictures a second, fewer than 30; it is tried again later/);
  assert.ok(!rendering.measures(now + 59_000));
  assert.ok(rendering.measures(now + 60_000));
  rendering.measuring(now + 60_000);
  rendering.measured(30);
  assert.equal(rendering.source, "remote", "33 a second are not enough to come back");
  assert.ok(!rendering.measures(now + 120_000));
  assert.ok(rendering.measures(now + 180_000));
  rendering.measuring(now + 180_000);
  rendering.measured(25);
  assert.equal(rendering.source, "local");
});

test("who chooses to draw here does so from the coarse volume on, however slow it is", () => {
  const rendering = begun("local");
  rendering.arrived(1, MIB / 100);
  assert.deepEqual([rendering.source, rendering.wants], ["local", 0]);
  turn(rendering, 500, 0, 20_000);
  assert.equal(rendering.source, "local");
  assert.equal(rendering.reason, "you chose so");
  rendering.choose("remote");
  assert.deepEqual([rendering.source, rendering.wants], ["remote", null]);
});

test("what cannot be is told in words", () => {
  const refused = (change: (rendering: Rendering) => void, choice: Choice = "local") => {
    const rendering = begun(choice);
    rendering.arrived(1, 10 * MIB);
    change(rendering);
    assert.deepEqual([rendering.source, rendering.wants], ["remote", null]);
    return rendering.reason;
  };
  assert.match(refused((rendering) => rendering.connected(false)), /hands out no voxels/);
  assert.match(refused((rendering) => rendering.found(null, "this browser has no WebGPU")), /no WebGPU/);
  assert.match(refused((rendering) => rendering.opened(2048 * MIB)), /2048 MiB, more than the 1024 MiB/);
  assert.match(refused((rendering) => rendering.failed("the card was lost")), /was lost/);
  assert.match(refused((rendering) => rendering.found({ name: "SwiftShader", software: true }), "automatic"), /SwiftShader only emulates/);
});

test("a card that failed is tried again when the user asks for it", () => {
  const rendering = local();
  rendering.failed("the card was lost");
  assert.equal(rendering.source, "remote");
  rendering.choose("local");
  assert.equal(rendering.source, "local");
});
