// src/stills.ts
var START = [0, 0, 0, 1, 6];
var END = 128;
var LAST_PIECE = 1;
var FIRST_PIECE = 4;
var MAX_PIECE_BYTES = 32 << 10;
var MAX_BYTES = 1 << 20;
var Stills = class {
  #next = 0;
  #pieces = [];
  #bytes = 0;
  /** The first piece of a frame has come, and all after it. */
  #whole = false;
  /** Returns a frame, `"gap"` where something is lost, or null. */
  take(unit) {
    const parsed = parseUnit(unit);
    if (parsed === null) return null;
    const { counter, first, last, piece } = parsed;
    const hasGap = counter !== this.#next;
    this.#next = counter + 1 & 65535;
    if (first) [this.#pieces, this.#bytes, this.#whole] = [[], 0, true];
    this.#whole &&= (first || !hasGap) && this.#bytes + piece.length <= MAX_BYTES;
    if (this.#whole) {
      this.#pieces.push(piece);
      this.#bytes += piece.length;
    }
    if (hasGap) return "gap";
    if (!this.#whole || !last) return null;
    const frame = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece2 of this.#pieces) {
      frame.set(piece2, at);
      at += piece2.length;
    }
    return frame.buffer;
  }
};
function parseUnit(unit) {
  if (START.some((byte, at) => unit[at] !== byte)) return null;
  const bytes = new Uint8Array(unit.length);
  let [length, zeros] = [0, 0];
  for (let at = START.length; at < unit.length; at++) {
    const byte = unit[at] ?? 0;
    if (zeros === 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    bytes[length++] = byte;
  }
  if (length < 4 || length - 4 > MAX_PIECE_BYTES || bytes[length - 1] !== END) return null;
  const flags = bytes[2] ?? 0;
  return {
    counter: (bytes[0] ?? 0) | (bytes[1] ?? 0) << 8,
    first: (flags & FIRST_PIECE) !== 0,
    last: (flags & LAST_PIECE) !== 0,
    piece: bytes.subarray(3, length - 1)
  };
}

// src/stills.worker.ts
self.addEventListener("rtctransform", (event) => {
  const stills = new Stills();
  const reader = event.transformer.readable.getReader();
  const read = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const taken = stills.take(new Uint8Array(next.value.data));
      if (taken instanceof ArrayBuffer) self.postMessage(taken, { transfer: [taken] });
      else if (taken !== null) self.postMessage(taken);
    }
  };
  void read();
});
