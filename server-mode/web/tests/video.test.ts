import assert from "node:assert/strict";
import { test } from "node:test";

import { codecOf } from "../src/video";

test("profile and level are those of the sequence parameter set", () => {
  // An access unit delimiter, then a sequence parameter set of High, level 3.1.
  const unit = new Uint8Array([0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1f, 0xac]);
  assert.equal(codecOf(unit), "avc1.64001f");
});

test("a video without a sequence parameter set is refused", () => {
  assert.throws(() => codecOf(new Uint8Array([0, 0, 0, 1, 0x41, 0x9a, 0, 0, 0, 0])));
  assert.throws(() => codecOf(new Uint8Array()));
});
