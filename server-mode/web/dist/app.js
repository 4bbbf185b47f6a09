// src/protocol.ts
var SUBPROTOCOL = "voxcast.v1";
var FRAME_HEADER_BYTES = 44;
var PART_HEADER_BYTES = 12;
var VALUES_HEADER_BYTES = 20;
var MAX_VALUES = 4 * 1024 * 1024;
var MAX_VIEWS = 16;
var REVISIONS = 65536;
var MAX_DEPTH = 8;
var MAX_CELLS = MAX_VIEWS;
var MAX_SHARE = 1e4;
var MAX_DIM = 65535;
var MAX_LINES = 1e3;
var MAX_REGIONS = 16;
var MAX_QUANTITIES = 64;
var MAX_BARS = 4096;
var MAX_DRAWINGS = 1e3;
var MAX_DRAWN_POINTS = 5e4;
var MAX_LABEL = 1024;
var MAX_NUMBERS = 16;
var MAX_UNIT = 256;
var MAX_MM = 1e6;
var MAX_VIEW_SIZE = 8192;
var MAX_PIXELS = 16 * 1024 * 1024;
var CODECS = { 1: "jpeg", 2: "png", 3: "h264", 4: "hevc", 5: "av1", 6: "webp" };
var QUALITIES = { 0: "interactive", 1: "final", 2: "lossless" };
var VIDEO_CODECS = ["h264", "hevc", "av1"];
function isVideo(codec) {
  return VIDEO_CODECS.some((video) => video === codec);
}
var ProtocolError = class extends Error {
};
function fail(at, wanted) {
  throw new ProtocolError(`${at} is not ${wanted}`);
}
var text = (value, at) => typeof value === "string" ? value : fail(at, "text");
var number = (value, at) => typeof value === "number" && Number.isFinite(value) ? value : fail(at, "a number");
var count = (value, at) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : fail(at, "a whole number");
function optional(read) {
  return (value, at) => value === null || value === void 0 ? null : read(value, at);
}
function absent(read) {
  return (value, at) => value === void 0 ? void 0 : read(value, at);
}
function list(read) {
  return (value, at) => Array.isArray(value) ? value.map((item, i) => read(item, `${at}[${i}]`)) : fail(at, "a list");
}
function few(read, most) {
  return (value, at) => {
    if (Array.isArray(value) && value.length > most) return fail(at, `a list of at most ${most}`);
    return list(read)(value, at);
  };
}
function record(fields) {
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return fail(at, "an object");
    const entries2 = Object.entries(fields);
    const source = value;
    const unknown = Object.keys(source).find((key) => !Object.hasOwn(fields, key));
    if (unknown !== void 0) return fail(`${at}.${unknown}`, "a known field");
    const values = entries2.map(([key, read]) => [key, read(source[key], `${at}.${key}`)]);
    return Object.fromEntries(values.filter(([, value2]) => value2 !== void 0));
  };
}
function oneOf(...names2) {
  return (value, at) => names2.find((name) => name === value) ?? fail(at, `one of ${names2.join(", ")}`);
}
var pair = (value, at) => {
  const [a, b, ...more] = list(number)(value, at);
  return a !== void 0 && b !== void 0 && more.length === 0 ? [a, b] : fail(at, "two numbers");
};
function triple(read) {
  return (value, at) => {
    const [a, b, c, ...more] = list(read)(value, at);
    const three = a !== void 0 && b !== void 0 && c !== void 0 && more.length === 0;
    return three ? [a, b, c] : fail(at, "three numbers");
  };
}
var rectangle = (value, at) => {
  const [left, top, right, bottom, ...more] = list(count)(value, at);
  const four = left !== void 0 && top !== void 0 && right !== void 0 && bottom !== void 0;
  return four && more.length === 0 ? [left, top, right, bottom] : fail(at, "four numbers");
};
var rising = (value, at) => {
  const [low, high] = pair(value, at);
  const finite = [low, high].every((n) => Number.isFinite(Math.fround(n)));
  return finite && low <= high ? [low, high] : fail(at, "two values that rise");
};
var dim = (value, at) => {
  const n = count(value, at);
  return n <= MAX_DIM ? n : fail(at, `a number up to ${MAX_DIM}`);
};
var views = (value, at) => {
  const numbers = few(count, MAX_VIEWS)(value, at);
  const distinct = new Set(numbers).size === numbers.length && numbers.every((n) => n < MAX_VIEWS);
  return distinct ? numbers : fail(at, "numbers of views, each once");
};
var flag = (value, at) => typeof value === "boolean" ? value : fail(at, "true or false");
function tuple(length2) {
  return (value, at) => {
    const numbers = list(number)(value, at);
    return numbers.length === length2 ? numbers : fail(at, `${length2} numbers`);
  };
}
var size = tuple(2);
var vector = tuple(3);
var vectors = (value, at) => {
  const [x, y, z, origin, ...more] = list(vector)(value, at);
  return x && y && z && origin && more.length === 0 ? [x, y, z, origin] : fail(at, "four vectors");
};
function kinds(shapes) {
  return (value, at) => {
    const kind = value?.kind;
    if (typeof kind !== "string" || !Object.hasOwn(shapes, kind)) return fail(`${at}.kind`, "a known kind");
    return shapes[kind](value, at);
  };
}
var combine = oneOf("maximum", "minimum", "mean");
var shape = kinds({
  linear: record({ kind: oneOf("linear") }),
  linearExact: record({ kind: oneOf("linearExact") }),
  sigmoid: record({ kind: oneOf("sigmoid") }),
  table: record({ kind: oneOf("table"), index: count })
});
var shapedWindow = record({ center: number, width: number, shape });
var plane = record({
  centerMm: vector,
  right: vector,
  down: vector,
  fitMm: size,
  zoom: number
});
var place = record({
  size,
  content: kinds({
    volume: record({ kind: oneOf("volume") }),
    cinematic: record({ kind: oneOf("cinematic") }),
    projection: record({ kind: oneOf("projection"), combine }),
    isosurface: record({ kind: oneOf("isosurface"), value: number }),
    slice: record({ kind: oneOf("slice") }),
    curved: record({ kind: oneOf("curved") })
  }),
  camera: record({
    focalPointMm: vector,
    patientFromCamera: tuple(4),
    distanceMm: number,
    viewAngleDeg: number,
    zoom: number,
    parallel: flag,
    eyeMm: number
  }),
  plane,
  slab: record({ thicknessMm: number, combine }),
  curved: optional(record({ centerMm: size, fitMm: size, zoom: number })),
  window: shapedWindow,
  inverted: flag
});
var curve = oneOf("linear", "step", "smooth");
var colorPoint = record({ value: number, level: vector, curve });
var point = record({ value: number, level: tuple(1), curve });
var transfer = record({
  colors: list(colorPoint),
  opacities: list(point),
  gradientOpacities: optional(list(point))
});
var box = optional((value, at) => {
  const [x, y, z, ...more] = list(size)(value, at);
  return x && y && z && more.length === 0 ? [x, y, z] : fail(at, "three pairs");
});
var look = record({
  transfer,
  shading: record({ ambient: number, diffuse: number, specular: number, specularPower: count }),
  preIntegrated: flag,
  lights: list(record({ direction: vector, withCamera: flag, color: vector })),
  ambientOcclusion: flag,
  shadows: flag,
  depthCue: optional(
    record({ strength: number, color: vector, rangeMm: optional(size) })
  ),
  clip: record({
    cropVoxels: box,
    cut: optional(record({ plane, near: flag })),
    planes: list(record({ pointMm: vector, normal: vector }))
  }),
  layers: list(
    record({
      seriesInstanceUid: text,
      look: kinds({
        values: record({ kind: oneOf("values"), transfer }),
        labels: record({ kind: oneOf("labels"), colors: list(tuple(4)) })
      }),
      opacity: number
    })
  ),
  path: optional(record({ drawnMm: list(vector), down: vector })),
  preset: optional(text),
  stepVoxels: number
});
var brief = (most) => (value, at) => {
  const read = text(value, at);
  return new TextEncoder().encode(read).length <= most ? read : fail(at, `a text of at most ${most} bytes`);
};
var near = (value, at) => {
  const numbers = vector(value, at);
  return numbers.every((n) => Math.abs(n) <= MAX_MM) ? numbers : fail(at, "a place in a patient");
};
var channel = (value, at) => {
  const n = count(value, at);
  return n <= 255 ? n : fail(at, "a number up to 255");
};
var drawing = record({
  kind: oneOf("probe", "length", "angle", "cobb", "bidirectional", "ellipse", "rectangle", "freehand", "box", "ellipsoid", "arrow", "keyImage"),
  pointsMm: few(near, MAX_DRAWN_POINTS),
  plane: record({ centerMm: near, right: near, down: near }),
  label: brief(MAX_LABEL),
  color: triple(channel),
  quantities: few(record({ measure: brief(MAX_UNIT), value: number, unit: brief(MAX_UNIT) }), MAX_NUMBERS)
});
var drawings = (value, at) => {
  const read = few(drawing, MAX_DRAWINGS)(value, at);
  const points = read.reduce((sum, { pointsMm }) => sum + pointsMm.length, 0);
  return points <= MAX_DRAWN_POINTS ? read : fail(at, `drawings of at most ${MAX_DRAWN_POINTS} points`);
};
function cell(places, depth) {
  const part = (value, at) => depth < MAX_DEPTH ? cell(places, depth + 1)(value, at) : fail(at, `at most ${MAX_DEPTH} rows and columns deep`);
  const shares = few((value, at) => {
    const share = count(value, at);
    return share >= 1 && share <= MAX_SHARE ? share : fail(at, "a share");
  }, MAX_CELLS);
  const split = { cells: few(part, MAX_CELLS), shares };
  return (value, at) => {
    const read = kinds({
      empty: record({ kind: oneOf("empty") }),
      view: record({ kind: oneOf("view"), view: count }),
      row: record({ kind: oneOf("row"), ...split }),
      column: record({ kind: oneOf("column"), ...split })
    })(value, at);
    if (read.kind === "row" || read.kind === "column") {
      const fits = read.cells.length > 0 && read.cells.length === read.shares.length;
      return fits ? read : fail(at, "cells with a share each");
    }
    places.push(read.kind === "view" ? read.view : null);
    return places.length <= MAX_CELLS ? read : fail(at, `of at most ${MAX_CELLS} places`);
  };
}
var shared = (value, at) => {
  const places = [];
  const layout = record({ root: cell(places, 0), maximised: optional(count) });
  const read = record({ type: oneOf("shared"), number: count, views, layout: optional(layout) })(value, at);
  if (read.layout === null) return read;
  const placed = places.filter((view) => view !== null).sort((a, b) => a - b);
  const { maximised } = read.layout;
  const fits = String(placed) === String([...read.views].sort((a, b) => a - b)) && (maximised === null || read.views.includes(maximised));
  return fits ? read : fail(at, "a layout of these views");
};
var transport = oneOf("websocket", "webrtc");
var errorCode = oneOf(
  "malformed",
  "seq",
  "outOfRange",
  "unknownView",
  "unknownSeries",
  "unknownPreset",
  "noSeries",
  "loadFailed",
  "renderFailed",
  "tooFast",
  "goingAway",
  "webrtcFailed",
  "notAllowed",
  "measureFailed"
);
var viewFields = {
  view: count,
  revision: count,
  inputSeq: count,
  content: oneOf("volume", "cinematic", "mip", "minip", "mean", "axial", "coronal", "sagittal"),
  window: record({ center: number, width: number }),
  preset: optional(text),
  slice: optional(number),
  slices: optional(number),
  mmPerPixel: optional(number),
  zoom: number,
  letters: record({ left: text, right: text, top: text, bottom: text }),
  refined: optional(number),
  positionMm: triple(number)
};
var iceServers = list(record({ urls: list(text), username: absent(text), credential: absent(text) }));
var readMessage = {
  connected: record({
    type: oneOf("connected"),
    sessionId: text,
    protocol: text,
    backend: text,
    resumeToken: text,
    resumed: flag,
    iceServers: optional(iceServers),
    role: oneOf("owner", "viewer", "driver"),
    voxels: flag
  }),
  stateFull: record({ type: oneOf("stateFull"), seriesInstanceUid: optional(text), views: list(record(viewFields)) }),
  library: record({
    type: oneOf("library"),
    studies: list(
      record({
        studyInstanceUid: text,
        description: text,
        date: text,
        patientName: text,
        patientId: text,
        patientSex: text,
        patientBirthDate: text,
        series: list(
          record({
            seriesInstanceUid: text,
            description: text,
            number: optional(number),
            modality: text,
            dims: triple(count),
            files: count,
            frameOfReferenceUid: absent(text),
            times: absent(list(text))
          })
        )
      })
    )
  }),
  loading: record({ type: oneOf("loading"), seriesInstanceUid: text, done: count, total: count }),
  seriesOpened: record({
    type: oneOf("seriesOpened"),
    seriesInstanceUid: text,
    frameOfReferenceUid: text,
    modality: text,
    suv: optional(
      record({ bodyWeight: number, leanBodyMass: optional(number), bodySurface: optional(number) })
    ),
    unit: text,
    dims: triple(dim),
    spacingMm: triple(number),
    valueRange: pair,
    warnings: few(record({ code: text, message: text, value: optional(number) }), MAX_LINES),
    selfCheck: record({
      found: list(text),
      corrected: list(text),
      unknown: list(text),
      millimetres: text,
      reason: optional(text),
      regions: few(rectangle, MAX_REGIONS)
    }),
    presets: list(record({ name: text, label: text })),
    windows: list(record({ label: text, center: number, width: number })),
    outline: record({
      patientFromVoxel: vectors,
      valueRange: rising,
      levels: pair,
      windows: list(record({ label: text, center: number, width: number, shape })),
      tables: list(list(number)),
      inverted: flag,
      directionsUnknown: flag
    })
  }),
  presets: record({ type: oneOf("presets"), presets: list(record({ name: text, label: text })) }),
  view: record({ type: oneOf("view"), ...viewFields }),
  viewState: record({
    type: oneOf("viewState"),
    view: count,
    seriesInstanceUid: text,
    revision: count,
    place,
    look: absent(look),
    moving: flag
  }),
  measured: record({
    type: oneOf("measured"),
    request: count,
    quantities: few(record({ measure: text, value: number, unit: text }), MAX_QUANTITIES),
    histogram: few(count, MAX_BARS),
    doubt: optional(text),
    lengthsBy: optional(text)
  }),
  role: record({ type: oneOf("role"), role: oneOf("owner", "viewer", "driver") }),
  shared,
  drawn: record({ type: oneOf("drawn"), number: count, seriesInstanceUid: text, drawings }),
  error: record({ type: oneOf("error"), code: errorCode, message: text, seq: optional(count) }),
  pong: record({ type: oneOf("pong"), time: number }),
  iceServers: record({ type: oneOf("iceServers"), iceServers }),
  answer: record({ type: oneOf("answer"), sdp: text }),
  transport: record({ type: oneOf("transport"), transport, reason: text }),
  done: record({ type: oneOf("done"), seq: optional(count) })
};
function parseMessage(json) {
  let value;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ProtocolError("the message is not JSON");
  }
  const type = value?.type;
  if (typeof type !== "string" || !Object.hasOwn(readMessage, type)) return fail("message.type", "a known type");
  return readMessage[type](value, type);
}
function parseFrame(bytes) {
  const frame = parseHeader(bytes);
  return { ...frame, parts: parseParts(bytes, frame.width, frame.height) };
}
function parseHeader(bytes) {
  if (bytes.byteLength < FRAME_HEADER_BYTES) throw new ProtocolError("the frame is shorter than its header");
  const data = new DataView(bytes);
  if (data.getUint32(0) !== 1448625713) throw new ProtocolError("the frame does not start with VXF1");
  const view = data.getUint8(6);
  if (view >= MAX_VIEWS) throw new ProtocolError(`the frame is of view ${view}; views are numbered 0 to ${MAX_VIEWS - 1}`);
  const flags = data.getUint8(7);
  if (flags > 7 || (flags & 5) === 5) throw new ProtocolError(`the frame has unknown flags, ${flags}`);
  const width = data.getUint16(8, true);
  const height = data.getUint16(10, true);
  if (width === 0 || height === 0) throw new ProtocolError("the frame has no pixels");
  if (width > MAX_VIEW_SIZE || height > MAX_VIEW_SIZE || width * height > MAX_PIXELS) {
    throw new ProtocolError(`the frame is larger than any view, ${width} by ${height} pixels`);
  }
  return {
    codec: known(CODECS, data.getUint8(4), "codec"),
    quality: known(QUALITIES, data.getUint8(5), "kind"),
    view,
    cleared: (flags & 1) !== 0,
    stretched: (flags & 4) !== 0,
    key: (flags & 2) !== 0,
    width,
    height,
    number: data.getUint32(12, true),
    inputSeq: Number(data.getBigUint64(16, true)),
    revision: Number(data.getBigUint64(24, true)),
    renderMs: data.getUint32(32, true) / 1e3,
    encodeMs: data.getUint32(36, true) / 1e3,
    hash: data.getUint32(40, true),
    parts: []
  };
}
function areValues(bytes) {
  return bytes.byteLength >= 4 && new DataView(bytes).getUint32(0) === 1448629809;
}
function parseValues(bytes) {
  if (!areValues(bytes)) throw new ProtocolError("the values do not start with VXV1");
  if (bytes.byteLength < VALUES_HEADER_BYTES) throw new ProtocolError("the values are shorter than their header");
  const data = new DataView(bytes);
  const view = data.getUint8(4);
  if (view >= MAX_VIEWS) throw new ProtocolError(`the values are of view ${view}; views are numbered 0 to ${MAX_VIEWS - 1}`);
  const flags = data.getUint8(5);
  if (flags > 3) throw new ProtocolError(`the values have unknown flags, ${flags}`);
  const width = data.getUint16(8, true);
  const height = data.getUint16(10, true);
  const tooLarge = width > MAX_VIEW_SIZE || height > MAX_VIEW_SIZE || width * height > MAX_VALUES;
  if (width === 0 || height === 0 || tooLarge) throw new ProtocolError(`there are no values of ${width} by ${height} pixels`);
  return {
    view,
    inverted: (flags & 1) !== 0,
    linearExact: (flags & 2) !== 0,
    width,
    height,
    revision: Number(data.getBigUint64(12, true)),
    png: new Uint8Array(bytes, VALUES_HEADER_BYTES)
  };
}
function follows(a, b) {
  return (a - b | 0) > 0;
}
function known(values, code, name) {
  const value = values[code];
  if (value === void 0) throw new ProtocolError(`the frame has an unknown ${name}, ${code}`);
  return value;
}
function parseParts(bytes, width, height) {
  const data = new DataView(bytes);
  const parts = [];
  let at = FRAME_HEADER_BYTES;
  while (at < bytes.byteLength) {
    const start = at + PART_HEADER_BYTES;
    if (start > bytes.byteLength) throw new ProtocolError("a part of the frame ends beyond the frame");
    const [x, y, w, h] = [0, 2, 4, 6].map((offset) => data.getUint16(at + offset, true));
    at = start + data.getUint32(start - 4, true);
    if (at > bytes.byteLength) throw new ProtocolError("a part of the frame ends beyond the frame");
    if (w === 0 || h === 0 || x + w > width || y + h > height) throw new ProtocolError("a part lies outside of its picture");
    parts.push({ x, y, width: w, height: h, bytes: new Uint8Array(bytes, start, at - start) });
  }
  return parts;
}

// src/connection.ts
var FIRST_WAIT_MS = 500;
var LONGEST_WAIT_MS = 8e3;
var HEARTBEAT_MS = 1e3;
var QUIET_MS = 3e3;
var SILENCE_MS = 12e3;
var FULL_WAIT_MS = 5e3;
var GOING_AWAY = 1001;
var TAKEN_OVER = 1012;
var FULL = 1013;
var SENT_AWAY = 4001;
function waitBefore(attempt) {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
}
function browserSurroundings() {
  const address = new URL("/ws", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return {
    open: (resumeToken) => new WebSocket(address, resumeToken === null ? [SUBPROTOCOL] : [SUBPROTOCOL, `resume.${resumeToken}`]),
    refused: async () => {
      const answer = await fetch("/", { method: "HEAD", cache: "no-store" });
      if (answer.status !== 401 && answer.status !== 403) return null;
      return answer.headers.get("voxcast-refusal") === "invitation" ? "invitationEnded" : "signedOut";
    },
    now: () => performance.now()
  };
}
var Connection = class {
  #handlers;
  #around;
  #socket = null;
  #resumeToken;
  #isGuest = false;
  #said = null;
  #seq = 0;
  #attempt = 0;
  #heard = 0;
  #silent = false;
  #timer;
  #heartbeat;
  constructor(handlers, around, resumeToken) {
    this.#handlers = handlers;
    this.#around = around;
    this.#resumeToken = resumeToken;
  }
  /** What a later connection of this tab needs to go on with the session. */
  get resumeToken() {
    return this.#resumeToken;
  }
  /** The number of the last message, or null when there is no connection. */
  get newestSeq() {
    return this.#socket?.readyState === 1 ? this.#seq : null;
  }
  /** Connects now; also cuts the pause before the next attempt short. */
  connect() {
    clearTimeout(this.#timer);
    this.#drop();
    this.#handlers.state({ kind: "connecting" });
    const socket = this.#around.open(this.#resumeToken);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#seq = 0;
    socket.onopen = () => {
      this.#heard = this.#around.now();
      this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
      this.#handlers.state({ kind: "connected" });
    };
    socket.onmessage = ({ data }) => {
      this.#handlers.received(typeof data === "string" ? data.length : data instanceof ArrayBuffer ? data.byteLength : 0);
      this.receive(data);
    };
    socket.onclose = ({ code }) => {
      if (code === TAKEN_OVER) this.#resumeToken = null;
      if (code === SENT_AWAY) return this.#end("sentAway");
      if (code === GOING_AWAY && this.#isGuest) return this.#end("sharingEnded");
      if (code === FULL) this.#said = "full";
      else if (code === GOING_AWAY) this.#said = "shutDown";
      else if (this.#said === "full") this.#said = null;
      this.#lost(code === FULL);
    };
  }
  /**
   * Sends a message; `carry` may take it another way, its number is of the same row. Returns the number, or null when
   * there is no connection.
   */
  send(message, carry) {
    if (this.#socket?.readyState !== 1) return null;
    this.#seq += 1;
    const text3 = JSON.stringify({ ...message, seq: this.#seq });
    if (!carry?.(text3)) this.#socket.send(text3);
    return this.#seq;
  }
  close() {
    clearTimeout(this.#timer);
    this.#drop();
  }
  /** Takes what the server sent, whichever way it came. */
  receive(data) {
    this.#heard = this.#around.now();
    if (this.#silent) this.#handlers.state({ kind: "connected" });
    this.#silent = false;
    try {
      if (data instanceof ArrayBuffer) {
        if (areValues(data)) this.#handlers.values(parseValues(data));
        else this.#handlers.frame(parseFrame(data));
      } else if (typeof data === "string") {
        const message = parseMessage(data);
        if (message.type === "connected") {
          this.#resumeToken = message.resumeToken;
          this.#isGuest = message.role !== "owner";
          this.#attempt = 0;
          this.#said = null;
        }
        this.#handlers.message(message);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#handlers.fault(error);
    }
  }
  #beat() {
    const quietMs = this.#around.now() - this.#heard;
    if (quietMs > SILENCE_MS) return this.#lost(false);
    if (quietMs > QUIET_MS && !this.#silent) {
      this.#silent = true;
      this.#handlers.state({ kind: "silent" });
    }
    this.send({ type: "ping", time: this.#around.now() });
  }
  #lost(full) {
    this.#drop();
    this.#attempt += 1;
    const waitMs = Math.max(full ? FULL_WAIT_MS : 0, waitBefore(this.#attempt));
    this.#handlers.state({ kind: "reconnecting", attempt: this.#attempt, waitMs, said: this.#said });
    this.#timer = setTimeout(() => void this.#retry(), waitMs);
  }
  async #retry() {
    const attempt = this.#attempt;
    const refused = await this.#around.refused().catch(() => null);
    if (this.#socket || attempt !== this.#attempt) return;
    if (refused !== null) this.#end(refused);
    else this.connect();
  }
  #end(why) {
    this.close();
    this.#resumeToken = null;
    this.#handlers.state({ kind: "ended", why });
  }
  #drop() {
    clearInterval(this.#heartbeat);
    this.#silent = false;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
};

// src/dom.ts
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  setAttributes(node, attributes);
  node.append(...children);
  return node;
}
function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(node, attributes);
  node.append(...children);
  return node;
}
function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
}
function byId(id, type) {
  const node = document.getElementById(id);
  if (!(node instanceof type)) throw new Error(`the page has no ${type.name} "${id}"`);
  return node;
}
function setText(node, text3) {
  if (node.textContent !== text3) node.textContent = text3;
}

// src/geometry.ts
var MAX_RATIO = 2;
var MAX_PIXELS_CPU = 26e5;
var MAX_PIXELS_GPU = 41e5;
var MAX_SIDE = 8192;
function pixelRatio(cssPixels, devicePixelRatio2, backend) {
  const cap = backend === "gpu" ? MAX_PIXELS_GPU : MAX_PIXELS_CPU;
  const ratio = Math.min(Math.max(devicePixelRatio2, 0.5), MAX_RATIO);
  return Math.min(ratio, Math.sqrt(cap / Math.max(cssPixels, 1)));
}
function viewSize(cssWidth, cssHeight, ratio) {
  const side = (css) => Math.min(MAX_SIDE, Math.max(16, Math.round(css * ratio)));
  return [side(cssWidth), side(cssHeight)];
}
function ruler(mmPerCssPixel, maxLength) {
  if (!(mmPerCssPixel > 0) || !(maxLength > 0)) return null;
  const limit = mmPerCssPixel * maxLength;
  const power = 10 ** Math.floor(Math.log10(limit));
  const digit = [5, 2].find((d) => d * power <= limit) ?? 1;
  const mm = digit * power;
  return { mm, length: mm / mmPerCssPixel, parts: digit === 1 ? 10 : digit === 2 ? 4 : 5 };
}
function lengthLabel(mm) {
  return mm >= 10 ? `${Number((mm / 10).toPrecision(3))} cm` : `${Number(mm.toPrecision(3))} mm`;
}
function wheelDelta(event) {
  const delta = event.deltaY || event.deltaX;
  if (event.deltaMode === 1) return delta / 3 * 100;
  if (event.deltaMode === 2) return delta * 100;
  if (event.ctrlKey && Math.abs(delta) < 50) return delta * 10;
  return delta !== 0 && delta % 120 === 0 ? delta / 120 * 100 : delta;
}
function widthToSlider(width, maxWidth) {
  return Math.sqrt(Math.min(1, Math.max(0, (width - 1) / Math.max(1, maxWidth - 1))));
}
function sliderToWidth(position, maxWidth) {
  return Math.max(1, Math.round(1 + (maxWidth - 1) * position * position));
}

// src/texts/de.ts
var de = {
  // Werkzeuge und was gemessen wird
  angle: "Winkel",
  area: "Fläche",
  count: "Anzahl",
  crosshair: "Fadenkreuz",
  delete: "Löschen",
  "delete-named": "{name} löschen",
  ellipse: "Ellipse",
  "kind-on-slice": "{kind} · Schicht {slice}",
  length: "Länge",
  "lengths-by": "Längen nach {source}",
  max: "Max.",
  mean: "Mittel",
  measurements: "Messungen",
  measuring: "wird gemessen…",
  min: "Min.",
  pan: "Verschieben",
  probe: "Wert",
  rectangle: "Rechteck",
  redo: "Wiederholen",
  redone: "Wiederholt: {name}",
  removed: "{name} gelöscht",
  scroll: "Blättern",
  sd: "SD",
  "show-its-slice": "Seine Schicht zeigen",
  tools: "Werkzeuge",
  undo: "Rückgängig",
  undone: "Zurückgenommen: {name}",
  value: "Wert",
  "value-in-slab": "{value} (in der Mitte der dicken Schicht)",
  "values-of-one-slice": "Werte einer dünnen Schicht, nicht dieser dicken",
  "voxel-at": "Voxel {i}, {j}, {k}",
  window: "Fenster",
  zoom: "Zoom",
  // Ansichten und ihre Ecken
  axial: "Axial",
  coronal: "Koronar",
  sagittal: "Sagittal",
  acquired: "Aufgenommen",
  volume: "Volumen",
  cinematic: "Fotorealistisch",
  mip: "MIP",
  minip: "MinIP",
  "mean-projection": "Mittel",
  "view-of": "Ansicht {title}",
  "no-picture": "{view}, kein Bild",
  "spoken-slice": ", Schicht {number} von {count}",
  "spoken-window": ", Fenster Weite {width} Zentrum {center}",
  "slice-of": "{number} von {count}",
  "slices-of": "Schicht, {title}",
  "spoken-slice-of": "{title}, Schicht {number} von {count}",
  "slice-in": "Schicht {number} / {count}",
  "zoom-is": "Zoom {zoom}×",
  inverted: "Invertiert",
  "no-name": "Ohne Namen",
  lossy: "Mit Verlust",
  "lossy-hint": "Das Bild ist mit Verlust komprimiert (JPEG oder H.264); in Ruhe wird es verlustfrei",
  interactive: "Interaktiv",
  final: "Fertig",
  local: "Lokal",
  lossless: "Verlustfrei",
  "refining-by": "Wird feiner: {percent} %",
  "local-hint": "Von diesem Rechner aus allen Voxeln gezeichnet",
  "lossless-hint": "Jeder Pixel ist so, wie der Server ihn gezeichnet hat",
  "mm-within-regions-only": "mm nur innerhalb der Regionen",
  "mm-within-images-only": "mm nur innerhalb der Bilder",
  "no-millimetres": "Keine Millimeter",
  "picture-of": "Ein Bild der Ansicht {title} {reason}.",
  "could-not-be-decoded": "ließ sich nicht dekodieren",
  "another-size": "hat eine andere Größe als das davor",
  "not-the-servers": "ist nicht das, das der Server gezeichnet hat",
  // Leiste über den Ansichten
  "series-list": "Liste der Serien",
  series: "Serien",
  "series-number": "Serie {number}",
  views: "Ansichten",
  "view-controls": "Bedienung der Ansichten",
  "single-view": "Eine Ansicht",
  "one-view-or-all-f": "Eine Ansicht oder alle (F)",
  "all-views": "Alle Ansichten",
  "show-all-views": "Wieder alle Ansichten zeigen",
  "window-preset": "Fenstervorgabe",
  "window-preset-keys": "Fenstervorgabe (1 … 9)",
  centre: "Zentrum",
  "window-centre": "Zentrum des Fensters",
  width: "Weite",
  "window-from-suv": "Unteres Ende des Fensters in SUVbw",
  "window-to-suv": "Oberes Ende des Fensters in SUVbw",
  "window-width": "Weite des Fensters",
  slices: "Schichten",
  "3d": "3D",
  "3d-rendering": "3D-Darstellung",
  "3d-rendering-keys": "3D-Darstellung (M: MIP, Umschalt+C: fotorealistisch)",
  "3d-preset": "3D-Vorlage",
  "3d-preset-key": "3D-Vorlage (P)",
  custom: "Eigene",
  save: "Speichern…",
  "save-key": "Ein Bild oder die Messungen speichern (Strg+E)",
  "save-title": "Speichern",
  "save-picture-of": "Bild der Ansicht {title} (PNG)",
  "save-measurements": "Messungen als Tabelle (CSV, {count})",
  "save-named": "Mit Namen und Daten des Patienten",
  "save-named-hint": "Wer die Datei erhält, weiß, um wen es geht.",
  "save-notice": "„Nicht für die Diagnostik“ steht auf jedem Bild.",
  "saved-as": "Gespeichert als {name}",
  "nothing-saved": "Es gibt kein Bild, das sich speichern ließe.",
  reset: "Zurücksetzen",
  "reset-key": "Alle Ansichten zurücksetzen (Umschalt+Leertaste)",
  "patient-data": "Patientendaten",
  "patient-data-key": "Patientendaten zeigen oder verbergen (D)",
  "patient-data-hidden": "Patientendaten verborgen",
  "patient-data-shown": "Patientendaten gezeigt",
  adjust: "Anpassen",
  "shortcuts-and-help": "Tasten und Hilfe",
  "shortcuts-key": "Tasten (?)",
  "guest-drives": "Sie sind Gast und dürfen steuern: Der Gastgeber sieht, was Sie tun",
  "guest-watches": "Sie sind Gast und dürfen zusehen: Der Gastgeber steuert",
  "you-watch": "Sie sehen zu; der Gastgeber kann Sie steuern lassen",
  // Liste der Studien
  patient: "Patient",
  "fold-patient": "Studien dieses Patienten ein- oder ausklappen",
  time: "Zeitpunkt",
  "time-in": "Zeitpunkt {number} / {count}",
  "previous-time": "Voriger Zeitpunkt",
  "next-time": "Nächster Zeitpunkt",
  "no-description": "Keine Beschreibung",
  search: "Suchen",
  "search-studies": "Name, ID, Datum, Beschreibung, Modalität",
  "none-found": "Keine Studie enthält alle diese Wörter",
  "found-of": "{number} von {count} Studien",
  // Statt Ansichten, oder über ihnen
  "no-study": "Keine Studie auf diesem Server",
  "start-with-folder": "Mit einem Ordner voll DICOM-Dateien starten:",
  arrow: "Pfeil",
  bidirectional: "Zwei Richtungen",
  box: "Quader",
  cobb: "Cobb-Winkel",
  ellipsoid: "Ellipsoid",
  freehand: "Freie Region",
  "host-drawings": "Vom Gastgeber gezeichnet",
  "host-drew": "Gastgeber",
  "host-drew-as": "Gastgeber: {label}",
  "key-image": "Schlüsselbild",
  "long-axis": "Lange Achse",
  "short-axis": "Kurze Achse",
  perimeter: "Umfang",
  "host-shows-nothing": "Der Gastgeber zeigt gerade nichts",
  "loading-slices": "Lädt {done} von {total} Schichten…",
  "slices-loaded": "Geladene Schichten",
  dismiss: "Schließen",
  "not-live": "Nicht live",
  "server-is-full": "Der Server ist voll",
  "picture-at": "{why} · Bild von {time}",
  "full-title": "Dieser Server ist voll",
  "full-why": "Es sind schon so viele verbunden, wie er zugleich bedient.",
  "full-what": "Die Seite versucht es alle paar Sekunden von selbst und öffnet sich, sobald Platz ist. Wer fertig ist, schafft Platz, indem er seine Seite schließt; wer den Server betreibt, kann mit --max-sessions mehr zulassen.",
  "not-understood": "Die Antwort des Servers war nicht zu verstehen: {reason}.",
  "unknown-transport": "Die Adresse verlangt transport={asked}, das ist keines von {rungs}: Der beste Weg wird genommen.",
  // Zeile unter den Ansichten
  connected: "Verbunden",
  connecting: "Verbindet…",
  "sent-away": "Sie wurden aus der geteilten Sitzung entfernt",
  "sent-away-what": "Um mehr zu sehen, bitte um einen neuen Link bitten.",
  "sharing-ended": "Die Sitzung wird nicht mehr geteilt",
  "sharing-ended-what": "Diese Seite zeigt nichts mehr und kann geschlossen werden.",
  "invitation-ended": "Ihre Einladung gilt nicht mehr",
  "invitation-ended-what": "Um mehr zu sehen, bitte um einen neuen Link bitten.",
  "signed-out": "Abgemeldet",
  "signed-out-what": "Der Server hat jetzt ein anderes Token. Bitte mit der Adresse anmelden, die er zuletzt ausgegeben hat.",
  "not-responding": "Antwortet nicht…",
  "server-full-again": "Server voll, neuer Versuch…",
  "server-gone": "Server ist weg",
  "server-shut-down": "Server beendet, wartet auf ihn…",
  reconnecting: "Verbindet neu…",
  "sign-in": "Anmelden",
  "try-now": "Jetzt versuchen",
  rendering: "Darstellung",
  "who-draws": "Darstellung: wer die Bilder zeichnet",
  automatic: "Automatisch",
  "drawn-local": "Lokal",
  "drawn-remote": "Vom Server",
  latency: "Verzögerung",
  "latency-hint": "Von der Eingabe bis zum Bild, das sie zeigt; Median der letzten Bewegung",
  rate: "Rate",
  "rate-hint": "Bilder der aktiven Ansicht in der letzten Sekunde",
  still: "ruht",
  "drawn-here": "hier gezeichnet",
  render: "Zeichnen",
  "render-hint": "Zeit des Servers für das letzte Bild",
  "picture-codec": "Bild",
  encode: "Kodieren",
  "encode-hint": "Zeit des Servers zum Komprimieren",
  "drawn-by": "Zeichnet",
  "drawn-by-hint": "Wer die aktive Ansicht zeichnet",
  "the-server": "der Server",
  "this-computer": "dieser Rechner",
  "drawn-by-because": "Es zeichnet {who}: {reason}",
  renderer: "Renderer",
  "renderer-hint": "Was auf dem Server zeichnet",
  stats: "Zahlen",
  "stats-key": "Zahlen zur Übertragung über der aktiven Ansicht (Umschalt+S)",
  notice: "Nicht für die Diagnostik",
  "not-better-because": "Nicht besser, denn: {reason}",
  // Zahlen über einer Ansicht
  "streaming-figures": "Zahlen zur Übertragung",
  transport: "Weg",
  codec: "Codec",
  "picture-size": "Bild",
  data: "Daten",
  "round-trip": "Hin und zurück",
  losses: "Verlust · Schwankung",
  freeze: "Stillstand",
  "test-latency": "Verzögerung messen",
  "press-of": "Druck {round} von {rounds}",
  "from-press": "Vom Druck zum Bild: {figures}",
  "nothing-moves": "Hier bewegt sich nichts",
  "is-drawn-here": "Hier gezeichnet",
  "no-picture-for": "Seit {time} kein Bild",
  "no-picture-yet": "Noch kein Bild",
  "still-for": "Ruht seit {time}",
  live: "Live",
  // Wer zeichnet, und warum
  "you-chose": "so ist es gewählt",
  "card-draws": "{card} zeichnet {rate} Bilder in der Sekunde",
  "card-draws-some": "{card} zeichnet",
  "fewer-later": "{drawn}, weniger als {wanted}; später wird es wieder versucht",
  "fewer-than": "{drawn}, weniger als {wanted}",
  "looked-at": "die Grafikkarte wird geprüft",
  "on-their-way": "die Voxel sind unterwegs",
  "no-voxels": "der Server gibt die Voxel nicht heraus",
  "volume-takes": "das Volumen braucht {needed} MiB, mehr als die {most} MiB, die eine Seite hier nutzen darf",
  "only-emulates": "{card} bildet eine Grafikkarte nur nach",
  "not-known-yet": "noch ist nicht bekannt, was dieser Rechner kann",
  "the-card": "die Grafikkarte",
  "would-take": "die Voxel bräuchten {minutes} Minuten",
  "voxels-coming": "Voxel {percent} %",
  "coarse-voxels-coming": "Voxel {percent} % (grob)",
  "worker-ended": "der Worker der Seite endete",
  "from-server-again": "Die Bilder kommen wieder vom Server: {reason}.",
  // Selbstprüfung
  "self-check": "Selbstprüfung dieser Serie",
  found: "Gefunden",
  corrected: "Berichtigt",
  "not-known": "Nicht bekannt",
  close: "Schließen",
  // Das Menü einer Ansicht
  more: "Mehr für diese Ansicht",
  thicker: "Dickere Schichten",
  thinner: "Dünnere Schichten",
  "next-projection": "MIP, MinIP, Mittel",
  "flip-horizontally": "Links und rechts spiegeln",
  "flip-vertically": "Oben und unten spiegeln",
  "turn-right": "Nach rechts drehen",
  "turn-left": "Nach links drehen",
  "cut-lines-on-off": "Linien der anderen Schichten",
  // Die Übersicht der Tasten
  "mouse-touch-keys": "Maus, Finger und Tasten",
  "single-keys": "Buchstaben, Ziffern und Zeichen sind Tasten",
  mouse: "Maus",
  "left-drag": "Links ziehen",
  "middle-drag": "Mitte ziehen",
  "right-drag": "Rechts ziehen",
  wheel: "Rad",
  "ctrl-wheel": "Strg + Rad",
  "double-click": "Doppelklick",
  "window-on-slices-rotate-in-3d": "Das Werkzeug; in 3D drehen",
  "slice-zoom-in-3d": "Schicht; in 3D Zoom",
  "one-view-or-all": "Eine Ansicht oder alle",
  touch: "Finger",
  "one-finger": "Ein Finger",
  "two-fingers": "Zwei Finger",
  "bar-at-the-right": "Leiste rechts",
  "double-tap": "Doppelt tippen",
  "pan-and-zoom": "Verschieben und Zoom",
  slice: "Schicht",
  maximise: "Maximieren",
  study: "Studie",
  "save-picture-or-table": "Ein Bild oder die Messungen speichern",
  "previous-next-time": "Voriger, nächster Zeitpunkt einer 4D-Serie",
  "previous-next-series": "Vorige, nächste Serie",
  "show-or-hide-patient-data": "Patientendaten zeigen oder verbergen",
  picture: "Bild",
  "window-presets": "Fenstervorgaben",
  "next-3d-preset": "Nächste Volumen-Vorlage",
  "volume-or-mip": "Volumen oder Maximum entlang des Blicks",
  "volume-or-cinematic": "Volumen oder fotorealistisch",
  "reset-the-view": "Ansicht zurücksetzen",
  "reset-all-views": "Alle Ansichten zurücksetzen",
  "invert-the-greys": "Grauwerte umkehren",
  flip: "Links und rechts, oben und unten spiegeln",
  "slab-keys": "Dickere, dünnere Schichten; MIP, MinIP oder Mittel",
  "play-slices": "Schichten abspielen, anhalten",
  "window-scroll-zoom-crosshair": "Fenster, Blättern, Zoom, Fadenkreuz",
  "cut-lines": "Lage der anderen Schichten zeigen oder verbergen",
  "cut-lines-shown": "Linien der anderen Schichten gezeigt",
  "cut-lines-hidden": "Linien der anderen Schichten verborgen",
  "length-angle": "Länge, Winkel",
  "ellipse-rectangle-freehand": "Ellipse, Rechteck, freie Region",
  "handle-keys": "Nächster Griff, Klick per Tastatur, bewegen",
  "delete-undo-redo": "Löschen, rückgängig, wiederholen",
  move: "Bewegen",
  "slice-or-tilt": "Schicht; das Volumen kippen",
  "first-last-slice": "Erste, letzte Schicht",
  "turn-right-left": "Nach rechts, links drehen",
  "zoom-in-out-fit": "Vergrößern, verkleinern, einpassen",
  "pan-or-rotate": "Verschieben; in 3D drehen",
  page: "Seite",
  "previous-next-view": "Vorige, nächste Ansicht",
  "cancel-close-restore": "Abbrechen, schließen, wiederherstellen",
  "this-sheet": "Diese Übersicht",
  "key-ctrl": "Strg",
  "key-shift": "Umschalt",
  "key-space": "Leertaste",
  "key-delete": "Entf",
  "key-enter": "Eingabe",
  "key-home": "Pos1",
  "key-end": "Ende",
  "key-pageup": "Bild auf",
  "key-pagedown": "Bild ab",
  "key-arrows": "Pfeile"
};
var names = {
  "soft-tissue": "Weichteile",
  lung: "Lunge",
  bone: "Knochen",
  brain: "Hirn",
  liver: "Leber",
  mediastinum: "Mediastinum",
  angiography: "Angiographie",
  "pulmonary-embolism": "Lungenembolie",
  stroke: "Schlaganfall",
  subdural: "Subdural",
  "temporal-bone": "Felsenbein",
  spine: "Wirbelsäule",
  "spine-bone": "Wirbelsäule, Knochen",
  fat: "Fett",
  "whole-range": "Ganzer Wertebereich",
  tissue: "Gewebe",
  "high-contrast": "Hoher Kontrast",
  uptake: "Anreicherung",
  "low-uptake": "Geringe Anreicherung",
  "high-uptake": "Starke Anreicherung",
  "ct-airways": "CT Atemwege",
  "ct-angiography": "CT-Angiographie",
  "ct-bone": "CT Knochen",
  "ct-heart-and-vessels": "CT Herz und Gefäße",
  "ct-lung": "CT Lunge",
  "ct-muscle": "CT Muskulatur",
  "ct-organs-and-skeleton": "CT Organe und Skelett",
  "ct-skin-and-fat": "CT Haut und Fett",
  "ct-soft-tissue": "CT Weichteile",
  "mr-angiography": "MR-Angiographie",
  "mr-brain": "MR Hirn",
  "mr-tissue": "MR Gewebe",
  "pet-hot-iron": "PET Hot Iron",
  "pet-rainbow": "PET Regenbogen",
  "gantry-tilt": "Gantry-Kippung",
  "uneven-spacing": "Ungleiche Schichtabstände",
  "missing-slices": "Schichten fehlen",
  "duplicate-positions": "Doppelte Positionen",
  "mixed-orientation": "Gemischte Orientierung",
  "mixed-images": "Geteilte Serie",
  "conflicting-instances": "UIDs mehrfach vergeben",
  "no-spacing": "Kein Pixelabstand",
  uncalibrated: "Nicht kalibriert",
  lossy: "Verlustbehaftet",
  truncated: "Unvollständig",
  "unknown-place": "Lage unbekannt",
  "colour-as-grey": "Farbe als Grau",
  rounded: "Werte gerundet",
  padding: "Füllwerte",
  "not-finite": "Werte fehlen",
  "unspecified-unit": "Einheit angenommen"
};
var sentences = {
  "the pixel spacing is that at the detector (0018,1164): lengths in the patient are smaller, by how much is not known": "Der Pixelabstand gilt am Detektor (0018,1164): Im Patienten sind Längen kleiner, um wie viel, ist nicht bekannt.",
  "the file does not tell whether its pixel spacing (0028,0030) holds at the detector or in the patient: lengths are not known": "Die Datei sagt nicht, ob ihr Pixelabstand (0028,0030) am Detektor gilt oder im Patienten: Längen sind nicht bekannt.",
  "the pixel spacing is that of a scanned film (0018,2010): lengths are not known": "Der Pixelabstand ist der eines eingescannten Films (0018,2010): Längen sind nicht bekannt.",
  "PixelSpacing (0028,0030) is missing, only the shape of the pixels is known (0028,0034): lengths are not": "PixelSpacing (0028,0030) fehlt, nur die Form der Pixel ist bekannt (0028,0034): Längen sind es nicht.",
  "PixelSpacing (0028,0030) is missing: 1 mm is assumed, lengths are not known": "PixelSpacing (0028,0030) fehlt: 1 mm wird angenommen, Längen sind nicht bekannt."
};

// src/texts/en.ts
var en = {
  // Tools and what is measured
  angle: "Angle",
  area: "Area",
  count: "Count",
  crosshair: "Crosshair",
  delete: "Delete",
  "delete-named": "Delete {name}",
  ellipse: "Ellipse",
  "kind-on-slice": "{kind} · slice {slice}",
  length: "Length",
  "lengths-by": "Lengths by {source}",
  max: "Max",
  mean: "Mean",
  measurements: "Measurements",
  measuring: "measuring…",
  min: "Min",
  pan: "Pan",
  probe: "Probe",
  rectangle: "Rectangle",
  redo: "Redo",
  redone: "Done again: {name}",
  removed: "{name} deleted",
  scroll: "Scroll",
  sd: "SD",
  "show-its-slice": "Show its slice",
  tools: "Tools",
  undo: "Undo",
  undone: "Taken back: {name}",
  value: "Value",
  "value-in-slab": "{value} (in the middle of the slab)",
  "values-of-one-slice": "values of one thin slice, not of this slab",
  "voxel-at": "Voxel {i}, {j}, {k}",
  window: "Window",
  zoom: "Zoom",
  // Views and their corners
  axial: "Axial",
  coronal: "Coronal",
  sagittal: "Sagittal",
  acquired: "Acquired",
  volume: "Volume",
  cinematic: "Cinematic",
  mip: "MIP",
  minip: "MinIP",
  "mean-projection": "Mean",
  "view-of": "{title} view",
  "no-picture": "{view}, no picture",
  "spoken-slice": ", slice {number} of {count}",
  "spoken-window": ", window {width} level {center}",
  "slice-of": "{number} of {count}",
  "slices-of": "{title} slice",
  "spoken-slice-of": "{title} slice {number} of {count}",
  "slice-in": "Slice {number} / {count}",
  "zoom-is": "Zoom {zoom}×",
  inverted: "Inverted",
  "no-name": "No name",
  lossy: "Lossy",
  "lossy-hint": "The picture is compressed with loss (JPEG or H.264); it becomes lossless at rest",
  interactive: "Interactive",
  final: "Final",
  local: "Local",
  lossless: "Lossless",
  "refining-by": "Refining {percent} %",
  "local-hint": "Drawn by this computer from all voxels",
  "lossless-hint": "Every pixel is as the server drew it",
  "mm-within-regions-only": "mm within regions only",
  "mm-within-images-only": "mm within images only",
  "no-millimetres": "no millimetres",
  "picture-of": "A picture of the {title} view {reason}.",
  "could-not-be-decoded": "could not be decoded",
  "another-size": "is of another size than the one before",
  "not-the-servers": "is not the one that the server drew",
  // Bar above the views
  "series-list": "Series list",
  series: "Series",
  "series-number": "Series {number}",
  views: "Views",
  "view-controls": "View controls",
  "single-view": "Single view",
  "one-view-or-all-f": "One view or all (F)",
  "all-views": "All views",
  "show-all-views": "Show all views again",
  "window-preset": "Window preset",
  "window-preset-keys": "Window preset (1 … 9)",
  centre: "Centre",
  "window-centre": "Window centre",
  width: "Width",
  "window-from-suv": "Lower end of the window in SUVbw",
  "window-to-suv": "Upper end of the window in SUVbw",
  "window-width": "Window width",
  slices: "slices",
  "3d": "3D",
  "3d-rendering": "3D rendering",
  "3d-rendering-keys": "3D rendering (M: MIP, Shift+C: cinematic)",
  "3d-preset": "3D preset",
  "3d-preset-key": "3D preset (P)",
  custom: "Custom",
  save: "Save…",
  "save-key": "Save a picture or the measurements (Ctrl+E)",
  "save-title": "Save",
  "save-picture-of": "Picture of the {title} view (PNG)",
  "save-measurements": "Measurements as a table (CSV, {count})",
  "save-named": "With the patient's name and data",
  "save-named-hint": "Whoever gets the file knows who it is about.",
  "save-notice": "“Not for diagnostic use” is written on every picture.",
  "saved-as": "Saved as {name}",
  "nothing-saved": "There is no picture to save.",
  reset: "Reset",
  "reset-key": "First look again (Shift+Space)",
  "patient-data": "Patient data",
  "patient-data-key": "Show or hide patient data (D)",
  "patient-data-hidden": "Patient data hidden",
  "patient-data-shown": "Patient data shown",
  adjust: "Adjust",
  "shortcuts-and-help": "Shortcuts and help",
  "shortcuts-key": "Shortcuts (?)",
  "guest-drives": "You are a guest and may drive: the host sees what you do",
  "guest-watches": "You are a guest and may watch: the host drives",
  "you-watch": "You watch; the host may let you drive",
  // List of studies
  patient: "Patient",
  "fold-patient": "Fold or unfold this patient's studies",
  time: "Time",
  "time-in": "Time {number} / {count}",
  "previous-time": "Previous time",
  "next-time": "Next time",
  "no-description": "No description",
  search: "Search",
  "search-studies": "Name, ID, date, description, modality",
  "none-found": "No study has all of these words",
  "found-of": "{number} of {count} studies",
  // Instead of views, or over them
  "no-study": "No study on this server",
  "start-with-folder": "Start it with a folder of DICOM files:",
  arrow: "Arrow",
  bidirectional: "Bidirectional",
  box: "Box",
  cobb: "Cobb angle",
  ellipsoid: "Ellipsoid",
  freehand: "Freehand region",
  "host-drawings": "Drawn by the host",
  "host-drew": "Host",
  "host-drew-as": "Host: {label}",
  "key-image": "Key image",
  "long-axis": "Long axis",
  "short-axis": "Short axis",
  perimeter: "Perimeter",
  "host-shows-nothing": "The host shows nothing at the moment",
  "loading-slices": "Loading {done} of {total} slices…",
  "slices-loaded": "Slices loaded",
  dismiss: "Dismiss",
  "not-live": "Not live",
  "server-is-full": "The server is full",
  "picture-at": "{why} · picture of {time}",
  "full-title": "This server is full",
  "full-why": "As many people as it serves at a time are connected already.",
  "full-what": "This page tries again by itself every few seconds and opens as soon as there is room. Somebody who is done can make room by closing the page; whoever runs the server can let more in with --max-sessions.",
  "not-understood": "The server's answer was not understood: {reason}.",
  "unknown-transport": "The address asks for transport={asked}, which is none of {rungs}: the best way is taken.",
  // Line below the views
  connected: "Connected",
  "connecting": "Connecting…",
  "sent-away": "The host has sent you away",
  "sent-away-what": "To see more, ask for a new link.",
  "sharing-ended": "The host has stopped sharing",
  "sharing-ended-what": "This page shows nothing any more, and can be closed.",
  "invitation-ended": "Your invitation does not hold any more",
  "invitation-ended-what": "To see more, ask for a new link.",
  "signed-out": "Signed out",
  "signed-out-what": "The server has another token now. Sign in with the address that it printed last.",
  "not-responding": "Not responding…",
  "server-full-again": "Server full, trying again…",
  "server-gone": "Server gone",
  "server-shut-down": "Server shut down, waiting for it…",
  reconnecting: "Reconnecting…",
  "sign-in": "Sign in",
  "try-now": "Try now",
  rendering: "Rendering",
  "who-draws": "Rendering: who draws the pictures",
  automatic: "Automatic",
  "drawn-local": "Local",
  "drawn-remote": "Remote",
  latency: "Latency",
  "latency-hint": "From input to the picture that shows it, median of the last movement",
  rate: "Rate",
  "rate-hint": "Pictures of the active view in the last second",
  still: "still",
  "drawn-here": "drawn here",
  render: "Render",
  "render-hint": "Time the server spent on the last picture",
  "picture-codec": "Picture",
  encode: "Encode",
  "encode-hint": "Time the server spent compressing it",
  "drawn-by": "Drawn by",
  "drawn-by-hint": "Who draws the active view",
  "the-server": "the server",
  "this-computer": "this computer",
  "drawn-by-because": "Drawn by {who}: {reason}",
  renderer: "Renderer",
  "renderer-hint": "What draws on the server",
  stats: "Stats",
  "stats-key": "Streaming figures over the active view (Shift+S)",
  notice: "Not for diagnostic use",
  "not-better-because": "Not better, because: {reason}",
  // Figures over a view
  "streaming-figures": "Streaming figures",
  transport: "Transport",
  codec: "Codec",
  "picture-size": "Picture",
  data: "Data",
  "round-trip": "Round trip",
  losses: "Loss · jitter",
  freeze: "Freeze",
  "test-latency": "Test latency",
  "press-of": "Press {round} of {rounds}",
  "from-press": "From press to picture: {figures}",
  "nothing-moves": "Nothing moves here",
  "is-drawn-here": "Drawn here",
  "no-picture-for": "No picture for {time}",
  "no-picture-yet": "No picture yet",
  "still-for": "Still for {time}",
  live: "Live",
  // Who draws, and why
  "you-chose": "you chose so",
  "card-draws": "{card} draws {rate} pictures a second",
  "card-draws-some": "{card} draws",
  "fewer-later": "{drawn}, fewer than {wanted}; it is tried again later",
  "fewer-than": "{drawn}, fewer than {wanted}",
  "looked-at": "the graphics card is being looked at",
  "on-their-way": "the voxels are on their way",
  "no-voxels": "the server hands out no voxels",
  "volume-takes": "the volume takes {needed} MiB, more than the {most} MiB that a page may use here",
  "only-emulates": "{card} only emulates a graphics card",
  "not-known-yet": "it is not known yet what this computer can do",
  "the-card": "the graphics card",
  "would-take": "the voxels would take {minutes} minutes",
  "voxels-coming": "voxels {percent} %",
  "coarse-voxels-coming": "voxels {percent} % (coarse)",
  "worker-ended": "the page's worker ended",
  "from-server-again": "Pictures come from the server again: {reason}.",
  // Self-check
  "self-check": "Self-check of this series",
  found: "Found",
  corrected: "Corrected",
  "not-known": "Not known",
  close: "Close",
  // The menu of a view
  more: "More for this view",
  thicker: "Thicker slices",
  thinner: "Thinner slices",
  "next-projection": "MIP, MinIP, mean",
  "flip-horizontally": "Flip left and right",
  "flip-vertically": "Flip top and bottom",
  "turn-right": "Turn right",
  "turn-left": "Turn left",
  "cut-lines-on-off": "Lines of the other slices",
  // The sheet of keys
  "mouse-touch-keys": "Mouse, touch and keys",
  "single-keys": "Single-key shortcuts",
  mouse: "Mouse",
  "left-drag": "Left drag",
  "middle-drag": "Middle drag",
  "right-drag": "Right drag",
  wheel: "Wheel",
  "ctrl-wheel": "Ctrl + wheel",
  "double-click": "Double-click",
  "window-on-slices-rotate-in-3d": "The tool; rotate in 3D",
  "slice-zoom-in-3d": "Slice; zoom in 3D",
  "one-view-or-all": "One view or all",
  touch: "Touch",
  "one-finger": "One finger",
  "two-fingers": "Two fingers",
  "bar-at-the-right": "Bar at the right",
  "double-tap": "Double tap",
  "pan-and-zoom": "Pan and zoom",
  slice: "Slice",
  maximise: "Maximise",
  study: "Study",
  "save-picture-or-table": "Save a picture or the measurements",
  "previous-next-time": "Previous, next time of a 4D series",
  "previous-next-series": "Previous, next series",
  "show-or-hide-patient-data": "Show or hide patient data",
  picture: "Picture",
  "window-presets": "Window presets",
  "next-3d-preset": "Next volume preset",
  "volume-or-mip": "Volume or maximum intensity",
  "volume-or-cinematic": "Volume or cinematic",
  "reset-the-view": "Reset the view",
  "reset-all-views": "Reset all views",
  "invert-the-greys": "Invert the greys",
  flip: "Flip left and right, top and bottom",
  "slab-keys": "Thicker, thinner slices; MIP, MinIP or mean",
  "play-slices": "Play slices, stop",
  "window-scroll-zoom-crosshair": "Window, scroll, zoom, crosshair",
  "cut-lines": "Where the other slices lie, shown or hidden",
  "cut-lines-shown": "The other slices' lines are shown",
  "cut-lines-hidden": "The other slices' lines are hidden",
  "length-angle": "Length, angle",
  "ellipse-rectangle-freehand": "Ellipse, rectangle, freehand region",
  "handle-keys": "Next handle, click by keyboard, move it",
  "delete-undo-redo": "Delete, undo, redo",
  move: "Move",
  "slice-or-tilt": "Slice; tilt the volume",
  "first-last-slice": "First, last slice",
  "turn-right-left": "Turn right, left",
  "zoom-in-out-fit": "Zoom in, out, fit",
  "pan-or-rotate": "Pan; rotate in 3D",
  page: "Page",
  "previous-next-view": "Previous, next view",
  "cancel-close-restore": "Cancel, close, restore",
  "this-sheet": "This sheet",
  "key-ctrl": "Ctrl",
  "key-shift": "Shift",
  "key-space": "Space",
  "key-delete": "Del",
  "key-enter": "Enter",
  "key-home": "Home",
  "key-end": "End",
  "key-pageup": "PgUp",
  "key-pagedown": "PgDn",
  "key-arrows": "arrows"
};

// src/texts.ts
var LANGUAGES = { en, de };
function isText(name) {
  return Object.hasOwn(en, name);
}
function languageOf(wanted) {
  const known2 = wanted.map((name) => name.toLowerCase().split("-")[0]).find((name) => Object.hasOwn(LANGUAGES, name));
  return known2 ?? "en";
}
var language = languageOf(globalThis.navigator?.languages ?? []);
function t(name, values = {}, of = language) {
  return LANGUAGES[of][name].replace(/\{(\w+)\}/g, (all, key) => String(values[key] ?? all));
}
function named(name, of = language) {
  if (of === "de" && Object.hasOwn(sentences, name)) return sentences[name];
  const fromFile = /^From the file (\d+)$/.exec(name);
  if (of === "de" && fromFile) return `Aus der Datei ${fromFile[1]}`;
  const key = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return of === "de" && Object.hasOwn(names, key) ? names[key] : name;
}
function translate(page) {
  page.documentElement.lang = language;
  const each = (attribute, write2) => {
    for (const node of page.querySelectorAll(`[${attribute}]`)) {
      const name = node.getAttribute(attribute);
      if (!isText(name)) throw new Error(`the page has no text "${name}"`);
      write2(node, t(name));
    }
  };
  each("data-t", (node, text3) => node.textContent = text3);
  each("data-t-title", (node, text3) => node.setAttribute("title", text3));
  each("data-t-label", (node, text3) => node.setAttribute("aria-label", text3));
}

// src/sheet.ts
var HANDS = [
  {
    title: "mouse",
    rows: [
      [["left-drag"], "window-on-slices-rotate-in-3d"],
      [["middle-drag"], "pan"],
      [["right-drag"], "zoom"],
      [["wheel"], "slice-zoom-in-3d"],
      [["ctrl-wheel"], "zoom"],
      [["double-click"], "one-view-or-all"]
    ]
  },
  {
    title: "touch",
    rows: [
      [["one-finger"], "window-on-slices-rotate-in-3d"],
      [["two-fingers"], "pan-and-zoom"],
      [["bar-at-the-right"], "slice"],
      [["double-tap"], "maximise"]
    ]
  }
];
var KEYS = [
  {
    title: "study",
    rows: [
      [["PageUp", "PageDown"], "previous-next-series"],
      [["Ctrl+[", "Ctrl+]"], "previous-next-time"],
      [["Ctrl+E"], "save-picture-or-table"],
      [["D"], "show-or-hide-patient-data"]
    ]
  },
  {
    title: "picture",
    rows: [
      [["1", "…", "9"], "window-presets"],
      [["P"], "next-3d-preset"],
      [["M"], "volume-or-mip"],
      [["Shift+C"], "volume-or-cinematic"],
      [["Space"], "reset-the-view"],
      [["Shift+Space"], "reset-all-views"],
      [["I"], "invert-the-greys"],
      [["H", "V"], "flip"],
      [["Ctrl+↑", "Ctrl+↓", "Shift+M"], "slab-keys"],
      [["C"], "play-slices"],
      [["X"], "cut-lines"]
    ]
  },
  {
    title: "tools",
    rows: [
      [["W", "S", "Z", "B"], "window-scroll-zoom-crosshair"],
      [["N", "A"], "length-angle"],
      [["E", "U", "O"], "ellipse-rectangle-freehand"],
      [["Q"], "probe"],
      [["J", "Enter", "Shift+arrows"], "handle-keys"],
      [["Delete", "Ctrl+Z", "Ctrl+Y"], "delete-undo-redo"]
    ]
  },
  {
    title: "move",
    rows: [
      [["↑", "↓"], "slice-or-tilt"],
      [["Home", "End"], "first-last-slice"],
      [["R", "L"], "turn-right-left"],
      [["+", "−", "="], "zoom-in-out-fit"],
      [["Shift+arrows"], "pan-or-rotate"]
    ]
  },
  {
    title: "page",
    rows: [
      [["←", "→"], "previous-next-view"],
      [["F"], "one-view-or-all"],
      [["Shift+S"], "streaming-figures"],
      [["Esc"], "cancel-close-restore"],
      [["?"], "this-sheet"]
    ]
  }
];
function fillSheet() {
  const pressed = (keys2) => keys2.split("+").flatMap((key, i) => [...i > 0 ? ["+"] : [], element("kbd", {}, keyName(key))]);
  const named2 = (keys2) => keys2.flatMap((key, i) => [...i > 0 ? [" "] : [], ...key === "…" ? [key] : key === "+" ? [element("kbd", {}, key)] : pressed(key)]);
  const table = ({ title, rows: rows2 }, head2) => element(
    "table",
    {},
    element("caption", {}, t(title)),
    element("tbody", {}, ...rows2.map(([keys2, does]) => element("tr", {}, element("th", { scope: "row" }, ...head2(keys2)), element("td", {}, t(does)))))
  );
  const described = ([name]) => [name && isText(name) ? t(name) : ""];
  const [keys, hands] = [KEYS.map((keys2) => table(keys2, named2)), HANDS.map((hands2) => table(hands2, described))];
  byId("sheets", HTMLDivElement).replaceChildren(...matchMedia("(pointer: coarse)").matches ? [...hands.reverse(), ...keys] : [...keys, ...hands]);
}
function keyName(key) {
  const name = `key-${key.toLowerCase()}`;
  return isText(name) ? t(name) : key;
}
function keysText(keys) {
  return keys.split("+").map(keyName).join("+");
}
var SHEET_KEYS = KEYS.flatMap(({ rows: rows2 }) => rows2.flatMap(([keys]) => keys)).filter((key) => key !== "…");

// src/viewmenu.ts
var ENTRIES = [
  [
    { name: "thicker", keys: "Ctrl+↑", command: { do: "change", change: "thicker" }, ofSlices: true },
    { name: "thinner", keys: "Ctrl+↓", command: { do: "change", change: "thinner" }, ofSlices: true },
    { name: "next-projection", keys: "Shift+M", command: { do: "change", change: "next projection" }, ofSlices: true }
  ],
  [
    { name: "invert-the-greys", keys: "I", command: { do: "change", change: "invert" } },
    { name: "flip-horizontally", keys: "H", command: { do: "change", change: "flip horizontally" }, ofSlices: true },
    { name: "flip-vertically", keys: "V", command: { do: "change", change: "flip vertically" }, ofSlices: true },
    { name: "turn-right", keys: "R", command: { do: "change", change: "turn right" } },
    { name: "turn-left", keys: "L", command: { do: "change", change: "turn left" } }
  ],
  [
    { name: "play-slices", keys: "C", command: { do: "play" }, ofSlices: true },
    { name: "cut-lines-on-off", keys: "X", command: { do: "cut lines" }, ofSlices: true }
  ]
];
function fillViewMenu(obey, isSlice2) {
  const menu = byId("more", HTMLDetailsElement);
  const ofSlices = [];
  const groups = ENTRIES.map(
    (entries2) => element("div", {}, ...entries2.map((entry) => {
      const button2 = element("button", { type: "button" }, element("span", {}, t(entry.name)), element("kbd", {}, keysText(entry.keys)));
      button2.addEventListener("click", () => obey(entry.command));
      if (entry.ofSlices) ofSlices.push(button2);
      return button2;
    }))
  );
  byId("more-menu", HTMLDivElement).replaceChildren(...groups);
  menu.addEventListener("toggle", () => {
    for (const button2 of ofSlices) button2.disabled = !isSlice2();
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !menu.contains(target)) menu.open = false;
  });
}
function closeViewMenu() {
  const menu = byId("more", HTMLDetailsElement);
  const wasOpen = menu.open;
  menu.open = false;
  return wasOpen;
}

// src/windowing.ts
var LEAST_SUV = 0.01;
function numbersOf({ center, width }, suv) {
  return suv ? [(center - width / 2) * suv.bodyWeight, (center + width / 2) * suv.bodyWeight] : [center, width];
}
function windowOf([first, second], changed2, suv) {
  if (!suv) return { center: first, width: Math.max(1, second) };
  const low = changed2 === 0 ? first : Math.min(first, second - LEAST_SUV);
  const high = changed2 === 1 ? second : Math.max(second, first + LEAST_SUV);
  return { center: (low + high) / 2 / suv.bodyWeight, width: (high - low) / suv.bodyWeight };
}
var CT_KEYS = [
  { center: 40, width: 400 },
  { center: -600, width: 1500 },
  { center: 480, width: 2500 },
  { center: 40, width: 80 },
  { center: 90, width: 150 },
  { center: 50, width: 350 },
  { center: 300, width: 600 },
  { center: 100, width: 700 },
  { center: 40, width: 40 }
];
function windowsOfKeys({ modality, windows }) {
  return modality === "CT" ? CT_KEYS : windows.slice(0, CT_KEYS.length);
}
function isSame(a, b) {
  const near2 = Math.min(0.5, a.width * 1e-3);
  return Math.abs(a.center - b.center) < near2 && Math.abs(a.width - b.width) < near2;
}

// src/words.ts
function nameText(name) {
  const [family = "", given = "", middle = ""] = (name.split("=")[0] ?? "").split("^").map((part) => part.trim());
  const rest = [given, middle].filter(Boolean).join(" ");
  return [family, rest].filter(Boolean).join(", ");
}
function dateText(date) {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(date.trim());
  return match ? `${match[1]}-${match[2]}-${match[3]}` : date;
}
function numberText(value) {
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(4));
  return String(rounded).replace("-", "−");
}
function levelText(center, width) {
  const decimals2 = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(width))));
  return String(Number(center.toFixed(decimals2)) || 0).replace("-", "−");
}
function windowText({ center, width }, unit, suv) {
  if (!suv) return `W ${numberText(width)}  L ${levelText(center, width)}${unit ? ` ${unit}` : ""}`;
  const [low, high] = [-0.5, 0.5].map((half) => ((center + half * width) * suv.bodyWeight).toFixed(1).replace("-", "−"));
  return `SUV ${low} – ${high}`;
}
function sentence(message) {
  const [first = ""] = message;
  return first.toUpperCase() + message.slice(first.length) + (message.endsWith(".") ? "" : ".");
}
function titleOf(content) {
  return t(content === "mean" ? "mean-projection" : content);
}
function spokenSlice(content, number2, count2) {
  return t("spoken-slice-of", { title: titleOf(content), number: number2, count: count2 ?? 0 });
}
function dimsText(dims) {
  return dims.join(" × ");
}
var ENDED = {
  sentAway: "sent-away",
  sharingEnded: "sharing-ended",
  invitationEnded: "invitation-ended",
  signedOut: "signed-out"
};
function connectionWords(state, gone, again) {
  switch (state.kind) {
    case "connected":
      return t("connected");
    case "ended":
      return t(ENDED[state.why]);
    case "silent":
      return t("not-responding");
    case "reconnecting":
      if (state.said === "full") return t("server-full-again");
      if (state.said === "shutDown") return t("server-shut-down");
      return t(gone ? "server-gone" : "reconnecting");
    case "connecting":
      return again ? null : t("connecting");
  }
}

// src/controls.ts
var SLIDER_STEPS = 1e3;
var RENDERINGS = ["volume", "cinematic", "mip", "minip", "mean"];
var Controls = class {
  #actions;
  #windows = byId("windows", HTMLSelectElement);
  #target = byId("window-target", HTMLSpanElement);
  #center = byId("center", HTMLInputElement);
  #centerSlider = byId("center-slider", HTMLInputElement);
  #width = byId("width", HTMLInputElement);
  #widthSlider = byId("width-slider", HTMLInputElement);
  #presets = byId("presets", HTMLSelectElement);
  #rendering = byId("rendering", HTMLSelectElement);
  #layout = byId("layout", HTMLButtonElement);
  #demographics = byId("demographics", HTMLButtonElement);
  #buttons = [byId("reset", HTMLButtonElement), this.#rendering, this.#layout];
  #fields = [this.#windows, this.#center, this.#centerSlider, this.#width, this.#widthSlider];
  #series = null;
  #presetNames = [];
  #window = null;
  /** A window that a slider asks for in this animation frame. */
  #wanted = null;
  constructor(actions) {
    this.#actions = actions;
    this.#windows.addEventListener("change", () => this.#chooseWindow(Number(this.#windows.value)));
    this.#presets.addEventListener("change", () => actions.setPreset(this.#presets.value));
    this.#rendering.append(...RENDERINGS.map((value) => element("option", { value }, titleOf(value))));
    this.#rendering.addEventListener("change", () => {
      const chosen = RENDERINGS.find((value) => value === this.#rendering.value);
      if (chosen) actions.setRendering(chosen);
    });
    for (const button2 of [this.#layout, byId("all-views", HTMLButtonElement)]) button2.addEventListener("click", () => actions.obey({ do: "maximise" }));
    byId("reset", HTMLButtonElement).addEventListener("click", () => actions.obey({ do: "reset all" }));
    this.#demographics.addEventListener("click", () => actions.obey({ do: "demographics" }));
    fillViewMenu((command) => actions.obey(command), () => actions.isSlice());
    addEventListener("resize", fitToolbar);
    new ResizeObserver(fitToolbar).observe(byId("role", HTMLSpanElement));
    this.#centerSlider.addEventListener("input", () => this.#want(0, this.#centerSlider.valueAsNumber));
    this.#widthSlider.addEventListener("input", () => {
      const at = this.#widthSlider.valueAsNumber;
      this.#want(1, this.#suv ? at : sliderToWidth(at / SLIDER_STEPS, this.#maxWidth()));
    });
    this.#center.addEventListener("change", () => this.#want(0, this.#center.valueAsNumber));
    this.#width.addEventListener("change", () => this.#want(1, this.#width.valueAsNumber));
    this.setSeries(null);
  }
  setSeries(series) {
    this.#series = series;
    this.#window = null;
    const keys = series ? windowsOfKeys(series) : [];
    this.#windows.replaceChildren(
      custom(),
      ...(series?.windows ?? []).map((window, i) => {
        const label2 = windowName(window, series);
        const key = keys.findIndex((ofKey) => isSame(ofKey, window)) + 1;
        return element("option", { value: i }, key > 0 ? `${label2} (${key})` : label2);
      })
    );
    this.#setScale();
    fitToolbar();
    for (const control of [...this.#fields, this.#presets, ...this.#buttons]) control.disabled = series === null;
    this.setPresets(series?.presets ?? []);
  }
  /** What the fields and sliders of the window count: centre and width, or SUVs. */
  #setScale() {
    const suv = this.#suv;
    const [low, high] = this.#series?.valueRange ?? [0, 1];
    setText(byId("center-label", HTMLSpanElement), suv ? "SUV" : t("centre"));
    setText(byId("width-label", HTMLSpanElement), suv ? "–" : t("width"));
    for (const [field2, slider, name] of [
      [this.#center, this.#centerSlider, suv ? "window-from-suv" : "window-centre"],
      [this.#width, this.#widthSlider, suv ? "window-to-suv" : "window-width"]
    ]) {
      for (const control of [field2, slider]) control.setAttribute("aria-label", t(name));
      field2.title = t(name);
      field2.step = suv ? "0.1" : "any";
      slider.step = suv ? "0.1" : "1";
      if (!suv) continue;
      slider.min = String(Math.floor(Math.min(0, low * suv.bodyWeight)));
      slider.max = String(Math.ceil(high * suv.bodyWeight));
    }
    if (suv) return this.#width.removeAttribute("min");
    [this.#centerSlider.min, this.#centerSlider.max] = [String(Math.floor(low)), String(Math.ceil(high))];
    [this.#widthSlider.min, this.#widthSlider.max] = ["0", String(SLIDER_STEPS)];
    this.#width.min = "1";
  }
  setPresets(presets) {
    const chosen = this.#presets.value;
    this.#presetNames = presets;
    this.#presets.replaceChildren(
      custom(),
      ...presets.map((preset) => element("option", { value: preset.name }, named(preset.label)))
    );
    this.#presets.value = presets.some((preset) => preset.name === chosen) ? chosen : "";
    this.#presets.disabled = presets.length === 0;
  }
  /** Shows the window of the view that the controls act on, if it `has` one. */
  showWindow(content, shown, has) {
    const name = RENDERINGS.some((rendering) => rendering === content) ? titleOf(content) : t("slices");
    setText(this.#target, has ? `· ${name}` : "");
    for (const control of this.#fields) control.disabled = this.#series === null || !has;
    if (!has) [this.#windows.value, this.#center.value, this.#width.value] = ["", "", ""];
    if (!shown) return;
    this.#window = { center: shown.center, width: shown.width };
    const chosen = (this.#series?.windows ?? []).findIndex((window) => isSame(shown, window));
    this.#windows.value = chosen < 0 ? "" : String(chosen);
    if (this.#wanted) return;
    const suv = this.#suv;
    const [first, second] = numbersOf(shown, suv);
    const told2 = (value) => suv ? Number(value.toFixed(2)) : round(value);
    setValue(this.#center, told2(first));
    setValue(this.#width, told2(second));
    setValue(this.#centerSlider, told2(first));
    setValue(this.#widthSlider, suv ? told2(second) : Math.round(widthToSlider(second, this.#maxWidth()) * SLIDER_STEPS));
    this.#widthSlider.setAttribute("aria-valuetext", numberText(second));
  }
  showPreset(name) {
    this.#presets.value = name ?? "";
  }
  showRendering(content) {
    this.#rendering.value = content;
  }
  showLayout(single) {
    this.#layout.setAttribute("aria-pressed", String(single));
  }
  showDemographics(shown) {
    this.#demographics.setAttribute("aria-pressed", String(shown));
  }
  /** Applies the window of a number key; 0 is that of the first one. */
  windowOfKey(index) {
    const window = this.#series && windowsOfKeys(this.#series)[index];
    if (window) this.#actions.setWindow({ center: window.center, width: window.width });
  }
  #chooseWindow(index) {
    const window = this.#series?.windows[index];
    if (window) this.#actions.setWindow({ center: window.center, width: window.width });
  }
  nextPreset() {
    const presets = this.#presetNames;
    const current = presets.findIndex((preset) => preset.name === this.#presets.value);
    const next = presets[(current + 1) % presets.length];
    if (next) this.#actions.setPreset(next.name);
  }
  #maxWidth() {
    const [low, high] = this.#series?.valueRange ?? [0, 1];
    return Math.max(2, high - low);
  }
  get #suv() {
    return this.#series?.suv ?? null;
  }
  /** One of the two numbers of the window changes. */
  #want(part, value) {
    const from = this.#wanted ?? this.#window;
    if (!from || !Number.isFinite(value)) return;
    const [first, second] = numbersOf(from, this.#suv);
    if (!this.#wanted) {
      requestAnimationFrame(() => {
        if (this.#wanted) this.#actions.setWindow(this.#wanted);
        this.#wanted = null;
      });
    }
    this.#wanted = windowOf(part === 0 ? [value, second] : [first, value], part, this.#suv);
  }
};
function windowName({ label: label2, center, width }, { unit, suv }) {
  const name = named(label2);
  return !suv || name.startsWith("SUV") ? name : `${name} · ${windowText({ center, width }, unit, suv)}`;
}
function custom() {
  return element("option", { value: "", disabled: true, hidden: true }, t("custom"));
}
function round(value) {
  return Number(value.toFixed(Math.abs(value) < 10 ? 2 : 0));
}
function setValue(input, value) {
  if (document.activeElement === input && input.type === "number") return;
  input.value = String(value);
}
var TIGHT = ["tight-1", "tight-2", "tight-3", "tight-4"];
function fitToolbar() {
  const { classList } = document.body;
  classList.remove(...TIGHT);
  const groups = [...byId("controls", HTMLDivElement).children];
  const isOneRow = () => groups.at(-1).offsetTop < groups[0].offsetTop + groups[0].offsetHeight;
  for (const step of TIGHT) {
    if (isOneRow()) return;
    classList.add(step);
  }
}

// src/corners.ts
var LONGEST_RULER_PX = 140;
var SHORTEST_RULER_PX = 40;
var BESIDE_RULER_PX = 108;
var Corners = class {
  #title = element("div", { class: "corner top-right title" });
  #quality = element("span", { class: "badge quality", hidden: true });
  #lossy = element("span", { class: "badge lossy", hidden: true, title: t("lossy-hint") }, t("lossy"));
  #warning = element("button", { class: "badge warning", type: "button", hidden: true });
  #patient = element("div", { class: "corner top-left demographics" });
  #facts = element("div", { class: "corner bottom-left" });
  #series = element("div", { class: "series-name" });
  #time = element("div");
  #ruler = element("div", { class: "ruler", hidden: true });
  #letters = {
    left: element("span", { class: "letter left", "aria-hidden": "true" }),
    right: element("span", { class: "letter right", "aria-hidden": "true" }),
    top: element("span", { class: "letter top", "aria-hidden": "true" }),
    bottom: element("span", { class: "letter bottom", "aria-hidden": "true" })
  };
  /** Grows along the lower edge while a picture refines. */
  #refining = element("div", { class: "refining", "aria-hidden": "true", hidden: true });
  /** All of it, to be laid over a picture. */
  nodes = [
    this.#patient,
    this.#title,
    element("div", { class: "corner badges" }, this.#warning, this.#lossy, this.#quality),
    this.#facts,
    element("div", { class: "corner bottom-right" }, this.#series, this.#time, this.#ruler),
    ...Object.values(this.#letters),
    this.#refining
  ];
  constructor(explainWarnings) {
    this.#warning.addEventListener("click", explainWarnings);
  }
  setTitle(title) {
    setText(this.#title, title);
  }
  writeCaption(caption) {
    this.#patient.replaceChildren();
    setText(this.#series, caption?.series ?? "");
    setText(this.#time, caption?.time ?? "");
    const warnings = caption?.warnings ?? [];
    const badges = warnings.map(({ code }) => named(code) === code ? code.replaceAll("-", " ") : named(code));
    if (caption && caption.millimetres === "within-images") badges.push(t("mm-within-images-only"));
    if (caption && caption.millimetres === "within-regions") badges.push(t("mm-within-regions-only"));
    if (caption && caption.millimetres === "nowhere") badges.push(t("no-millimetres"));
    this.#warning.hidden = badges.length === 0;
    const first = badges[0];
    if (first) {
      const more = badges.length > 1 ? ` +${badges.length - 1}` : "";
      setText(this.#warning, `⚠ ${first}${more}`);
      this.#warning.title = warnings.map((warning) => warning.message).join("\n") || first;
    }
    if (!caption) return;
    const name = nameText(caption.patientName);
    const person = [name === caption.patientId ? "" : name && caption.patientId, caption.patientSex, dateText(caption.patientBirthDate)];
    const whose = person.filter(Boolean).join(" · ");
    const lines2 = [whose, caption.studyDescription, dateText(caption.studyDate)].filter(Boolean);
    this.#patient.append(
      element("div", { class: "patient-name" }, name || caption.patientId || t("no-name")),
      ...lines2.map((line) => element("div", {}, line))
    );
  }
  writeLetters(letters2) {
    for (const side of ["left", "right", "top", "bottom"]) setText(this.#letters[side], letters2?.[side] ?? "");
  }
  /** A view of little room tells the slice by its numbers alone, and leaves the zoom out; what changes what the picture means stays. */
  writeFacts(facts) {
    this.#facts.replaceChildren();
    if (!facts) {
      this.#ruler.hidden = true;
      return;
    }
    const { window, inverted, zoom, slab, slice, depth } = facts;
    const line = (text3, kind = "") => text3 ? [element("div", { class: kind }, text3)] : [];
    const means = [inverted ? t("inverted") : "", slab].filter(Boolean).join(" · ");
    this.#facts.append(...line(window), ...line(means, "means"), ...line(zoom, "zoom"));
    const lines2 = [window, means, slice].filter(Boolean).length;
    this.#facts.parentElement?.style.setProperty("--lines", String(Math.max(2, lines2)));
    if (!slice) return;
    const [number2, count2] = slice;
    const numbers = element("span", { class: "number" }, t("slice-in", { number: number2, count: count2 }));
    const alone = element("span", { class: "number-alone", "aria-hidden": "true" }, `${number2} / ${count2}`);
    this.#facts.append(element("div", { class: "slice" }, numbers, alone, ...depth ? [" ", element("span", { class: "depth" }, depth)] : []));
  }
  /** Where a CSS pixel is so many mm, in a view so many CSS pixels wide; null where lengths do not hold. */
  drawRuler(mmPerCssPixel, width) {
    const room = Math.min(LONGEST_RULER_PX, width / 2 - BESIDE_RULER_PX);
    const scale = mmPerCssPixel === null || room < SHORTEST_RULER_PX ? null : ruler(mmPerCssPixel, room);
    this.#ruler.hidden = scale === null;
    if (!scale) return;
    const { length: length2, parts } = scale;
    let path = `M0.5 10.5H${length2 + 0.5}`;
    for (let i = 0; i <= parts; i++) {
      const long = i === 0 || i === parts || parts === 10 && i === 5;
      path += `M${i * length2 / parts + 0.5} 10.5v${long ? -8 : -4}`;
    }
    const wide = Math.ceil(length2) + 1;
    this.#ruler.replaceChildren(
      element("span", {}, lengthLabel(scale.mm)),
      svg(
        "svg",
        { width: wide, height: 12, viewBox: `0 0 ${wide} 12`, "aria-hidden": "true" },
        svg("path", { d: path, class: "ruler-shade" }),
        svg("path", { d: path, class: "ruler-line" })
      )
    );
  }
  /** `refined` is 0 while a picture stands in for one that refines; `drawnHere` by the page itself. */
  writeQuality(quality, refined, drawnHere) {
    const refining = quality === "interactive" && refined > 0;
    this.#quality.hidden = false;
    this.#lossy.hidden = quality === "lossless" || drawnHere;
    this.#quality.classList.toggle("final", quality !== "interactive");
    this.#quality.classList.toggle("lossless", quality === "lossless");
    this.#quality.classList.toggle("refines", refining);
    const words = t(quality === "final" && drawnHere ? "local" : quality);
    setText(this.#quality, refining ? t("refining-by", { percent: Math.round(refined * 100) }) : words);
    const titles = { interactive: "", final: drawnHere ? t("local-hint") : "", lossless: t("lossless-hint") };
    this.#quality.title = titles[quality];
    this.#refining.hidden = !refining;
    this.#refining.style.width = `${refined * 100}%`;
  }
  hideQuality() {
    this.#quality.hidden = this.#lossy.hidden = this.#refining.hidden = true;
  }
};
function captionOf(series, entry) {
  const number2 = entry?.series.number;
  const name = [series.modality, number2 == null ? "" : t("series-number", { number: number2 }), entry?.series.description];
  return {
    patientName: entry?.study.patientName ?? "",
    patientId: entry?.study.patientId ?? "",
    patientSex: entry?.study.patientSex ?? "",
    patientBirthDate: entry?.study.patientBirthDate ?? "",
    studyDescription: entry?.study.description ?? "",
    studyDate: entry?.study.date ?? "",
    series: name.filter(Boolean).join(" · "),
    time: entry?.time ? t("time-in", { number: entry.time[0], count: entry.time[1] }) : "",
    unit: series.unit,
    suv: series.suv,
    warnings: series.warnings,
    millimetres: series.selfCheck.millimetres
  };
}
function depthText(content, positionMm) {
  const axis = content === "sagittal" ? 0 : content === "coronal" ? 1 : 2;
  const mm = positionMm[axis];
  if (mm === void 0) return "";
  const letter = ["RL", "AP", "FH"][axis][mm < 0 ? 0 : 1];
  return `${letter} ${Math.abs(mm).toFixed(1)} mm`;
}

// src/drawers.ts
var NAMES = ["library", "controls"];
var Drawers = class {
  constructor() {
    for (const name of NAMES) {
      byId(`${name}-toggle`, HTMLButtonElement).addEventListener("click", () => {
        const open = !isOpen(name);
        this.close();
        if (open) set(name, true);
      });
    }
  }
  /** Returns whether any was open. */
  close() {
    const open = NAMES.filter(isOpen);
    for (const name of open) set(name, false);
    return closeViewMenu() || open.length > 0;
  }
};
function isOpen(name) {
  return document.body.classList.contains(`${name}-open`);
}
function set(name, open) {
  document.body.classList.toggle(`${name}-open`, open);
  byId(`${name}-toggle`, HTMLButtonElement).setAttribute("aria-expanded", String(open));
}

// src/sight.ts
var add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
var minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
var times = (a, by) => [a[0] * by, a[1] * by, a[2] * by];
var dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
var cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
var length = (a) => Math.sqrt(dot(a, a));
function isSlice(content) {
  return content === "axial" || content === "coronal" || content === "sagittal";
}
function normalOf({ right, down }) {
  return cross(right, down);
}
function lettersOf({ right, down }) {
  return { left: letters(times(right, -1)), right: letters(right), top: letters(times(down, -1)), bottom: letters(down) };
}
function letters(direction) {
  const parts = direction.map((size2, axis) => ({ size: Math.abs(size2), letter: ["LR", "PA", "HF"][axis][size2 > 0 ? 0 : 1] }));
  parts.sort((a, b) => b.size - a.size);
  return parts.filter(({ size: size2 }) => size2 > 0.05).map(({ letter }) => letter).join("");
}
function sightOf(series, plane2, state, size2) {
  const { right, down, fitMm } = plane2;
  const mm = Math.max(fitMm[0] / Math.max(size2[0], 1), fitMm[1] / Math.max(size2[1], 1), 1e-6) / state.zoom;
  return {
    series: series.seriesInstanceUid,
    centerMm: state.positionMm,
    right,
    down,
    mmPerPixel: state.mmPerPixel ?? mm,
    size: size2,
    reachMm: sliceSpacing(series, cross(right, down)) / 2
  };
}
function sliceSpacing(series, normal) {
  const perMm = voxelsOf(series, normal).map(Math.abs);
  return 1 / Math.max(...perMm, 1e-6);
}
function voxelsOf({ outline: outline2 }, mm) {
  const [x, y, z] = outline2.patientFromVoxel;
  const volume = dot(x, cross(y, z));
  return volume === 0 ? [0, 0, 0] : [dot(mm, cross(y, z)) / volume, dot(mm, cross(z, x)) / volume, dot(mm, cross(x, y)) / volume];
}
function isFlat({ dims }) {
  return dims[2] === 1;
}
function nearestCut({ outline: outline2 }) {
  const [x, y] = outline2.patientFromVoxel;
  const normal = cross(x, y).map(Math.abs);
  const most = normal.indexOf(Math.max(...normal));
  return ["sagittal", "coronal", "axial"][most] ?? "axial";
}
function voxelAt(series, mm) {
  const voxel = voxelsOf(series, minus(mm, series.outline.patientFromVoxel[3])).map(Math.round);
  return voxel.every((n, axis) => n >= 0 && n < series.dims[axis]) ? voxel : null;
}
function voxelMiddle({ outline: outline2 }, [i, j, k]) {
  const [x, y, z, origin] = outline2.patientFromVoxel;
  return add(origin, add(times(x, i), add(times(y, j), times(z, k))));
}
function patientFromPixel(sight, [x, y]) {
  const { centerMm, right, down, mmPerPixel, size: size2 } = sight;
  const offset = add(times(right, (x - size2[0] / 2) * mmPerPixel), times(down, (y - size2[1] / 2) * mmPerPixel));
  return add(centerMm, offset);
}
function pixelFromPatient({ centerMm, right, down, mmPerPixel, size: size2 }, mm) {
  const offset = minus(mm, centerMm);
  return [dot(offset, right) / mmPerPixel + size2[0] / 2, dot(offset, down) / mmPerPixel + size2[1] / 2];
}
function distanceMm(plane2, mm) {
  return dot(minus(mm, plane2.centerMm), normalOf(plane2));
}
function onto(plane2, mm) {
  return minus(mm, times(normalOf(plane2), distanceMm(plane2, mm)));
}
function slicesTo(sight, mm) {
  const normal = normalOf(sight);
  const [x, y, z] = normal.map(Math.abs);
  const follows2 = z >= x && z >= y ? normal[2] < 0 : y >= x ? normal[1] > 0 : normal[0] > 0;
  const slices = Math.round(distanceMm(sight, mm) / (2 * sight.reachMm));
  return (follows2 ? slices : -slices) || 0;
}

// src/annotation.ts
var KINDS = ["length", "angle", "ellipse", "rectangle", "freehand", "probe"];
var MOST_POINTS = 1e3;
var HANDLES = 12;
var CORNERS = 72;
var CROSS_PX = 6;
var SAME_PLANE = 0.9999;
function givenPoints(kind) {
  if (kind === "freehand") return Infinity;
  return kind === "probe" ? 1 : kind === "angle" ? 3 : 2;
}
function shaped(kind, placement, given) {
  const [first, last] = [given[0], given.at(-1)];
  if (!first || !last) return [];
  if (kind === "probe") return [last];
  if (kind === "length") return [first, last];
  if (kind === "angle") return [first, given[1] ?? last, last];
  if (kind === "freehand") return given.filter((_, i) => i % Math.ceil(given.length / MOST_POINTS) === 0);
  const { centerMm, right, down } = placement;
  const flat = (p) => [dot(minus(p, centerMm), right), dot(minus(p, centerMm), down)];
  const at = (x, y) => add(centerMm, add(times(right, x), times(down, y)));
  const [[ax, ay], [bx, by]] = [flat(first), flat(last)];
  if (kind === "rectangle") return [at(ax, ay), at(bx, ay), at(bx, by), at(ax, by)];
  const [mx, my, hx, hy] = [(ax + bx) / 2, (ay + by) / 2, Math.abs(bx - ax) / 2, Math.abs(by - ay) / 2];
  return [at(mx - hx, my), at(mx + hx, my), at(mx, my - hy), at(mx, my + hy)];
}
function isOn(annotation, sight) {
  if (annotation.series !== sight.series) return false;
  const parallel = Math.abs(dot(normalOf(annotation.placement), normalOf(sight))) > SAME_PLANE;
  const near2 = (p) => Math.abs(distanceMm(sight, p)) <= sight.reachMm * (1 + 1e-6);
  return (parallel || annotation.kind === "probe") && annotation.points.every(near2);
}
function moved(annotation, by) {
  const normal = normalOf(annotation.placement);
  const along = annotation.kind === "probe" ? by : minus(by, times(normal, dot(by, normal)));
  return { ...annotation, points: annotation.points.map((p) => add(p, along)) };
}
function withHandle(annotation, handle, to) {
  const { kind, placement } = annotation;
  const p = [...annotation.points];
  if (kind === "probe") return { ...annotation, points: [to], placement: { ...placement, centerMm: to } };
  const at = onto(placement, to);
  if (kind === "ellipse") {
    const [own, other] = handle < 2 ? [0, 2] : [2, 0];
    const middle = times(add(p[0], p[1]), 0.5);
    const half = minus(at, middle);
    if (length(half) < 1e-6) return annotation;
    const before = times(minus(p[other + 1], p[other]), 0.5);
    const turned = cross(normalOf(placement), half);
    const across = times(turned, length(before) / length(turned) * (dot(turned, before) < 0 ? -1 : 1));
    p[handle] = at;
    p[own + (1 - handle % 2)] = minus(middle, half);
    [p[other], p[other + 1]] = [minus(middle, across), add(middle, across)];
  } else if (kind === "rectangle") {
    const opposite = p[(handle + 2) % 4];
    const [next, last] = [(handle + 1) % 4, (handle + 3) % 4];
    const [edge, side] = [minus(p[next], opposite), cross(minus(p[last], opposite), normalOf(placement))];
    const along = length(edge) > 1e-6 ? edge : length(side) > 1e-6 ? side : placement.right;
    const direction = times(along, 1 / length(along));
    const part = times(direction, dot(minus(at, opposite), direction));
    [p[handle], p[next], p[last]] = [at, add(opposite, part), minus(at, part)];
  } else if (kind === "freehand") return { ...annotation, points: pulled(p, handle, at) };
  else p[handle] = at;
  return { ...annotation, points: p };
}
function pulled(points, handle, to) {
  const count2 = points.length;
  const by = minus(to, points[handle]);
  const reach = Math.max(1, Math.floor(count2 / 8));
  return points.map((p, i) => {
    const steps = (i - handle + count2) % count2;
    const away = Math.min(steps, count2 - steps);
    if (away > reach || count2 <= 3 && away > 0) return p;
    return add(p, times(by, 0.5 + 0.5 * Math.cos(Math.PI * away / (reach + 1))));
  });
}
function handlesOf({ kind, points }) {
  const step = kind === "freehand" ? Math.max(1, Math.ceil(points.length / HANDLES)) : 1;
  return points.flatMap((_, i) => i % step === 0 ? [i] : []);
}
function outline({ kind, points: p }) {
  if (kind === "probe") return { points: [], closed: false };
  if (kind !== "ellipse") return { points: p, closed: kind === "rectangle" || kind === "freehand" };
  return { points: ellipseOf(p), closed: true };
}
function ellipseOf(p) {
  const middle = times(add(p[0], p[1]), 0.5);
  const [a, b] = [times(minus(p[1], p[0]), 0.5), times(minus(p[3], p[2]), 0.5)];
  const corner = (_, i) => {
    const angle = 2 * Math.PI * i / CORNERS;
    return add(middle, add(times(a, Math.cos(angle)), times(b, Math.sin(angle))));
  };
  return Array.from({ length: CORNERS }, corner);
}
function lines(annotation, sight) {
  const { points, closed } = outline(annotation);
  if (annotation.kind !== "probe") return [{ points: points.map((p) => pixelFromPatient(sight, p)), closed }];
  const [x, y] = pixelFromPatient(sight, annotation.points[0]);
  const bar = (dx, dy) => ({ points: [[x - dx, y - dy], [x + dx, y + dy]], closed: false });
  return [bar(CROSS_PX, 0), bar(0, CROSS_PX)];
}
function textPlace(drawn2) {
  const points = drawn2.flatMap((line) => line.points);
  return points.reduce((best, p) => best === null || p[0] > best[0] ? p : best, null);
}
function hit(annotations, sight, at, tolerance, selected) {
  const shown = annotations.filter((one) => isOn(one, sight)).reverse();
  shown.sort((a, b) => Number(b.id === selected) - Number(a.id === selected));
  for (const one of shown) {
    const away = one.points.map((p) => distance(pixelFromPatient(sight, p), at));
    const nearest = away.indexOf(Math.min(...away));
    if (away[nearest] <= tolerance) return { id: one.id, handle: nearest };
  }
  const touches = ({ points, closed }) => points.some((from, i) => {
    const to = points[i + 1] ?? (closed ? points[0] : void 0);
    return to !== void 0 && toSegment(at, from, to) <= tolerance;
  });
  const on = shown.find((one) => lines(one, sight).some(touches));
  return on ? { id: on.id, handle: null } : null;
}
function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
function toSegment(at, a, b) {
  const [along, from] = [[b[0] - a[0], b[1] - a[1]], [at[0] - a[0], at[1] - a[1]]];
  const share = (from[0] * along[0] + from[1] * along[1]) / Math.max(along[0] ** 2 + along[1] ** 2, 1e-12);
  const part = Math.min(1, Math.max(0, share));
  return Math.hypot(from[0] - along[0] * part, from[1] - along[1] * part);
}
var NAMES2 = {
  length: "length",
  angle: "angle",
  area: "area",
  perimeter: "perimeter",
  volume: "volume",
  "long-axis": "long-axis",
  "short-axis": "short-axis",
  value: "value",
  mean: "mean",
  "standard-deviation": "sd",
  minimum: "min",
  maximum: "max",
  count: "count"
};
var PLAIN = ["length", "angle", "cobb-angle", "value"];
var MORE = ["count", "minimum", "maximum", "perimeter"];
function told(known2, all) {
  if (!known2) return [];
  if ("failed" in known2) return [known2.failed];
  const rows2 = [];
  for (const quantity of known2.measured.quantities) {
    if (!all && MORE.includes(quantity.measure)) continue;
    const name = NAMES2[quantity.measure];
    const text3 = PLAIN.includes(quantity.measure) || !name ? quantityText(quantity) : `${t(name)} ${quantityText(quantity)}`;
    const joins = quantity.measure === "standard-deviation" || quantity.measure === "maximum";
    if (joins && rows2.length > 0) rows2.push(`${rows2.pop()}  ${text3}`);
    else rows2.push(text3);
  }
  return rows2;
}
function quantityText({ measure, value, unit }) {
  const number2 = value.toFixed(decimals(measure, value, unit)).replace("-", "−");
  return unit === "" ? number2 : unit === "°" ? `${number2}°` : `${number2} ${unit}`;
}
function decimals(measure, value, unit) {
  if (measure === "count") return 0;
  if (measure === "volume") return Math.abs(value) < 10 ? 3 : 1;
  if (["mm", "px", "°", "mm²", "px²"].includes(unit)) return 1;
  if (unit.startsWith("SUV")) return 2;
  if (["value", "minimum", "maximum"].includes(measure) && Number.isInteger(value)) return 0;
  const size2 = Math.abs(value);
  if (size2 >= 10 || size2 === 0) return 1;
  return size2 >= 1 ? 2 : Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(size2))));
}

// src/crosshair.ts
var GAP_PX = 14;
var PARALLEL = 1e-3;
function linesOn(cut, all, placeMm) {
  const { sight } = cut;
  const normal = normalOf(sight);
  const middle = onto(sight, placeMm ?? sight.centerMm);
  return all.flatMap((other) => {
    if (other.view === cut.view || other.space !== cut.space) return [];
    const otherNormal = normalOf(other.sight);
    const line = cross(normal, otherNormal);
    if (length(line) < PARALLEL) return [];
    const across = minus(otherNormal, times(normal, dot(otherNormal, normal)));
    const inPlane = times(across, 1 / length(across));
    const off = dot(minus(other.sight.centerMm, middle), otherNormal) / dot(inPlane, otherNormal);
    const along = times(line, 1 / length(line));
    return [{ content: other.content, at: pixelFromPatient(sight, add(middle, times(inPlane, off))), along: [dot(along, sight.right), dot(along, sight.down)] }];
  });
}
function drawn(lines2, onScreen, reach, held) {
  return lines2.flatMap(({ content, at, along: [dx, dy] }) => {
    const [x, y] = onScreen(at);
    const to = (by) => `${(x + dx * by).toFixed(2)} ${(y + dy * by).toFixed(2)}`;
    const d = held ? `M${to(-reach)}L${to(-GAP_PX)}M${to(GAP_PX)}L${to(reach)}` : `M${to(-reach)}L${to(reach)}`;
    const line = svg("path", { class: held ? "cut held" : "cut", "data-content": content, d });
    return held ? [svg("path", { class: "shade", d }), line] : [line];
  });
}

// src/editor.ts
var CLICK_PX = 4;
var HAND_PX = 2;
var MOST_GIVEN = 1e5;
var LEAST_PX = 2;
var MOST_STEPS = 500;
var MOST_ANNOTATIONS = 500;
var Editor = class {
  #annotations = [];
  #tool = null;
  #selected = null;
  /** The handle that keys move. */
  #focus = null;
  /** The keyboard's pointer. */
  #pointer = null;
  #draft = null;
  #grip = null;
  #done = [];
  #undone = [];
  #next = 1;
  #turn = 0;
  #changed;
  constructor(changed2) {
    this.#changed = changed2;
  }
  /** All that are drawn, with what is being drawn last. */
  get shown() {
    return this.#draft ? [...this.#annotations, this.#draft.annotation] : this.#annotations;
  }
  get annotations() {
    return this.#annotations;
  }
  get tool() {
    return this.#tool;
  }
  get selected() {
    return this.#draft?.annotation.id ?? this.#selected;
  }
  get focus() {
    return this.#focus;
  }
  get pointer() {
    return this.#pointer;
  }
  /** Whether a hand draws or moves something. */
  get isBusy() {
    return this.#draft !== null || this.#grip !== null;
  }
  /** Whether Shift and arrows are for what is drawn. */
  get wantsArrows() {
    return this.#pointer !== null || this.#focus !== null;
  }
  /** Takes up what a page before this one has drawn. */
  restore(annotations) {
    this.#annotations = annotations;
    this.#next = Math.max(0, ...annotations.map(({ id }) => id)) + 1;
  }
  /** Forgets what was drawn on a series for good. */
  forget(isGone) {
    const stays = ({ before, after }) => ![before, after].some((one) => one && isGone(one.series));
    this.#annotations = this.#annotations.filter(({ series }) => !isGone(series));
    this.#done = this.#done.filter(stays);
    this.#undone = this.#undone.filter(stays);
    this.abandon();
    this.#changed();
  }
  choose(tool) {
    this.abandon();
    this.#pointer = null;
    this.#tool = tool;
    this.#changed();
  }
  select(id) {
    [this.#selected, this.#focus] = [id, null];
    this.#changed();
  }
  /** The left button goes down. Returns whether that is meant for what is drawn. */
  press(sight, at, tolerance) {
    this.#turn += 1;
    this.#focus = null;
    const place4 = patientFromPixel(sight, at);
    const draft = this.#draft;
    if (draft && isOn(draft.annotation, sight) && closes(draft, sight, at)) {
      this.#shape(draft);
      this.#finish(draft, sight);
      this.#changed();
      return true;
    }
    if (draft && isOn(draft.annotation, sight)) {
      [draft.pressed, draft.byHand] = [at, 0];
      draft.given.push(onto(draft.annotation.placement, place4));
      this.#shape(draft);
      return true;
    }
    this.#draft = null;
    const found = hit(this.#annotations, sight, at, tolerance, this.#selected);
    const before = this.#annotations.find(({ id }) => id === found?.id);
    this.#selected = before?.id ?? null;
    if (before) this.#grip = { before, handle: found?.handle ?? null, from: place4 };
    else if (this.#tool && this.#annotations.length < MOST_ANNOTATIONS) {
      const { right, down } = sight;
      const annotation = { id: this.#next++, kind: this.#tool, series: sight.series, points: [place4], placement: { centerMm: place4, right, down } };
      this.#draft = { annotation, given: [place4], pressed: at, byHand: 0 };
      this.#shape(this.#draft);
    }
    this.#changed();
    return before !== void 0 || this.#tool !== null;
  }
  /** Returns whether it moves anything. */
  move(sight, at) {
    const place4 = patientFromPixel(sight, at);
    const { before, handle, from } = this.#grip ?? {};
    if (before && from && before.series === sight.series) {
      this.#put(handle == null ? moved(before, minus(place4, from)) : withHandle(before, handle, place4));
      this.#changed();
      return true;
    }
    const draft = this.#draft;
    if (!draft || !isOn(draft.annotation, sight)) return false;
    const on = onto(draft.annotation.placement, place4);
    const last = draft.given.at(-1);
    const byHand = draft.annotation.kind === "freehand" && draft.pressed !== null;
    if (byHand && last && length(minus(on, last)) >= HAND_PX * sight.mmPerPixel && draft.given.length < MOST_GIVEN) {
      draft.given.push(on);
      draft.byHand += 1;
    }
    this.#shape(draft, on);
    this.#changed();
    return true;
  }
  release(sight, at) {
    this.move(sight, at);
    const grip = this.#grip;
    this.#grip = null;
    if (grip) {
      const after = this.#find(grip.before.id);
      if (after && after !== grip.before) this.#did({ before: grip.before, after, turn: ++this.#turn });
    }
    const draft = this.#draft;
    if (draft?.pressed) {
      const dragged = Math.hypot(draft.pressed[0] - at[0], draft.pressed[1] - at[1]) > CLICK_PX;
      draft.pressed = null;
      const byHand = draft.annotation.kind === "freehand";
      const drawn2 = draft.byHand * HAND_PX > CLICK_PX;
      if (dragged && !byHand && !isWhole(draft)) draft.given.push(onto(draft.annotation.placement, patientFromPixel(sight, at)));
      this.#shape(draft);
      if (isWhole(draft) || byHand && drawn2 && draft.given.length > 2) this.#finish(draft, sight);
    }
    this.#changed();
  }
  /** Gives up what is being done; what was moved is as before. */
  abandon() {
    if (this.#grip) this.#put(this.#grip.before);
    this.#grip = this.#draft = null;
    this.#changed();
  }
  /** Leaves what is being drawn, else the keyboard's pointer or handle, else what is selected. Returns whether there was any. */
  escape() {
    if (this.isBusy) this.abandon();
    else if (this.#pointer) this.#pointer = null;
    else if (this.#focus !== null) this.#focus = null;
    else if (this.#selected !== null) this.#selected = null;
    else return false;
    this.#changed();
    return true;
  }
  /** Removes one, or what is selected. */
  remove(id = this.#selected) {
    this.abandon();
    const before = this.#find(id);
    if (!before) return null;
    this.#annotations = this.#annotations.filter((one) => one !== before);
    if (this.#selected === id) [this.#selected, this.#focus] = [null, null];
    this.#did({ before, after: null, turn: ++this.#turn });
    this.#changed();
    return before;
  }
  /** As a click where the keyboard's pointer is; first it appears in the middle of the view. */
  enter(sight, tolerance) {
    if (this.#tool === null) return false;
    const at = this.#pointer;
    if (!at) {
      this.#pointer = [sight.size[0] / 2, sight.size[1] / 2];
      this.#changed();
      return true;
    }
    this.press(sight, at, tolerance);
    this.release(sight, at);
    return true;
  }
  /** To the next handle, and from the last one to the next annotation of the view. */
  nextHandle(sight) {
    this.#turn += 1;
    const shown = this.#annotations.filter((one) => isOn(one, sight));
    const at = shown.findIndex(({ id }) => id === this.#selected);
    const next = this.#focus === null ? 0 : this.#focus + 1;
    const handle = at < 0 ? void 0 : handlesOf(shown[at]).find((handle2) => handle2 >= next);
    if (handle !== void 0) this.#focus = handle;
    else {
      this.#focus = null;
      this.#selected = (shown[at + 1] ?? shown[0])?.id ?? null;
    }
    this.#changed();
    return this.#find(this.#selected);
  }
  /** Moves the handle or the keyboard's pointer by pixels of the view. */
  nudge(sight, dx, dy) {
    const before = this.#focus === null ? null : this.#find(this.#selected);
    if (before && this.#focus !== null && isOn(before, sight)) {
      const [x, y] = [dx * sight.mmPerPixel, dy * sight.mmPerPixel];
      const by = sight.right.map((r, i) => r * x + sight.down[i] * y);
      const from = before.points[this.#focus];
      const after = withHandle(before, this.#focus, [from[0] + by[0], from[1] + by[1], from[2] + by[2]]);
      this.#put(after);
      this.#did({ before, after, turn: this.#turn });
    } else if (this.#pointer) {
      const [x, y] = this.#pointer;
      const within = (n, size2) => Math.min(size2, Math.max(0, n));
      this.#pointer = [within(x + dx, sight.size[0]), within(y + dy, sight.size[1])];
      this.move(sight, this.#pointer);
    } else return false;
    this.#changed();
    return true;
  }
  /** Whether there is something to take back, or to do again, on this series. */
  canUndo(series) {
    return this.#done.some((step) => isOf(step, series));
  }
  canRedo(series) {
    return this.#undone.some((step) => isOf(step, series));
  }
  /** Takes back the last step on this series; others nobody sees. Returns what it was done to. */
  undo(series) {
    this.abandon();
    return this.#again(this.#done, this.#undone, series, ({ before, after }) => [after, before]);
  }
  redo(series) {
    this.abandon();
    return this.#again(this.#undone, this.#done, series, ({ before, after }) => [before, after]);
  }
  #again(from, to, series, ends) {
    const at = from.findLastIndex((step2) => isOf(step2, series));
    const [step] = at < 0 ? [] : from.splice(at, 1);
    if (!step) return null;
    to.push(step);
    const [there, wanted] = ends(step);
    if (wanted) this.#put(wanted);
    else this.#annotations = this.#annotations.filter(({ id }) => id !== there?.id);
    [this.#selected, this.#focus] = [wanted?.id ?? null, null];
    this.#changed();
    return wanted ?? there;
  }
  #did(step) {
    const last = this.#done.at(-1);
    if (last && last.turn === step.turn && last.after?.id === step.after?.id) last.after = step.after;
    else this.#done.push(step);
    if (this.#done.length > MOST_STEPS) this.#done.shift();
    this.#undone = [];
  }
  #find(id) {
    return this.#annotations.find((one) => one.id === id) ?? null;
  }
  #put(annotation) {
    const known2 = this.#annotations.some(({ id }) => id === annotation.id);
    this.#annotations = known2 ? this.#annotations.map((one) => one.id === annotation.id ? annotation : one) : [...this.#annotations, annotation];
  }
  /** As it would be if `cursor` were its last point. */
  #shape(draft, cursor) {
    const { kind, placement } = draft.annotation;
    if (cursor && isWhole(draft) && draft.pressed) draft.given[draft.given.length - 1] = cursor;
    const given = cursor && !isWhole(draft) ? [...draft.given, cursor] : draft.given;
    const points = shaped(kind, placement, given);
    const centerMm = kind === "probe" ? points[0] : placement.centerMm;
    draft.annotation = { ...draft.annotation, points, placement: { ...placement, centerMm } };
  }
  #finish({ annotation }, sight) {
    this.#draft = null;
    const pixels = lines(annotation, sight).flatMap(({ points }) => points);
    const extent = [0, 1].map((axis) => Math.max(...pixels.map((p) => p[axis])) - Math.min(...pixels.map((p) => p[axis])));
    const area = ["ellipse", "rectangle", "freehand"].includes(annotation.kind);
    if ((area ? Math.min(...extent) : Math.max(...extent)) < LEAST_PX) return;
    this.#put(annotation);
    this.#selected = annotation.id;
    this.#did({ before: null, after: annotation, turn: ++this.#turn });
  }
};
function isWhole(draft) {
  return draft.given.length >= givenPoints(draft.annotation.kind);
}
function closes({ annotation, given }, sight, at) {
  if (annotation.kind !== "freehand" || given.length < 3) return false;
  return [given[0], given.at(-1)].some((end) => {
    const [x, y] = pixelFromPatient(sight, end);
    return Math.hypot(x - at[0], y - at[1]) <= CLICK_PX;
  });
}
function isOf({ before, after }, series) {
  return (after ?? before)?.series === series;
}

// src/hosted.ts
var HEAD_PX = 12;
var CROSS_PX2 = 6;
var CORNERS2 = 72;
var SAME_PLANE2 = 0.9999;
var POINTS = {
  probe: 1,
  length: 2,
  angle: 3,
  cobb: 4,
  bidirectional: 4,
  ellipse: 4,
  rectangle: 4,
  freehand: 3,
  box: 2,
  ellipsoid: 2,
  arrow: 2,
  keyImage: 1
};
var Lists = class {
  #lists = /* @__PURE__ */ new Map();
  /** A series' drawings, in place of those before, unless something newer was told already: two ways may bring lists out of order. */
  take({ number: number2, seriesInstanceUid, drawings: drawings2 }) {
    if (number2 > (this.#lists.get(seriesInstanceUid)?.number ?? 0)) this.#lists.set(seriesInstanceUid, { number: number2, drawings: drawings2.filter(hasSize) });
  }
  clear() {
    this.#lists.clear();
  }
  on(series) {
    return this.#lists.get(series)?.drawings ?? [];
  }
  /** All of those on series that are open. */
  all(isOpen2) {
    return [...this.#lists].flatMap(([series, { drawings: drawings2 }]) => drawings2.length > 0 && isOpen2(series) ? drawings2 : []);
  }
};
function hasSize({ kind, pointsMm: [first, ...others] }) {
  return POINTS[kind] === 1 || others.some((point2) => length(minus(point2, first)) > 1e-6);
}
function seen(drawing3, sight, reachMm) {
  const { kind, pointsMm: p, plane: plane2 } = drawing3;
  if (p.length < POINTS[kind]) return null;
  const within = p.every((point2) => Math.abs(distanceMm(sight, point2)) <= reachMm * (1 + 1e-6));
  const parallel = Math.abs(dot(normalOf(plane2), normalOf(sight))) > SAME_PLANE2;
  const pixels = (points, closed = false) => ({ points: points.map((point2) => pixelFromPatient(sight, point2)), closed });
  if (kind === "box" || kind === "ellipsoid") {
    const section = (kind === "box" ? boxSection : ellipsoidSection)(p[0], p[1], plane2, sight);
    return section && [pixels(section, true)];
  }
  if (!within || !(parallel || kind === "probe")) return null;
  switch (kind) {
    case "probe": {
      const [x, y] = pixelFromPatient(sight, p[0]);
      const bar = (dx, dy) => ({ points: [[x - dx, y - dy], [x + dx, y + dy]], closed: false });
      return [bar(CROSS_PX2, 0), bar(0, CROSS_PX2)];
    }
    case "keyImage":
      return [];
    case "cobb": {
      const middles = [times(add(p[0], p[1]), 0.5), times(add(p[2], p[3]), 0.5)];
      return [pixels(p.slice(0, 2)), pixels(p.slice(2, 4)), { ...pixels(middles), dashed: true }];
    }
    case "bidirectional":
      return [pixels(p.slice(0, 2)), pixels(p.slice(2, 4))];
    case "ellipse":
      return [pixels(ellipseOf(p), true)];
    case "rectangle":
    case "freehand":
      return [pixels(p, true)];
    case "arrow": {
      const shaft = pixels(p.slice(0, 2));
      return [shaft, ...head(shaft.points[0], shaft.points[1])];
    }
    default:
      return [pixels(p)];
  }
}
function place2({ kind }, drawn2) {
  if (kind === "arrow") return drawn2[0]?.points[1] ?? null;
  const points = drawn2.flatMap((line) => line.dashed ? [] : line.points);
  return points.reduce((best, p) => best === null || p[0] > best[0] ? p : best, null);
}
function listed({ kind, label: label2, quantities }, named2) {
  const name = kind === "keyImage" ? t("key-image") : t(kind);
  return { kind: named2 && label2 ? `${name} · ${label2}` : name, told: kind === "keyImage" ? "" : told({ measured: measuredAs(quantities) }, true).join("\n") };
}
function measuredAs(quantities) {
  return { type: "measured", request: 0, quantities, histogram: [], doubt: null, lengthsBy: null };
}
function rows({ kind, label: label2, quantities }, named2) {
  const name = named2 && label2 || (kind === "keyImage" ? t("key-image") : "");
  return [name ? t("host-drew-as", { label: name }) : t("host-drew"), ...kind === "keyImage" ? [] : told({ measured: measuredAs(quantities) }, false)];
}
function head(tip, tail) {
  const [dx, dy] = [tail[0] - tip[0], tail[1] - tip[1]];
  const size2 = Math.max(Math.hypot(dx, dy), 1e-9);
  const [x, y] = [dx / size2, dy / size2];
  return [-0.5, 0.5].map((side) => ({ points: [tip, [tip[0] + (x - y * side) * HEAD_PX, tip[1] + (y + x * side) * HEAD_PX]], closed: false }));
}
function solid(a, b, plane2) {
  const axes = [plane2.right, plane2.down, normalOf(plane2)];
  const along = (axis) => Math.abs(dot(minus(b, a), axis)) / 2;
  return { center: times(add(a, b), 0.5), axes, half: [along(axes[0]), along(axes[1]), along(axes[2])] };
}
function boxSection(a, b, plane2, sight) {
  const { center, axes, half } = solid(a, b, plane2);
  const corner = (n) => axes.reduce((at, axis, i) => add(at, times(axis, n >> i & 1 ? half[i] : -half[i])), center);
  const crossings = [];
  for (let n = 0; n < 8; n += 1) {
    for (let axis = 0; axis < 3; axis += 1) {
      if (n >> axis & 1) continue;
      const [from, to] = [corner(n), corner(n | 1 << axis)];
      const [near2, far] = [distanceMm(sight, from), distanceMm(sight, to)];
      if (near2 <= 0 !== far <= 0) crossings.push(add(from, times(minus(to, from), near2 / (near2 - far))));
    }
  }
  if (crossings.length < 3) return null;
  const middle = times(crossings.reduce(add), 1 / crossings.length);
  const angle = (p) => Math.atan2(dot(minus(p, middle), sight.down), dot(minus(p, middle), sight.right));
  return crossings.sort((p, q) => angle(p) - angle(q));
}
function ellipsoidSection(a, b, plane2, sight) {
  const { center, axes, half } = solid(a, b, plane2);
  const radii = half.map((r) => Math.max(r, 1e-9));
  const toSphere = (v) => [dot(v, axes[0]) / radii[0], dot(v, axes[1]) / radii[1], dot(v, axes[2]) / radii[2]];
  const fromSphere = (v) => axes.reduce((sum, axis, i) => add(sum, times(axis, v[i] * radii[i])), [0, 0, 0]);
  const [right, down] = [toSphere(sight.right), toSphere(sight.down)];
  const across = cross(right, down);
  if (length(across) === 0) return null;
  const normal = times(across, 1 / length(across));
  const away = dot(toSphere(minus(sight.centerMm, center)), normal);
  const radius = Math.sqrt(1 - away * away);
  if (!(radius > 0)) return null;
  const first = times(right, 1 / length(right));
  const second = cross(normal, first);
  return Array.from({ length: CORNERS2 }, (_, i) => {
    const angle = 2 * Math.PI * i / CORNERS2;
    const around = add(times(first, Math.cos(angle)), times(second, Math.sin(angle)));
    return add(center, fromSphere(add(times(normal, away), times(around, radius))));
  });
}

// src/measuring.ts
var POINTED = 2 ** 31;
var AT_ONCE = 16;
var Measuring = class {
  #send;
  #told = /* @__PURE__ */ new Map();
  #asked = /* @__PURE__ */ new Map();
  #next = 1;
  constructor(send) {
    this.#send = send;
  }
  /** What was measured last of an annotation; of it as it is now where `of` is the same. */
  told(id) {
    return this.#told.get(id);
  }
  /** Asks for what is not known yet of those that are drawn; series that are not open cannot be measured. */
  look(annotations, isOpen2) {
    const ids = new Set(annotations.map(({ id }) => id));
    for (const id of this.#told.keys()) if (!ids.has(id)) this.#told.delete(id);
    const waiting = new Set([...this.#asked.values()].map(({ of }) => of.id));
    for (const annotation of annotations) {
      if (this.#asked.size >= AT_ONCE) return;
      const { kind, points, placement, series } = annotation;
      if (kind === "freehand" && points.length < 3) continue;
      if (waiting.has(annotation.id) || this.#told.get(annotation.id)?.of === annotation || !isOpen2(series)) continue;
      const request = this.#next++;
      const seq = this.#send({ type: "measure", request, seriesInstanceUid: series, kind, pointsMm: points, plane: placement });
      if (seq === null) return;
      this.#asked.set(request, { of: annotation, seq });
    }
  }
  /** Returns what it was measured of, or null where nobody asked. */
  answered(measured) {
    return this.#settle(measured.request, { measured });
  }
  /** The server could not: `seq` is of the request. Returns whether it was one of these. */
  refused(seq, reason) {
    const request = [...this.#asked].find(([, asked]) => asked.seq === seq)?.[0];
    return request !== void 0 && this.#settle(request, { failed: reason }) !== null;
  }
  /** What was measured before may not be true any more. */
  forget() {
    this.#told.clear();
    this.#asked.clear();
  }
  /** The connection is gone, and with it what was asked. */
  lost() {
    this.#asked.clear();
  }
  #settle(request, known2) {
    const asked = this.#asked.get(request);
    if (!asked) return null;
    this.#asked.delete(request);
    this.#told.set(asked.of.id, { of: asked.of, known: known2 });
    return asked.of;
  }
};
var EVERY_MS = 100;
var LONGEST_MS = 2e3;
var ANY_PLANE = { right: [1, 0, 0], down: [0, 1, 0] };
var Pointed = class {
  #send;
  #asked = null;
  #next = POINTED;
  #known = null;
  constructor(send) {
    this.#send = send;
  }
  /** The value of a voxel, null where it has none, or for how many ms to wait before this is worth asking again. */
  look(now, series, voxel, middleMm) {
    const key = `${series} ${voxel.join(" ")}`;
    if (this.#known?.key === key) return { value: this.#known.value };
    const asked = this.#asked;
    if (asked) {
      const since = now - asked.at;
      if (this.#known?.key !== asked.key && since < LONGEST_MS) return { waitMs: LONGEST_MS - since };
      if (since < EVERY_MS) return { waitMs: EVERY_MS - since };
    }
    const plane2 = { ...ANY_PLANE, centerMm: middleMm };
    const request = this.#next;
    this.#next = request + 1 < 2 ** 32 ? request + 1 : POINTED;
    const seq = this.#send({ type: "measure", request, seriesInstanceUid: series, kind: "probe", pointsMm: [middleMm], plane: plane2 });
    if (seq !== null) this.#asked = { key, at: now, seq, request };
    return { waitMs: LONGEST_MS };
  }
  /** Returns whether it was the answer to its question. */
  answered({ request, quantities }) {
    if (this.#asked?.request !== request) return false;
    const [first] = quantities;
    this.#known = { key: this.#asked.key, value: first ? { value: first.value, unit: first.unit } : null };
    return true;
  }
  refused(seq) {
    if (seq === null || this.#asked?.seq !== seq) return false;
    this.#known = { key: this.#asked.key, value: null };
    return true;
  }
  forget() {
    [this.#asked, this.#known] = [null, null];
  }
  lost() {
    this.#asked = null;
  }
};

// src/labels.ts
var GAP_PX2 = 8;
var APART_PX = 4;
function beside(at, width, height, of, room, taken) {
  const within = (n, from, size2) => Math.max(from, Math.min(n, from + size2));
  const put = (left2, top) => ({
    left: within(left2, room.left, room.width - width),
    top: within(top, room.top, room.height - height),
    width,
    height
  });
  const [right, left] = [of.left + of.width + GAP_PX2, of.left - GAP_PX2 - width];
  const middle = of.left + (of.width - width) / 2;
  const level = at[1] - height / 2;
  const levels2 = taken.flatMap((box2) => [box2.top + box2.height + APART_PX, box2.top - height - APART_PX]);
  levels2.sort((a, b) => Math.abs(a - level) - Math.abs(b - level));
  const near2 = [put(right, level), put(left, level), put(middle, of.top + of.height + GAP_PX2), put(middle, of.top - GAP_PX2 - height)];
  const places = [...near2, ...levels2.map((top) => put(right, top)), ...levels2.map((top) => put(left, top))];
  const clear = places.filter((place4) => !meet(place4, of));
  return clear.find((place4) => !taken.some((box2) => meet(place4, box2))) ?? clear[0] ?? near2[0];
}
function leader({ left, top, width, height }, points) {
  const edge = ([x, y]) => [Math.max(left, Math.min(x, left + width)), Math.max(top, Math.min(y, top + height))];
  const far = (p) => Math.hypot(p[0] - edge(p)[0], p[1] - edge(p)[1]);
  const [first] = points;
  if (!first) return null;
  const nearest = points.reduce((best, p) => far(p) < far(best) ? p : best, first);
  return far(nearest) > 2 * GAP_PX2 ? [edge(nearest), nearest] : null;
}
function boxOf(points) {
  const [x, y] = [points.map((p) => p[0]), points.map((p) => p[1])];
  const [left, top] = [Math.min(...x), Math.min(...y)];
  return { left, top, width: Math.max(...x) - left, height: Math.max(...y) - top };
}
function meet(a, b) {
  return a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;
}

// src/sketch.ts
var HANDLE_PX = 4;
var LINE_PX = 15;
var OF_A_SLICE = ["probe", "ellipse", "rectangle", "freehand"];
var WIDTHS = /* @__PURE__ */ new Map();
var MOST_WIDTHS = 1e3;
var MARGIN_PX = 8;
var BAR_PX = 30;
var MARKS_PX = 24;
function scaleOf([width, height], box2) {
  const { width: boxWidth, height: boxHeight } = box2.getBoundingClientRect();
  const by = Math.min(boxWidth / width, boxHeight / height) || 1;
  return { by, left: (boxWidth - width * by) / 2, top: (boxHeight - height * by) / 2 };
}
function sketch(root, sight, cuts, hosted, editor, measuring, active, inSlab) {
  const box2 = root.parentElement ?? root;
  const { clientWidth: width, clientHeight: height } = box2;
  if (!sight || width === 0) return root.replaceChildren();
  const scale = scaleOf(sight.size, box2);
  const onScreen = ([x, y]) => [scale.left + x * scale.by, scale.top + y * scale.by];
  const shown = editor.shown.filter((one) => isOn(one, sight));
  shown.sort((a, b) => Number(a.id === editor.selected) - Number(b.id === editor.selected));
  const room = { left: MARGIN_PX, top: 2, width: width - MARGIN_PX - BAR_PX, height: height - 6 };
  const taken = shown.length + hosted.drawings.length > 0 ? cornersOf(box2) : [];
  const sample = svg("text");
  root.append(svg("g", { class: "values" }, sample));
  const labels = { room, taken, inSlab, widthOf: (row) => widthIn(sample, row) };
  let marks = 0;
  const theirs = hosted.drawings.flatMap((one) => {
    const drawn2 = seen(one, sight, hosted.reachMm);
    if (!drawn2) return [];
    if (one.kind !== "keyImage") return [hostedDrawing(one, drawn2, hosted.named, onScreen, labels)];
    marks += 1;
    return [hostedDrawing(one, drawn2, hosted.named, onScreen, labels, [width / 2, MARKS_PX + LINE_PX * marks])];
  });
  const own = shown.map((one) => drawing2(one, sight, editor, measuring, onScreen, labels));
  const parts = [...drawn(cuts.lines, onScreen, width + height, cuts.held), ...theirs, ...own];
  if (active && editor.pointer) {
    const [x, y] = onScreen(editor.pointer);
    parts.push(svg("path", { class: "cursor", d: `M${x - 12} ${y}h24M${x} ${y - 12}v24` }));
  }
  root.replaceChildren(...parts);
}
function cornersOf(surface) {
  const from = surface.getBoundingClientRect();
  const corners = [...surface.parentElement?.querySelectorAll(".corner") ?? []].map((corner) => corner.getBoundingClientRect());
  return corners.filter(({ width }) => width > 0).map(({ left, top, width, height }) => ({ left: left - from.left, top: top - from.top, width, height }));
}
function widthIn(sample, row) {
  const known2 = WIDTHS.get(row);
  if (known2 !== void 0) return known2;
  if (WIDTHS.size >= MOST_WIDTHS) WIDTHS.clear();
  sample.textContent = row;
  const width = sample.getComputedTextLength();
  WIDTHS.set(row, width);
  return width;
}
function hostedDrawing(one, drawn2, named2, onScreen, labels, mark) {
  const lines2 = drawn2.map((line) => ({ ...line, points: line.points.map(onScreen) }));
  const shade = lines2.filter(({ dashed }) => !dashed);
  const group = svg("g", { class: "drawing hosted", "data-kind": one.kind }, svg("path", { class: "shade", d: pathOf(shade) }));
  const stroke = `rgb(${one.color.join(" ")})`;
  for (const dashed of [false, true]) {
    const of = lines2.filter((line) => (line.dashed ?? false) === dashed);
    if (of.length > 0) group.append(svg("path", { class: dashed ? "line dashed" : "line", d: pathOf(of), stroke }));
  }
  const at = mark ?? place2(one, lines2);
  if (at) group.append(...label(at, lines2, [...rows(one, named2), ...caution(one.kind, one.quantities.length > 0, labels)], true, labels, stroke));
  return group;
}
function pathOf(lines2) {
  return lines2.map(({ points, closed }) => `M${points.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`).join("L")}${closed ? "Z" : ""}`).join("");
}
function drawing2(one, sight, editor, measuring, onScreen, labels) {
  const selected = one.id === editor.selected;
  const drawn2 = lines(one, sight).map(({ points, closed }) => ({ points: points.map(onScreen), closed }));
  const d = pathOf(drawn2);
  const group = svg("g", { class: selected ? "drawing selected" : "drawing", "data-kind": one.kind }, svg("path", { class: "shade", d }), svg("path", { class: "line", d }));
  if (selected) {
    const handles = /* @__PURE__ */ new Set([...handlesOf(one), ...editor.focus === null ? [] : [editor.focus]]);
    one.points.forEach((p, i) => {
      if (!handles.has(i)) return;
      const [x, y] = onScreen(pixelFromPatient(sight, p));
      const held = editor.focus === i ? { class: "handle held", r: HANDLE_PX * 1.6 } : { class: "handle", r: HANDLE_PX };
      group.append(svg("circle", { cx: x.toFixed(2), cy: y.toFixed(2), ...held }));
    });
  }
  const at = textPlace(drawn2);
  const known2 = measuring.told(one.id);
  const rows2 = [...told(known2?.known, selected), ...caution(one.kind, known2 !== void 0 && "measured" in known2.known, labels)];
  if (at && rows2.length > 0) group.append(...label(at, drawn2, rows2, known2?.of === one, labels));
  return group;
}
function caution(kind, isMeasured, { inSlab }) {
  return inSlab && isMeasured && OF_A_SLICE.includes(kind) ? [t("values-of-one-slice")] : [];
}
function label(at, of, rows2, isOfNow, { room, taken, widthOf }, fill) {
  const points = of.length > 0 ? of.flatMap((line2) => line2.points) : [at];
  const [wide, high] = [Math.ceil(Math.max(...rows2.map(widthOf))), LINE_PX * rows2.length];
  const box2 = beside(at, wide, high, boxOf(points), room, taken);
  taken.push(box2);
  const { left, top } = box2;
  const spans = rows2.map((row, i) => {
    const span = svg("tspan", { x: left.toFixed(1), y: (top + (i + 0.8) * LINE_PX).toFixed(1) });
    span.textContent = row;
    return span;
  });
  const back = svg("rect", { class: "back", x: left - 4, y: top - 1, width: wide + 8, height: high + 2, rx: 3 });
  const text3 = svg("g", { class: isOfNow ? "values" : "values before", fill: fill ?? false }, back, svg("text", {}, ...spans));
  const line = of.length > 0 ? leader(box2, points) : null;
  return line ? [svg("path", { class: "leader", d: pathOf([{ points: line, closed: false }]), stroke: fill ?? false }), text3] : [text3];
}

// src/table.ts
var KINDS2 = {
  length: "Length",
  angle: "Angle",
  ellipse: "Ellipse",
  rectangle: "Rectangle",
  freehand: "Freehand region",
  probe: "Probe"
};
var MEASURES = {
  length: "Length",
  "long-axis": "Long axis",
  "short-axis": "Short axis",
  angle: "Angle",
  "cobb-angle": "Cobb angle",
  area: "Area",
  perimeter: "Perimeter",
  volume: "Volume",
  value: "Value",
  mean: "Mean",
  "standard-deviation": "SD",
  minimum: "Min",
  maximum: "Max",
  count: "Count"
};
var RESAMPLED = ["uneven-spacing", "missing-slices"];
function csvOf(rows2, named2) {
  const order = Object.keys(MEASURES);
  const all = rows2.flatMap(({ measured }) => measured.quantities.filter(({ measure }) => order.includes(measure)));
  const columns = all.filter((one, i) => all.findIndex(({ measure, unit }) => measure === one.measure && unit === one.unit) === i);
  columns.sort((a, b) => order.indexOf(a.measure) - order.indexOf(b.measure));
  const headings = columns.map(({ measure, unit }) => unit ? `${MEASURES[measure]} (${unit})` : MEASURES[measure]);
  const lines2 = rows2.map(({ annotation, measured, series, title, study }) => {
    const middle = middleOf(annotation);
    const placed = series.selfCheck.millimetres === "everywhere" && !series.outline.directionsUnknown;
    const values = columns.map(({ measure, unit }) => measured.quantities.find((one) => one.measure === measure && one.unit === unit)?.value ?? "");
    const place4 = placed ? middle.map((mm) => mm.toFixed(2)) : ["", "", ""];
    const patient = named2 ? [nameText(study?.patientName ?? ""), study?.patientId ?? ""] : [];
    const whose2 = [...patient, dateText(study?.date ?? ""), study?.studyInstanceUid ?? "", title, series.seriesInstanceUid];
    return [...whose2.map(text2), acquiredSlice(annotation, series) ?? "", "", ...place4, KINDS2[annotation.kind], "", ...values, "", "", text2(measured.doubt ?? "")];
  });
  const whose = [...named2 ? ["Patient Name", "Patient ID"] : [], "Study Date", "Study Instance UID", "Series", "Series Instance UID"];
  const fixed = ["Slice", "Instance Number", "X (mm)", "Y (mm)", "Z (mm)", "Kind", "Label"];
  return [[...whose, ...fixed, ...headings, "SOP Instance UID", "Frame", "Note"], ...lines2].map((fields) => `${fields.map(field).join(",")}\r
`).join("");
}
function middleOf({ points }) {
  return times(points.reduce(add), 1 / points.length);
}
function acquiredSlice(annotation, series) {
  if (series.warnings.some(({ code }) => RESAMPLED.includes(code))) return null;
  const [columns, rows2, slices] = series.outline.patientFromVoxel;
  const normal = cross(columns, rows2);
  if (Math.abs(dot(normalOf(annotation.placement), normal)) < 0.9999 * length(normal)) return null;
  const voxel = voxelAt(series, middleOf(annotation));
  if (!voxel) return null;
  const [x, y, z] = minus(slices, [0, 0, 0]).map(Math.abs);
  const follows2 = z >= x && z >= y ? slices[2] < 0 : y >= x ? slices[1] > 0 : slices[0] > 0;
  return follows2 ? voxel[2] + 1 : series.dims[2] - voxel[2];
}
function text2(words) {
  return /^[=+\-@\t\r]/.test(words) ? `'${words}` : words;
}
function field(value) {
  const words = String(value);
  return /[",\r\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
}

// src/echo.ts
var ZOOM_PER_PIXEL = 0.01;
var ZOOM_PER_WHEEL = 1e-3;
var PIXELS_PER_WINDOW = 300;
var VIEW_ANGLE = 30 * Math.PI / 180;
var PATIENCE_MS = 1500;
var SLICES = ["axial", "coronal", "sagittal"];
var SHADED = ["volume", "cinematic"];
var Echo = class {
  #pending = [];
  #drag = null;
  /** A message for the view was sent. Returns whether the view looks different for it. */
  sent(message, seq, content, at) {
    const effects = this.#effects(message, content);
    for (const effect of effects) this.#pending.push({ seq, at, effect });
    return effects.length > 0;
  }
  /** A picture that shows all input up to `inputSeq` is on screen. */
  shown(inputSeq) {
    this.#pending = this.#pending.filter(({ seq }) => seq > inputSeq);
  }
  clear() {
    this.#pending = [];
    this.#drag = null;
  }
  /** How the picture of `base` is to look now; null: as it is. Where the page draws it itself, it need not wait for the server. */
  appearance(base, content, now, drawnHere = false) {
    if (!drawnHere) this.#pending = this.#pending.filter(({ at }) => now - at < PATIENCE_MS);
    if (this.#pending.length === 0) return null;
    const isSlice2 = SLICES.includes(content);
    let { zoom, window } = base;
    const shown = { scale: 1, dx: 0, dy: 0 };
    for (const { effect } of this.#pending) {
      switch (effect.does) {
        case "pan":
          shown.dx += effect.dx;
          shown.dy += effect.dy;
          break;
        case "zoom": {
          const next = clamp(zoom * effect.factor, 0.05, isSlice2 ? 100 : 60);
          const factor = isSlice2 ? next / zoom : Math.tan(VIEW_ANGLE / 2 / zoom) / Math.tan(VIEW_ANGLE / 2 / next);
          zoom = next;
          shown.scale *= factor;
          shown.dx *= factor;
          shown.dy *= factor;
          break;
        }
        case "window by": {
          const perPixel = window.width / PIXELS_PER_WINDOW;
          window = { center: window.center + effect.dy * perPixel, width: Math.max(1, window.width + effect.dx * perPixel) };
          break;
        }
        case "window to":
          window = effect.window;
          break;
      }
    }
    const grey = window === base.window ? null : brightness(base.window, window);
    return { ...shown, window, grey };
  }
  #effects(message, content) {
    const isSlice2 = SLICES.includes(content);
    switch (message.type) {
      case "pointer": {
        const from = this.#drag;
        const { kind, button: button2, x, y } = message;
        const held = kind === "press" ? button2 : from?.button ?? button2;
        this.#drag = kind === "release" || held === void 0 ? null : { button: held, x, y };
        if (!from || kind === "press") return [];
        const [dx, dy] = [x - from.x, y - from.y];
        if (dx === 0 && dy === 0) return [];
        if (from.button === "middle") return [{ does: "pan", dx, dy }];
        if (from.button === "right") return [{ does: "zoom", factor: clamp(1 + ZOOM_PER_PIXEL * dy, 0.1, 10) }];
        return isSlice2 ? [{ does: "window by", dx, dy }] : [];
      }
      case "wheel":
        return message.zoom || !isSlice2 ? [{ does: "zoom", factor: clamp(1 - ZOOM_PER_WHEEL * message.delta, 0.1, 10) }] : [];
      case "pinch":
        return [
          { does: "zoom", factor: clamp(message.zoom, 0.1, 10) },
          { does: "pan", dx: message.dx, dy: message.dy }
        ];
      case "window":
        return SHADED.includes(content) ? [] : [{ does: "window to", window: { center: message.center, width: Math.max(1, message.width) } }];
      default:
        return [];
    }
  }
};
function brightness(from, to) {
  const [a, b] = [Math.max(1, from.width - 1), Math.max(1, to.width - 1)];
  return { slope: a / b, intercept: (from.center - to.center - a / 2) / b + 0.5 };
}
var NOISE = 2;
function levels({ slope, intercept }) {
  return Array.from({ length: 256 }, (_, level) => {
    if (level <= NOISE || level >= 255 - NOISE) return level <= NOISE ? 0 : 1;
    return clamp(level / 255 * slope + intercept, 0, 1);
  });
}
function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

// src/gestures.ts
var BUTTONS = ["left", "middle", "right"];
var WORK = { window: "left", scroll: "scroll", zoom: "right", pan: "middle", crosshair: "left" };
var BITS = { left: 1, right: 2, middle: 4 };
var DOUBLE_TAP_MS = 350;
var DOUBLE_TAP_PX = 30;
var PX_PER_SLICE = 6;
var TAP_MS = 250;
var TAP_PX = 12;
var Gestures = class {
  #surface;
  #target;
  #fingers = /* @__PURE__ */ new Map();
  #drag = null;
  #pinch = null;
  #lastTap = null;
  #touched = false;
  /** The last press was meant for what is drawn. */
  #drew = false;
  #frame = 0;
  #moved = false;
  #wheel = { delta: 0, zoom: false };
  #pinched = { zoom: 1, dx: 0, dy: 0 };
  constructor(surface, target) {
    this.#surface = surface;
    this.#target = target;
    surface.addEventListener("pointerdown", (event) => this.#down(event));
    surface.addEventListener("pointermove", (event) => this.#move(event));
    surface.addEventListener("pointerup", (event) => this.#up(event));
    surface.addEventListener("pointercancel", (event) => this.#up(event));
    surface.addEventListener("lostpointercapture", (event) => this.#up(event));
    surface.addEventListener("contextmenu", (event) => event.preventDefault());
    surface.addEventListener("mousedown", (event) => event.button === 1 && event.preventDefault());
    surface.addEventListener("pointerleave", () => target.hover(null));
    surface.addEventListener("dblclick", () => !this.#touched && !this.#drew && target.maximise());
    surface.addEventListener("wheel", (event) => this.#turn(event), { passive: false });
  }
  /** Ends what is held, for instance when the connection is lost. */
  cancel() {
    if (this.#drag?.does === "draw") this.#target.draw("cancel", this.#drag.at, this.#touched);
    this.#drag = null;
    this.#pinch = null;
    this.#fingers.clear();
    this.#moved = false;
    this.#wheel = { delta: 0, zoom: false };
    this.#pinched = { zoom: 1, dx: 0, dy: 0 };
  }
  #down(event) {
    this.#touched = event.pointerType === "touch";
    const at = this.#locate(event);
    this.#target.activate();
    this.#surface.focus({ preventScroll: true });
    this.#surface.setPointerCapture(event.pointerId);
    if (this.#touched) {
      this.#fingers.set(event.pointerId, at);
      if (this.#fingers.size > 1) {
        if (this.#drag?.does === "draw") this.cancelDrawing();
        else this.#release();
        this.#pinch = this.#fingers.size === 2 ? this.#span() : null;
        return;
      }
    }
    const button2 = BUTTONS[event.button];
    if (!button2 || this.#drag) return;
    this.#drew = button2 === "left" && this.#target.draw("press", at, this.#touched);
    const does = this.#drew ? "draw" : button2 === "left" ? WORK[this.#target.tool] : button2;
    this.#drag = { id: event.pointerId, button: button2, does, rest: 0, at, from: at, since: event.timeStamp };
    this.#pointer("press");
  }
  /** A second finger means something else. */
  cancelDrawing() {
    if (this.#drag) this.#target.draw("cancel", this.#drag.at, this.#touched);
    this.#drag = null;
  }
  #move(event) {
    const at = this.#locate(event);
    if (this.#fingers.has(event.pointerId)) this.#fingers.set(event.pointerId, at);
    if (this.#pinch) {
      const span = this.#span();
      if (!span) return;
      this.#pinched.zoom *= span.distance / this.#pinch.distance;
      this.#pinched.dx += span.middle.x - this.#pinch.middle.x;
      this.#pinched.dy += span.middle.y - this.#pinch.middle.y;
      this.#pinch = span;
      this.#schedule();
      return;
    }
    const drag = this.#drag;
    this.#target.hover(at);
    if (!drag) this.#target.draw("move", at, this.#touched);
    if (drag?.id !== event.pointerId) return;
    if (drag.does === "scroll") this.#page(drag, at);
    drag.at = at;
    if (event.pointerType === "mouse" && (event.buttons & BITS[drag.button]) === 0) {
      this.#release();
      return;
    }
    this.#moved = true;
    this.#schedule();
  }
  #up(event) {
    const touched = this.#fingers.delete(event.pointerId);
    if (this.#pinch) {
      this.#flush();
      this.#pinch = null;
    }
    const drag = this.#drag;
    if (drag?.id !== event.pointerId) return;
    if (event.type === "pointerup") drag.at = this.#locate(event);
    this.#release();
    if (touched && event.type === "pointerup" && drag.does !== "draw") this.#tap(drag, event.timeStamp);
  }
  #tap(drag, time) {
    const still = Math.hypot(drag.at.x - drag.from.x, drag.at.y - drag.from.y) <= TAP_PX;
    const last = this.#lastTap;
    this.#lastTap = null;
    if (!still || time - drag.since > TAP_MS) return;
    const again = last && time - last.time <= DOUBLE_TAP_MS && Math.hypot(drag.at.x - last.x, drag.at.y - last.y) <= DOUBLE_TAP_PX;
    if (again) this.#target.maximise();
    else this.#lastTap = { ...drag.at, time };
  }
  #turn(event) {
    event.preventDefault();
    this.#target.activate();
    if (this.#wheel.zoom !== event.ctrlKey) this.#flush();
    this.#wheel = { delta: this.#wheel.delta + wheelDelta(event), zoom: event.ctrlKey };
    this.#schedule();
  }
  #schedule() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#flush();
    });
  }
  #flush() {
    const view = this.#target.view;
    if (this.#moved && this.#drag) this.#pointer("move");
    this.#moved = false;
    const { delta, zoom } = this.#wheel;
    if (delta !== 0) this.#target.send({ type: "wheel", view, delta, zoom });
    this.#wheel = { delta: 0, zoom };
    const { zoom: factor, dx, dy } = this.#pinched;
    if (factor !== 1 || dx !== 0 || dy !== 0) {
      const ratio = this.#target.ratio();
      this.#target.send({ type: "pinch", view, zoom: factor, dx: dx * ratio, dy: dy * ratio });
    }
    this.#pinched = { zoom: 1, dx: 0, dy: 0 };
  }
  #release() {
    if (!this.#drag) return;
    this.#moved = false;
    this.#pointer("release");
    this.#drag = null;
  }
  #pointer(kind) {
    const drag = this.#drag;
    if (!drag) return;
    const ratio = this.#target.ratio();
    const { view } = this.#target;
    const { does, at } = drag;
    if (does === "draw") {
      if (kind !== "press") this.#target.draw(kind, at, this.#touched);
    } else if (does !== "scroll") this.#target.send({ type: "pointer", view, kind, button: does, x: at.x * ratio, y: at.y * ratio });
  }
  #page(drag, to) {
    const slices = drag.rest + (to.y - drag.at.y) / PX_PER_SLICE;
    drag.rest = slices % 1;
    if (Math.trunc(slices) !== 0) this.#target.page(Math.trunc(slices));
  }
  #locate(event) {
    const box2 = this.#surface.getBoundingClientRect();
    return { x: event.clientX - box2.left, y: event.clientY - box2.top };
  }
  #span() {
    const [a, b] = this.#fingers.values();
    if (!a || !b) return null;
    const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
    return { middle, distance: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)) };
  }
};

// src/values.ts
var BLACK = 4278190080;
async function decode({ width, height, inverted, linearExact, png }) {
  const bitmap = await createImageBitmap(new Blob([png], { type: "image/png" }), { colorSpaceConversion: "none" });
  try {
    if (bitmap.width !== width || bitmap.height !== 4 * height) throw new Error("values of another size than they say");
    const context = new OffscreenCanvas(width, 4 * height).getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("no canvas");
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, 4 * height);
    return { width, height, inverted, linearExact, values: valuesOf(data, width * height) };
  } finally {
    bitmap.close();
  }
}
function valuesOf(rgba, count2) {
  const bits = new Uint32Array(count2);
  const red = (byte, i) => rgba[4 * (byte * count2 + i)];
  for (let i = 0; i < count2; i++) bits[i] = red(0, i) << 24 | red(1, i) << 16 | red(2, i) << 8 | red(3, i);
  return new Float32Array(bits.buffer);
}
function ramp({ center, width }, { inverted, linearExact }) {
  const span = linearExact ? width : Math.max(width - 1, 1e-3);
  const low = Math.fround(linearExact ? center - width / 2 : center - 0.5 - (width - 1) / 2);
  const scale = Math.fround(1 / span);
  return inverted ? [Math.fround(low + Math.fround(1 / scale)), -scale] : [low, scale];
}
function paint(image, window, pixels) {
  const [low, scale] = ramp(window, image);
  const { values } = image;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const share = Math.fround(Math.fround(value - low) * scale);
    const brightness2 = share > 0 ? Math.min(share, 1) : 0;
    const level = Math.fround(Math.fround(brightness2 * 255) + 0.5) | 0;
    pixels[i] = BLACK | level * 65793;
  }
}

// src/video.ts
var CONFIGS = {
  h264: "avc1.640033",
  // With the parameter sets in the frames.
  hevc: "hev1.1.6.L153.B0",
  av1: "av01.0.13M.08"
};
async function decodableVideos() {
  if (typeof VideoDecoder === "undefined") return [];
  const decodes = (codec) => {
    const config = { codec: CONFIGS[codec], optimizeForLatency: true };
    return VideoDecoder.isConfigSupported(config).then(({ supported }) => supported === true, () => false);
  };
  const decodable = await Promise.all(VIDEO_CODECS.map(decodes));
  return VIDEO_CODECS.filter((_, i) => decodable[i]);
}
var PATIENCE_MS2 = 2e3;
var Video = class {
  #decoder = null;
  #codec = "";
  #count = 0;
  #taken = null;
  #failed = null;
  /** Decodes the next access unit; `key` tells that it needs none before it. The caller closes the picture. */
  async decode(codec, unit, key) {
    if (key) this.#configure(codec === "h264" ? codecOf(unit) : CONFIGS[codec]);
    const decoder = this.#decoder;
    if (!decoder || decoder.state !== "configured") throw new Error("the video has no beginning");
    const picture = new Promise((taken, failed) => {
      this.#taken = taken;
      this.#failed = failed;
    });
    decoder.decode(new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: this.#count++, data: unit }));
    const timer = setTimeout(() => this.#failed?.(new Error("the decoder gives no picture")), PATIENCE_MS2);
    try {
      return await picture;
    } catch (error) {
      this.close();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#taken = this.#failed = null;
    }
  }
  close() {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
    this.#codec = "";
  }
  #configure(codec) {
    if (this.#decoder?.state === "configured" && codec === this.#codec) return;
    this.close();
    this.#codec = codec;
    this.#decoder = new VideoDecoder({
      output: (frame) => {
        const taken = this.#taken;
        this.#taken = null;
        if (taken) taken(frame);
        else frame.close();
      },
      error: (error) => this.#failed?.(error)
    });
    this.#decoder.configure({ codec, optimizeForLatency: true });
  }
};
function codecOf(unit) {
  for (let at = 0; at + 6 < unit.length; at++) {
    const starts = unit[at] === 0 && unit[at + 1] === 0 && unit[at + 2] === 1;
    if (!starts || (unit[at + 3] & 31) !== 7) continue;
    const bytes = [...unit.subarray(at + 4, at + 7)];
    return `avc1.${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
  throw new Error("the video does not say what it is");
}

// src/xxh32.ts
var [P1, P2, P3, P4, P5] = [2654435761, 2246822519, 3266489917, 668265263, 374761393];
function rotate(value, by) {
  return value << by | value >>> 32 - by;
}
function round2(lane, word) {
  return Math.imul(rotate(lane + Math.imul(word, P2) | 0, 13), P1);
}
function xxh32(bytes) {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length: length2 } = bytes;
  let at = 0;
  let hash = P5;
  if (length2 >= 16) {
    let [a, b, c, d] = [P1 + P2 | 0, P2 | 0, 0, -P1 | 0];
    for (; at + 16 <= length2; at += 16) {
      a = round2(a, data.getUint32(at, true));
      b = round2(b, data.getUint32(at + 4, true));
      c = round2(c, data.getUint32(at + 8, true));
      d = round2(d, data.getUint32(at + 12, true));
    }
    hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
  }
  hash = hash + length2 | 0;
  for (; at + 4 <= length2; at += 4) {
    hash = Math.imul(rotate(hash + Math.imul(data.getUint32(at, true), P3) | 0, 17), P4);
  }
  for (; at < length2; at++) hash = Math.imul(rotate(hash + Math.imul(bytes[at], P5) | 0, 11), P1);
  hash = Math.imul(hash ^ hash >>> 15, P2);
  hash = Math.imul(hash ^ hash >>> 13, P3);
  return (hash ^ hash >>> 16) >>> 0;
}

// src/viewport.ts
function showsPreset(content) {
  return content === "volume" || content === "cinematic";
}
var ECHO_MS = 1600;
var SLICES2 = ["axial", "coronal", "sagittal"];
var Viewport = class {
  view;
  root;
  surface;
  content;
  /** The newest state that the server told; the picture may still be on its way. */
  state = null;
  size = null;
  ratio = 1;
  /** Slice that the server was last asked for, so that fast steps add up. */
  wantedSlice = null;
  #owner;
  #gestures;
  /** What is drawn over the picture, and moves with it. */
  sketch = svg("svg", { class: "sketch", "aria-hidden": "true" });
  #canvas = element("canvas", { "aria-hidden": "true" });
  #corners;
  #slider = element("input", { type: "range", class: "slices", min: 1, max: 1, step: 1, hidden: true });
  #stale = element("div", { class: "stale-note", hidden: true });
  #echo = new Echo();
  #greys = [svg("feFuncR", { type: "table" }), svg("feFuncG", { type: "table" }), svg("feFuncB", { type: "table" })];
  /** Of the picture itself; while it is an echo it counts as interactive. */
  #shownQuality = ["interactive", 0];
  #shownCodec = null;
  #echoEnd;
  /** The picture of values, over the server's; it stays until a newer one of the server's, even without the values. */
  #local = element("canvas", { class: "local", "aria-hidden": "true", hidden: true });
  /** What the page windows itself from a press until the picture at rest is there. */
  #values = null;
  /** The window of that picture. */
  #localWindow = null;
  /** What the page windows the picture to; null where it shows the server's window. */
  #look = null;
  /** A left button is held on a slice, and nothing but the window was changed since it was pressed. */
  #windowing = false;
  #caption = null;
  #slab = "";
  #inverted = false;
  #nameless = false;
  /** States whose pictures have not been shown yet, oldest first. */
  #states = [];
  #drawn = null;
  /** Frames that have not been painted yet, oldest first. They build on each other, so none is left out. */
  #waiting = [];
  #decoding = false;
  #video = new Video();
  /** The picture is not what the server thinks it is; what comes is of no use until it begins anew. */
  #spoilt = false;
  #drawnHere = false;
  /** Counts what made all earlier frames worthless, even one that is being decoded. */
  #generation = 0;
  /** Number of the newest frame. */
  #newest = null;
  /** Of a guest's view: what revisions of the series begin with that the host is known to show. */
  #era = null;
  /** A frame came before what it shows was told. */
  #early = false;
  constructor(view, content, owner) {
    this.view = view;
    this.content = content;
    this.#owner = owner;
    this.#corners = new Corners(() => owner.explainWarnings());
    this.surface = element("div", { class: "surface", tabindex: 0, role: "application" }, this.#canvas, this.#local, this.sketch);
    this.root = element(
      "section",
      { class: "viewport", "data-view": view },
      this.surface,
      ...this.#corners.nodes,
      this.#slider,
      this.#stale,
      svg(
        "svg",
        { width: 0, height: 0, class: "unseen", "aria-hidden": "true" },
        svg(
          "filter",
          { id: `echo-${view}`, "color-interpolation-filters": "sRGB", x: 0, y: 0, width: 1, height: 1 },
          svg("feComponentTransfer", {}, ...this.#greys)
        )
      )
    );
    const target = {
      view,
      ratio: () => this.ratio,
      send: (message) => owner.send(message),
      activate: () => owner.activate(view),
      maximise: () => owner.maximise(view),
      page: (slices) => this.showSlice((this.wantedSlice ?? this.state?.slice ?? 1) + slices),
      get tool() {
        return owner.tool();
      },
      draw: (kind, at, byTouch) => owner.draw(view, kind, at, byTouch),
      hover: (at) => owner.hover(view, at)
    };
    this.#gestures = new Gestures(this.surface, target);
    this.surface.addEventListener("focus", () => owner.activate(view));
    this.#slider.addEventListener("input", () => this.showSlice(this.#slider.valueAsNumber));
    this.retitle();
  }
  get visible() {
    return !this.root.hidden;
  }
  /** Shows or hides it. While hidden it paints nothing, and acknowledges no picture that is on its way. */
  setVisible(visible) {
    if (visible === this.visible) return;
    this.root.hidden = !visible;
    if (visible) void this.#draw();
  }
  setActive(active) {
    this.root.classList.toggle("active", active);
  }
  setContent(content) {
    this.content = content;
    this.retitle();
  }
  setCaption(caption) {
    this.#caption = caption;
    if (!caption) this.#forget();
    this.#write();
  }
  /** A host shows a state of this revision: of another series where there is a caption, and the picture is another patient's then, maybe. */
  follow(revision, other) {
    if (other) {
      this.setCaption(null);
      this.#era = -1;
    }
    if (revision > 0) this.#era = eraOf(revision);
    if (other) this.setCaption(other);
    if (!this.#early || revision === 0) return;
    this.#early = false;
    this.#dropFrames();
    this.#owner.send({ type: "repaint", view: this.view });
  }
  /** Shows again what `setCaption(null)` took away. */
  reopen(caption) {
    this.setCaption(caption);
    this.#owner.send({ type: "repaint", view: this.view });
  }
  /** What the picture on screen shows. */
  get drawn() {
    return this.#caption && this.#drawn;
  }
  /** It was set to be turned or flipped: what is written over it follows with the first picture that shows it. */
  setTurned({ content, plane: plane2 }, revision) {
    const { state } = this;
    if (!state || content.kind !== "slice" || this.#drawnHere) return;
    const known2 = Object.values(state.letters).some((letter) => letter !== "");
    this.setState({ ...state, revision, letters: known2 ? lettersOf(plane2) : state.letters });
  }
  /** How thick the slices are that the server was asked for, and whether small values are bright. */
  setMeaning({ slab: { thicknessMm, combine: combine2 }, inverted }) {
    const slab = thicknessMm > 0 ? `${{ maximum: t("mip"), minimum: t("minip"), mean: t("mean-projection") }[combine2]} ${thicknessMm} mm` : "";
    if (slab === this.#slab && inverted === this.#inverted) return;
    [this.#slab, this.#inverted] = [slab, inverted];
    this.#write();
  }
  /** Asks for a slice, counted from 1. */
  showSlice(slice) {
    const state = this.state;
    if (state?.slice == null || state.slices == null || !this.#owner.pages()) return;
    const from = this.wantedSlice ?? state.slice;
    const to = Math.min(state.slices, Math.max(1, slice));
    if (to === from) return;
    this.wantedSlice = to;
    this.#owner.send({ type: "scroll", view: this.view, slices: to - from });
  }
  /** Width and height of the picture on screen. */
  get pictureSize() {
    return this.#canvas.width > 0 ? [this.#canvas.width, this.#canvas.height] : null;
  }
  /** Takes what the server says of the view; the overlay follows with the picture. */
  setState(state) {
    if (this.#drawnHere) return;
    this.state = state;
    if (this.#values && !sameSlice(this.#values.of, state)) this.#dropValues();
    if (this.windowsItself) this.#adopt(state);
    else this.#states.push(state);
    if (state.slice === this.wantedSlice) this.wantedSlice = null;
    if (!this.#drawn) this.#write(state);
  }
  /** A message for this view was sent: it looks at once as it will, as far as the picture at hand allows. */
  sent(message, seq) {
    if (message.type !== "pointer") this.#dropValues();
    else if (message.kind === "press") this.#pressed(message.button);
    const differs = this.#echo.sent(message, seq, this.content, performance.now());
    if (message.type === "pointer" && message.kind === "release") this.#released();
    if (differs) this.#showEcho();
  }
  /** Whether a drag is windowed here, and no picture answers it. */
  get windowsItself() {
    return this.#windowing && this.#values !== null;
  }
  /** The window that the view shows, or soon shows where a picture is on its way. */
  get window() {
    return this.#look ?? this.state?.window ?? null;
  }
  /** The codec of the picture on screen. */
  get codec() {
    return this.#shownCodec;
  }
  #pressed(button2) {
    this.#dropValues();
    if (button2 !== "left" || !SLICES2.includes(this.content) || !this.state) return;
    this.#windowing = true;
    this.#owner.send({ type: "values", view: this.view });
  }
  #released() {
    this.#windowing = false;
    const { state } = this;
    if (!state || this.#values?.of.revision !== state.revision) return;
    if (this.#echo.appearance(state, this.content, performance.now(), true)) return;
    this.#dropValues();
    this.#hideLocal();
    this.#writeQuality(...this.#shownQuality);
    this.#showEcho();
  }
  #dropValues() {
    this.#windowing = false;
    this.#values = null;
  }
  #hideLocal() {
    this.#local.hidden = true;
    this.#localWindow = null;
  }
  /** Takes the values of what is on screen; they serve the drag that asked for them. */
  async setValues(values) {
    const of = this.state;
    if (!this.#windowing || of?.revision !== values.revision) return;
    let image;
    try {
      image = await decode(values);
    } catch {
      this.#owner.send({ type: "repaint", view: this.view });
      return;
    }
    if (!this.#windowing || this.state === null || !sameSlice(of, this.state)) return;
    this.#values = { of, image, pixels: new ImageData(image.width, image.height) };
    [this.#local.width, this.#local.height] = [image.width, image.height];
    this.#adopt(this.state);
    this.#owner.windowed(this.view);
  }
  /** The newest state is on screen, though no picture of it came. */
  #adopt(state) {
    this.#states = [];
    this.#write(state);
    this.#echo.shown(state.inputSeq);
    this.#showEcho();
  }
  /** Shows the values under a window. */
  #showLocal({ image, pixels }, window) {
    paint(image, window, new Uint32Array(pixels.data.buffer));
    this.#local.getContext("2d", { alpha: false })?.putImageData(pixels, 0, 0);
    this.#local.hidden = false;
    this.#localWindow = window;
  }
  /** The corner and the controls tell the window of what is on screen. */
  #setLook(window) {
    const before = this.#look;
    if (before === window || before && window && sameWindow(before, window)) return;
    this.#look = window;
    this.#write();
    this.#owner.windowed(this.view);
  }
  /** How the picture is laid on screen. */
  #lay(transform, filter) {
    for (const { style } of [this.#canvas, this.#local]) [style.transform, style.filter] = [transform, filter];
    this.sketch.style.transform = transform;
  }
  #showEcho() {
    clearTimeout(this.#echoEnd);
    const base = this.#drawn;
    const values = this.#values;
    const shown = base && this.#echo.appearance(base, this.content, performance.now(), values !== null);
    const { style } = this.#canvas;
    if (values && base && (!shown || shown.scale === 1 && shown.dx === 0 && shown.dy === 0)) {
      this.#lay("", "");
      const window2 = shown?.window ?? base.window;
      this.#showLocal(values, window2);
      this.#setLook(window2);
      if (this.#windowing) this.#writeQuality("interactive", 0);
      return;
    }
    if (values) this.#hideLocal();
    const local = this.#localWindow;
    if (!shown) {
      if (!local && (style.transform || style.filter)) this.#writeQuality(...this.#shownQuality);
      this.#lay("", "");
      return this.#setLook(local);
    }
    this.#echoEnd = setTimeout(() => this.#showEcho(), ECHO_MS);
    const { scale, dx, dy, window } = shown;
    const grey = !local ? shown.grey : sameWindow(local, window) ? null : brightness(local, window);
    if (grey) {
      const values2 = levels(grey).map((value) => value.toFixed(4)).join(" ");
      for (const channel2 of this.#greys) channel2.setAttribute("tableValues", values2);
    }
    this.#lay(`translate(${dx / this.ratio}px, ${dy / this.ratio}px) scale(${scale})`, grey ? `url(#echo-${this.view})` : "");
    this.#setLook(grey || local ? window : null);
    this.#writeQuality("interactive", 0);
  }
  /** From now on the page's own card draws it, or the server again: the picture stays until the first of the other's. */
  setDrawnHere(drawnHere) {
    if (this.#drawnHere === drawnHere) return;
    this.#drawnHere = drawnHere;
    this.#dropFrames();
    this.#states = [];
    this.wantedSlice = null;
    this.#echo.clear();
    this.#dropValues();
    this.#hideLocal();
    this.#showEcho();
  }
  /** Whether the page's own card draws it. */
  get drawnHere() {
    return this.#drawnHere;
  }
  /** Shows a picture that was drawn here, and what it shows. */
  setOwnPicture(picture, state, final) {
    if (!this.#drawnHere || this.#caption === null) return picture.close();
    const canvas = this.#canvas;
    [canvas.width, canvas.height] = [picture.width, picture.height];
    canvas.getContext("2d", { alpha: false })?.drawImage(picture, 0, 0);
    picture.close();
    this.#markStale(null);
    this.state = { ...state, content: this.content };
    if (this.wantedSlice === state.slice) this.wantedSlice = null;
    this.#shownCodec = null;
    this.#write(this.state);
    this.#shownQuality = [final ? "final" : "interactive", 0];
    this.#writeQuality(...this.#shownQuality);
    this.#owner.windowed(this.view);
  }
  /** Another picture is being drawn here. */
  setMoving() {
    if (this.#drawnHere) this.#writeQuality("interactive", 0);
  }
  /** Takes a frame; it is decoded off the main thread. The server sends few ahead. */
  setFrame(frame, picture) {
    if (this.#newest !== null && !follows(frame.number, this.#newest)) return picture?.close();
    this.#newest = frame.number;
    const isOfOther = this.#era !== null && eraOf(frame.revision) !== this.#era;
    if (isOfOther) this.#early ||= eraOf(frame.revision) > this.#era;
    if (this.#drawnHere || isOfOther) {
      picture?.close();
      this.#owner.send({ type: "ack", view: this.view, frame: frame.number });
      return;
    }
    if (picture) this.#discardWaiting();
    this.#waiting.push({ frame, picture });
    if (this.visible) void this.#draw();
  }
  /** Marks the picture as old, with the reason, until the next one comes. */
  setStale(reason) {
    this.#markStale(reason);
    this.#gestures.cancel();
    this.#states = [];
    this.#dropFrames();
    this.wantedSlice = null;
    this.#echo.clear();
    this.#dropValues();
    this.#showEcho();
  }
  /** A new session counts its frames anew. */
  restart() {
    this.#newest = this.#era = null;
    this.#early = false;
  }
  /** None of the frames that came so far is painted any more; the next to be painted begins anew. */
  #dropFrames() {
    this.#discardWaiting();
    this.#spoilt = true;
    this.#generation += 1;
  }
  #discardWaiting() {
    for (const { picture } of this.#waiting) picture?.close();
    this.#waiting = [];
  }
  /** An image whose place in the patient nobody knows is called by no cut of it. */
  setNameless(nameless) {
    this.#nameless = nameless;
    this.retitle();
  }
  /** What it is called. */
  get title() {
    return this.#nameless ? t("acquired") : titleOf(this.content);
  }
  retitle() {
    this.#corners.setTitle(this.title);
    this.root.setAttribute("aria-label", t("view-of", { title: this.title }));
  }
  /** Writes the overlay again, for instance after a change of size. */
  rewrite() {
    this.#write();
  }
  #markStale(reason) {
    this.root.classList.toggle("stale", reason !== null);
    this.#stale.hidden = reason === null;
    setText(this.#stale, reason ?? "");
  }
  #forget() {
    this.#markStale(null);
    this.#dropValues();
    this.#hideLocal();
    this.#look = this.#shownCodec = null;
    this.#lay("", "");
    this.state = this.#drawn = this.wantedSlice = null;
    this.#states = [];
    const newest = this.#waiting.at(-1);
    if (newest) this.#owner.send({ type: "ack", view: this.view, frame: newest.frame.number });
    this.#dropFrames();
    this.#canvas.width = this.#canvas.height = 0;
    this.#corners.hideQuality();
  }
  async #draw() {
    if (this.#decoding) return;
    this.#decoding = true;
    while (this.#waiting.length > 0 && this.visible) {
      const { frame, picture } = this.#waiting.shift();
      const generation = this.#generation;
      try {
        const pictures = picture ? [picture] : await this.#decode(frame);
        const wanted = generation === this.#generation && this.#caption !== null;
        const whole = picture !== null && this.state !== null && frame.revision >= this.state.revision;
        if (wanted && (frame.cleared || whole)) this.#spoilt = false;
        if (wanted && !this.#spoilt) this.#paint(pictures, frame);
        for (const picture2 of pictures) picture2.close();
      } catch {
        if (isVideo(frame.codec)) this.#owner.videoFailed();
        if (generation === this.#generation) this.#spoil("could-not-be-decoded");
      }
      this.#owner.send({ type: "ack", view: this.view, frame: frame.number });
    }
    this.#decoding = false;
  }
  #decode({ codec, key, parts }) {
    const decode2 = async ({ bytes, width, height }) => {
      if (isVideo(codec)) return this.#video.decode(codec, bytes, key);
      const bitmap = await createImageBitmap(new Blob([bytes], { type: `image/${codec}` }), { colorSpaceConversion: "none" });
      if (bitmap.width !== width || bitmap.height !== height) throw new Error("a part has another size than it says");
      return bitmap;
    };
    return Promise.all(parts.map(decode2));
  }
  /** The next frames would build on something else than the server thinks: it has to begin anew. */
  #spoil(reason) {
    if (this.#spoilt) return;
    this.#spoilt = true;
    this.#owner.fault(t("picture-of", { title: titleOf(this.content), reason: t(reason) }));
    this.#owner.send({ type: "repaint", view: this.view });
  }
  #paint(pictures, frame) {
    const canvas = this.#canvas;
    const resized = canvas.width !== frame.width || canvas.height !== frame.height;
    const isWhole2 = isVideo(frame.codec) && pictures.length > 0;
    if (resized && !frame.cleared && !frame.stretched && !isWhole2) return this.#spoil("another-size");
    const before = frame.stretched && !isWhole2 && canvas.width > 0 ? copyOf(canvas) : null;
    if (resized) [canvas.width, canvas.height] = [frame.width, frame.height];
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) return;
    if (before) context.drawImage(before, 0, 0, frame.width, frame.height);
    if (frame.cleared) {
      context.fillStyle = "#000";
      context.fillRect(0, 0, frame.width, frame.height);
    }
    pictures.forEach((picture, i) => context.drawImage(picture, frame.parts[i]?.x ?? 0, frame.parts[i]?.y ?? 0));
    if (frame.quality === "lossless") {
      const { data } = context.getImageData(0, 0, frame.width, frame.height);
      if (xxh32(data) !== frame.hash) return this.#spoil("not-the-servers");
    }
    this.#markStale(null);
    const shown = this.#states.findLastIndex((state2) => state2.revision <= frame.revision);
    const state = this.#states[shown] ?? this.#drawn;
    this.#states.splice(0, shown + 1);
    if (state && state !== this.#drawn) this.#write(state);
    this.#shownQuality = [frame.quality, state?.refined ?? 0];
    this.#writeQuality(...this.#shownQuality);
    this.#echo.shown(frame.inputSeq);
    this.#shownCodec = frame.codec;
    if (frame.quality === "lossless" && !this.#windowing) this.#dropValues();
    if (!this.#values && frame.revision >= (this.#drawn?.revision ?? 0)) this.#hideLocal();
    this.#showEcho();
    this.#owner.shown(frame);
  }
  /** `refined` is 0 while a picture stands in for one that refines. */
  #writeQuality(quality, refined) {
    this.#corners.writeQuality(quality, refined, this.#drawnHere);
  }
  #write(state = this.#drawn) {
    this.#drawn = state;
    this.#owner.drew(this.view);
    const caption = this.#caption;
    this.#corners.writeCaption(caption);
    this.#corners.writeLetters(caption && state ? state.letters : null);
    this.#slider.hidden = true;
    this.surface.setAttribute("aria-label", this.#describe(state));
    if (!caption || !state) return this.#corners.writeFacts(null);
    const { zoom, slice, slices } = state;
    const window = showsPreset(state.content) && state.preset !== null ? "" : windowText(this.#look ?? state.window, caption.unit, caption.suv);
    const facts = { window, inverted: this.#isInverted(state), zoom: t("zoom-is", { zoom: zoom.toFixed(2) }), slab: "", slice: null, depth: "" };
    if (slice !== null) facts.slab = this.#slab;
    if (slice !== null && slices !== null && slices > 1) {
      facts.slice = [slice, slices];
      if (caption.millimetres === "everywhere") facts.depth = depthText(this.content, state.positionMm);
      this.#slider.hidden = false;
      this.#slider.disabled = !this.#owner.pages();
      this.#slider.title = this.#slider.disabled ? t("you-watch") : "";
      this.#slider.max = String(slices);
      if (this.wantedSlice === null) this.#slider.value = String(slice);
      this.#slider.setAttribute("aria-label", t("slices-of", { title: titleOf(state.content) }));
      this.#slider.setAttribute("aria-valuetext", t("slice-of", { number: slice, count: slices }));
    }
    this.#corners.writeFacts(facts);
    this.#corners.drawRuler(state.mmPerPixel === null ? null : state.mmPerPixel * this.ratio, this.root.clientWidth);
  }
  /** Of a volume that says nothing. */
  #isInverted({ content }) {
    return this.#inverted && !showsPreset(content);
  }
  #describe(state) {
    const title = t("view-of", { title: this.title });
    if (!state) return t("no-picture", { view: title });
    const slice = state.slice !== null && state.slices !== null ? t("spoken-slice", { number: state.slice, count: state.slices }) : "";
    const window = this.#look ?? state.window;
    const suv = this.#caption?.suv ?? null;
    const inverted = this.#isInverted(state) ? `, ${t("inverted")}` : "";
    if (suv) return `${title}${slice}, ${windowText(window, "", suv)}${inverted}`;
    return `${title}${slice}${t("spoken-window", { width: numberText(window.width), center: levelText(window.center, window.width) })}${inverted}`;
  }
};
function sameWindow(a, b) {
  return a.center === b.center && a.width === b.width;
}
function eraOf(revision) {
  return Math.floor(revision / REVISIONS);
}
function sameSlice(a, b) {
  const samePlace = a.positionMm.every((mm, i) => mm === b.positionMm[i]);
  return samePlace && a.content === b.content && a.slice === b.slice && a.zoom === b.zoom && a.mmPerPixel === b.mmPerPixel;
}
function copyOf(canvas) {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  copy.getContext("2d", { alpha: false })?.drawImage(canvas, 0, 0);
  return copy;
}

// src/drawings.ts
var NEAR_PX = 8;
var NEAR_FINGER_PX = 22;
var MOUSE_TOOLS = ["window", "scroll", "zoom", "pan", "crosshair"];
var Drawings = class {
  #views;
  #owner;
  #editor = new Editor(() => this.#redraw());
  #measuring;
  #pointed;
  #lies = /* @__PURE__ */ new Map();
  /** Views whose place was asked for, with the series. */
  #asked = /* @__PURE__ */ new Map();
  #hosted = new Lists();
  #buttons = /* @__PURE__ */ new Map();
  #undo = button("undo", "Ctrl+Z", () => this.undo());
  #redo = button("redo", "Ctrl+Shift+Z", () => this.redo());
  #delete = button("delete", "Delete", () => this.remove());
  #list = byId("measurements", HTMLElement);
  #title = element("h2", {}, t("measurements"));
  #rows = element("ul");
  #hostedTitle = element("h2", {}, t("host-drawings"));
  #hostedRows = element("ul");
  #value = byId("probe", HTMLElement);
  #tool = "window";
  /** Whether the host alone moves what is shown. */
  #watches = false;
  /** Where the slices of each patient space are to cross. */
  #crossings = /* @__PURE__ */ new Map();
  /** The view in which the crosshair is dragged. */
  #crossed = null;
  #showsCuts = true;
  /** Whether words of a host's may be shown; null as on screen. */
  #named = null;
  #measuredOn = /* @__PURE__ */ new Map();
  /** Where the pointer is, in CSS pixels of a view. */
  #hovered = null;
  #again;
  #frame = 0;
  constructor(views2, owner) {
    this.#views = views2;
    this.#owner = owner;
    this.#measuring = new Measuring((message) => owner.send(message));
    this.#pointed = new Pointed((message) => owner.send(message));
    const bar = byId("tools", HTMLDivElement);
    const tools = [...MOUSE_TOOLS, ...KINDS].map((tool) => {
      const chosen = button(tool, KEYS2[tool], () => this.choose(tool, true));
      this.#buttons.set(tool, chosen);
      return chosen;
    });
    bar.append(...tools, element("hr", { role: "presentation" }), this.#undo, this.#redo, this.#delete);
    this.#list.append(this.#title, this.#rows, this.#hostedTitle, this.#hostedRows);
    this.#show();
  }
  get tool() {
    return this.#tool;
  }
  /** All that was drawn, for a page that is loaded again. */
  get annotations() {
    return this.#editor.annotations;
  }
  restore(annotations) {
    this.#editor.restore(annotations);
    this.#redraw();
  }
  // --- What the server tells ---------------------------------------------------------------------------------------
  opened() {
    this.#crossings.clear();
    this.#lies.clear();
    this.#asked.clear();
    this.#editor.abandon();
    this.#redraw();
  }
  /** A view, or all of them, may lie otherwise from now on. */
  forget(view) {
    for (const { view: other } of this.#views) {
      if (view !== void 0 && view !== other) continue;
      this.#lies.delete(other);
      this.#asked.delete(other);
    }
    this.#redraw();
  }
  /** How a view lies, in pictures `from` a revision of it on. */
  state(view, series, place4, from) {
    this.#lies.set(view, { series, place: place4, from });
    this.#redraw();
  }
  /** What a host has drawn on a series. */
  hosted(message) {
    this.#hosted.take(message);
    this.#owner.send({ type: "ackDrawn" });
    this.#redraw();
  }
  /** Nobody says any more what a host shows. */
  unhosted() {
    this.#hosted.clear();
    this.#redraw();
  }
  measured(message) {
    if (this.#pointed.answered(message)) return this.#tellValue();
    const of = this.#measuring.answered(message);
    const series = of && this.#views.map(({ view }) => this.#owner.seriesOf(view)).find((series2) => series2?.seriesInstanceUid === of.series);
    if (series) this.#measuredOn.set(series.seriesInstanceUid, series);
    if (of && this.#editor.annotations.includes(of)) this.#owner.announce([t(of.kind), ...told(this.#measuring.told(of.id)?.known, true)].join(", "));
    this.#redraw();
  }
  /** An error of the server's. Returns whether it was about a measurement. */
  refused({ seq, message }) {
    const mine = this.#pointed.refused(seq) || this.#measuring.refused(seq, message);
    if (mine) this.#redraw();
    return mine;
  }
  /** A session that begins anew may be of other studies: all is measured again. */
  measureAnew() {
    this.#measuring.forget();
    this.#pointed.forget();
    this.#measuredOn.clear();
    this.#redraw();
  }
  /** What was drawn on series that are another patient's now is forgotten. */
  letGoOf(changed2) {
    if (changed2.size > 0) this.#editor.forget((series) => changed2.has(series));
    this.#redraw();
  }
  lost() {
    this.#measuring.lost();
    this.#pointed.lost();
    this.#asked.clear();
    this.#lies.clear();
    this.#editor.abandon();
  }
  // --- Hands and keys ----------------------------------------------------------------------------------------------
  /** Who only watches measures, and moves nothing. */
  watch(watches) {
    this.#watches = watches;
    for (const tool of MOUSE_TOOLS) {
      const button2 = this.#buttons.get(tool);
      button2.disabled = watches;
      button2.title = watches ? t("you-watch") : titleOf2(tool, KEYS2[tool]);
    }
    if (watches && this.#tool !== "window") this.#take("window");
  }
  /** Takes up a tool; with a click, the view gets the keyboard back. Who only watches puts one away by choosing it again. */
  choose(tool, byClick = false) {
    if (this.#buttons.get(tool).disabled) return;
    this.#take(this.#watches && tool === this.#editor.tool ? "window" : tool);
    if (byClick) this.#owner.active().surface.focus();
  }
  #take(tool) {
    const kind = KINDS.find((kind2) => kind2 === tool) ?? null;
    this.#tool = kind ? "window" : tool;
    this.#editor.choose(kind);
    this.#owner.announce(t(tool));
    this.#redraw();
  }
  draw(view, kind, at, byTouch) {
    if (kind === "cancel") {
      this.#crossed = null;
      this.#editor.abandon();
      return true;
    }
    if (this.#tool === "crosshair" && (kind === "press" || this.#crossed === view)) return this.#dragCrosshair(view, kind, at);
    const sight = this.#sight(view);
    if (!sight) return false;
    const [pixel, by] = this.#pixel(view, sight, at);
    if (kind === "press") return this.#editor.press(sight, pixel, (byTouch ? NEAR_FINGER_PX : NEAR_PX) / by);
    if (kind === "move") return this.#editor.move(sight, pixel);
    this.#editor.release(sight, pixel);
    return true;
  }
  #dragCrosshair(view, kind, at) {
    const shown = this.#views[view]?.drawn;
    if (!shown || !isSlice(shown.content)) return false;
    this.#crossed = kind === "release" ? null : view;
    const sight = this.#sight(view);
    if (sight) this.#crossAt(view, patientFromPixel(sight, this.#pixel(view, sight, at)[0]));
    return true;
  }
  /** The other slices of the view's patient space page to a place. */
  #crossAt(view, mm) {
    const cuts = this.#cuts();
    const space = cuts.find((cut) => cut.view === view)?.space;
    if (space === void 0) return;
    this.#crossings.set(space, mm);
    for (const cut of cuts) {
      const viewport = this.#views[cut.view];
      const slice = viewport?.drawn?.slice;
      if (cut.view !== view && cut.space === space && viewport && slice != null) viewport.showSlice(slice + slicesTo(cut.sight, mm));
    }
    this.#redraw();
  }
  /** The slices on screen whose places are known. */
  #cuts() {
    return this.#views.flatMap(({ view, content }) => {
      const sight = this.#sight(view);
      const space = sight && this.#spaceOf(view);
      return sight && space ? [{ view, content, sight, space }] : [];
    });
  }
  /** Empty where nobody knows how the images lie in the patient. */
  #spaceOf(view) {
    const series = this.#owner.seriesOf(view);
    return !series || series.outline.directionsUnknown ? "" : series.frameOfReferenceUid || series.seriesInstanceUid;
  }
  /** Shows or hides where the other slices cut a slice. */
  toggleCuts() {
    this.#showsCuts = !this.#showsCuts;
    this.#owner.announce(t(this.#showsCuts ? "cut-lines-shown" : "cut-lines-hidden"));
    this.#redraw();
  }
  hover(view, at) {
    this.#hovered = at && { view, at };
    this.#tellValue();
  }
  /** Leaves what is being done, or the tool. Returns whether there was anything to leave. */
  escape() {
    if (this.#editor.escape()) return true;
    if (this.#editor.tool === null && this.#tool === "window") return false;
    this.#take("window");
    return true;
  }
  remove(id) {
    const gone = this.#editor.remove(id);
    if (gone) this.#owner.announce(t("removed", { name: t(gone.kind) }));
  }
  undo() {
    const done = this.#editor.undo(this.#series);
    if (done) this.#owner.announce(t("undone", { name: t(done.kind) }));
  }
  redo() {
    const done = this.#editor.redo(this.#series);
    if (done) this.#owner.announce(t("redone", { name: t(done.kind) }));
  }
  /** The keyboard's click, where a tool draws. Returns whether it was one. */
  enter() {
    const { view } = this.#owner.active();
    const sight = this.#sight(view);
    return sight !== null && this.#editor.enter(sight, NEAR_PX);
  }
  nextHandle() {
    const sight = this.#sight(this.#owner.active().view);
    const on = sight && this.#editor.nextHandle(sight);
    if (on) this.#owner.announce([t(on.kind), ...told(this.#measuring.told(on.id)?.known, true)].join(", "));
  }
  /** Moves a handle, the keyboard's pointer or with its tool the crosshair, by CSS pixels. Returns whether there was any. */
  nudge(dx, dy) {
    const { view, surface } = this.#owner.active();
    if (this.#tool === "crosshair") {
      const sight2 = this.#sight(view);
      if (!sight2) return false;
      const [x, y] = pixelFromPatient(sight2, onto(sight2, this.#crossings.get(this.#spaceOf(view)) ?? sight2.centerMm));
      const { by: by2 } = scaleOf(sight2.size, surface);
      this.#crossAt(view, patientFromPixel(sight2, [x + dx / by2, y + dy / by2]));
      return true;
    }
    const sight = this.#editor.wantsArrows ? this.#sight(view) : null;
    if (!sight) return false;
    const { by } = scaleOf(sight.size, surface);
    return this.#editor.nudge(sight, dx / by, dy / by);
  }
  // --- Where things lie --------------------------------------------------------------------------------------------
  get #series() {
    return this.#owner.seriesOf(this.#owner.active().view)?.seriesInstanceUid ?? "";
  }
  /** The slice that a view shows; null where it shows none, where it lies is not known yet, or the picture does not show it yet. */
  #sight(view) {
    const viewport = this.#views[view];
    const series = this.#owner.seriesOf(view);
    const state = viewport?.drawn;
    if (!viewport?.visible || !series || !state || !viewport.size || showsPreset(state.content)) return null;
    const lies = this.#lies.get(view);
    if (lies?.series !== series.seriesInstanceUid) {
      this.#ask(view, series.seriesInstanceUid);
      return null;
    }
    if (!isSlice(state.content) || state.revision < lies.from && !viewport.drawnHere) return null;
    return lies.place.content.kind === "slice" ? sightOf(series, lies.place.plane, state, viewport.size) : null;
  }
  #ask(view, series) {
    if (this.#asked.get(view) === series) return;
    if (this.#owner.send({ type: "askState", view }) !== null) this.#asked.set(view, series);
  }
  /** A place of a view's surface as a pixel of its picture, and how many CSS pixels one is. */
  #pixel(view, sight, at) {
    const { by, left, top } = scaleOf(sight.size, this.#views[view].surface);
    return [[(at.x - left) / by, (at.y - top) / by], by];
  }
  // --- What is seen ------------------------------------------------------------------------------------------------
  /** Of all series that were measured on, with what the list says of them. */
  rows(said) {
    return this.#editor.annotations.flatMap((annotation) => {
      const { of, known: known2 } = this.#measuring.told(annotation.id) ?? {};
      const series = this.#measuredOn.get(annotation.series);
      return of === annotation && known2 && "measured" in known2 && series ? [{ annotation, measured: known2.measured, series, ...said(annotation.series) }] : [];
    });
  }
  /** Does something while what a host has drawn names nobody, or as the host named it. */
  drawnAs(named2, act) {
    this.#named = named2;
    this.#show();
    act();
    this.#named = null;
    this.#show();
  }
  /** What is on screen has changed. */
  drew() {
    this.#redraw();
  }
  #redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#show();
      this.#tellValue();
    });
  }
  #show() {
    const editor = this.#editor;
    this.#measuring.look(editor.shown, (series) => this.#isOpen(series));
    const active = this.#owner.active().view;
    const all = this.#cuts();
    const held = this.#tool === "crosshair";
    for (const viewport of this.#views) {
      const sight = this.#sight(viewport.view);
      const cut = held || this.#showsCuts ? all.find(({ view }) => view === viewport.view) : void 0;
      const lines2 = cut ? linesOn(cut, all, this.#crossings.get(cut.space)) : [];
      sketch(viewport.sketch, sight, { lines: lines2, held }, this.#hostedOn(viewport.view, sight), editor, this.#measuring, viewport.view === active, this.#slabMm(viewport.view) > 0);
    }
    const chosen = editor.tool ?? this.#tool;
    for (const [tool, button2] of this.#buttons) button2.setAttribute("aria-pressed", String(tool === chosen));
    document.body.classList.toggle("draws", editor.tool !== null || held);
    this.#undo.disabled = !editor.canUndo(this.#series);
    this.#redo.disabled = !editor.canRedo(this.#series);
    this.#delete.disabled = editor.selected === null || editor.isBusy;
    this.#showList();
  }
  #hostedOn(view, sight) {
    return { drawings: this.#hosted.on(sight?.series ?? ""), reachMm: Math.max(sight?.reachMm ?? 0, this.#slabMm(view) / 2), named: this.#namesPatient };
  }
  /** How thick the slab is that a view shows. */
  #slabMm(view) {
    return this.#lies.get(view)?.place.slab.thicknessMm ?? 0;
  }
  /** Whether patient data is shown. */
  get #namesPatient() {
    return this.#named ?? !document.body.classList.contains("no-demographics");
  }
  #isOpen(series) {
    return this.#opened(series) !== null;
  }
  #opened(series) {
    for (const { view } of this.#views) {
      const shown = this.#owner.seriesOf(view);
      if (shown?.seriesInstanceUid === series) return shown;
    }
    return null;
  }
  #showList() {
    const own = this.#editor.annotations.filter(({ series }) => this.#isOpen(series));
    const theirs = this.#hosted.all((series) => this.#isOpen(series));
    this.#list.hidden = own.length + theirs.length === 0;
    this.#title.hidden = this.#rows.hidden = own.length === 0;
    this.#showHosted(theirs);
    const before = new Map([...this.#rows.children].map((row) => [row.getAttribute("data-id"), row]));
    const rows2 = own.map((one) => {
      const row = before.get(String(one.id)) ?? this.#row(one);
      const { known: known2, of } = this.#measuring.told(one.id) ?? {};
      const lines2 = of === one ? told(known2, true) : [t("measuring")];
      const source = known2 && "measured" in known2 ? (known2.measured.doubt && sentence(named(known2.measured.doubt))) ?? (known2.measured.lengthsBy && t("lengths-by", { source: known2.measured.lengthsBy })) : null;
      const slice = acquiredSlice(one, this.#opened(one.series));
      setText(row.querySelector(".kind"), slice === null ? t(one.kind) : t("kind-on-slice", { kind: t(one.kind), slice }));
      setText(row.querySelector(".told"), lines2.join("\n"));
      setText(row.querySelector(".by"), source ?? "");
      row.querySelector(".show").setAttribute("aria-pressed", String(one.id === this.#editor.selected));
      return row;
    });
    if (rows2.length !== this.#rows.children.length || rows2.some((row, i) => row !== this.#rows.children[i])) this.#rows.replaceChildren(...rows2);
  }
  /** To be read only: what a host has drawn is the host's to change. */
  #showHosted(drawings2) {
    this.#hostedTitle.hidden = this.#hostedRows.hidden = drawings2.length === 0;
    const list2 = this.#hostedRows;
    while (list2.children.length > drawings2.length) list2.lastElementChild.remove();
    while (list2.children.length < drawings2.length) list2.append(element("li", {}, element("div", { class: "show" }, element("span", { class: "kind" }), element("span", { class: "told" }))));
    drawings2.forEach((drawing3, i) => {
      const { kind, told: told2 } = listed(drawing3, this.#namesPatient);
      setText(list2.children[i].querySelector(".kind"), kind);
      setText(list2.children[i].querySelector(".told"), told2);
    });
  }
  #row(one) {
    const lines2 = [element("span", { class: "kind" }), element("span", { class: "told" }), element("span", { class: "by" })];
    const show = element("button", { type: "button", class: "show", title: t("show-its-slice") }, ...lines2);
    const name = t("delete-named", { name: t(one.kind) });
    const gone = element("button", { type: "button", class: "icon", "aria-label": name, title: name }, "×");
    show.addEventListener("click", () => this.#jump(one.id));
    gone.addEventListener("click", () => this.remove(one.id));
    return element("li", { "data-id": one.id }, show, gone);
  }
  /** Selects one, and pages to the slice that it lies on, in a view that can show it. */
  #jump(id) {
    const one = this.#editor.annotations.find((one2) => one2.id === id);
    if (!one) return;
    this.#editor.select(id);
    const parallel = ({ view }) => {
      const sight2 = this.#sight(view);
      return sight2 !== null && isOn({ ...one, points: [sight2.centerMm] }, sight2);
    };
    const active = this.#owner.active();
    const viewport = parallel(active) ? active : this.#views.find(parallel);
    const sight = viewport && this.#sight(viewport.view);
    if (!sight || !viewport.drawn?.slice) return;
    this.#owner.activate(viewport.view);
    viewport.showSlice(viewport.drawn.slice + slicesTo(sight, one.points[0]));
  }
  /** The value and the place under the pointer, below the views. */
  #tellValue() {
    clearTimeout(this.#again);
    setText(this.#value, this.#valueText() ?? "");
  }
  #valueText() {
    const { view, at } = this.#hovered ?? {};
    const sight = view === void 0 ? null : this.#sight(view);
    const series = view === void 0 ? null : this.#owner.seriesOf(view);
    if (view === void 0 || !at || !sight || !series) return null;
    const mm = patientFromPixel(sight, this.#pixel(view, sight, at)[0]);
    const voxel = voxelAt(series, mm);
    if (!voxel) return null;
    const known2 = this.#pointed.look(performance.now(), series.seriesInstanceUid, voxel, voxelMiddle(series, voxel));
    if ("waitMs" in known2) this.#again = setTimeout(() => this.#tellValue(), known2.waitMs);
    const value = "value" in known2 ? known2.value ? `${valueText(known2.value.value)} ${known2.value.unit}`.trimEnd() : "–" : "…";
    const inSlab = this.#slabMm(view) > 0;
    const placed = series.selfCheck.millimetres === "everywhere" && !series.outline.directionsUnknown;
    const where = placed ? `${mm.map(axisText).join("  ")} mm` : t("voxel-at", { i: voxel[0], j: voxel[1], k: voxel[2] });
    return `${inSlab ? t("value-in-slab", { value }) : value}   ${where}`;
  }
};
function valueText(value) {
  return (Number.isInteger(value) ? String(value) : value.toFixed(3)).replace("-", "−");
}
function axisText(mm, axis) {
  return `${["LR", "PA", "HF"][axis][mm < 0 ? 1 : 0]} ${Math.abs(mm).toFixed(1)}`;
}
var KEYS2 = {
  window: "W",
  scroll: "S",
  zoom: "Z",
  pan: "",
  crosshair: "B",
  length: "N",
  angle: "A",
  ellipse: "E",
  rectangle: "U",
  freehand: "O",
  probe: "Q"
};
var ICONS = {
  window: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
  scroll: "M4 6h12M4 10h12M4 14h12M10 1.5v2M10 16.5v2",
  zoom: "M9 3.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M13 13l4.5 4.5M6.5 9h5M9 6.5v5",
  pan: "M10 2v16M2 10h16M7.5 4.5L10 2l2.5 2.5M7.5 15.5L10 18l2.5-2.5M4.5 7.5L2 10l2.5 2.5M15.5 7.5L18 10l-2.5 2.5",
  length: "M4 16L16 4M2.5 14.5l3 3M14.5 2.5l3 3",
  angle: "M16 4L4 16h13M10.5 9.5a8 8 0 0 1 2.5 6.5",
  ellipse: "M10 5a7.5 5 0 1 0 0 10a7.5 5 0 1 0 0-10",
  rectangle: "M3 5.5h14v9H3z",
  freehand: "M5 13L4 8L8 4L11 8L16 7L15 14L10 16Z",
  crosshair: "M10 2v6M10 12v6M2 10h6M12 10h6M10 8.500a1.500 1.500 0 1 0 0 3a1.500 1.500 0 1 0 0-3",
  probe: "M10 3v14M3 10h14",
  undo: "M7 4L3 8l4 4M3 8h8.5a4.5 4.5 0 0 1 0 9H8",
  redo: "M13 4l4 4-4 4M17 8H8.500a4.5 4.5 0 0 0 0 9H12",
  delete: "M4 6h12M8 6V3.500h4V6M5.500 6l1 11h7l1-11M8.500 9v5M11.500 9v5"
};
function titleOf2(name, key) {
  return key ? `${t(name)} (${keysText(key)})` : t(name);
}
function button(name, key, act) {
  const icon = svg("svg", { width: 20, height: 20, viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("path", { d: ICONS[name] ?? "" }));
  const made = element("button", { type: "button", class: "tool", "aria-label": t(name), title: titleOf2(name, key), "data-tool": name }, icon);
  made.addEventListener("click", act);
  return made;
}

// src/ending.ts
var TELLING = ["grid", "studies", "found", "measurements", "self-check", "messages", "tabs", "probe", "live", "windows", "presets", "window-target"];
function endVisit(why) {
  for (const id of TELLING) document.getElementById(id)?.replaceChildren();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  for (const field2 of document.querySelectorAll("input")) field2.value = "";
  for (const id of ["empty", "nothing", "full", "loading"]) byId(id, HTMLDivElement).hidden = true;
  setText(byId("ended-title", HTMLHeadingElement), t(ENDED[why]));
  setText(byId("ended-what", HTMLParagraphElement), t(`${ENDED[why]}-what`));
  const signIn = byId("sign-in", HTMLButtonElement);
  signIn.hidden = why !== "signedOut";
  signIn.addEventListener("click", () => location.reload());
  byId("ended", HTMLDivElement).hidden = false;
}

// src/stats.ts
var KEPT_MS = 1e4;
var RATE_WINDOW_MS = 1e3;
var STALE_INPUT_MS = 1e3;
var PAUSE_MS = 250;
function percentiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  return sorted.length === 0 ? null : { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
var Meter = class {
  #waiting = [];
  #shown = [];
  #received = [];
  #last = /* @__PURE__ */ new Map();
  /** An input for a view was sent. */
  sent(view, seq, at) {
    this.#waiting = this.#waiting.filter((input) => input.view === view);
    this.#waiting.push({ view, seq, at });
  }
  /** The page drew a view itself: no picture answers what was sent for it so far. */
  drawnHere(view) {
    this.#waiting = this.#waiting.filter((input) => input.view !== view);
  }
  received(bytes, at) {
    this.#received.push({ at, bytes });
  }
  /** A picture of a view that shows all input up to `inputSeq` is on screen. */
  shown(view, inputSeq, codec, at) {
    const answered = this.#waiting.filter((input) => input.view === view && input.seq <= inputSeq);
    this.#waiting = this.#waiting.filter((input) => !answered.includes(input));
    const newest = answered.at(-1)?.at ?? 0;
    const counted = answered.filter((input) => newest - input.at < STALE_INPUT_MS);
    const first = counted[0];
    const before = this.#last.get(view) ?? Number.NEGATIVE_INFINITY;
    const gapMs = first ? at - (first.at > before + PAUSE_MS ? first.at : before) : null;
    this.#last.set(view, at);
    this.#shown.push({ at, view, codec, gapMs, latenciesMs: counted.map((input) => at - input.at) });
  }
  /** A new connection counts its messages anew. */
  restart() {
    this.#waiting = [];
    this.#last.clear();
  }
  /** Pictures of a view in the last second. */
  rate(view, now) {
    return this.#shown.filter((picture) => picture.view === view && now - picture.at < RATE_WINDOW_MS).length;
  }
  /** For how long input of a view has waited for any picture; 0 when nothing waits. What waits longer than is kept has changed nothing. */
  stalledMs(view, now) {
    const oldest = this.#waiting.find((input) => input.view === view && now - input.at < KEPT_MS);
    return oldest ? now - Math.max(oldest.at, this.#last.get(view) ?? 0) : 0;
  }
  /** How long ago a view last had a picture; null when it had none. */
  stillMs(view, now) {
    const last = this.#last.get(view);
    return last === void 0 ? null : now - last;
  }
  /** What was measured in the last `ms`, at most `KEPT_MS`. */
  summary(ms, now) {
    this.#shown = this.#shown.filter(({ at }) => now - at <= KEPT_MS);
    this.#received = this.#received.filter(({ at }) => now - at <= KEPT_MS);
    const shown = this.#shown.filter(({ at }) => now - at <= ms);
    const gaps = shown.flatMap(({ gapMs }) => gapMs ?? []);
    const movedMs = gaps.reduce((sum, gap) => sum + gap, 0);
    const bytes = this.#received.reduce((sum, part) => now - part.at <= ms ? sum + part.bytes : sum, 0);
    return {
      codec: mostFrequent(shown.map(({ codec }) => codec)),
      framesPerSecond: movedMs > 0 ? gaps.length * 1e3 / movedMs : 0,
      latencyMs: percentiles(shown.flatMap(({ latenciesMs }) => latenciesMs)),
      bitsPerSecond: bytes * 8e3 / ms,
      longestFreezeMs: Math.max(0, ...gaps)
    };
  }
};
function mostFrequent(values) {
  const counts = /* @__PURE__ */ new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((most, one) => one[1] > most[1] ? one : most, [null, 0])[0];
}

// src/overlay.ts
var ROUNDS = 30;
var PAUSE_MS2 = 100;
var PAUSES_DIFFER_MS = 50;
var PATIENCE_MS3 = 3e3;
var STALL_MS = 1e3;
var FRESH_MS = 1e3;
var Overlay = class {
  #root;
  #values = /* @__PURE__ */ new Map();
  #age = element("p", { class: "age" });
  #test = element("button", { type: "button" }, t("test-latency"));
  #result = element("p", { role: "status" });
  #press;
  constructor(press) {
    this.#press = press;
    const names2 = ["transport", "codec", "picture-size", "rate", "data", "round-trip", "losses", "freeze", "latency"];
    const rows2 = names2.map((name) => {
      const value = element("dd", {}, "–");
      this.#values.set(name, value);
      return element("div", {}, element("dt", {}, t(name)), value);
    });
    this.#root = element(
      "section",
      { class: "overlay", hidden: true, "aria-label": t("streaming-figures") },
      element("dl", {}, ...rows2),
      this.#age,
      this.#test,
      this.#result
    );
    this.#test.addEventListener("click", () => void this.#run());
  }
  get isShown() {
    return !this.#root.hidden;
  }
  toggle() {
    this.#root.hidden = !this.#root.hidden;
  }
  /** Lies over this viewport from now on. */
  moveTo(viewport) {
    if (this.#root.parentElement !== viewport) viewport.append(this.#root);
  }
  show({ transport: transport2, reason, codec, size: size2, roundTripMs, lostShare: lostShare2, jitterMs, summary, stalledMs, stillMs, drawnHere, why }) {
    const stalls = stalledMs > STALL_MS && !drawnHere;
    this.#root.classList.toggle("stalls", stalls);
    this.#root.classList.toggle("old", stalls || stillMs === null || stillMs > FRESH_MS);
    setText(this.#age, drawnHere ? t("is-drawn-here") : ageText(stalls ? stalledMs : null, stillMs));
    this.#age.title = why;
    const { framesPerSecond, latencyMs, bitsPerSecond, longestFreezeMs } = summary;
    const rows2 = {
      transport: reason ? `${transport2} (${reason})` : transport2,
      codec: codec ? CODEC_NAMES[codec] : "–",
      "picture-size": size2 ? `${size2[0]} × ${size2[1]}` : "–",
      rate: framesPerSecond > 0 ? `${framesPerSecond.toFixed(1)} fps` : "–",
      latency: latencyMs ? percentilesText(latencyMs) : "–",
      data: `${(bitsPerSecond / 1e3).toFixed(0)} kbit/s`,
      "round-trip": roundTripMs === null ? "–" : `${roundTripMs.toFixed(0)} ms`,
      losses: lostShare2 === null ? "–" : `${(lostShare2 * 100).toFixed(1)} % · ${(jitterMs ?? 0).toFixed(0)} ms`,
      freeze: longestFreezeMs > 0 ? `${longestFreezeMs.toFixed(0)} ms` : "–"
    };
    for (const [name, text3] of Object.entries(rows2)) setText(this.#values.get(name), text3);
  }
  async #run() {
    this.#test.disabled = true;
    const samples = [];
    for (let round3 = 0; round3 < ROUNDS; round3++) {
      setText(this.#result, t("press-of", { round: round3 + 1, rounds: ROUNDS }));
      const began = performance.now();
      const answered = this.#press(round3 % 2 === 0);
      if (!answered) break;
      const inTime = await Promise.race([answered.then(() => true), pause(PATIENCE_MS3).then(() => false)]);
      if (inTime) samples.push(performance.now() - began);
      await pause(PAUSE_MS2 + round3 * 37 % PAUSES_DIFFER_MS);
    }
    const found = percentiles(samples);
    setText(this.#result, found ? t("from-press", { figures: percentilesText(found) }) : t("nothing-moves"));
    this.#test.disabled = false;
  }
};
function ageText(stalledMs, stillMs) {
  if (stalledMs !== null) return t("no-picture-for", { time: secondsText(stalledMs) });
  if (stillMs === null) return t("no-picture-yet");
  return stillMs > FRESH_MS ? t("still-for", { time: secondsText(stillMs) }) : t("live");
}
function secondsText(ms) {
  return ms < 12e4 ? `${Math.floor(ms / 1e3)} s` : `${Math.floor(ms / 6e4)} min`;
}
var CODEC_NAMES = { jpeg: "JPEG", png: "PNG", h264: "H.264", hevc: "HEVC", av1: "AV1", webp: "WebP" };
function percentilesText({ p50, p95, p99 }) {
  return `${p50.toFixed(0)} · ${p95.toFixed(0)} · ${p99.toFixed(0)} ms (p50 · p95 · p99)`;
}
function pause(ms) {
  return new Promise((over) => setTimeout(over, ms));
}

// src/figures.ts
var TRANSPORT_NAMES = { webrtc: "WebRTC", websocket: "WebSocket" };
var REPORT_MS = 5e3;
var SHOW_MS = 500;
var PRESS_PIXELS = 4;
var Figures = class {
  meter = new Meter();
  #owner;
  #overlay = new Overlay((forth) => this.#press(forth));
  /** A press of the latency test that waits for its picture. */
  #pressed = null;
  constructor(owner) {
    this.#owner = owner;
    setInterval(() => this.#show(), SHOW_MS);
    setInterval(() => this.#report(), REPORT_MS);
  }
  toggle() {
    this.#overlay.toggle();
    byId("stats", HTMLButtonElement).setAttribute("aria-pressed", String(this.#overlay.isShown));
    this.#show();
  }
  /** The figures lie over this viewport from now on. */
  moveTo(viewport) {
    this.#overlay.moveTo(viewport);
  }
  /** A picture of the server's is on screen. */
  shown(frame) {
    const now = performance.now();
    this.meter.shown(frame.view, frame.inputSeq, frame.codec, now);
    const pressed = this.#pressed;
    if (pressed?.view === frame.view && frame.inputSeq >= pressed.seq) {
      this.#pressed = null;
      requestAnimationFrame(() => pressed.answered());
    }
    if (frame.renderMs > 0) setText(byId("render", HTMLElement), `${frame.renderMs.toFixed(0)} ms`);
    setText(byId("encode", HTMLElement), `${frame.encodeMs.toFixed(0)} ms`);
    this.#showWay(frame.codec);
  }
  #showWay(codec) {
    const { transport: transport2, reason } = this.#owner.link();
    const way = byId("codec", HTMLElement);
    setText(way, `${TRANSPORT_NAMES[transport2]} · ${CODEC_NAMES[codec]}`);
    way.title = reason && t("not-better-because", { reason });
  }
  #show() {
    const now = performance.now();
    const summary = this.meter.summary(KEPT_MS, now);
    const median = summary.latencyMs?.p50;
    if (median !== void 0) setText(byId("latency", HTMLElement), `${median.toFixed(0)} ms`);
    const viewport = this.#owner.active();
    const rate = this.meter.rate(viewport.view, now);
    setText(byId("rate", HTMLElement), rate > 0 ? `${rate} fps` : t(viewport.windowsItself || viewport.drawnHere ? "drawn-here" : "still"));
    const { transport: transport2, reason, roundTripMs, losses } = this.#owner.link();
    if (!this.#overlay.isShown) return;
    const { codec, pictureSize: size2 } = viewport;
    const drawnHere = viewport.windowsItself || viewport.drawnHere;
    const why = this.#owner.why(viewport.view);
    const [stalledMs, stillMs] = [this.meter.stalledMs(viewport.view, now), this.meter.stillMs(viewport.view, now)];
    this.#overlay.show({ transport: TRANSPORT_NAMES[transport2], reason, codec, size: size2, roundTripMs, ...losses, summary, stalledMs, stillMs, drawnHere, why });
  }
  #report() {
    const { codec, ...measured } = this.meter.summary(REPORT_MS, performance.now());
    if (!codec) return;
    const { transport: transport2, roundTripMs, losses } = this.#owner.link();
    this.#owner.send({ type: "stats", codec, transport: transport2, ...measured, roundTripMs, ...losses });
  }
  /** A small movement of the active view, there or back. */
  #press(forth) {
    const { view, content, state } = this.#owner.active();
    const by = forth ? PRESS_PIXELS : -PRESS_PIXELS;
    const turns = state?.slice == null && content !== "cinematic";
    const seq = this.#owner.send(turns ? { type: "rotate", view, dx: by, dy: 0 } : { type: "pinch", view, zoom: 1, dx: by, dy: 0 });
    if (seq === null || !state) return null;
    return new Promise((answered) => {
      this.#pressed = { view, seq, answered };
    });
  }
};

// src/guest.ts
var OWNING = /* @__PURE__ */ new Set(["openSeries", "openBeside", "closeSeries", "dropView"]);
var DRIVING = /* @__PURE__ */ new Set([
  "set",
  "pointer",
  "wheel",
  "pinch",
  "scroll",
  "rotate",
  "window",
  "preset",
  "reset",
  "values"
]);
function may(role, kind) {
  switch (role) {
    case "owner":
      return true;
    case "driver":
      return !OWNING.has(kind);
    case "viewer":
      return !OWNING.has(kind) && !DRIVING.has(kind);
  }
}
function roleWords(role) {
  switch (role) {
    case "owner":
      return null;
    case "driver":
      return t("guest-drives");
    case "viewer":
      return t("guest-watches");
  }
}

// src/hostlayout.ts
var Host = class {
  /** In the order of the host's window. */
  views = [];
  grid = gridOf({ views: [], layout: null });
  /** The view that hides the others in the host's window. */
  maximised = null;
  #number = 0;
  /** A connection is new: its numbers are, too. */
  begin() {
    this.#number = 0;
  }
  /** Returns what has changed; null where something newer was told before, which another way may bring about. */
  take({ number: number2, views: views2, layout }) {
    if (number2 <= this.#number) return null;
    const before = this.maximised;
    this.#number = number2;
    this.views = views2;
    this.grid = gridOf({ views: views2, layout });
    this.maximised = layout?.maximised ?? null;
    return { maximised: before !== this.maximised };
  }
};
var PARTS = 1e4;
function gridOf({ views: views2, layout }) {
  const boxes = /* @__PURE__ */ new Map();
  place3(layout?.root ?? square(views2), [0, 0, PARTS, PARTS], boxes);
  const edges = (near2) => [.../* @__PURE__ */ new Set([0, PARTS, ...[...boxes.values()].flatMap((box2) => [box2[near2], box2[near2 + 2]])])].sort((a, b) => a - b);
  const [across, down] = [edges(0), edges(1)];
  const tracks = (lines2) => lines2.slice(1).map((line, i) => `minmax(0, ${line - lines2[i]}fr)`).join(" ");
  const area = ([left, top, right, bottom]) => [down.indexOf(top), across.indexOf(left), down.indexOf(bottom), across.indexOf(right)].map((line) => line + 1).join(" / ");
  return { template: `${tracks(down)} / ${tracks(across)}`, areas: new Map([...boxes].map(([view, box2]) => [view, area(box2)])) };
}
function place3(cell2, box2, boxes) {
  if (cell2.kind === "view") boxes.set(cell2.view, box2);
  if (cell2.kind !== "row" && cell2.kind !== "column") return;
  const near2 = cell2.kind === "row" ? 0 : 1;
  const [start, length2] = [box2[near2], box2[near2 + 2] - box2[near2]];
  const sum = cell2.shares.reduce((a, b) => a + b, 0);
  let before = 0;
  cell2.cells.forEach((part, i) => {
    const at = (share) => Math.round(start + length2 * share / sum);
    const [from, to] = [at(before), at(before + cell2.shares[i])];
    before += cell2.shares[i];
    if (to > from) place3(part, near2 === 0 ? [from, box2[1], to, box2[3]] : [box2[0], from, box2[2], to], boxes);
  });
}
function square(views2) {
  const columns = Math.ceil(Math.sqrt(views2.length));
  const rows2 = Array.from({ length: Math.ceil(views2.length / Math.max(columns, 1)) }, (_, row) => {
    const cells = Array.from({ length: columns }, (_2, column) => {
      const view = views2[row * columns + column];
      return view === void 0 ? { kind: "empty" } : { kind: "view", view };
    });
    return { kind: "row", cells, shares: cells.map(() => 1) };
  });
  return { kind: "column", cells: rows2, shares: rows2.map(() => 1) };
}

// src/kept.ts
var KEPT = "voxcast.kept";
function keep(kept) {
  sessionStorage.setItem(KEPT, JSON.stringify(kept));
}
function takeKept() {
  const text3 = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  return text3 === null ? null : JSON.parse(text3);
}
function asBefore(saved, now) {
  const { view } = now;
  const messages = [];
  if (saved.content !== now.content) return messages;
  if (saved.slice !== null && now.slice !== null && saved.slice !== now.slice) {
    messages.push({ type: "scroll", view, slices: saved.slice - now.slice });
  }
  if (saved.preset !== null && saved.preset !== now.preset) {
    messages.push({ type: "preset", view, name: saved.preset });
  }
  const moved2 = saved.window.center !== now.window.center || saved.window.width !== now.window.width;
  if (moved2 && (!showsPreset(saved.content) || saved.preset === null)) {
    messages.push({ type: "window", view, ...saved.window });
  }
  return messages;
}

// src/keys.ts
var ARROWS = /* @__PURE__ */ new Map([
  ["ArrowLeft", [-1, 0]],
  ["ArrowRight", [1, 0]],
  ["ArrowUp", [0, -1]],
  ["ArrowDown", [0, 1]]
]);
var PLAIN2 = /* @__PURE__ */ new Map([
  ["Home", { do: "first" }],
  ["End", { do: "last" }],
  ["PageUp", { do: "series", by: -1 }],
  ["PageDown", { do: "series", by: 1 }],
  ["+", { do: "zoom", by: 1 }],
  ["-", { do: "zoom", by: -1 }],
  ["=", { do: "fit" }],
  [" ", { do: "reset" }],
  ["p", { do: "preset" }],
  ["m", { do: "projection" }],
  ["c", { do: "play" }],
  ["f", { do: "maximise" }],
  ["d", { do: "demographics" }],
  ["i", { do: "change", change: "invert" }],
  ["h", { do: "change", change: "flip horizontally" }],
  ["v", { do: "change", change: "flip vertically" }],
  ["r", { do: "change", change: "turn right" }],
  ["l", { do: "change", change: "turn left" }],
  ["w", { do: "tool", tool: "window" }],
  ["s", { do: "tool", tool: "scroll" }],
  ["z", { do: "tool", tool: "zoom" }],
  ["n", { do: "tool", tool: "length" }],
  ["a", { do: "tool", tool: "angle" }],
  ["e", { do: "tool", tool: "ellipse" }],
  ["u", { do: "tool", tool: "rectangle" }],
  ["o", { do: "tool", tool: "freehand" }],
  ["b", { do: "tool", tool: "crosshair" }],
  ["x", { do: "cut lines" }],
  ["q", { do: "tool", tool: "probe" }],
  ["j", { do: "next handle" }],
  ["Enter", { do: "enter" }],
  ["Delete", { do: "delete" }],
  ["Backspace", { do: "delete" }],
  ["?", { do: "help" }],
  ["F1", { do: "help" }],
  ["Escape", { do: "escape" }]
]);
var SHIFTED = /* @__PURE__ */ new Map([
  [" ", { do: "reset all" }],
  ["c", { do: "cinematic" }],
  ["m", { do: "change", change: "next projection" }],
  ["s", { do: "stats" }],
  ["+", { do: "zoom", by: 1 }],
  ["?", { do: "help" }]
]);
var CTRL = /* @__PURE__ */ new Map([
  ["z", { do: "undo" }],
  ["y", { do: "redo" }],
  ["e", { do: "save" }],
  ["[", { do: "time", by: -1 }],
  ["]", { do: "time", by: 1 }],
  ["ArrowUp", { do: "change", change: "thicker" }],
  ["ArrowDown", { do: "change", change: "thinner" }]
]);
var CTRL_SHIFT = /* @__PURE__ */ new Map([["z", { do: "redo" }]]);
function commandOf({ key, shiftKey: shifted, ctrlKey, altKey, metaKey }) {
  if (altKey || metaKey) return null;
  const letter = key.length === 1 ? key.toLowerCase() : key;
  if (ctrlKey) return (shifted ? CTRL_SHIFT : CTRL).get(letter) ?? null;
  const arrow = ARROWS.get(key);
  if (arrow) {
    const [dx, dy] = arrow;
    if (shifted) return { do: "arrow", dx, dy };
    return dx === 0 ? { do: "slice", by: dy } : { do: "view", by: dx };
  }
  if (!shifted && /^[1-9]$/.test(key)) return { do: "window", index: Number(key) - 1 };
  return (shifted ? SHIFTED : PLAIN2).get(letter) ?? null;
}
function onKeys(obey) {
  const singleKeys = byId("single-keys", HTMLInputElement);
  const setting = "voxcast.singleKeys";
  singleKeys.checked = localStorage.getItem(setting) !== "off";
  singleKeys.addEventListener("change", () => localStorage.setItem(setting, singleKeys.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    const command = commandOf(event);
    const target = event.target instanceof Element ? event.target : null;
    if (!command || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (target?.closest("input, select") && command.do !== "escape") return;
    if (target?.closest("button, summary") && (event.key === " " || event.key === "Enter")) return;
    if (event.key.length === 1 && !event.ctrlKey && !singleKeys.checked) return;
    event.preventDefault();
    obey(command);
  });
}

// src/ladder.ts
var RUNGS = ["webrtc", "websocket", "jpeg"];
var WAITS_MS = [3e4, 12e4, 6e5];
var PINNED_WAIT_MS = 2e3;
var PROVEN_MS = 6e4;
var CONNECT_MS = 8e3;
var FIRST_PICTURE_MS = 3e3;
var FREEZE_MS = 3e3;
var SILENCE_MS2 = 2e3;
var Trial = class {
  attempt = { step: "never", reason: "" };
  #failures = 0;
  #waitsMs;
  constructor(waitsMs) {
    this.#waitsMs = waitsMs;
  }
  get reason() {
    return "reason" in this.attempt ? this.attempt.reason : "";
  }
  failed(reason, now) {
    const { attempt } = this;
    if (attempt.step === "idle" || attempt.step === "never") return;
    if (attempt.step === "used" && now - attempt.since > PROVEN_MS) this.#failures = 0;
    const wait = this.#waitsMs[Math.min(this.#failures, this.#waitsMs.length - 1)] ?? 0;
    this.#failures += 1;
    this.attempt = { step: "idle", at: now + wait, reason };
  }
  isDue(now) {
    return this.attempt.step === "idle" && now >= this.attempt.at;
  }
};
var Ladder = class {
  #pinned;
  #webrtc;
  #video;
  /** `pinned` is the only rung that is wanted, but for what has to come before it. */
  constructor(pinned) {
    this.#pinned = pinned;
    this.#webrtc = new Trial(pinned === "webrtc" ? [PINNED_WAIT_MS] : WAITS_MS);
    this.#video = new Trial(WAITS_MS);
  }
  /** A connection was made. The reasons tell why something cannot be; null where it can. */
  begin(noWebRtc, noVideo, now) {
    const chosen = `the address says transport=${this.#pinned}`;
    const no = (reason) => ({ step: "never", reason });
    const rtc = this.#pinned === null || this.#pinned === "webrtc" ? noWebRtc : chosen;
    const video = this.#pinned === "jpeg" ? chosen : noVideo;
    this.#webrtc.attempt = rtc === null ? { step: "idle", at: now, reason: "being tried" } : no(rtc);
    this.#video.attempt = video === null ? { step: "used", since: now } : no(video);
  }
  get transport() {
    return this.#webrtc.attempt.step === "used" ? "webrtc" : "websocket";
  }
  /** Whether the server may send H.264. */
  get takesVideo() {
    const { step } = this.#webrtc.attempt;
    return step === "used" || step === "opened" || this.#pinned !== "jpeg" && this.#video.attempt.step === "used";
  }
  /** Why it is not the best one; empty when it is. */
  get reason() {
    if (this.transport === "webrtc") return "";
    const reasons = [["no WebRTC", this.#webrtc.reason], ["no H.264", this.#video.reason]];
    return reasons.flatMap(([what, why]) => why ? `${what}: ${why}` : []).join("; ");
  }
  /** Whether WebRTC is to be tried now. Nobody waits for it: pictures come by WebSocket meanwhile. */
  triesWebRtc(now) {
    if (!this.#webrtc.isDue(now)) return false;
    this.#webrtc.attempt = { step: "connecting", since: now };
    return true;
  }
  /** Whether video that failed is to be tried again. */
  triesVideo(now) {
    if (!this.#video.isDue(now)) return false;
    this.#video.attempt = { step: "used", since: now };
    return true;
  }
  webRtcOpened(now) {
    if (this.#webrtc.attempt.step === "connecting") this.#webrtc.attempt = { step: "opened", since: now };
  }
  /** Something came by WebRTC. Returns whether it is the first time. */
  webRtcUsed(now) {
    if (this.#webrtc.attempt.step !== "opened") return false;
    this.#webrtc.attempt = { step: "used", since: now };
    return true;
  }
  webRtcFailed(reason, now) {
    this.#webrtc.failed(reason, now);
  }
  videoFailed(reason, now) {
    this.#video.failed(reason, now);
  }
  /** Why WebRTC has failed by now, or null. */
  webRtcFault({ waitedMs, silentMs }, now) {
    const { attempt } = this.#webrtc;
    if (attempt.step === "connecting" && now - attempt.since > CONNECT_MS) return "no path by UDP was found";
    if (attempt.step === "opened" && now - attempt.since > FIRST_PICTURE_MS) return "nothing came by it";
    if (attempt.step !== "used") return null;
    if (waitedMs > FREEZE_MS) return "its video froze";
    return silentMs > SILENCE_MS2 ? "it fell silent" : null;
  }
};

// src/studies.ts
function isOnePatient(a, b) {
  const plain2 = (name) => name.replace(/[\^ ]+$/, "").toLowerCase();
  const [born, bornToo] = [a.patientBirthDate.trim(), b.patientBirthDate.trim()];
  const differ = (one, other) => one.trim() !== "" && other.trim() !== "" && one.trim() !== other.trim();
  if (a.patientId === "" || a.patientId !== b.patientId || differ(born, bornToo) || differ(a.patientSex, b.patientSex)) return false;
  if (born !== "" && born === bornToo) return true;
  return /\d/.test(a.patientId) && plain2(a.patientName) === plain2(b.patientName);
}
function byPatient(studies) {
  const newest = [...studies].reverse().sort((a, b) => a.date < b.date ? 1 : a.date > b.date ? -1 : 0);
  const patients = [];
  const ofId = /* @__PURE__ */ new Map();
  for (const study of newest) {
    const known2 = ofId.get(study.patientId) ?? [];
    const listed2 = { study, series: entries(study) };
    const patient = known2.find((others) => others.every((other) => isOnePatient(other.study, study)));
    if (patient) {
      patient.push(listed2);
      continue;
    }
    patients.push([listed2]);
    ofId.set(study.patientId, [...known2, patients.at(-1)]);
  }
  return patients;
}
function firstLook(patients) {
  const all = patients.flat().filter(({ series: series2 }) => series2.length > 0);
  const newest = all.reduce((date, { study }) => study.date > date ? study.date : date, "");
  const series = all.flatMap((listed2) => listed2.study.date === newest ? listed2.series.map((one) => one.series) : []);
  const voxels = ({ dims }) => dims[0] * dims[1] * dims[2];
  const largest = series.reduce((best, one) => best === null || voxels(one) > voxels(best) ? one : best, null);
  return largest?.seriesInstanceUid ?? "";
}
function entries({ series }) {
  const later = new Set(series.flatMap(({ times: times2 }) => times2?.slice(1) ?? []));
  const listed2 = series.filter(({ seriesInstanceUid }) => !later.has(seriesInstanceUid));
  return listed2.map((one) => {
    const times2 = one.times ?? [one.seriesInstanceUid];
    return { series: one, description: one.times ? withoutTime(one.description, times2.length) : one.description, times: times2 };
  });
}
function withoutTime(title, count2) {
  return title.replace(`time 1 of ${count2}`, "").replace(/[, ]+$/, "");
}

// src/library.ts
function plain(text3) {
  return text3.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
function matches(search, { study, series }) {
  const { patientName, patientId, date, description } = study;
  const said = plain([patientName, nameText(patientName), patientId, date, dateText(date), description, series.description, series.modality].join("\n"));
  return plain(search).split(/\s+/).every((word) => said.includes(word));
}
var Library = class {
  #root;
  #owner;
  #patients = [];
  #groups = [];
  /** Rises where the thumbnails may be others. */
  #pictured = 0;
  #locked = false;
  #current = null;
  #rows = /* @__PURE__ */ new Map();
  #search = byId("search", HTMLInputElement);
  #found = byId("found", HTMLParagraphElement);
  constructor(root, owner) {
    this.#root = root;
    this.#owner = owner;
    this.#search.placeholder = t("search-studies");
    this.#search.addEventListener("input", () => this.#filter());
    this.#search.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.#search.value === "") return;
      this.#search.value = "";
      this.#filter();
      event.stopPropagation();
    });
  }
  get isEmpty() {
    return this.#rows.size === 0;
  }
  /** Another server's pictures may have the same names. */
  pictureAnew() {
    this.#pictured += 1;
  }
  /** What is shown where nothing was asked for. */
  get first() {
    return firstLook(this.#patients);
  }
  find(seriesInstanceUid) {
    for (const { study, series } of this.#patients.flat()) {
      const listed2 = series.find(({ times: times3 }) => times3.includes(seriesInstanceUid));
      if (!listed2) continue;
      const { times: times2, description } = listed2;
      return { study, series: { ...listed2.series, description }, time: times2.length > 1 ? [times2.indexOf(seriesInstanceUid) + 1, times2.length] : null };
    }
    return null;
  }
  /** A series as people know it: its number and description. */
  titleOf(seriesInstanceUid) {
    const { number: number2 = null, description = "" } = this.find(seriesInstanceUid)?.series ?? {};
    if (number2 === null || description === "") return description || (number2 === null ? t("no-description") : t("series-number", { number: number2 }));
    return `${number2}  ${description}`;
  }
  /** The series so many places further down the list; null where there is none. */
  next(seriesInstanceUid, by) {
    const current = this.#rowOf(seriesInstanceUid);
    const rows2 = [...this.#rows.values()].filter((row) => row === current || !row.button.closest("[hidden]"));
    const at = current ? rows2.indexOf(current) : -1;
    return at < 0 ? null : rows2[at + by]?.listed.times[0] ?? null;
  }
  /** The time so many steps later of a 4D series, whose last is followed by its first; null of other series. */
  nextTime(seriesInstanceUid, by) {
    const times2 = this.#rowOf(seriesInstanceUid)?.listed.times ?? [];
    if (times2.length < 2) return null;
    return times2[(times2.indexOf(seriesInstanceUid) + by + times2.length) % times2.length] ?? null;
  }
  show(studies) {
    this.#patients = byPatient(studies);
    this.#rows.clear();
    this.#groups = this.#patients.map((patient) => this.#group(patient));
    this.#root.replaceChildren(...this.#groups.map(({ root }) => root));
    this.#search.hidden = studies.length < 2;
    this.#filter();
    this.setCurrent(this.#current);
  }
  /** Whether series are listed only, and not opened. */
  lock(locked) {
    this.#locked = locked;
    for (const { button: button2, times: times2 } of this.#rows.values()) for (const control of [button2, ...controls(times2)]) control.disabled = locked;
  }
  setCurrent(seriesInstanceUid) {
    this.#current = seriesInstanceUid;
    const current = this.#rowOf(seriesInstanceUid);
    for (const row of this.#rows.values()) {
      if (row === current) row.button.setAttribute("aria-current", "true");
      else row.button.removeAttribute("aria-current");
      if (!row.times) continue;
      row.times.bar.hidden = row !== current;
      const [number2, count2] = [row.listed.times.indexOf(seriesInstanceUid ?? "") + 1, row.listed.times.length];
      if (row !== current) continue;
      row.times.slider.value = String(number2);
      row.times.slider.setAttribute("aria-valuetext", t("slice-of", { number: number2, count: count2 }));
      setText(row.times.told, `${number2} / ${count2}`);
    }
    const group = current && this.#groups.find(({ root }) => root.contains(current.item));
    if (group) unfold(group, true);
  }
  #rowOf(seriesInstanceUid) {
    return seriesInstanceUid === null ? null : this.#rows.get(seriesInstanceUid) ?? [...this.#rows.values()].find(({ listed: listed2 }) => listed2.times.includes(seriesInstanceUid)) ?? null;
  }
  /** Hides what the words of the search are not about; what they are about is seen in folded groups, too. */
  #filter() {
    const search = this.#search.hidden ? "" : this.#search.value;
    const searches = search.trim() !== "";
    this.#root.classList.toggle("searched", searches);
    let [shown, count2] = [0, 0];
    for (const { root, studies } of this.#groups) {
      for (const { study, root: root2, rows: rows2 } of studies) {
        for (const { listed: listed2, item } of rows2) item.hidden = !matches(search, { study, series: listed2.series });
        root2.hidden = rows2.length > 0 ? rows2.every(({ item }) => item.hidden) : search !== "";
        count2 += 1;
        if (!root2.hidden) shown += 1;
      }
      root.hidden = studies.every(({ root: root2 }) => root2.hidden);
    }
    setText(this.#found, !searches ? "" : shown === 0 ? t("none-found") : t("found-of", { number: shown, count: count2 }));
  }
  #group(patient) {
    const { study } = patient[0];
    const name = nameText(study.patientName);
    const words = [element("span", { class: "unseen" }, t("patient")), element("span", { class: "demographics" }, name || study.patientId || t("no-name"))];
    const heading = element("button", { type: "button", class: "fold", "aria-expanded": "true", title: t("fold-patient") }, ...words);
    const whose = [name === study.patientId ? "" : name && study.patientId, study.patientSex, dateText(study.patientBirthDate)].filter(Boolean).join(" · ");
    const studies = patient.map((listed2) => this.#study(listed2));
    const root = element("section", { class: "patient" }, element("h2", {}, heading), element("p", { class: "demographics" }, whose), ...studies.map(({ root: root2 }) => root2));
    const group = { root, heading, studies };
    heading.addEventListener("click", () => unfold(group, heading.getAttribute("aria-expanded") !== "true"));
    return group;
  }
  #study({ study, series }) {
    const rows2 = series.map((listed2) => this.#row(listed2));
    const date = element("span", { class: "demographics" }, dateText(study.date));
    const words = [...study.date ? [date] : [], ...study.date && study.description ? [" · "] : [], study.description];
    const heading = study.date || study.description ? [element("h3", {}, ...words)] : [];
    const root = element("section", { class: "study" }, ...heading, element("ul", {}, ...rows2.map(({ item }) => item)));
    return { study, root, rows: rows2 };
  }
  #row(listed2) {
    const { series, description, times: uids } = listed2;
    const uid = series.seriesInstanceUid;
    const picture = element("img", { src: `/thumbnail/${encodeURIComponent(uid)}?of=${this.#pictured}`, alt: "", loading: "lazy" });
    picture.addEventListener("error", () => picture.replaceWith(element("span", { "aria-hidden": "true" }, series.modality)));
    const title = [series.number, description || t("no-description")].filter((part) => part !== null).join(" · ");
    const size2 = uids.length > 1 ? `${dimsText(series.dims)} × ${uids.length}` : dimsText(series.dims);
    const button2 = element(
      "button",
      { type: "button", class: "series", title },
      element("span", { class: "thumbnail" }, picture),
      element(
        "span",
        { class: "series-text" },
        element("span", { class: "series-title" }, title),
        element("span", { class: "series-facts" }, [series.modality, size2].filter(Boolean).join(" · "))
      )
    );
    button2.disabled = this.#locked;
    const times2 = uids.length > 1 ? this.#times(uids) : null;
    button2.addEventListener("click", () => this.#owner.open(uid));
    const row = { listed: listed2, item: element("li", {}, button2, ...times2 ? [times2.bar] : []), button: button2, times: times2 };
    this.#rows.set(uid, row);
    return row;
  }
  /** What steps through the times of a 4D series. */
  #times(uids) {
    const slider = element("input", { type: "range", min: 1, max: uids.length, step: 1, "aria-label": t("time") });
    const told2 = element("span", { class: "time" });
    const step = (by, sign, label2) => {
      const button2 = element("button", { type: "button", class: "icon", "aria-label": label2, title: label2 }, sign);
      button2.addEventListener("click", () => this.#openTime(this.nextTime(this.#current, by)));
      return button2;
    };
    const steps = [step(-1, "‹", t("previous-time")), step(1, "›", t("next-time"))];
    slider.addEventListener("input", () => setText(told2, `${slider.value} / ${uids.length}`));
    slider.addEventListener("change", () => this.#openTime(uids[slider.valueAsNumber - 1] ?? null));
    for (const control of [slider, ...steps]) control.disabled = this.#locked;
    return { bar: element("div", { class: "times", hidden: true }, steps[0], slider, steps[1], told2), slider, told: told2, steps };
  }
  #openTime(seriesInstanceUid) {
    if (seriesInstanceUid !== null && seriesInstanceUid !== this.#current) this.#owner.openTime(seriesInstanceUid);
  }
};
function controls(times2) {
  return times2 ? [times2.slider, ...times2.steps] : [];
}
function unfold({ root, heading }, open) {
  root.classList.toggle("folded", !open);
  heading.setAttribute("aria-expanded", String(open));
}

// src/outbox.ts
var PASSING = ["ack", "ackDrawn", "ping", "repaint", "values", "accept", "stats", "offer", "candidate", "transport"];
var Outbox = class {
  /** Went by the channel for commands, oldest first; nothing tells yet that they were done. */
  #unproven = [];
  /** Wait until the server tells what was done, oldest first; null while nothing has to wait. */
  #held = null;
  /** A message went by the channel for commands. */
  sent(message, seq) {
    if (!PASSING.includes(message.type)) this.#unproven.push({ seq, message });
  }
  /** What was sent before this number was done: the channel keeps its order, and a later ping was answered. */
  proven(seq) {
    this.#unproven = this.#unproven.filter((command) => command.seq > seq);
  }
  /** WebRTC was given up: the server will tell what it has done of it. */
  left() {
    this.#held ??= [];
  }
  /** Takes a message that has to wait for those that may be lost; false where it may go. */
  holds(message) {
    if (!this.#held || PASSING.includes(message.type)) return false;
    const last = this.#held.at(-1);
    const isMove = (one) => one.type === "pointer" && one.kind === "move";
    if (last && isMove(last) && isMove(message) && "view" in last && "view" in message && last.view === message.view) this.#held.pop();
    this.#held.push(message);
    return true;
  }
  /** The server has done all up to this number of the channel, or nothing. Returns what to send now, in order. */
  done(seq) {
    const lost = this.#unproven.filter((command) => seq === null || command.seq > seq).map(({ message }) => message);
    const next = [...lost, ...this.#held ?? []];
    this.clear();
    return next;
  }
  /** Another connection tells what there is. */
  clear() {
    this.#unproven = [];
    this.#held = null;
  }
};

// src/webrtc.ts
var NOTE_BYTES = 48;
var NOTES_KEPT = 16;
var MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
var RESTART_MS = 5e3;
var COUNT_EVERY_MS = 500;
var COUNTS_KEPT = 11;
var QUIET_PATH_MS = 1500;
function whyNoWebRtc() {
  if (typeof RTCPeerConnection === "undefined") return "this browser has no WebRTC";
  return h264().length === 0 ? "this browser's WebRTC has no H.264" : null;
}
function h264() {
  const all = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  const isVideo2 = ({ mimeType, sdpFmtpLine }) => /\/h264$/i.test(mimeType) && /packetization-mode=1/.test(sdpFmtpLine ?? "");
  return all.some(isVideo2) ? all.filter((codec) => isVideo2(codec) || /\/rtx$/i.test(codec.mimeType)) : [];
}
function configuration(iceServers2) {
  const servers = iceServers2.map(({ urls, username, credential }) => ({
    urls: [...urls],
    ...username === void 0 ? {} : { username },
    ...credential === void 0 ? {} : { credential }
  }));
  return { iceServers: servers, bundlePolicy: "max-bundle" };
}
function lostShare(before, now) {
  const lost = Math.max(0, now.lost - before.lost);
  const sent = Math.max(0, now.received - before.received) + lost;
  return sent > 0 ? lost / sent : null;
}
var Film = class {
  /** Headers of pictures by RTP timestamp, oldest first. */
  #notes = /* @__PURE__ */ new Map();
  /** A picture whose note has not come. */
  #held = null;
  /** Since when there has been a note without its picture. */
  waitingSince = null;
  note(timestamp, frame, now) {
    if (this.#notes.has(timestamp)) return;
    this.#notes.set(timestamp, frame);
    this.waitingSince ??= now;
    const [oldest] = this.#notes.keys();
    if (this.#notes.size > NOTES_KEPT && oldest !== void 0) this.#notes.delete(oldest);
  }
  hold(timestamp, picture) {
    this.#held?.picture.close();
    this.#held = { timestamp, picture };
  }
  /** The picture that is held, once its note is there. A picture is taken only once. */
  take() {
    const frame = this.#held && this.#notes.get(this.#held.timestamp);
    if (!this.#held || !frame) return null;
    const { picture } = this.#held;
    this.#held = null;
    this.waitingSince = null;
    return [frame, picture];
  }
  close() {
    this.#held?.picture.close();
    this.#held = null;
  }
};
var Peer = class {
  #handlers;
  #peer;
  #commands;
  #moves;
  #tracks;
  #films = /* @__PURE__ */ new Map();
  #counting;
  #restart;
  #pieces = [];
  #pieceBytes = 0;
  #videoBytes = 0;
  /** All that came by the path, and since when nothing more did. */
  #came = { packets: 0, at: performance.now() };
  #counted = 0;
  /** Packets of the last seconds, oldest first, and how much their time on the way varies. */
  #packets = [];
  jitterMs = null;
  #closed = false;
  constructor(iceServers2, views2, handlers) {
    this.#handlers = handlers;
    this.#peer = new RTCPeerConnection(configuration(iceServers2));
    this.#commands = this.#channel("commands", {});
    this.#moves = this.#channel("moves", { ordered: false, maxRetransmits: 0 });
    this.#commands.onmessage = ({ data }) => data instanceof ArrayBuffer && this.#piece(data);
    this.#moves.onmessage = ({ data }) => data instanceof ArrayBuffer && this.#note(data);
    this.#tracks = views2.map((view) => {
      const transceiver = this.#peer.addTransceiver("video", { direction: "recvonly" });
      transceiver.setCodecPreferences(h264());
      const { receiver } = transceiver;
      receiver.jitterBufferTarget = 0;
      if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = 0;
      this.#films.set(view, new Film());
      this.#watch(receiver.track, view);
      return { transceiver, view };
    });
    this.#peer.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) handlers.signal({ type: "candidate", candidate: candidate.candidate });
    };
    this.#peer.onconnectionstatechange = () => this.#pathChanged();
    this.#counting = setInterval(() => void this.#count(), COUNT_EVERY_MS);
    void this.#offer({});
  }
  /** Other STUN and TURN servers, for when the path is looked for anew. */
  askElsewhere(iceServers2) {
    try {
      this.#peer.setConfiguration(configuration(iceServers2));
    } catch {
    }
  }
  async answer(sdp) {
    try {
      await this.#peer.setRemoteDescription({ type: "answer", sdp });
    } catch {
      this.#lose("the server's answer was not understood");
    }
  }
  /** Sends text; false where there is no way any more. What may be lost goes by `moves`. */
  send(text3, mayBeLost) {
    const channel2 = mayBeLost ? this.#moves : this.#commands;
    if (channel2.readyState !== "open") return false;
    channel2.send(text3);
    return true;
  }
  /** What part of the last seconds' packets did not come; null where there were none. */
  get lostShare() {
    const [before, now] = [this.#packets[0], this.#packets.at(-1)];
    return before && now ? lostShare(before, now) : null;
  }
  /** A later frame of this view came as a message: the view waits for no picture any more. */
  passed(view) {
    const film = this.#films.get(view);
    if (film) film.waitingSince = null;
  }
  /** For how long a picture that was announced has not come. */
  waitedMs(now) {
    return Math.max(0, ...[...this.#films.values()].map(({ waitingSince }) => waitingSince === null ? 0 : now - waitingSince));
  }
  close() {
    this.#closed = true;
    clearTimeout(this.#restart);
    clearInterval(this.#counting);
    this.#peer.onconnectionstatechange = this.#peer.onicecandidate = null;
    for (const channel2 of [this.#commands, this.#moves]) channel2.onopen = channel2.onclose = channel2.onmessage = null;
    for (const film of this.#films.values()) film.close();
    this.#peer.close();
  }
  #channel(name, options) {
    const channel2 = this.#peer.createDataChannel(name, options);
    channel2.binaryType = "arraybuffer";
    channel2.onopen = () => {
      if (this.#commands.readyState === "open" && this.#moves.readyState === "open") this.#handlers.opened();
    };
    channel2.onclose = () => this.#lose("the server closed it");
    return channel2;
  }
  async #offer(options) {
    try {
      await this.#peer.setLocalDescription(await this.#peer.createOffer(options));
    } catch {
      return this.#lose("the browser made no offer");
    }
    const sdp = this.#peer.localDescription?.sdp;
    if (!sdp || this.#closed) return;
    const tracks = this.#tracks.map(({ transceiver: { mid }, view }) => ({ mid: mid ?? "", view }));
    this.#handlers.signal({ type: "offer", sdp, tracks });
  }
  /** A path that falls silent is looked for anew; one that is not found in time is lost. */
  #pathChanged() {
    const { connectionState } = this.#peer;
    if (connectionState === "connected") this.#pathFound();
    if (connectionState === "disconnected" || connectionState === "failed") this.#findPath();
  }
  #pathFound() {
    clearTimeout(this.#restart);
    this.#restart = void 0;
  }
  /** Begins ICE anew. */
  #findPath() {
    if (this.#restart !== void 0) return;
    this.#restart = setTimeout(() => this.#lose("the path by UDP broke"), RESTART_MS);
    void this.#offer({ iceRestart: true });
  }
  #lose(reason) {
    if (!this.#closed) this.#handlers.lost(reason);
  }
  #piece(data) {
    this.#handlers.received(data.byteLength);
    const flags = new Uint8Array(data)[0] ?? 0;
    this.#pieces.push(new Uint8Array(data, 1));
    this.#pieceBytes += data.byteLength - 1;
    if (this.#pieceBytes > MAX_MESSAGE_BYTES) return this.#lose("the server's message had no end");
    if ((flags & 1) === 0) return;
    const whole = new Uint8Array(this.#pieceBytes);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.byteLength;
    }
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.#handlers.message((flags & 2) === 0 ? whole.buffer : new TextDecoder().decode(whole));
  }
  #note(data) {
    this.#handlers.received(data.byteLength);
    try {
      for (let at = 0; at + NOTE_BYTES <= data.byteLength; at += NOTE_BYTES) {
        const timestamp = new DataView(data).getUint32(at, true);
        const frame = parseHeader(data.slice(at + 4, at + NOTE_BYTES));
        this.#films.get(frame.view)?.note(timestamp, frame, performance.now());
        this.#deliver(frame.view);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#lose("a note of the server's was not understood");
    }
  }
  #picture(view, timestamp, picture) {
    const film = this.#films.get(view);
    if (this.#closed || !film) return picture.close();
    film.hold(timestamp, picture);
    this.#deliver(view);
  }
  #deliver(view) {
    const taken = this.#films.get(view)?.take();
    if (taken) this.#handlers.picture(...taken);
  }
  /** Hands on the pictures of a track, each with the RTP timestamp that it came with. */
  #watch(track, view) {
    if (typeof MediaStreamTrackProcessor === "undefined") return this.#watchBySight(track, view);
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    const read = async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        const { rtpTimestamp } = next.value.metadata();
        if (rtpTimestamp === void 0) next.value.close();
        else this.#picture(view, rtpTimestamp, next.value);
      }
    };
    read().catch(() => this.#lose("the browser stopped decoding"));
  }
  /** The same by an element that plays the track: some 10 ms later, and in every browser. */
  #watchBySight(track, view) {
    const video = document.createElement("video");
    video.muted = video.playsInline = true;
    video.srcObject = new MediaStream([track]);
    const next = (_, { rtpTimestamp }) => {
      if (this.#closed) return;
      video.requestVideoFrameCallback(next);
      if (rtpTimestamp === void 0) return;
      void createImageBitmap(video).then((picture) => this.#picture(view, rtpTimestamp, picture), () => void 0);
    };
    video.requestVideoFrameCallback(next);
    video.play().catch(() => void 0);
  }
  /** Browsers call a path disconnected after some 5 s; the server gives it up after 10 s. */
  #watchPath(packets, now) {
    const isLate = now - this.#counted > 2 * COUNT_EVERY_MS;
    this.#counted = now;
    if (packets !== this.#came.packets || isLate) {
      this.#came = { packets, at: now };
      if (this.#peer.connectionState === "connected") this.#pathFound();
    } else if (this.#peer.connectionState === "connected" && now - this.#came.at > QUIET_PATH_MS) {
      this.#findPath();
    }
  }
  async #count() {
    const reports = await this.#peer.getStats();
    let [bytes, packets] = [0, 0];
    const videos = { received: 0, lost: 0 };
    let jitter = 0;
    reports.forEach((report) => {
      if (report.type === "inbound-rtp") {
        bytes += report.bytesReceived ?? 0;
        videos.received += report.packetsReceived ?? 0;
        videos.lost += report.packetsLost ?? 0;
        jitter = Math.max(jitter, report.jitter ?? 0);
      }
      if (report.type === "candidate-pair") packets += (report.packetsReceived ?? 0) + (report.responsesReceived ?? 0);
    });
    this.#packets.push(videos);
    if (this.#packets.length > COUNTS_KEPT) this.#packets.shift();
    this.jitterMs = videos.received > 0 ? jitter * 1e3 : null;
    this.#watchPath(packets, performance.now());
    if (bytes > this.#videoBytes) this.#handlers.received(bytes - this.#videoBytes);
    this.#videoBytes = bytes;
  }
};

// src/link.ts
var TICK_MS = 250;
var ACK_AGAIN_MS = 100;
var PING_MS = 500;
var VIDEO_FAILURES = 2;
var Link = class {
  #handlers;
  #connection;
  #ladder;
  #views;
  #peer = null;
  #iceServers = [];
  #videos = [];
  #videoFailures = 0;
  #accepted = "";
  #pictured = false;
  #roundTripMs = null;
  /** When something last came by WebRTC, and when it was asked for since. */
  #heard = 0;
  #asked = null;
  #pinged = 0;
  #outbox = new Outbox();
  /** The newest ping by the channel for commands: once it is answered, all before it was done. */
  #proof = null;
  #acks = /* @__PURE__ */ new Map();
  constructor(views2, handlers, around, resumeToken, pinned) {
    this.#views = views2;
    this.#handlers = handlers;
    this.#ladder = new Ladder(pinned);
    this.#connection = new Connection(
      {
        state: (state) => this.#state(state),
        message: (message) => this.#message(message),
        frame: (frame) => this.#frame(frame),
        values: handlers.values,
        received: handlers.received,
        fault: handlers.fault
      },
      around,
      resumeToken
    );
    setInterval(() => this.#tick(), TICK_MS);
  }
  /** Connects for the first time. */
  async start() {
    this.#videos = await decodableVideos();
    this.connect();
  }
  /** Connects now; also cuts the pause before the next attempt short. */
  connect() {
    this.#connection.connect();
  }
  /** Sends a message. Returns its number, or null when there is no connection. */
  send(message) {
    if (this.#outbox.holds(message)) return this.#connection.newestSeq;
    let byCommands = false;
    const seq = this.#connection.send(message, (text3) => {
      const lane = this.#carry(message, text3);
      byCommands = lane === "commands";
      return lane !== null;
    });
    if (seq !== null && byCommands) this.#carried(message, seq);
    if (asks(message)) this.#ask(performance.now());
    return seq;
  }
  get resumeToken() {
    return this.#connection.resumeToken;
  }
  get transport() {
    return this.#ladder.transport;
  }
  /** Why pictures do not come the best way; empty when they do. */
  get reason() {
    return this.#ladder.reason;
  }
  /** How many packets get lost, and how much their time on the way varies; null where it is not known. */
  get losses() {
    return { lostShare: this.#peer?.lostShare ?? null, jitterMs: this.#peer?.jitterMs ?? null };
  }
  get roundTripMs() {
    return this.#roundTripMs;
  }
  /** A picture is on screen: what is better may be tried now. */
  shown() {
    this.#pictured = true;
  }
  /** A video that came by WebSocket could not be decoded. */
  videoFailed() {
    this.#videoFailures += 1;
    if (this.#videoFailures < VIDEO_FAILURES) return;
    this.#videoFailures = 0;
    this.#ladder.videoFailed("the decoder failed", performance.now());
    this.#accept();
  }
  #state(state) {
    if (state.kind !== "connected" && state.kind !== "silent") {
      this.#closePeer();
      this.#outbox.clear();
    }
    this.#handlers.state(state);
  }
  #message(message) {
    const now = performance.now();
    switch (message.type) {
      case "connected": {
        this.#iceServers = message.iceServers ?? [];
        const noWebRtc = message.iceServers === null ? "the server has none" : whyNoWebRtc();
        const noVideo = this.#videos.length > 0 ? null : "this browser decodes none on this page";
        this.#ladder.begin(noWebRtc, noVideo, now);
        this.#pictured = false;
        this.#accepted = "";
        this.#accept();
        break;
      }
      case "pong":
        this.#roundTripMs = now - message.time;
        if (this.#asked !== null && message.time >= this.#asked) this.#asked = null;
        if (this.#proof?.time === message.time) this.#outbox.proven(this.#proof.seq);
        return;
      case "done":
        for (const lost of this.#outbox.done(message.seq)) this.send(lost);
        return;
      case "iceServers":
        this.#iceServers = message.iceServers;
        this.#peer?.askElsewhere(message.iceServers);
        return;
      case "answer":
        void this.#peer?.answer(message.sdp);
        return;
      case "transport":
        if (message.transport === "websocket") this.#webRtcFailed(message.reason);
        return;
      case "error":
        if (message.code === "webrtcFailed") return this.#webRtcFailed(message.message);
        break;
    }
    this.#handlers.message(message);
  }
  #frame(frame) {
    this.#peer?.passed(frame.view);
    this.#handlers.frame(frame, null);
  }
  /** Tells what can be decoded, and drawn, where that has changed. */
  #accept() {
    const codecs = ["jpeg", "png", "webp", "drawings", ...this.#ladder.takesVideo ? this.#videos : []];
    if (codecs.join() === this.#accepted) return;
    this.#accepted = codecs.join();
    this.send({ type: "accept", codecs });
  }
  // --- WebRTC ------------------------------------------------------------------------------------------------------
  #tick() {
    const now = performance.now();
    if (this.#ladder.triesVideo(now)) this.#accept();
    if (this.#asked !== null) this.#ask(now);
    const health = {
      waitedMs: this.#peer?.waitedMs(now) ?? 0,
      silentMs: this.#asked === null ? 0 : now - Math.max(this.#asked, this.#heard)
    };
    const fault = this.#ladder.webRtcFault(health, now);
    if (fault !== null) this.#leaveWebRtc(fault);
    else if (this.#pictured && this.#ladder.triesWebRtc(now)) this.#tryWebRtc();
  }
  #tryWebRtc() {
    try {
      this.#peer = this.#newPeer();
    } catch (error) {
      this.#webRtcFailed(`the browser refused it (${error instanceof Error ? error.message : String(error)})`);
    }
  }
  #newPeer() {
    return new Peer(this.#iceServers, this.#views, {
      signal: (message) => this.send(message),
      opened: () => {
        this.#ladder.webRtcOpened(performance.now());
        this.#accept();
        this.send({ type: "transport", transport: "webrtc", keeps: true });
      },
      message: (data) => {
        this.#used();
        this.#connection.receive(data);
      },
      picture: (frame, picture) => {
        this.#used();
        this.#handlers.frame(frame, picture);
      },
      received: (bytes) => {
        this.#heard = performance.now();
        this.#handlers.received(bytes);
      },
      lost: (reason) => this.#leaveWebRtc(reason)
    });
  }
  #used() {
    this.#ladder.webRtcUsed(performance.now());
  }
  /** Has the server go back to the WebSocket; every view begins anew there. */
  #leaveWebRtc(reason) {
    if (!this.#peer) return;
    this.#webRtcFailed(reason);
    this.send({ type: "transport", transport: "websocket" });
  }
  #webRtcFailed(reason) {
    if (this.#ladder.transport === "webrtc") this.#outbox.left();
    this.#closePeer();
    this.#ladder.webRtcFailed(reason, performance.now());
    this.#accept();
  }
  #closePeer() {
    this.#peer?.close();
    this.#peer = null;
    this.#asked = null;
    for (const timer of this.#acks.values()) clearTimeout(timer);
    this.#acks.clear();
  }
  /** Messages go by WebRTC once something came by it: only then has the server changed over. */
  #carry(message, text3) {
    const peer = this.#peer;
    if (!peer || this.#ladder.transport !== "webrtc") return null;
    const by = (lane) => peer.send(text3, lane === "moves") ? lane : null;
    switch (message.type) {
      case "offer":
      case "candidate":
      case "transport":
        return null;
      case "ack":
        this.#acknowledgeAgain(message);
        return by("moves");
      case "pointer":
        return by(message.kind === "move" ? "moves" : "commands");
      default:
        return by("commands");
    }
  }
  /** A message went by the channel for commands. */
  #carried(message, seq) {
    if (message.type === "ping") this.#proof = { time: message.time, seq };
    this.#outbox.sent(message, seq);
  }
  #acknowledgeAgain(message) {
    clearTimeout(this.#acks.get(message.view));
    const again = () => {
      this.#acks.delete(message.view);
      this.#connection.send(message, (text3) => this.#peer?.send(text3, false) ?? false);
    };
    this.#acks.set(message.view, setTimeout(again, ACK_AGAIN_MS));
  }
  /** Input may change nothing and so bring no picture; a ping is always answered. */
  #ask(now) {
    if (this.#ladder.transport !== "webrtc") return;
    this.#asked ??= now;
    if (now - this.#pinged < PING_MS) return;
    this.#pinged = now;
    this.send({ type: "ping", time: now });
  }
};
function asks({ type }) {
  return ["pointer", "wheel", "pinch", "scroll", "rotate", "window", "preset", "reset"].includes(type);
}

// src/rendering.ts
var CHOICES = ["automatic", "local", "remote"];
var WANTED = 30;
var AGAIN = 36;
var SLOW_MS = 5e3;
var PAUSE_MS3 = 1e3;
var STAY_MS = 6e4;
var STAY_AT_MOST_MS = 6e5;
var WORTH_S = 180;
var SMALL_BYTES = 8 << 20;
var COARSE = 1;
var Rendering = class {
  #choice;
  #allowed = null;
  #adapter;
  #noAdapter = "";
  /** Of the series' voxels, about; null while none is open. */
  #bytes = null;
  #most;
  /** The finest voxels that are here: how often they were halved. */
  #level = null;
  #bytesPerSecond = null;
  #framesPerSecond = null;
  /** Since when the voxels that are here were to be measured again. */
  #toMeasure = false;
  #failed = "";
  #slow = null;
  #stayUntil = null;
  #stay = STAY_MS;
  #local = false;
  /** `bytesPerSecond` is what the browser thinks of the way, where it says so. */
  constructor(choice, mostBytes, bytesPerSecond = null) {
    this.#choice = choice;
    this.#most = mostBytes;
    this.#bytesPerSecond = bytesPerSecond;
  }
  get choice() {
    return this.#choice;
  }
  choose(choice) {
    this.#choice = choice;
    this.#failed = "";
    this.#forgive();
    this.#decide();
  }
  /** Whether the server hands out voxels. */
  connected(allowed) {
    this.#allowed = allowed;
    this.#decide();
  }
  /** What there is to draw with, or why nothing is. */
  found(adapter, why = "") {
    this.#adapter = adapter;
    this.#noAdapter = why;
    this.#decide();
  }
  /** Another series is open, with about so many bytes of voxels. */
  opened(bytes) {
    this.#bytes = bytes;
    this.#level = this.#framesPerSecond = null;
    this.#failed = "";
    this.#local = this.#toMeasure = false;
    this.#forgive();
    this.#decide();
  }
  /** Voxels are here that were halved so often; the way carried so many bytes a second. */
  arrived(level, bytesPerSecond) {
    this.#level = level;
    this.#bytesPerSecond = bytesPerSecond;
    this.#toMeasure = true;
    this.#decide();
  }
  /** The series' own view took so long to draw while it turned. */
  measured(ms) {
    this.#toMeasure = false;
    this.#framesPerSecond = 1e3 / ms;
    if (this.#stayUntil !== null) {
      if (this.#framesPerSecond < AGAIN) return;
      this.#stayUntil = null;
    }
    this.#decide();
  }
  /** This computer cannot go on, for this reason; it is not tried again before the user or another series asks for it. */
  failed(why) {
    this.#failed = why;
    this.#decide();
  }
  /** A picture of what moves was drawn here. */
  drew(ms, now) {
    if (!this.#local || this.#choice !== "automatic") return;
    const slow = this.#slow && now - this.#slow.last <= PAUSE_MS3 ? this.#slow : null;
    if (1e3 / ms >= WANTED) {
      this.#slow = null;
      return;
    }
    this.#slow = { since: slow?.since ?? now, last: now };
    if (now - this.#slow.since < SLOW_MS) return;
    this.#framesPerSecond = 1e3 / ms;
    this.#stayUntil = now + this.#stay;
    this.#stay = Math.min(this.#stay * 2, STAY_AT_MOST_MS);
    this.#slow = null;
    this.#decide();
  }
  /** Whether it is worth to look at what there is to draw with. */
  get tries() {
    return this.#choice !== "remote" && this.#failed === "" && this.#allowed !== false;
  }
  /** Whether it is time to measure the voxels that are here. */
  measures(now) {
    if (this.#choice !== "automatic" || this.#level === null || this.#obstacle !== "") return false;
    return this.#toMeasure || this.#stayUntil !== null && now >= this.#stayUntil;
  }
  /** A measurement was begun after `measures`: the next one is due a while later. */
  measuring(now) {
    this.#toMeasure = false;
    if (this.#stayUntil !== null) this.#stayUntil = now + this.#stay;
  }
  get source() {
    return this.#local ? "local" : "remote";
  }
  /** Which voxels to fetch now: how often halved. Null for none. */
  get wants() {
    if (this.#bytes === null || this.#level === 0 || this.#obstacle !== "") return null;
    if (this.#choice === "automatic" && this.#worth !== "") return null;
    if (this.#level === null) return this.#bytes > SMALL_BYTES ? COARSE : 0;
    return this.#choice === "local" || this.#framesPerSecond !== null ? 0 : null;
  }
  /** Why it is drawn where it is drawn, in words. */
  get reason() {
    if (this.#choice === "remote") return t("you-chose");
    const obstacle = this.#obstacle || this.#worth;
    if (obstacle !== "") return obstacle;
    const rate = this.#framesPerSecond;
    const drawn2 = this.#drawn(rate);
    if (this.#local) return this.#choice === "local" ? t("you-chose") : drawn2;
    if (this.#stayUntil !== null) return t("fewer-later", { drawn: drawn2, wanted: WANTED });
    if (this.#adapter === void 0) return t("looked-at");
    return t("on-their-way");
  }
  /** What forbids to draw here, whatever it would gain. */
  get #obstacle() {
    if (this.#choice === "remote") return t("you-chose");
    if (this.#failed !== "") return this.#failed;
    if (this.#allowed === false) return t("no-voxels");
    if (this.#adapter === null) return this.#noAdapter;
    const mib = (bytes) => Math.round(bytes / (1 << 20));
    if (this.#bytes !== null && this.#bytes > this.#most) return t("volume-takes", { needed: mib(this.#bytes), most: mib(this.#most) });
    if (this.#choice === "automatic" && this.#adapter?.software) return t("only-emulates", { card: this.#adapter.name });
    return this.#adapter === void 0 || this.#allowed === null ? t("not-known-yet") : "";
  }
  /** What speaks against it where the user leaves the choice. */
  get #worth() {
    if (this.#choice !== "automatic" || this.#local || this.#stayUntil !== null) return "";
    const rate = this.#framesPerSecond;
    if (rate !== null && rate < WANTED) return t("fewer-than", { drawn: this.#drawn(rate), wanted: WANTED });
    if (this.#level === 0 || this.#bytesPerSecond === null || this.#bytes === null) return "";
    const seconds = this.#bytes / 2 / this.#bytesPerSecond;
    return seconds > WORTH_S ? t("would-take", { minutes: Math.ceil(seconds / 60) }) : "";
  }
  #drawn(rate) {
    const card = this.#adapter?.name ?? t("the-card");
    return rate === null ? t("card-draws-some", { card }) : t("card-draws", { card, rate: rate.toFixed(0) });
  }
  #forgive() {
    this.#slow = this.#stayUntil = null;
    this.#stay = STAY_MS;
  }
  #decide() {
    const here = this.#level !== null && this.#obstacle === "";
    if (!here || this.#stayUntil !== null) this.#local = false;
    else if (this.#choice === "local") this.#local = true;
    else if (!this.#local) this.#local = this.#level === 0 && this.#framesPerSecond !== null && !this.#toMeasure && this.#framesPerSecond >= WANTED;
  }
};

// src/local.ts
var UNTOLD_GIB = 4;
var SHARE = 0.25;
var TICK_MS2 = 1e3;
var CHOSEN = "voxcast.rendering";
var INPUT = ["pointer", "wheel", "pinch", "scroll", "rotate", "window"];
var DECIDED = ["preset", "reset", "layout"];
var Local = class {
  #owner;
  #views;
  #rendering;
  #mostBytes;
  #mine = /* @__PURE__ */ new Map();
  /** Views with a button held. */
  #held = /* @__PURE__ */ new Set();
  #worker = null;
  #ready = false;
  #series = null;
  #fetching = null;
  #coming = "";
  #live = false;
  constructor(views2, owner) {
    this.#views = views2;
    this.#owner = owner;
    const { deviceMemory, connection } = navigator;
    const gib = deviceMemory ?? UNTOLD_GIB;
    const bytesPerSecond = connection?.downlink ? connection.downlink * 1e6 / 8 : null;
    this.#mostBytes = gib * SHARE * 2 ** 30;
    const chosen = localStorage.getItem(CHOSEN);
    this.#rendering = new Rendering(CHOICES.find((choice) => choice === chosen) ?? "automatic", this.#mostBytes, bytesPerSecond);
    setInterval(() => this.#step(), TICK_MS2);
  }
  get choice() {
    return this.#rendering.choice;
  }
  choose(choice) {
    localStorage.setItem(CHOSEN, choice);
    this.#rendering.choose(choice);
    this.#step();
  }
  /** Who draws a view, in words, and why. */
  words(view) {
    const mine = this.#mine.get(view);
    const source = mine?.here ? "local" : "remote";
    const { reason } = this.#rendering;
    if (this.#rendering.source === "remote") return { source, reason: this.#coming || reason };
    return { source, reason: mine?.unable || (this.#coming ? `${reason}; ${this.#coming}` : reason) };
  }
  draws(view) {
    return this.#mine.get(view)?.here ?? false;
  }
  /** Whether the server hands out voxels. */
  connected(allowed) {
    this.#rendering.connected(allowed);
  }
  /** The session tells what it shows: from now on it may be taken over. */
  begun() {
    this.#live = true;
    this.#step();
  }
  /** The connection is gone; the server draws once it is back. */
  lost() {
    this.#live = false;
    this.#held.clear();
    for (const view of [...this.#mine.keys()]) this.#giveBack(view);
  }
  opened(series) {
    this.#forget();
    this.#series = series;
    const voxels = series.dims.reduce((product, n) => product * n, 1);
    this.#rendering.opened(voxels * 2);
    if (this.#ready) this.#ask({ do: "series", opened: JSON.stringify(series) });
    this.#step();
  }
  /** Another series is wanted. */
  #forget() {
    this.#series = null;
    this.#fetching = null;
    this.#coming = "";
    for (const view of [...this.#mine.keys()]) this.#giveBack(view);
    this.#mine.clear();
  }
  /**
   * A message of the page's, before it is sent. Returns whether it was done here, and the server is told by and by.
   */
  takes(message) {
    const view = "view" in message ? message.view : void 0;
    if (message.type === "pointer" && message.kind !== "move") {
      if (message.kind === "press") this.#held.add(message.view);
      else this.#held.delete(message.view);
    }
    const mine = view === void 0 ? void 0 : this.#mine.get(view);
    if (view !== void 0 && mine?.here) {
      if (message.type === "values" || message.type === "repaint") return true;
      if (INPUT.includes(message.type)) {
        mine.moved = true;
        const ends = message.type === "pointer" && message.kind === "release" && this.#held.size === 0;
        const hand = ends ? "lets go" : this.#held.has(view) ? "holds" : "free";
        this.#ask({ do: "input", view, message: JSON.stringify({ ...message, seq: 1 }), hand });
        return true;
      }
    } else if (mine && INPUT.includes(message.type)) mine.stale = true;
    if (message.type === "pointer" && message.kind === "release") this.#step();
    return false;
  }
  /** A message of the page's that was sent. */
  sent(message) {
    if (!DECIDED.includes(message.type)) return;
    for (const [view, mine] of this.#mine) {
      mine.unable = "";
      if (mine.here || mine.asked) this.#askState(view, mine);
    }
    if (message.type === "layout") this.#step();
  }
  /** What the server tells of a view that it was asked for. */
  state(told2) {
    const mine = this.#mine.get(told2.view);
    if (!mine?.asked) return;
    mine.asked = false;
    if (this.#rendering.source === "remote" || told2.seriesInstanceUid !== this.#series?.seriesInstanceUid) return;
    if (mine.stale && !mine.here) return this.#askState(told2.view, mine);
    this.#ask({ do: "show", view: told2.view, told: JSON.stringify(told2), keepPlace: mine.here && mine.moved });
    mine.moved = false;
  }
  #askState(view, mine) {
    [mine.asked, mine.stale, mine.moved] = [true, false, false];
    this.#owner.send({ type: "askState", view });
  }
  /** Does what is next: fetch, measure, take over views or give them back. */
  #step() {
    const rendering = this.#rendering;
    const now = performance.now();
    if (rendering.tries && !this.#worker && this.#series) this.#open();
    if (!this.#live || !this.#series) return this.#owner.told();
    if (this.#ready) {
      const { wants } = rendering;
      if (wants !== null && wants !== this.#fetching) {
        this.#fetching = wants;
        const url = `/voxels/${encodeURIComponent(this.#series.seriesInstanceUid)}/${wants}`;
        this.#ask({ do: "fetch", url, level: wants, mostBytes: this.#mostBytes });
      }
      if (rendering.measures(now)) {
        rendering.measuring(now);
        this.#ask({ do: "measure" });
      }
    }
    if (this.#held.size === 0) {
      for (const view of this.#views) {
        if (rendering.source === "local") this.#takeOver(view);
        else if (this.#mine.has(view)) this.#giveBack(view);
      }
    }
    this.#owner.told();
  }
  #takeOver(view) {
    const mine = this.#mine.get(view) ?? { asked: false, stale: false, here: false, moved: false, unable: "" };
    this.#mine.set(view, mine);
    if (!mine.here && !mine.asked && mine.unable === "") this.#askState(view, mine);
  }
  /** The worker first says where the view is; then the server is told to draw it. */
  #giveBack(view) {
    if (this.#mine.get(view)?.here) this.#ask({ do: "hide", view });
    this.#mine.delete(view);
  }
  #ask(ask) {
    this.#worker?.postMessage(ask);
  }
  #open() {
    const worker = this.#worker = new Worker("/local.js", { type: "module" });
    const gone = () => this.#fail(t("worker-ended"));
    worker.addEventListener("error", gone);
    worker.addEventListener("messageerror", gone);
    worker.addEventListener("message", ({ data }) => this.#told(data));
    this.#ask({ do: "open" });
  }
  #told(tell) {
    switch (tell.is) {
      case "opened":
        this.#ready = true;
        if (this.#series) this.#ask({ do: "series", opened: JSON.stringify(this.#series) });
        this.#rendering.found({ name: tell.name, software: tell.software });
        break;
      case "absent":
        this.#rendering.found(null, tell.why);
        break;
      case "coming":
        this.#coming = t(tell.level > 0 ? "coarse-voxels-coming" : "voxels-coming", { percent: Math.round(tell.share * 100) });
        return this.#owner.told();
      case "arrived":
        this.#fetching = null;
        this.#coming = "";
        this.#rendering.arrived(tell.level, tell.bytes / Math.max(tell.ms, 1) * 1e3);
        break;
      case "refused":
        this.#fetching = null;
        this.#coming = "";
        this.#rendering.failed(tell.why);
        break;
      case "measured":
        this.#rendering.measured(tell.ms);
        break;
      case "shown":
        return this.#showed(tell.view, tell.why);
      case "moves":
        return this.#owner.moves(tell.view);
      case "hidden":
        return this.#owner.changed();
      case "picture":
        return this.#picture(tell);
      case "set":
        this.#owner.send(JSON.parse(tell.message));
        return;
      case "failed":
        return this.#fail(tell.why);
    }
    this.#step();
  }
  /** A view is in the worker's hands, or cannot be. */
  #showed(view, why) {
    const mine = this.#mine.get(view);
    if (!mine) return this.#ask({ do: "hide", view });
    const changed2 = mine.here !== (why === "");
    [mine.here, mine.unable] = [why === "", why];
    if (changed2) this.#owner.changed();
    this.#owner.told();
  }
  #picture({ view, bitmap, info, final, moving, ms }) {
    if (!this.draws(view)) return bitmap.close();
    if (moving) this.#rendering.drew(ms, performance.now());
    const state = parseMessage(info);
    if (state.type === "view") this.#owner.picture(view, bitmap, state, final, ms);
    else bitmap.close();
    if (this.#rendering.source === "remote") this.#step();
  }
  /** Whatever was drawn here is the server's again. */
  #fail(why) {
    const drew = this.#rendering.source === "local";
    this.#rendering.failed(why);
    this.#held.clear();
    for (const view of [...this.#mine.keys()]) this.#giveBack(view);
    this.#worker?.terminate();
    this.#worker = null;
    this.#ready = false;
    this.#fetching = null;
    this.#coming = "";
    if (this.#series) this.#rendering.opened(this.#series.dims.reduce((product, n) => product * n, 2));
    this.#rendering.failed(why);
    this.#owner.changed();
    if (drew) this.#owner.fault(t("from-server-again", { reason: why }));
    this.#owner.told();
  }
};

// src/notices.ts
var ANNOUNCE_MS = 500;
var MOST_MESSAGES = 4;
var Notices = class {
  #announceTimer;
  /** Who draws the active view, and why. */
  showSource({ source, reason }) {
    const who = t(source === "local" ? "this-computer" : "the-server");
    const where = byId("drawn-by", HTMLElement);
    setText(where, who);
    where.title = t("drawn-by-because", { who, reason });
    byId("source", HTMLSelectElement).title = where.title;
  }
  showLoading(done, total) {
    const loading = byId("loading", HTMLDivElement);
    loading.hidden = done >= total;
    setText(byId("loading-text", HTMLSpanElement), t("loading-slices", { done, total }));
    const bar = byId("loading-bar", HTMLProgressElement);
    bar.max = Math.max(1, total);
    bar.value = done;
  }
  showSelfCheck(series) {
    const check = series.selfCheck;
    const lists = [[t("found"), check.found], [t("corrected"), check.corrected], [t("not-known"), check.unknown]];
    const told2 = lists.filter(([, lines2]) => lines2.length > 0).flatMap(([title, lines2]) => [
      element("h3", {}, title),
      element("ul", {}, ...lines2.map((line) => element("li", {}, sentence(line))))
    ]);
    byId("self-check", HTMLDivElement).replaceChildren(...told2);
  }
  report(text3) {
    const messages = byId("messages", HTMLDivElement);
    const same = [...messages.children].find((child) => child.firstChild?.textContent === text3);
    if (same) return;
    const close = element("button", { type: "button", class: "icon", "aria-label": t("dismiss") }, "×");
    const message = element("div", { class: "message" }, element("span", {}, text3), close);
    close.addEventListener("click", () => message.remove());
    messages.append(message);
    if (messages.children.length > MOST_MESSAGES) messages.firstElementChild?.remove();
  }
  announce(text3) {
    clearTimeout(this.#announceTimer);
    this.#announceTimer = setTimeout(() => setText(byId("live", HTMLParagraphElement), text3), ANNOUNCE_MS);
  }
};

// src/owners.ts
var Owners = class {
  #of;
  /** `kept` is what a page before this one knew. */
  constructor(kept = {}) {
    this.#of = new Map(Object.entries(kept));
  }
  /** The series that were another patient's, or of another study, before. */
  take(studies) {
    const changed2 = /* @__PURE__ */ new Set();
    for (const study of studies) {
      const digits = digitsOf(study);
      for (const { seriesInstanceUid } of study.series) {
        const before = this.#of.get(seriesInstanceUid);
        if (before !== void 0 && before !== digits) changed2.add(seriesInstanceUid);
        this.#of.set(seriesInstanceUid, digits);
      }
    }
    return changed2;
  }
  /** What is known of these. */
  of(series) {
    return Object.fromEntries(series.flatMap((one) => this.#of.has(one) ? [[one, this.#of.get(one)]] : []));
  }
};
function digitsOf({ studyInstanceUid, patientId, patientName, patientBirthDate }) {
  const text3 = JSON.stringify([studyInstanceUid, patientId, patientName, patientBirthDate]);
  let [a, b] = [1, 7];
  for (const letter of text3) {
    const code = letter.codePointAt(0);
    a = Math.imul(a, 31) + code >>> 0;
    b = (Math.imul(b, 65599) ^ code) >>> 0;
  }
  return `${a.toString(16)}-${b.toString(16)}`;
}

// src/player.ts
var SLICES_PER_SECOND = 15;
var Player = class {
  #active;
  #timer;
  constructor(active) {
    this.#active = active;
  }
  get plays() {
    return this.#timer !== void 0;
  }
  toggle() {
    if (this.plays) this.stop();
    else this.#timer = setInterval(() => this.#step(), 1e3 / SLICES_PER_SECOND);
  }
  stop() {
    clearInterval(this.#timer);
    this.#timer = void 0;
  }
  /** The last is followed by the first. A way that is too slow leaves out nothing, and plays slower. */
  #step() {
    const viewport = this.#active();
    const { state } = viewport;
    if (state?.slice == null || viewport.wantedSlice !== null) return;
    viewport.showSlice(state.slice === state.slices ? 1 : state.slice + 1);
  }
};

// src/snapshot.ts
var TEXTS = ".corner > div:not(.ruler), .title, .badge, .letter, .ruler > span";
function snapshot(root, named2) {
  const pictures = [...root.querySelectorAll(".surface canvas:not([hidden])")];
  const [first] = pictures;
  if (!first || first.width === 0) return null;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [first.width, first.height];
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) return null;
  for (const picture of pictures) context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const box2 = root.getBoundingClientRect();
  const by = Math.min(canvas.width / box2.width, canvas.height / box2.height);
  context.translate((canvas.width - box2.width * by) / 2, (canvas.height - box2.height * by) / 2);
  context.scale(by, by);
  context.translate(-box2.left, -box2.top);
  for (const sketch2 of root.querySelectorAll(".sketch")) drawSvg(context, sketch2);
  for (const ruler2 of root.querySelectorAll(".ruler:not([hidden]) svg")) drawSvg(context, ruler2);
  for (const line of root.querySelectorAll(TEXTS)) {
    if (line.closest(".demographics") ? named2 : line.checkVisibility()) write(context, line);
  }
  context.font = `600 12px ${getComputedStyle(root).fontFamily}`;
  context.textAlign = "center";
  outlined(context, t("notice"), box2.left + box2.width / 2, box2.bottom - 34, "#f2b84b");
  return canvas;
}
function drawSvg(context, svg2) {
  const { left, top } = svg2.getBoundingClientRect();
  context.save();
  context.translate(left, top);
  for (const shape2 of svg2.querySelectorAll("path, circle, rect, tspan")) {
    const style = getComputedStyle(shape2);
    if (style.display === "none") continue;
    context.globalAlpha = Number(style.strokeOpacity);
    context.strokeStyle = style.stroke;
    context.lineWidth = parseFloat(style.strokeWidth);
    context.setLineDash(style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(",").map(parseFloat));
    const number2 = (name) => Number(shape2.getAttribute(name));
    if (shape2 instanceof SVGPathElement) context.stroke(new Path2D(shape2.getAttribute("d") ?? ""));
    else if (shape2 instanceof SVGCircleElement) {
      const circle = new Path2D();
      circle.arc(number2("cx"), number2("cy"), number2("r"), 0, 2 * Math.PI);
      context.stroke(circle);
    } else if (shape2 instanceof SVGRectElement) {
      context.globalAlpha = 1;
      context.fillStyle = style.fill;
      context.fillRect(number2("x"), number2("y"), number2("width"), number2("height"));
    } else {
      context.globalAlpha = 1;
      context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
      context.textAlign = "left";
      outlined(context, shape2.textContent ?? "", number2("x"), number2("y"), style.fill);
    }
  }
  context.restore();
}
function write(context, line) {
  const { left, top, width, height } = line.getBoundingClientRect();
  const words = line.innerText.replace(/\s+/g, " ").trim() || (line.textContent ?? "");
  if (width === 0 || words === "") return;
  const style = getComputedStyle(line);
  context.save();
  context.beginPath();
  context.rect(left - 2, top - 2, width + 4, height + 4);
  context.clip();
  context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  context.textBaseline = "middle";
  const right = style.textAlign === "right" || style.textAlign === "end";
  const padding = parseFloat(style.paddingLeft);
  context.textAlign = right ? "right" : "left";
  outlined(context, words, right ? left + width - padding : left + padding, top + height / 2, style.color);
  context.restore();
}
function outlined(context, words, x, y, color) {
  context.setLineDash([]);
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = "#000";
  context.strokeText(words, x, y);
  context.fillStyle = color;
  context.fillText(words, x, y);
}

// src/saving.ts
var Saving = class {
  #owner;
  #dialog = byId("save-dialog", HTMLDialogElement);
  #named = byId("save-named", HTMLInputElement);
  #picture = byId("save-picture", HTMLButtonElement);
  #table = byId("save-table", HTMLButtonElement);
  constructor(owner) {
    this.#owner = owner;
    byId("save", HTMLButtonElement).addEventListener("click", () => this.open());
    this.#named.addEventListener("change", () => this.#hint());
    this.#picture.addEventListener("click", () => this.#savePicture());
    this.#table.addEventListener("click", () => this.#saveTable());
  }
  open() {
    const { title, pictureSize, root } = this.#owner.active();
    const count2 = this.#owner.rows().length;
    this.#named.checked = false;
    this.#hint();
    setText(this.#picture, t("save-picture-of", { title }));
    this.#picture.disabled = pictureSize === null || root.classList.contains("stale");
    setText(this.#table, t("save-measurements", { count: count2 }));
    this.#table.disabled = count2 === 0;
    this.#dialog.showModal();
  }
  #hint() {
    byId("save-named-hint", HTMLParagraphElement).style.visibility = this.#named.checked ? "" : "hidden";
  }
  #savePicture() {
    const viewport = this.#owner.active();
    const named2 = this.#named.checked;
    this.#owner.drawnAs(named2, () => {
      const canvas = snapshot(viewport.root, named2);
      if (!canvas) return this.#owner.fault(t("nothing-saved"));
      canvas.toBlob((png) => png ? this.#save(png, "png") : this.#owner.fault(t("nothing-saved")), "image/png");
    });
    this.#dialog.close();
  }
  #saveTable() {
    this.#save(new Blob([csvOf(this.#owner.rows(), this.#named.checked)], { type: "text/csv" }), "csv");
    this.#dialog.close();
  }
  /** The name tells the time, and nobody. */
  #save(what, kind) {
    const now = /* @__PURE__ */ new Date();
    const two = (n) => String(n).padStart(2, "0");
    const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
    const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
    const name = `${date}-${time}-${kind === "png" ? "picture" : "measurements"}.${kind}`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(what);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 6e4);
    this.#owner.announce(t("saved-as", { name }));
  }
};

// src/turns.ts
var SLABS_MM = [0, 2, 5, 10, 20, 50];
var NEXT = { maximum: "minimum", minimum: "mean", mean: "maximum" };
function changed(place4, change) {
  if (change === "invert") return { ...place4, inverted: !place4.inverted };
  if (place4.content.kind !== "slice") return null;
  const { plane: plane2, slab } = place4;
  const { right, down } = plane2;
  const back = (v) => times(v, -1).map((n) => n || 0);
  switch (change) {
    case "flip horizontally":
      return { ...place4, plane: { ...plane2, right: back(right) } };
    case "flip vertically":
      return { ...place4, plane: { ...plane2, down: back(down) } };
    // The picture turns, so what was above comes to the right.
    case "turn right":
      return { ...place4, plane: { ...plane2, right: back(down), down: right } };
    case "turn left":
      return { ...place4, plane: { ...plane2, right: down, down: back(right) } };
    case "next projection":
      return { ...place4, slab: { ...slab, combine: NEXT[slab.combine] } };
    case "thicker":
    case "thinner": {
      const found = change === "thicker" ? SLABS_MM.find((mm) => mm > slab.thicknessMm + 1e-6) : SLABS_MM.findLast((mm) => mm < slab.thicknessMm - 1e-6);
      return found === void 0 ? null : { ...place4, slab: { ...slab, thicknessMm: found } };
    }
  }
}
var Turns = class {
  #send;
  #waiting = [];
  #asked = null;
  constructor(send) {
    this.#send = send;
  }
  ask(view, change) {
    this.#waiting.push({ view, change });
    this.#next();
  }
  /** What the server tells of a view. Returns what the view was set to, where its state was asked for to change it. */
  state({ view, seriesInstanceUid, place: place4 }) {
    if (this.#asked?.view !== view) return null;
    this.#asked = null;
    let wanted = place4;
    while (this.#waiting[0]?.view === view) {
      const { change } = this.#waiting.shift();
      wanted = changed(wanted, change) ?? wanted;
    }
    if (wanted !== place4) this.#send({ type: "set", view, seriesInstanceUid, place: wanted, moving: false });
    this.#next();
    return wanted === place4 ? null : wanted;
  }
  /** The server would not tell the state: what waits for it is given up. */
  refused(seq) {
    if (seq === null || this.#asked?.seq !== seq) return;
    const { view } = this.#asked;
    this.#asked = null;
    while (this.#waiting[0]?.view === view) this.#waiting.shift();
    this.#next();
  }
  lost() {
    this.#waiting.length = 0;
    this.#asked = null;
  }
  #next() {
    const [first] = this.#waiting;
    if (!first || this.#asked !== null) return;
    this.#asked = { view: first.view, seq: this.#send({ type: "askState", view: first.view }) };
  }
};

// src/main.ts
var VOLUME_VIEW = 3;
var RESIZE_MS = 120;
var KEY_PIXELS = 10;
var PAN_PIXELS = 40;
var TURN_PIXELS = 30;
var GONE_ATTEMPT = 5;
var Client = class {
  #link;
  #views = [];
  #controls;
  #library;
  #figures = new Figures({
    send: (message) => this.#send(message),
    link: () => this.#link,
    active: () => this.#views[this.#active],
    why: (view) => this.#local.words(view).reason
  });
  #local;
  #drawings;
  #drawers = new Drawers();
  #notices = new Notices();
  #turns = new Turns((message) => this.#link.send(message));
  #saving = new Saving({
    active: () => this.#views[this.#active],
    rows: () => this.#drawings.rows((series) => ({ title: this.#library.titleOf(series), study: this.#library.find(series)?.study ?? null })),
    drawnAs: (named2, act) => this.#drawings.drawnAs(named2, act),
    fault: (text3) => this.#notices.report(text3),
    announce: (text3) => this.#notices.announce(text3)
  });
  #player = new Player(() => this.#views[this.#active]);
  #phone = matchMedia("(max-width: 760px), (max-height: 480px)");
  #grid = byId("grid", HTMLDivElement);
  #tabs = [];
  #owner;
  #kept;
  #owners;
  /** What is shown where this is a guest's page. */
  #host = new Host();
  #active = 0;
  #maximised = false;
  #connected = false;
  /** Whether this connection has told what its session shows. */
  #begun = false;
  #backend = "";
  #role = "owner";
  /** The host's series, and which each view shows. */
  #hosted = /* @__PURE__ */ new Map();
  #shownSeries = /* @__PURE__ */ new Map();
  #series = null;
  /** The series that is open or being opened. */
  #wantedSeries = null;
  /** The same when this connection was made. */
  #wantedBefore = null;
  /** What the views looked like when the connection was lost, for a session that has to begin anew. */
  #restore = /* @__PURE__ */ new Map();
  #layoutSent = "";
  #resizeTimer;
  #shownAt = /* @__PURE__ */ new Date();
  constructor(kept) {
    this.#kept = kept;
    this.#owners = new Owners(kept?.owners);
    this.#owner = {
      send: (message) => this.#send(message),
      activate: (view) => this.#activate(view),
      maximise: (view) => this.#maximise(view),
      shown: (frame) => this.#shown(frame),
      windowed: (view) => this.#windowed(view),
      videoFailed: () => this.#link.videoFailed(),
      // By WebRTC pictures get lost, and what builds on them is asked for again.
      fault: (text3) => this.#link.transport === "websocket" && this.#notices.report(text3),
      explainWarnings: () => byId("warnings-dialog", HTMLDialogElement).showModal(),
      drew: () => this.#drawings?.drew(),
      tool: () => this.#drawings.tool,
      pages: () => may(this.#role, "scroll"),
      draw: (...what) => this.#drawings.draw(...what),
      hover: (...where) => this.#drawings.hover(...where)
    };
    for (const content of ["axial", "coronal", "sagittal", "volume"]) this.#add(content);
    this.#drawings = new Drawings(this.#views, {
      send: (message) => this.#link.send(message),
      seriesOf: (view) => this.#seriesOf(view),
      active: () => this.#views[this.#active],
      activate: (view) => this.#activate(view),
      announce: (text3) => this.#notices.announce(text3)
    });
    this.#controls = new Controls({
      setWindow: (window) => this.#setWindow(window),
      setPreset: (name) => this.#setPreset(name),
      setRendering: (content) => this.#setRendering(content),
      obey: (command) => this.#obey(command),
      isSlice: () => this.#views[this.#active]?.state?.slice != null
    });
    this.#library = new Library(byId("studies", HTMLDivElement), {
      open: (uid) => this.#openSeries(uid),
      openTime: (uid) => this.#openTime(uid)
    });
    const chosen = new URLSearchParams(location.search).get("transport");
    this.#link = new Link(
      this.#views.map(({ view }) => view),
      {
        state: (state) => this.#setConnection(state),
        message: (message) => this.#receive(message),
        frame: (frame, picture) => {
          const viewport = this.#views[frame.view];
          if (viewport) viewport.setFrame(frame, picture);
          else picture?.close();
        },
        values: (values) => void this.#views[values.view]?.setValues(values),
        received: (bytes) => this.#figures.meter.received(bytes, performance.now()),
        fault: (error) => this.#notices.report(t("not-understood", { reason: error.message }))
      },
      browserSurroundings(),
      kept?.resumeToken ?? null,
      RUNGS.find((rung) => rung === chosen) ?? null
    );
    if (chosen !== null && !RUNGS.some((rung) => rung === chosen)) {
      this.#notices.report(t("unknown-transport", { asked: chosen.slice(0, 32), rungs: RUNGS.join(", ") }));
    }
    this.#local = new Local(
      this.#views.map(({ view }) => view),
      {
        send: (message) => this.#link.send(message),
        picture: (view, bitmap, state, final, ms) => this.#drawnHere(view, bitmap, state, final, ms),
        moves: (view) => this.#views[view]?.setMoving(),
        changed: () => this.#shareOut(),
        told: () => this.#showSource(),
        fault: (why) => this.#notices.report(why)
      }
    );
    if (kept) [this.#active, this.#maximised] = [kept.active, kept.maximised];
    this.#drawings.restore(kept?.drawn ?? []);
    this.#listen();
    this.#arrange();
  }
  /** One view more, with its tab. */
  #add(content) {
    const viewport = new Viewport(this.#views.length, content, this.#owner);
    viewport.size = this.#kept?.sizes[viewport.view] ?? null;
    const tab = element("button", { type: "button" }, titleOf(content));
    tab.addEventListener("click", () => this.#activate(viewport.view));
    this.#views.push(viewport);
    this.#tabs.push(tab);
    this.#grid.append(viewport.root);
    byId("tabs", HTMLDivElement).append(tab);
  }
  start() {
    return this.#link.start();
  }
  #listen() {
    fillSheet();
    onKeys((command) => document.body.dataset["connection"] !== "ended" && this.#obey(command));
    byId("retry", HTMLButtonElement).addEventListener("click", () => this.#link.connect());
    for (const what of ["help", "stats"]) byId(what, HTMLButtonElement).addEventListener("click", () => this.#obey({ do: what }));
    const resized = () => {
      clearTimeout(this.#resizeTimer);
      this.#resizeTimer = setTimeout(() => this.#sendLayout(), RESIZE_MS);
    };
    new ResizeObserver(resized).observe(this.#grid);
    this.#phone.addEventListener("change", () => this.#arrange());
    const source = byId("source", HTMLSelectElement);
    source.value = this.#local.choice;
    source.addEventListener("change", () => this.#local.choose(CHOICES.find((choice) => choice === source.value) ?? "automatic"));
    addEventListener("pagehide", () => {
      const { resumeToken } = this.#link;
      const sizes = this.#views.map(({ size: size2 }) => size2);
      if (resumeToken) keep({ resumeToken, active: this.#active, maximised: this.#maximised, sizes, drawn: this.#drawings.annotations, owners: this.#owners.of(this.#drawings.annotations.map(({ series }) => series)) });
    });
    addEventListener("pageshow", ({ persisted }) => persisted && takeKept());
  }
  // --- Talking to the server ---------------------------------------------------------------------------------------
  /** Returns the message's number, or null when there is no connection. */
  #send(message) {
    if (!may(this.#role, message.type)) return null;
    if (this.#local.takes(message)) return null;
    const seq = this.#link.send(message);
    this.#local.sent(message);
    if (message.type === "reset") this.#drawings.forget(message.view);
    const isInput = message.type !== "ack" && message.type !== "repaint" && message.type !== "values";
    if (seq === null || !isInput || !("view" in message) || message.view === void 0) return seq;
    const viewport = this.#views[message.view];
    viewport?.sent(message, seq);
    if (message.type === "pointer" && (message.kind !== "move" || viewport?.windowsItself)) return seq;
    this.#figures.meter.sent(message.view, seq, performance.now());
    return seq;
  }
  #receive(message) {
    switch (message.type) {
      case "connected":
        this.#wantedBefore = this.#wantedSeries;
        if (message.resumed) this.#restore.clear();
        else this.#beginAnew();
        this.#backend = message.backend;
        this.#host.begin();
        this.#setRole(message.role);
        this.#drawings.unhosted();
        this.#local.connected(message.voxels && message.role === "owner");
        setText(byId("backend", HTMLElement), message.backend);
        break;
      case "library":
        this.#drawings.letGoOf(this.#owners.take(message.studies));
        this.#library.show(message.studies);
        byId("empty", HTMLDivElement).hidden = !this.#library.isEmpty || this.#isGuest;
        break;
      case "stateFull":
        this.#begin(message.seriesInstanceUid, message.views);
        break;
      case "loading":
        this.#notices.showLoading(message.done, message.total);
        break;
      case "seriesOpened":
        if (this.#isGuest) this.#hosted.set(message.seriesInstanceUid, message);
        else this.#opened(message);
        break;
      case "shared": {
        const changed2 = this.#host.take(message);
        if (changed2?.maximised) [this.#active, this.#maximised] = [this.#host.maximised ?? this.#active, this.#host.maximised !== null];
        byId("nothing", HTMLDivElement).hidden = this.#ownViews.length > 0;
        this.#arrange();
        this.#showHosted();
        break;
      }
      case "role":
        this.#setRole(message.role);
        break;
      case "drawn":
        this.#drawings.hosted(message);
        break;
      case "presets":
        this.#controls.setPresets(message.presets);
        break;
      case "view":
        this.#setView(message);
        break;
      case "measured":
        this.#drawings.measured(message);
        break;
      case "error":
        if (this.#drawings.refused(message) || message.code === "goingAway" || message.code === "noSeries") break;
        this.#turns.refused(message.seq);
        this.#notices.showLoading(1, 1);
        if (message.code === "loadFailed" || message.code === "unknownSeries") this.#reopen();
        this.#notices.report(message.message);
        break;
      case "viewState":
        if (this.#isGuest) this.#hostShows(message.view, message.seriesInstanceUid, message.revision);
        else this.#local.state(message);
        this.#told(message);
        break;
      case "answer":
      case "transport":
      case "done":
      case "pong":
        break;
    }
  }
  get #isGuest() {
    return this.#role !== "owner";
  }
  /** The views that there are: all, or those of the host's. */
  get #ownViews() {
    return this.#isGuest ? this.#host.views.flatMap((view) => this.#views[view] ?? []) : this.#views;
  }
  /** Those that are worth a look: a single image has but one. */
  get #worthy() {
    const own = this.#ownViews;
    if (this.#isGuest || !this.#series || !isFlat(this.#series)) return own;
    const content = nearestCut(this.#series);
    return own.filter((viewport) => viewport.content === content);
  }
  #setRole(role) {
    this.#role = role;
    while (this.#isGuest && this.#views.length < MAX_VIEWS) this.#add("axial");
    document.body.dataset["role"] = role;
    const words = roleWords(role);
    const label2 = byId("role", HTMLSpanElement);
    label2.hidden = words === null;
    setText(label2, words ?? "");
    this.#library.lock(this.#isGuest);
    this.#drawings.watch(!may(role, "pointer"));
    for (const viewport of this.#views) viewport.rewrite();
    byId("nothing", HTMLDivElement).hidden = !this.#isGuest || this.#ownViews.length > 0;
  }
  /** What the host shows in a view has changed. */
  #hostShows(view, seriesInstanceUid, revision) {
    const series = this.#hosted.get(seriesInstanceUid);
    const other = series && this.#shownSeries.get(view) !== seriesInstanceUid ? this.#caption(series) : null;
    if (other) this.#shownSeries.set(view, seriesInstanceUid);
    this.#views[view]?.follow(revision, other);
    if (other && (view === this.#active || !this.#series)) this.#showHosted();
  }
  /** How a view lies, which it was asked for, or what a host has changed. */
  #told(message) {
    const { view, revision } = message;
    const set2 = this.#turns.state(message);
    if (set2) {
      this.#views[view]?.setTurned(set2, revision + 1);
      this.#sendLayout(true);
    }
    const place4 = set2 ?? message.place;
    this.#views[view]?.setMeaning(place4);
    this.#drawings.state(view, message.seriesInstanceUid, place4, set2 ? revision + 1 : 0);
  }
  #seriesOf(view) {
    return this.#isGuest ? this.#hosted.get(this.#shownSeries.get(view) ?? "") ?? null : this.#series;
  }
  /** The controls are the active view's. */
  #showHosted() {
    const series = this.#hosted.get(this.#shownSeries.get(this.#active) ?? "");
    if (!series || series === this.#series) return;
    this.#series = series;
    this.#library.setCurrent(series.seriesInstanceUid);
    this.#controls.setSeries(series);
    this.#notices.showSelfCheck(series);
    this.#showTargets();
  }
  /** The server knows nothing of what it has told before, and may be another. */
  #beginAnew() {
    for (const viewport of this.#views) viewport.restart();
    this.#drawings.measureAnew();
    this.#library.pictureAnew();
  }
  /** Goes on with what the session shows, or has it show what is wanted. */
  #begin(seriesInstanceUid, views2) {
    for (const state of views2) {
      this.#views[state.view]?.setContent(state.content);
      this.#setView({ type: "view", ...state });
    }
    this.#begun = true;
    this.#layoutSent = "";
    this.#arrange();
    this.#local.begun();
    if (this.#library.isEmpty || this.#isGuest) return;
    const wanted = this.#wantedBefore && this.#library.find(this.#wantedBefore) ? this.#wantedBefore : null;
    if (seriesInstanceUid === null || wanted !== null && wanted !== seriesInstanceUid) this.#openSeries(wanted ?? this.#library.first);
  }
  /** The series that was to be shown cannot be: the one before is shown again. */
  #reopen() {
    const series = this.#series;
    if (!series || this.#wantedSeries === series.seriesInstanceUid) return;
    this.#wantedSeries = series.seriesInstanceUid;
    this.#library.setCurrent(series.seriesInstanceUid);
    this.#controls.setSeries(series);
    const caption = this.#caption(series);
    for (const viewport of this.#views) viewport.reopen(caption);
    this.#showTargets();
  }
  #openSeries(seriesInstanceUid) {
    if (seriesInstanceUid !== this.#wantedSeries) {
      this.#restore.clear();
      for (const viewport of this.#views) viewport.setCaption(null);
      this.#controls.setSeries(null);
    }
    this.#wantedSeries = seriesInstanceUid;
    this.#library.setCurrent(seriesInstanceUid);
    this.#drawers.close();
    this.#send({ type: "openSeries", seriesInstanceUid });
  }
  /** Another time of the same: its views look as they did. */
  #openTime(seriesInstanceUid) {
    if (seriesInstanceUid === null) return;
    const before = this.#views.flatMap(({ view, state }) => state ? [[view, state]] : []);
    this.#openSeries(seriesInstanceUid);
    this.#restore = new Map(before);
  }
  #opened(series) {
    this.#notices.showLoading(1, 1);
    this.#series = series;
    this.#wantedSeries = series.seriesInstanceUid;
    this.#library.setCurrent(series.seriesInstanceUid);
    this.#controls.setSeries(series);
    const caption = this.#caption(series);
    const isNameless = isFlat(series) && series.outline.directionsUnknown;
    for (const viewport of this.#views) {
      viewport.setNameless(isNameless);
      viewport.setCaption(caption);
    }
    this.#arrange();
    this.#local.opened(series);
    this.#drawings.opened();
    this.#notices.showSelfCheck(series);
    this.#showTargets();
  }
  #caption(series) {
    return captionOf(series, this.#library.find(series.seriesInstanceUid));
  }
  #setView(state) {
    const viewport = this.#views[state.view];
    if (!viewport) return;
    const before = viewport.state?.slice;
    if (this.#isGuest && viewport.content !== state.content) {
      viewport.setContent(state.content);
      setText(this.#tabs[state.view], titleOf(state.content));
    }
    viewport.setState(state);
    const saved = this.#restore.get(state.view);
    this.#restore.delete(state.view);
    if (saved) for (const message of asBefore(saved, state)) this.#send(message);
    this.#showTargets();
    if (state.view === this.#active && state.slice !== null && before !== state.slice) {
      this.#notices.announce(spokenSlice(state.content, state.slice, state.slices));
    }
  }
  // --- Layout ------------------------------------------------------------------------------------------------------
  get #single() {
    return this.#maximised || this.#phone.matches || this.#worthy.length === 1;
  }
  #activate(view) {
    if (view === this.#active) return;
    this.#active = view;
    if (this.#isGuest) this.#showHosted();
    this.#arrange();
  }
  #maximise(view) {
    this.#active = view;
    this.#maximised = !this.#maximised;
    this.#arrange();
  }
  /** Shows the views that the layout has, and asks the server for them. */
  #arrange() {
    document.body.classList.toggle("immersive", this.#maximised && this.#phone.matches);
    this.#grid.classList.toggle("single", this.#single);
    const grid = this.#isGuest && !this.#single ? this.#host.grid : null;
    this.#grid.style.gridTemplate = grid?.template ?? "";
    const own = this.#worthy;
    document.body.classList.toggle("flat", own.length < this.#ownViews.length);
    if (own[0] && !own.some(({ view }) => view === this.#active)) this.#active = own[0].view;
    for (const viewport of this.#views) {
      const active = viewport.view === this.#active;
      viewport.setActive(active);
      if (active) this.#figures.moveTo(viewport.root);
      viewport.setVisible(own.includes(viewport) && (active || !this.#single));
      viewport.root.style.gridArea = grid?.areas.get(viewport.view) ?? "";
      const tab = this.#tabs[viewport.view];
      if (tab) tab.hidden = !own.includes(viewport);
      tab?.setAttribute("aria-pressed", String(active));
      if (tab) setText(tab, titleOf(viewport.content));
    }
    this.#controls.showLayout(this.#single);
    this.#showTargets();
    this.#showSource();
    this.#sendLayout();
  }
  /** Hidden views stay in the layout with the size they had, without pictures, so that they keep their slice and zoom. */
  #sendLayout(again = false) {
    const boxes = this.#views.map((viewport) => ({
      viewport,
      width: viewport.surface.clientWidth,
      height: viewport.surface.clientHeight
    }));
    const shown = boxes.filter(({ viewport, width, height }) => viewport.visible && width > 0 && height > 0);
    const cssPixels = shown.reduce((sum, { width, height }) => sum + width * height, 0);
    const ratio = pixelRatio(cssPixels, devicePixelRatio, this.#backend);
    for (const { viewport, width, height } of shown) {
      viewport.ratio = ratio;
      viewport.size = viewSize(width, height, ratio);
      viewport.rewrite();
    }
    const views2 = this.#ownViews.flatMap(({ view, content, size: size2, visible }) => {
      if (!size2) return [];
      const paused = !visible || this.#local.draws(view);
      return [paused ? { view, content, size: size2, paused } : { view, content, size: size2 }];
    });
    const message = { type: "layout", views: views2 };
    const text3 = JSON.stringify(message);
    if (!this.#begun || text3 === this.#layoutSent && !again) return;
    this.#layoutSent = text3;
    this.#send(message);
  }
  /** Brings the 3D view to the screen when it is not there: what is about to happen is to be seen. */
  #showVolume() {
    if (this.#single) this.#activate(this.#volumeView.view);
  }
  /** The view that 3D presets are for; a host's lie in any order. */
  get #volumeView() {
    const solid2 = this.#isGuest ? this.#ownViews.find(({ content }) => showsPreset(content)) : void 0;
    return solid2 ?? this.#views[VOLUME_VIEW];
  }
  #setPreset(name) {
    this.#showVolume();
    this.#send({ type: "preset", view: this.#volumeView.view, name });
  }
  #setRendering(content) {
    if (this.#isGuest) return;
    this.#views[VOLUME_VIEW]?.setContent(content);
    this.#active = VOLUME_VIEW;
    this.#arrange();
    this.#drawings.forget(VOLUME_VIEW);
  }
  /** Shows this, or the shaded volume again. */
  #toggleRendering(content) {
    this.#setRendering(this.#views[VOLUME_VIEW].content === content ? "volume" : content);
  }
  // --- What controls and keys do -----------------------------------------------------------------------------------
  /**
   * The view whose window the controls show and set: the active one, but slices rather than a shaded volume beside
   * them, where a window would replace the preset's opacity. Null where that is all there is to be seen.
   */
  get #windowView() {
    const active = this.#views[this.#active];
    if (!showsPreset(active.content)) return active;
    return this.#single ? null : this.#ownViews.find(({ content }) => !showsPreset(content)) ?? null;
  }
  #setWindow(window) {
    const view = this.#windowView?.view;
    if (view !== void 0) this.#send({ type: "window", view, ...window });
  }
  #showTargets() {
    const [windowed, volume] = [this.#windowView, this.#volumeView];
    this.#controls.showWindow(windowed?.content ?? volume.content, this.#series ? windowed?.window ?? null : null, windowed !== null);
    this.#controls.showPreset((volume.state ?? windowed?.state)?.preset ?? null);
    this.#controls.showRendering(volume.content);
  }
  #obey(command) {
    const viewport = this.#views[this.#active];
    const { view, state } = viewport;
    switch (command.do) {
      case "slice":
        if (state?.slice != null) viewport.showSlice((viewport.wantedSlice ?? state.slice) + command.by);
        else this.#send({ type: "rotate", view, dx: 0, dy: command.by * KEY_PIXELS });
        break;
      case "series": {
        const next = this.#isGuest ? null : this.#library.next(this.#wantedSeries, command.by);
        if (next !== null) this.#openSeries(next);
        break;
      }
      case "time":
        if (!this.#isGuest) this.#openTime(this.#library.nextTime(this.#wantedSeries, command.by));
        break;
      case "first":
        viewport.showSlice(1);
        break;
      case "last":
        viewport.showSlice(state?.slices ?? 1);
        break;
      case "view": {
        const own = this.#worthy;
        const here = own.indexOf(viewport);
        const next = own[(here + command.by + own.length) % own.length] ?? viewport;
        this.#activate(next.view);
        next.surface.focus();
        this.#notices.announce(next.surface.getAttribute("aria-label") ?? "");
        break;
      }
      case "arrow":
        if (this.#drawings.nudge(command.dx * KEY_PIXELS, command.dy * KEY_PIXELS)) break;
        if (state?.slice == null) this.#send({ type: "rotate", view, dx: command.dx * KEY_PIXELS, dy: command.dy * KEY_PIXELS });
        else this.#send({ type: "pinch", view, zoom: 1, dx: command.dx * PAN_PIXELS, dy: command.dy * PAN_PIXELS });
        break;
      case "zoom":
        this.#send({ type: "wheel", view, delta: -100 * command.by, zoom: true });
        break;
      case "fit":
      case "reset":
        this.#send({ type: "reset", view });
        break;
      case "reset all":
        this.#send({ type: "reset" });
        break;
      case "window":
        this.#controls.windowOfKey(command.index);
        break;
      case "preset":
        this.#controls.nextPreset();
        break;
      case "projection":
        this.#toggleRendering("mip");
        break;
      case "cinematic":
        this.#toggleRendering("cinematic");
        break;
      case "play":
        this.#player.toggle();
        break;
      case "maximise":
        this.#maximise(this.#active);
        break;
      case "tool":
        this.#drawings.choose(command.tool);
        break;
      case "change": {
        const turns = { "turn right": TURN_PIXELS, "turn left": -TURN_PIXELS };
        const dx = command.change in turns ? turns[command.change] : null;
        if (dx !== null && state?.slice == null) this.#send({ type: "rotate", view, dx, dy: 0 });
        else if (may(this.#role, "set")) this.#turns.ask(view, command.change);
        break;
      }
      case "save":
        this.#saving.open();
        break;
      case "cut lines":
        this.#drawings.toggleCuts();
        break;
      case "undo":
        this.#drawings.undo();
        break;
      case "redo":
        this.#drawings.redo();
        break;
      case "delete":
        this.#drawings.remove();
        break;
      case "next handle":
        this.#drawings.nextHandle();
        break;
      case "enter":
        this.#drawings.enter();
        break;
      case "demographics":
        this.#toggleDemographics();
        break;
      case "stats":
        this.#figures.toggle();
        break;
      case "help":
        byId("help-dialog", HTMLDialogElement).showModal();
        break;
      case "escape":
        if (this.#drawers.close() || this.#drawings.escape()) break;
        if (this.#player.plays) this.#player.toggle();
        else if (this.#maximised) this.#maximise(this.#active);
        break;
    }
  }
  #toggleDemographics() {
    const hidden = document.body.classList.toggle("no-demographics");
    this.#controls.showDemographics(!hidden);
    this.#drawings.drew();
    this.#notices.announce(t(hidden ? "patient-data-hidden" : "patient-data-shown"));
  }
  // --- What the user is told ---------------------------------------------------------------------------------------
  #setConnection(state) {
    const was = this.#connected;
    this.#connected = state.kind === "connected" || state.kind === "silent";
    const full = state.kind === "reconnecting" && state.said === "full";
    if (was && !this.#connected) this.#lost(full);
    const gone = state.kind === "reconnecting" && !full && state.attempt >= GONE_ATTEMPT;
    const words = connectionWords(state, gone, document.body.dataset["connection"] !== void 0);
    byId("full", HTMLDivElement).hidden = this.#series !== null || state.kind === "connected" || words !== null && !full;
    if (words === null) return;
    document.body.dataset["connection"] = gone ? "gone" : state.kind;
    const label2 = byId("connection-text", HTMLSpanElement);
    if (label2.textContent !== words) this.#notices.announce(words);
    setText(label2, words);
    byId("retry", HTMLButtonElement).hidden = state.kind !== "reconnecting";
    if (state.kind === "ended") endVisit(state.why);
  }
  #lost(full) {
    this.#begun = false;
    this.#local.lost();
    this.#drawings.lost();
    this.#turns.lost();
    this.#player.stop();
    this.#figures.meter.restart();
    this.#notices.showLoading(1, 1);
    const time = this.#shownAt.toLocaleTimeString(void 0, { hourCycle: "h23" });
    for (const viewport of this.#views) {
      if (viewport.state && !this.#isGuest) this.#restore.set(viewport.view, viewport.state);
      const why = t(full ? "server-is-full" : "not-live");
      viewport.setStale(viewport.pictureSize ? t("picture-at", { why, time }) : why);
    }
  }
  #shown(frame) {
    this.#shownAt = /* @__PURE__ */ new Date();
    this.#link.shown();
    this.#figures.shown(frame);
    this.#notices.showLoading(1, 1);
  }
  #drawnHere(view, bitmap, state, final, ms) {
    const viewport = this.#views[view];
    if (!viewport) return bitmap.close();
    const before = viewport.state?.slice;
    viewport.setOwnPicture(bitmap, state, final);
    this.#shownAt = /* @__PURE__ */ new Date();
    this.#figures.meter.drawnHere(view);
    if (view === this.#active) setText(byId("render", HTMLElement), `${ms.toFixed(0)} ms`);
    if (view === this.#active && state.slice !== null && before !== state.slice) {
      this.#notices.announce(spokenSlice(viewport.content, state.slice, state.slices));
    }
    this.#notices.showLoading(1, 1);
  }
  /** Each view is drawn by this computer or by the server, which is told so. */
  #shareOut() {
    for (const viewport of this.#views) viewport.setDrawnHere(this.#local.draws(viewport.view));
    this.#sendLayout();
    this.#showSource();
  }
  /** Who draws the active view, and why. */
  #showSource() {
    this.#notices.showSource(this.#local.words(this.#active));
  }
  #windowed(view) {
    if (this.#views[view]?.windowsItself) this.#figures.meter.drawnHere(view);
    this.#showTargets();
  }
};
translate(document);
void new Client(takeKept()).start();
