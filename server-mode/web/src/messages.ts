// Generated from ../../protocol/src/message.rs; to write it again:
// UPDATE_TYPES=1 cargo test --release -p protocol --lib

/**
 * What a client asks for. Positions are pixels from the view's top left corner.
 */
export type ClientMessage = { "type": "openSeries", seriesInstanceUid: string, } | { "type": "layout", views: Array<LayoutView>, } | { "type": "pointer", view: number, kind: PointerKind, 
/**
 * Needed by `press` and `release`.
 */
button?: MouseButton, x: number, y: number, } | { "type": "wheel", view: number, delta: number, zoom: boolean, } | { "type": "pinch", view: number, zoom: number, dx: number, dy: number, } | { "type": "scroll", view: number, slices: number, } | { "type": "rotate", view: number, dx: number, dy: number, } | { "type": "window", view: number, center: number, width: number, } | { "type": "preset", view: number, name: string, } | { "type": "reset", view?: number, } | { "type": "ack", view: number, frame: number, } | { "type": "accept", codecs: Array<string>, } | { "type": "repaint", view: number, } | { "type": "values", view: number, } | { "type": "ping", time: number, } | { "type": "offer", sdp: string, tracks: Array<Track>, } | { "type": "candidate", candidate: string, } | { "type": "transport", transport: TransportKind, } | { "type": "stats" } & Stats;

/**
 * A video of WebRTC.
 */
export type Track = { 
/**
 * The media description of the offer (`a=mid`).
 */
mid: string, view: number, };

/**
 * How messages and pictures travel.
 */
export type TransportKind = "websocket" | "webrtc";

/**
 * What a client measured since it last told.
 */
export type Stats = { 
/**
 * Codec of most pictures.
 */
codec: string, transport: TransportKind, 
/**
 * Pictures shown a second while something moved.
 */
framesPerSecond: number, 
/**
 * From an input to the picture that shows it; `None` without input.
 */
latencyMs: Percentiles | null, bitsPerSecond: number, 
/**
 * The longest time between two pictures while something moved.
 */
longestFreezeMs: number, };

export type Percentiles = { p50: number, p95: number, p99: number, };

export type LayoutView = { view: number, content: Content, 
/**
 * Width and height in pixels.
 */
size: [number, number], };

export type Content = "volume" | "cinematic" | "mip" | "minip" | "mean" | "axial" | "coronal" | "sagittal";

export type PointerKind = "press" | "move" | "release";

export type MouseButton = "left" | "middle" | "right";

/**
 * What the server tells.
 */
export type ServerMessage = { "type": "connected", sessionId: string, protocol: string, backend: string, 
/**
 * Proves to a later connection that the session is this client's; as secret as a password.
 */
resumeToken: string, 
/**
 * Whether the session goes on that the client asked for.
 */
resumed: boolean, 
/**
 * Servers that help WebRTC on its way; `None` where there is no WebRTC.
 */
iceServers: Array<IceServer> | null, } | { "type": "stateFull", seriesInstanceUid: string | null, views: Array<ViewInfo>, } | { "type": "library", studies: Array<Study>, } | { "type": "loading", seriesInstanceUid: string, done: number, total: number, } | { "type": "seriesOpened" } & SeriesOpened | { "type": "presets", presets: Array<Preset>, } | { "type": "view" } & ViewInfo | { "type": "error", code: ErrorCode, message: string, seq: number | null, } | { "type": "pong", time: number, } | { "type": "answer", sdp: string, } | { "type": "transport", transport: TransportKind, reason: string, } | { "type": "done", seq: number | null, };

/**
 * A STUN or TURN server, in the words of `RTCIceServer` (W3C WebRTC, 4.2.3).
 */
export type IceServer = { urls: Array<string>, username?: string, credential?: string, };

export type Study = { studyInstanceUid: string, description: string, date: string, patientName: string, patientId: string, series: Array<Series>, };

export type Series = { seriesInstanceUid: string, description: string, number: number | null, modality: string, 
/**
 * (columns, rows, slices)
 */
dims: [number, number, number], 
/**
 * How many files.
 */
files: number, };

export type SeriesOpened = { seriesInstanceUid: string, modality: string, 
/**
 * Unit of the values, for example `HU`; empty when unknown.
 */
unit: string, dims: [number, number, number], spacingMm: [number, number, number], valueRange: [number, number], warnings: Array<Warning>, selfCheck: SelfCheck, presets: Array<Preset>, windows: Array<NamedWindow>, };

/**
 * What was found in a volume, what was corrected, what cannot be known; sentences for people.
 */
export type SelfCheck = { found: Array<string>, corrected: Array<string>, unknown: Array<string>, 
/**
 * Where they are right: `everywhere`, `within-images` or `nowhere`.
 */
millimetres: string, 
/**
 * Why not everywhere.
 */
reason: string | null, };

export type Warning = { code: string, message: string, value: number | null, };

export type Preset = { name: string, label: string, };

export type NamedWindow = { label: string, center: number, width: number, };

export type ViewInfo = { view: number, revision: number, inputSeq: number, content: Content, window: Window, 
/**
 * `None` when the transfer function is not a preset's.
 */
preset: string | null, 
/**
 * Number of the slice from 1; slice views only, as the next two.
 */
slice: number | null, slices: number | null, mmPerPixel: number | null, zoom: number, letters: Letters, 
/**
 * How much of a picture that refines is done, 0 to 1; `None` for views that do not refine.
 */
refined: number | null, 
/**
 * Middle of a slice view, or what a camera looks at; patient space (LPS).
 */
positionMm: [number, number, number], };

export type Window = { center: number, width: number, };

/**
 * The patient's directions at the edges of a picture; empty where they are not known.
 */
export type Letters = { left: string, right: string, top: string, bottom: string, };

/**
 * Why the server could not do what it was asked. More may be added.
 */
export type ErrorCode = "malformed" | "seq" | "outOfRange" | "unknownView" | "unknownSeries" | "unknownPreset" | "noSeries" | "loadFailed" | "renderFailed" | "tooFast" | "goingAway" | "webrtcFailed";
