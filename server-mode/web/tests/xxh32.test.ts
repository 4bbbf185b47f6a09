import assert from "node:assert/strict";
import { test } from "node:test";

import { xxh32 } from "../src/xxh32";

test("known texts have the hashes of the reference", () => {
  const of = (text: string) => xxh32(new TextEncoder().encode(text));
  assert.equal(of(""), 0x02cc5d05);
  assert.equal(of("a"), 0x550d7456);
  assert.equal(of("abc"), 0x32d153ff);
  assert.equal(of("abcd"), 0xa3643705);
  assert.equal(of("Nobody inspects the spammish repetition"), 0xe2293b2f);
});

test("bytes inside of a larger buffer are hashed by themselves", () => {
  const inside = new Uint8Array([1, 2, 3, ...new TextEncoder().encode("abcd")]).subarray(3);
  assert.equal(xxh32(inside), 0xa3643705);
});
