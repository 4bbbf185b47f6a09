// The wire protocol of ../../protocol/PROTOCOL.md: messages, and the header of a frame.

import type * as messages from "./messages";

export const SUBPROTOCOL = "voxcast.v1";
const FRAME_HEADER_BYTES = 44;
const PART_HEADER_BYTES = 12;
const VALUES_HEADER_BYTES = 20;
const MAX_VALUES = 4 * 1024 * 1024;
/** Views are numbered from 0 to this less one. */
export const MAX_VIEWS = 16;
/** Revisions of a view that was brought back, maybe with another series, begin at the next multiple of this. */
export const REVISIONS = 65_536;
/** How a host's views lie: rows and columns within each other, places, and the largest share of one. */
const MAX_DEPTH = 8;
const MAX_CELLS = MAX_VIEWS;
const MAX_SHARE = 10_000;
/** Columns, rows or slices of a volume; sentences about one; numbers and bars of a histogram that something measured has. */
const MAX_DIM = 65_535;
const MAX_LINES = 1000;
const MAX_REGIONS = 16;
const MAX_QUANTITIES = 64;
const MAX_BARS = 4096;
/** What a host has drawn on a series: drawings, points of all of them, bytes of a label, numbers of one. */
const MAX_DRAWINGS = 1000;
const MAX_DRAWN_POINTS = 50_000;
const MAX_LABEL = 1024;
const MAX_NUMBERS = 16;
const MAX_UNIT = 256;
/** How far anything lies from the patient's origin. */
const MAX_MM = 1e6;
const MAX_VIEW_SIZE = 8192;
const MAX_PIXELS = 16 * 1024 * 1024;

/** Nobody changes a message that has come. */
type Told<T> = T extends object ? { readonly [K in keyof T]: Told<T[K]> } : T;

/** What the client says; the connection adds `seq`. */
export type ClientMessage = Told<messages.ClientMessage>;
export type Stats = Extract<ClientMessage, { type: "stats" }>;
export type LayoutView = Told<messages.LayoutView>;
export type Size = LayoutView["size"];
export type Content = messages.Content;
export type Button = messages.MouseButton;
export type Transport = messages.TransportKind;

export type Place = Told<messages.Place>;
export type Drawing = Told<messages.Drawing>;
export type Measured = Extract<ServerMessage, { type: "measured" }>;
export type ServerMessage = Told<messages.ServerMessage>;
export type Shared = Told<messages.Shared>;
export type Cell = Told<messages.Cell>;
export type Connected = Extract<ServerMessage, { type: "connected" }>;
export type SeriesOpened = Extract<ServerMessage, { type: "seriesOpened" }>;
export type ViewState = Extract<ServerMessage, { type: "view" }>;
export type IceServer = Told<messages.IceServer>;
export type Study = Told<messages.Study>;
export type Series = Told<messages.Series>;
export type GeometryWarning = Told<messages.Warning>;
export type SelfCheck = Told<messages.SelfCheck>;
export type PresetName = Told<messages.Preset>;
export type WindowValues = Told<messages.Window>;
export type WindowPreset = Told<messages.NamedWindow>;
export type Letters = Told<messages.Letters>;
export type ViewInfo = Told<messages.ViewInfo>;

const CODECS = { 1: "jpeg", 2: "png", 3: "h264", 4: "hevc", 5: "av1", 6: "webp" } as const;
const QUALITIES = { 0: "interactive", 1: "final", 2: "lossless" } as const;

/** Codecs whose pictures build on each other. */
export const VIDEO_CODECS = ["h264", "hevc", "av1"] as const;
export type VideoCodec = (typeof VIDEO_CODECS)[number];

export function isVideo(codec: Frame["codec"]): codec is VideoCodec {
  return VIDEO_CODECS.some((video) => video === codec);
}

export interface Frame {
  codec: (typeof CODECS)[keyof typeof CODECS];
  quality: (typeof QUALITIES)[keyof typeof QUALITIES];
  view: number;
  /** Whether the picture is black before the parts are painted; so it is where its size changes. */
  cleared: boolean;
  /** Whether the picture before is stretched to this size before the parts are painted. */
  stretched: boolean;
  /** Whether a video begins with this frame. */
  key: boolean;
  width: number;
  height: number;
  number: number;
  inputSeq: number;
  revision: number;
  renderMs: number;
  encodeMs: number;
  /** XXH32 of the whole picture's RGBA bytes, where it is lossless. */
  hash: number;
  parts: Part[];
}

/** A rectangle of the picture that replaces what was there: a JPEG or PNG file, or all of it as the next of a video. */
export interface Part {
  x: number;
  y: number;
  width: number;
  height: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/** What the client windows itself: the values on a slice's pixels. */
export interface SliceValues {
  view: number;
  inverted: boolean;
  linearExact: boolean;
  width: number;
  height: number;
  /** The state of the view that they belong to. */
  revision: number;
  png: Uint8Array<ArrayBuffer>;
}

/** The server sent something that the protocol does not allow. */
export class ProtocolError extends Error {}

// --- Reading values whose shape is not known -----------------------------------------------------------------------

type Read<T> = (value: unknown, at: string) => T;

function fail(at: string, wanted: string): never {
  throw new ProtocolError(`${at} is not ${wanted}`);
}

const text: Read<string> = (value, at) => (typeof value === "string" ? value : fail(at, "text"));
const number: Read<number> = (value, at) =>
  typeof value === "number" && Number.isFinite(value) ? value : fail(at, "a number");
const count: Read<number> = (value, at) =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : fail(at, "a whole number");

function optional<T>(read: Read<T>): Read<T | null> {
  return (value, at) => (value === null || value === undefined ? null : read(value, at));
}

/** What may be missing altogether. */
function absent<T>(read: Read<T>): Read<T | undefined> {
  return (value, at) => (value === undefined ? undefined : read(value, at));
}

function list<T>(read: Read<T>): Read<readonly T[]> {
  return (value, at) =>
    Array.isArray(value) ? value.map((item, i) => read(item, `${at}[${i}]`)) : fail(at, "a list");
}

/** A list that is not longer than it can be. */
function few<T>(read: Read<T>, most: number): Read<readonly T[]> {
  return (value, at) => {
    if (Array.isArray(value) && value.length > most) return fail(at, `a list of at most ${most}`);
    return list(read)(value, at);
  };
}

function record<T extends object>(fields: { readonly [K in keyof T]-?: Read<T[K]> }): Read<T> {
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return fail(at, "an object");
    const entries = Object.entries<Read<unknown>>(fields);
    const source = value as Record<string, unknown>;
    const unknown = Object.keys(source).find((key) => !Object.hasOwn(fields, key));
    if (unknown !== undefined) return fail(`${at}.${unknown}`, "a known field");
    const values = entries.map(([key, read]) => [key, read(source[key], `${at}.${key}`)] as const);
    return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as T;
  };
}

function oneOf<T extends string>(...names: readonly T[]): Read<T> {
  return (value, at) => names.find((name) => name === value) ?? fail(at, `one of ${names.join(", ")}`);
}

const pair: Read<readonly [number, number]> = (value, at) => {
  const [a, b, ...more] = list(number)(value, at);
  return a !== undefined && b !== undefined && more.length === 0 ? [a, b] : fail(at, "two numbers");
};

function triple(read: Read<number>): Read<readonly [number, number, number]> {
  return (value, at) => {
    const [a, b, c, ...more] = list(read)(value, at);
    const three = a !== undefined && b !== undefined && c !== undefined && more.length === 0;
    return three ? [a, b, c] : fail(at, "three numbers");
  };
}

const rectangle: Read<readonly [number, number, number, number]> = (value, at) => {
  const [left, top, right, bottom, ...more] = list(count)(value, at);
  const four = left !== undefined && top !== undefined && right !== undefined && bottom !== undefined;
  return four && more.length === 0 ? [left, top, right, bottom] : fail(at, "four numbers");
};

const rising: Read<readonly [number, number]> = (value, at) => {
  const [low, high] = pair(value, at);
  // Values are of 32 bits.
  const finite = [low, high].every((n) => Number.isFinite(Math.fround(n)));
  return finite && low <= high ? [low, high] : fail(at, "two values that rise");
};

const dim: Read<number> = (value, at) => {
  const n = count(value, at);
  return n <= MAX_DIM ? n : fail(at, `a number up to ${MAX_DIM}`);
};

/** Numbers of views, each once. */
const views: Read<readonly number[]> = (value, at) => {
  const numbers = few(count, MAX_VIEWS)(value, at);
  const distinct = new Set(numbers).size === numbers.length && numbers.every((n) => n < MAX_VIEWS);
  return distinct ? numbers : fail(at, "numbers of views, each once");
};

const flag: Read<boolean> = (value, at) => (typeof value === "boolean" ? value : fail(at, "true or false"));

function tuple<T extends readonly number[]>(length: T["length"]): Read<T> {
  return (value, at) => {
    const numbers = list(number)(value, at);
    return numbers.length === length ? (numbers as unknown as T) : fail(at, `${length} numbers`);
  };
}

const size = tuple<[number, number]>(2);
const vector = tuple<[number, number, number]>(3);

const vectors: Read<Told<messages.Outline>["patientFromVoxel"]> = (value, at) => {
  const [x, y, z, origin, ...more] = list(vector)(value, at);
  return x && y && z && origin && more.length === 0 ? [x, y, z, origin] : fail(at, "four vectors");
};

/** One of several shapes, told apart by the field `kind`. */
function kinds<T extends { readonly kind: string }>(shapes: {
  readonly [K in T["kind"]]: Read<Extract<T, { kind: K }>>;
}): Read<T> {
  return (value, at) => {
    const kind = (value as { kind?: unknown } | null)?.kind;
    if (typeof kind !== "string" || !Object.hasOwn(shapes, kind)) return fail(`${at}.kind`, "a known kind");
    return (shapes[kind as T["kind"]] as Read<T>)(value, at);
  };
}

const combine = oneOf<messages.Combine>("maximum", "minimum", "mean");

const shape = kinds<Told<messages.Shape>>({
  linear: record({ kind: oneOf("linear") }),
  linearExact: record({ kind: oneOf("linearExact") }),
  sigmoid: record({ kind: oneOf("sigmoid") }),
  table: record({ kind: oneOf("table"), index: count }),
});

const shapedWindow = record<Told<messages.ShapedWindow>>({ center: number, width: number, shape });

const plane = record<Told<messages.Plane>>({
  centerMm: vector,
  right: vector,
  down: vector,
  fitMm: size,
  zoom: number,
});

const place = record<Told<messages.Place>>({
  size: size,
  content: kinds<Told<messages.Shows>>({
    volume: record({ kind: oneOf("volume") }),
    cinematic: record({ kind: oneOf("cinematic") }),
    projection: record({ kind: oneOf("projection"), combine }),
    isosurface: record({ kind: oneOf("isosurface"), value: number }),
    slice: record({ kind: oneOf("slice") }),
    curved: record({ kind: oneOf("curved") }),
  }),
  camera: record<Told<messages.Camera>>({
    focalPointMm: vector,
    patientFromCamera: tuple<[number, number, number, number]>(4),
    distanceMm: number,
    viewAngleDeg: number,
    zoom: number,
    parallel: flag,
    eyeMm: number,
  }),
  plane,
  slab: record<Told<messages.Slab>>({ thicknessMm: number, combine }),
  curved: optional(record<Told<messages.Curved>>({ centerMm: size, fitMm: size, zoom: number })),
  window: shapedWindow,
  inverted: flag,
});

const curve = oneOf<messages.Curve>("linear", "step", "smooth");

const colorPoint = record<Told<messages.Point<[number, number, number]>>>({ value: number, level: vector, curve });
const point = record<Told<messages.Point<[number]>>>({ value: number, level: tuple<[number]>(1), curve });

const transfer = record<Told<messages.Transfer>>({
  colors: list(colorPoint),
  opacities: list(point),
  gradientOpacities: optional(list(point)),
});

const box: Read<Told<messages.Clip>["cropVoxels"]> = optional((value, at) => {
  const [x, y, z, ...more] = list(size)(value, at);
  return x && y && z && more.length === 0 ? [x, y, z] : fail(at, "three pairs");
});

const look = record<Told<messages.Look>>({
  transfer,
  shading: record<Told<messages.Shading>>({ ambient: number, diffuse: number, specular: number, specularPower: count }),
  preIntegrated: flag,
  lights: list(record<Told<messages.Light>>({ direction: vector, withCamera: flag, color: vector })),
  ambientOcclusion: flag,
  shadows: flag,
  depthCue: optional(
    record<Told<messages.DepthCue>>({ strength: number, color: vector, rangeMm: optional(size) }),
  ),
  clip: record<Told<messages.Clip>>({
    cropVoxels: box,
    cut: optional(record<Told<messages.Cut>>({ plane, near: flag })),
    planes: list(record<Told<messages.ClipPlane>>({ pointMm: vector, normal: vector })),
  }),
  layers: list(
    record<Told<messages.Layer>>({
      seriesInstanceUid: text,
      look: kinds<Told<messages.LayerLook>>({
        values: record({ kind: oneOf("values"), transfer }),
        labels: record({ kind: oneOf("labels"), colors: list(tuple<[number, number, number, number]>(4)) }),
      }),
      opacity: number,
    }),
  ),
  path: optional(record<Told<messages.Path>>({ drawnMm: list(vector), down: vector })),
  preset: optional(text),
  stepVoxels: number,
});

const brief =
  (most: number): Read<string> =>
  (value, at) => {
    const read = text(value, at);
    return new TextEncoder().encode(read).length <= most ? read : fail(at, `a text of at most ${most} bytes`);
  };

/** A place in the patient, or a direction. */
const near: Read<readonly [number, number, number]> = (value, at) => {
  const numbers = vector(value, at);
  return numbers.every((n) => Math.abs(n) <= MAX_MM) ? numbers : fail(at, "a place in a patient");
};

const channel: Read<number> = (value, at) => {
  const n = count(value, at);
  return n <= 255 ? n : fail(at, "a number up to 255");
};

const drawing = record<Drawing>({
  kind: oneOf<messages.DrawingKind>("probe", "length", "angle", "cobb", "bidirectional", "ellipse", "rectangle", "freehand", "box", "ellipsoid", "arrow", "keyImage"),
  pointsMm: few(near, MAX_DRAWN_POINTS),
  plane: record<Drawing["plane"]>({ centerMm: near, right: near, down: near }),
  label: brief(MAX_LABEL),
  color: triple(channel),
  quantities: few(record<Told<messages.Quantity>>({ measure: brief(MAX_UNIT), value: number, unit: brief(MAX_UNIT) }), MAX_NUMBERS),
});

const drawings: Read<readonly Drawing[]> = (value, at) => {
  const read = few(drawing, MAX_DRAWINGS)(value, at);
  const points = read.reduce((sum, { pointsMm }) => sum + pointsMm.length, 0);
  return points <= MAX_DRAWN_POINTS ? read : fail(at, `drawings of at most ${MAX_DRAWN_POINTS} points`);
};

/** A part of a host's window, so deep in it; `places` are the views that it shows, null where there is none. */
function cell(places: (number | null)[], depth: number): Read<Cell> {
  const part: Read<Cell> = (value, at) => (depth < MAX_DEPTH ? cell(places, depth + 1)(value, at) : fail(at, `at most ${MAX_DEPTH} rows and columns deep`));
  const shares = few<number>((value, at) => {
    const share = count(value, at);
    return share >= 1 && share <= MAX_SHARE ? share : fail(at, "a share");
  }, MAX_CELLS);
  const split = { cells: few(part, MAX_CELLS), shares };
  return (value, at) => {
    const read = kinds<Cell>({
      empty: record({ kind: oneOf("empty") }),
      view: record({ kind: oneOf("view"), view: count }),
      row: record({ kind: oneOf("row"), ...split }),
      column: record({ kind: oneOf("column"), ...split }),
    })(value, at);
    if (read.kind === "row" || read.kind === "column") {
      const fits = read.cells.length > 0 && read.cells.length === read.shares.length;
      return fits ? read : fail(at, "cells with a share each");
    }
    places.push(read.kind === "view" ? read.view : null);
    return places.length <= MAX_CELLS ? read : fail(at, `of at most ${MAX_CELLS} places`);
  };
}

const shared: Read<Extract<ServerMessage, { type: "shared" }>> = (value, at) => {
  const places: (number | null)[] = [];
  const layout = record<NonNullable<Shared["layout"]>>({ root: cell(places, 0), maximised: optional(count) });
  const read = record<Extract<ServerMessage, { type: "shared" }>>({ type: oneOf("shared"), number: count, views, layout: optional(layout) })(value, at);
  if (read.layout === null) return read;
  const placed = places.filter((view) => view !== null).sort((a, b) => a - b);
  const { maximised } = read.layout;
  const fits = String(placed) === String([...read.views].sort((a, b) => a - b)) && (maximised === null || read.views.includes(maximised));
  return fits ? read : fail(at, "a layout of these views");
};

const transport = oneOf("websocket", "webrtc");

const errorCode = oneOf<messages.ErrorCode>(
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
  "measureFailed",
);

const viewFields: { readonly [K in keyof ViewInfo]: Read<ViewInfo[K]> } = {
  view: count,
  revision: count,
  inputSeq: count,
  content: oneOf("volume", "cinematic", "mip", "minip", "mean", "axial", "coronal", "sagittal"),
  window: record<WindowValues>({ center: number, width: number }),
  preset: optional(text),
  slice: optional(number),
  slices: optional(number),
  mmPerPixel: optional(number),
  zoom: number,
  letters: record<Letters>({ left: text, right: text, top: text, bottom: text }),
  refined: optional(number),
  positionMm: triple(number),
};

const iceServers = list(record<IceServer>({ urls: list(text), username: absent(text), credential: absent(text) }));

const readMessage: { readonly [K in ServerMessage["type"]]: Read<Extract<ServerMessage, { type: K }>> } = {
  connected: record<Connected>({
    type: oneOf("connected"),
    sessionId: text,
    protocol: text,
    backend: text,
    resumeToken: text,
    resumed: flag,
    iceServers: optional(iceServers),
    role: oneOf("owner", "viewer", "driver"),
    voxels: flag,
  }),
  stateFull: record({ type: oneOf("stateFull"), seriesInstanceUid: optional(text), views: list(record(viewFields)) }),
  library: record({
    type: oneOf("library"),
    studies: list(
      record<Study>({
        studyInstanceUid: text,
        description: text,
        date: text,
        patientName: text,
        patientId: text,
        patientSex: text,
        patientBirthDate: text,
        series: list(
          record<Series>({
            seriesInstanceUid: text,
            description: text,
            number: optional(number),
            modality: text,
            dims: triple(count),
            files: count,
            frameOfReferenceUid: absent(text),
            times: absent(list(text)),
          }),
        ),
      }),
    ),
  }),
  loading: record({ type: oneOf("loading"), seriesInstanceUid: text, done: count, total: count }),
  seriesOpened: record<SeriesOpened>({
    type: oneOf("seriesOpened"),
    seriesInstanceUid: text,
    frameOfReferenceUid: text,
    modality: text,
    suv: optional(
      record<Told<messages.Suv>>({ bodyWeight: number, leanBodyMass: optional(number), bodySurface: optional(number) }),
    ),
    unit: text,
    dims: triple(dim),
    spacingMm: triple(number),
    valueRange: pair,
    warnings: few(record<GeometryWarning>({ code: text, message: text, value: optional(number) }), MAX_LINES),
    selfCheck: record<SelfCheck>({
      found: list(text),
      corrected: list(text),
      unknown: list(text),
      millimetres: text,
      reason: optional(text),
      regions: few(rectangle, MAX_REGIONS),
    }),
    presets: list(record<PresetName>({ name: text, label: text })),
    windows: list(record<WindowPreset>({ label: text, center: number, width: number })),
    outline: record<Told<messages.Outline>>({
      patientFromVoxel: vectors,
      valueRange: rising,
      levels: pair,
      windows: list(record<Told<messages.ShapedNamedWindow>>({ label: text, center: number, width: number, shape })),
      tables: list(list(number)),
      inverted: flag,
      directionsUnknown: flag,
    }),
  }),
  presets: record({ type: oneOf("presets"), presets: list(record<PresetName>({ name: text, label: text })) }),
  view: record<ViewState>({ type: oneOf("view"), ...viewFields }),
  viewState: record<Extract<ServerMessage, { type: "viewState" }>>({
    type: oneOf("viewState"),
    view: count,
    seriesInstanceUid: text,
    revision: count,
    place,
    look: absent(look),
    moving: flag,
  }),
  measured: record<Extract<ServerMessage, { type: "measured" }>>({
    type: oneOf("measured"),
    request: count,
    quantities: few(record<Told<messages.Quantity>>({ measure: text, value: number, unit: text }), MAX_QUANTITIES),
    histogram: few(count, MAX_BARS),
    doubt: optional(text),
    lengthsBy: optional(text),
  }),
  role: record({ type: oneOf("role"), role: oneOf("owner", "viewer", "driver") }),
  shared,
  drawn: record({ type: oneOf("drawn"), number: count, seriesInstanceUid: text, drawings }),
  error: record({ type: oneOf("error"), code: errorCode, message: text, seq: optional(count) }),
  pong: record({ type: oneOf("pong"), time: number }),
  iceServers: record({ type: oneOf("iceServers"), iceServers }),
  answer: record({ type: oneOf("answer"), sdp: text }),
  transport: record({ type: oneOf("transport"), transport, reason: text }),
  done: record({ type: oneOf("done"), seq: optional(count) }),
};

/** Reads a text message. Server and client come in one binary, so what is not known is a fault. */
export function parseMessage(json: string): ServerMessage {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ProtocolError("the message is not JSON");
  }
  const type = (value as { type?: unknown } | null)?.type;
  if (typeof type !== "string" || !Object.hasOwn(readMessage, type)) return fail("message.type", "a known type");
  return readMessage[type as ServerMessage["type"]](value, type);
}

/** Splits a binary message into its header and parts. */
export function parseFrame(bytes: ArrayBuffer): Frame {
  const frame = parseHeader(bytes);
  return { ...frame, parts: parseParts(bytes, frame.width, frame.height) };
}

/** The header alone, as of a picture that comes another way. */
export function parseHeader(bytes: ArrayBuffer): Frame {
  if (bytes.byteLength < FRAME_HEADER_BYTES) throw new ProtocolError("the frame is shorter than its header");
  const data = new DataView(bytes);
  // "VXF1"
  if (data.getUint32(0) !== 0x56584631) throw new ProtocolError("the frame does not start with VXF1");
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
    renderMs: data.getUint32(32, true) / 1000,
    encodeMs: data.getUint32(36, true) / 1000,
    hash: data.getUint32(40, true),
    parts: [],
  };
}

/** Whether a binary message is `SliceValues` rather than a frame: it starts with "VXV1". */
export function areValues(bytes: ArrayBuffer): boolean {
  return bytes.byteLength >= 4 && new DataView(bytes).getUint32(0) === 0x56585631;
}

/** Splits a binary message into its header and the PNG. */
export function parseValues(bytes: ArrayBuffer): SliceValues {
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
    png: new Uint8Array(bytes, VALUES_HEADER_BYTES),
  };
}

/** Whether frame number `a` comes after `b`; the numbers wrap. */
export function follows(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

function known<T>(values: Readonly<Record<number, T>>, code: number, name: string): T {
  const value = values[code];
  if (value === undefined) throw new ProtocolError(`the frame has an unknown ${name}, ${code}`);
  return value;
}

function parseParts(bytes: ArrayBuffer, width: number, height: number): Part[] {
  const data = new DataView(bytes);
  const parts: Part[] = [];
  let at = FRAME_HEADER_BYTES;
  while (at < bytes.byteLength) {
    const start = at + PART_HEADER_BYTES;
    if (start > bytes.byteLength) throw new ProtocolError("a part of the frame ends beyond the frame");
    const [x, y, w, h] = [0, 2, 4, 6].map((offset) => data.getUint16(at + offset, true)) as [number, number, number, number];
    at = start + data.getUint32(start - 4, true);
    if (at > bytes.byteLength) throw new ProtocolError("a part of the frame ends beyond the frame");
    if (w === 0 || h === 0 || x + w > width || y + h > height) throw new ProtocolError("a part lies outside of its picture");
    parts.push({ x, y, width: w, height: h, bytes: new Uint8Array(bytes, start, at - start) });
  }
  return parts;
}
