import assert from "node:assert/strict";
import { test } from "node:test";

import { Stills } from "../src/stills";

/** A unit whose bytes need no escaping. */
const unit = (counter: number, flags: number, ...piece: number[]) => Uint8Array.of(0, 0, 0, 1, 6, counter, 0x10, flags, ...piece, 0x80);

/** One that has come to counter 0x1000. */
function begun(): Stills {
  const stills = new Stills();
  assert.equal(stills.take(unit(0, 0)), "gap");
  return stills;
}

test("pieces are joined to frames, and units without pieces change nothing", () => {
  const stills = begun();
  assert.equal(stills.take(unit(1, 4, 7, 8)), null);
  assert.equal(stills.take(unit(2, 0)), null);
  assert.deepEqual(stills.take(unit(3, 1, 9)), Uint8Array.of(7, 8, 9).buffer);
  assert.deepEqual(stills.take(unit(4, 5, 1)), Uint8Array.of(1).buffer);
});

test("what is lost is noticed, and the next frame is whole", () => {
  const stills = begun();
  assert.equal(stills.take(unit(1, 4, 7)), null);
  assert.equal(stills.take(unit(3, 1, 9)), "gap");
  assert.equal(stills.take(unit(4, 4, 1)), null);
  assert.deepEqual(stills.take(unit(5, 1, 2)), Uint8Array.of(1, 2).buffer);
  assert.equal(stills.take(Uint8Array.of(0, 0, 0, 1, 0x65, 1)), null);
});
