import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { ProtocolError, parseFrame, parseMessage, parseValues } from "../src/protocol";

// The tests run in the folder of package.json.
const fixtures = "../protocol/fixtures";

function read(folder: "valid" | "invalid", prefix: string): { name: string; text: string }[] {
  const names = readdirSync(join(fixtures, folder)).filter((name) => name.startsWith(prefix));
  assert.ok(names.length > 0, `no ${prefix}* in fixtures/${folder}`);
  return names.map((name) => ({ name, text: readFileSync(join(fixtures, folder, name), "utf8") }));
}

function bytes(hex: string): ArrayBuffer {
  const digits = hex.replace(/\s/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16)).buffer;
}

for (const { name, text } of read("valid", "server-")) {
  test(`${name} is understood in full`, () => assert.deepEqual(parseMessage(text), JSON.parse(text)));
}

for (const { name, text } of read("invalid", "server-")) {
  test(`${name} is refused`, () => assert.throws(() => parseMessage(text), ProtocolError));
}

for (const { name, text } of read("valid", "frame-")) {
  test(`${name} is understood in full`, () => {
    const file = JSON.parse(text) as { hex: string; header: unknown; parts: unknown };
    const frame = parseFrame(bytes(file.hex));
    const header = {
      codec: frame.codec,
      kind: frame.quality,
      view: frame.view,
      cleared: frame.cleared,
      stretched: frame.stretched,
      key: frame.key,
      size: [frame.width, frame.height],
      frame: frame.number,
      inputSeq: frame.inputSeq,
      viewRevision: frame.revision,
      renderUs: Math.round(frame.renderMs * 1000),
      encodeUs: Math.round(frame.encodeMs * 1000),
      hash: frame.hash,
    };
    const parts = frame.parts.map(({ x, y, width, height, bytes }) => ({ at: [x, y], size: [width, height], bytes: bytes.length }));
    assert.deepEqual(header, file.header);
    assert.deepEqual(parts, file.parts);
  });
}

for (const { name, text } of read("invalid", "frame-")) {
  test(`${name} is refused`, () => {
    const file = JSON.parse(text) as { hex: string };
    assert.throws(() => parseFrame(bytes(file.hex)), ProtocolError);
  });
}

for (const { name, text } of read("valid", "values-")) {
  test(`${name} is understood in full`, () => {
    const file = JSON.parse(text) as { hex: string; header: unknown; bytes: number };
    const { view, inverted, linearExact, width, height, revision, png } = parseValues(bytes(file.hex));
    assert.deepEqual({ view, inverted, linearExact, size: [width, height], viewRevision: revision }, file.header);
    assert.equal(png.length, file.bytes);
  });
}

for (const { name, text } of read("invalid", "values-")) {
  test(`${name} is refused`, () => {
    const file = JSON.parse(text) as { hex: string };
    assert.throws(() => parseValues(bytes(file.hex)), ProtocolError);
  });
}

test("names of Object.prototype are no messages", () => {
  for (const type of ["constructor", "toString", "__proto__"]) {
    assert.throws(() => parseMessage(JSON.stringify({ type })), ProtocolError);
  }
  assert.throws(() => parseMessage("null"), ProtocolError);
});
