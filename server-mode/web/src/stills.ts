// Frames on a track ("Frames on a track" in ../../protocol/PROTOCOL.md): access units with supplemental information only.

/** A start code, and the header of a unit with supplemental information. */
const START = [0, 0, 0, 1, 6];
const END = 0x80;
const LAST_PIECE = 1;
const FIRST_PIECE = 4;
const MAX_PIECE_BYTES = 32 << 10;
/** Longer frames have no end. */
const MAX_BYTES = 1 << 20;

/** Joins pieces to frames. */
export class Stills {
  #next = 0;
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  /** The first piece of a frame has come, and all after it. */
  #whole = false;

  /** Returns a frame, `"gap"` where something is lost, or null. */
  take(unit: Uint8Array): ArrayBuffer | "gap" | null {
    const parsed = parseUnit(unit);
    if (parsed === null) return null;
    const { counter, first, last, piece } = parsed;
    const hasGap = counter !== this.#next;
    this.#next = (counter + 1) & 0xffff;
    if (first) [this.#pieces, this.#bytes, this.#whole] = [[], 0, true];
    this.#whole &&= (first || !hasGap) && this.#bytes + piece.length <= MAX_BYTES;
    if (this.#whole) {
      this.#pieces.push(piece);
      this.#bytes += piece.length;
    }
    // What a frame after a gap says is no use: all views are asked for anew.
    if (hasGap) return "gap";
    if (!this.#whole || !last) return null;
    const frame = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      frame.set(piece, at);
      at += piece.length;
    }
    return frame.buffer;
  }
}

/** A piece of a frame. */
export interface Unit {
  readonly counter: number;
  readonly first: boolean;
  readonly last: boolean;
  readonly piece: Uint8Array<ArrayBuffer>;
}

/** Reads a unit; null where it is none of ours. */
export function parseUnit(unit: Uint8Array): Unit | null {
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
    counter: (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8),
    first: (flags & FIRST_PIECE) !== 0,
    last: (flags & LAST_PIECE) !== 0,
    piece: bytes.subarray(3, length - 1),
  };
}
