// Generated from ../../protocol/src/message.rs; to write it again:
// UPDATE_TYPES=1 cargo test --release -p protocol --lib

/**
 * What a client asks for. Positions are pixels from the view's top left corner.
 */
export type ClientMessage = { "type": "openSeries", seriesInstanceUid: string, } | { "type": "layout", views: Array<LayoutView>, } | { "type": "openBeside", seriesInstanceUid: string, } | { "type": "closeSeries", seriesInstanceUid: string, } | { "type": "set" } & SetView | { "type": "dropView", view: number, } | { "type": "askState", view: number, } | { "type": "measure" } & Measure | { "type": "pointer", view: number, kind: PointerKind, 
/**
 * Needed by `press` and `release`.
 */
button?: MouseButton, x: number, y: number, } | { "type": "wheel", view: number, delta: number, zoom: boolean, } | { "type": "pinch", view: number, zoom: number, dx: number, dy: number, } | { "type": "scroll", view: number, slices: number, } | { "type": "rotate", view: number, dx: number, dy: number, } | { "type": "window", view: number, center: number, width: number, } | { "type": "preset", view: number, name: string, } | { "type": "reset", view?: number, } | { "type": "ack", view: number, frame: number, } | { "type": "ackDrawn" } | { "type": "accept", codecs: Array<string>, } | { "type": "repaint", view: number, } | { "type": "values", view: number, } | { "type": "ping", time: number, } | { "type": "offer", sdp: string, tracks: Array<Track>, } | { "type": "candidate", candidate: string, } | { "type": "transport", transport: TransportKind, 
/**
 * The pictures that came by WebSocket are not thrown away: what rests is not sent again.
 */
keeps?: boolean, } | { "type": "stats" } & Stats;

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
longestFreezeMs: number, 
/**
 * Of the last ping; `None` before it is answered.
 */
roundTripMs: number | null, 
/**
 * Share of WebRTC's packets that did not come; `None` by WebSocket, which repeats them unseen.
 */
lostShare: number | null, 
/**
 * How much the packets' time on the way varies (RFC 3550, 6.4.1); `None` where it is not known.
 */
jitterMs: number | null, };

export type Percentiles = { p50: number, p95: number, p99: number, };

export type LayoutView = { view: number, content: Content, 
/**
 * Width and height in pixels.
 */
size: [number, number], 
/**
 * The view keeps its state and gets no pictures.
 */
paused?: boolean, };

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
iceServers: Array<IceServer> | null, role: Role, 
/**
 * Whether clients may have voxels, to draw them themselves.
 */
voxels: boolean, } | { "type": "stateFull", seriesInstanceUid: string | null, views: Array<ViewInfo>, } | { "type": "library", studies: Array<Study>, } | { "type": "loading", seriesInstanceUid: string, done: number, total: number, } | { "type": "seriesOpened" } & SeriesOpened | { "type": "presets", presets: Array<Preset>, } | { "type": "view" } & ViewInfo | { "type": "viewState" } & ViewState | { "type": "measured" } & Measured | { "type": "shared" } & Shared | { "type": "role", role: Role, } | { "type": "drawn", 
/**
 * Rises within a session: a list of this series with an earlier one is older.
 */
number: number, seriesInstanceUid: string, 
/**
 * All of them, the last one over the others.
 */
drawings: Array<Drawing>, } | { "type": "error", code: ErrorCode, message: string, seq: number | null, } | { "type": "pong", time: number, } | { "type": "iceServers", iceServers: Array<IceServer>, } | { "type": "answer", sdp: string, } | { "type": "transport", transport: TransportKind, reason: string, } | { "type": "done", seq: number | null, };

/**
 * A STUN or TURN server, in the words of `RTCIceServer` (W3C WebRTC, 4.2.3).
 */
export type IceServer = { urls: Array<string>, username?: string, credential?: string, };

export type Study = { studyInstanceUid: string, description: string, date: string, patientName: string, patientId: string, 
/**
 * As the files state it: M, F, O or nothing.
 */
patientSex: string, 
/**
 * YYYYMMDD, or as the files state it.
 */
patientBirthDate: string, series: Array<Series>, };

export type Series = { seriesInstanceUid: string, description: string, number: number | null, modality: string, 
/**
 * (columns, rows, slices)
 */
dims: [number, number, number], 
/**
 * How many files.
 */
files: number, 
/**
 * Frame of Reference UID: series that share it share their patient space. `None` where it is not known.
 */
frameOfReferenceUid?: string, 
/**
 * Of the first time of a 4D series: what all its times are listed as, in their order, its own first. `None` of
 * others.
 */
times?: Array<string>, };

export type SeriesOpened = { seriesInstanceUid: string, 
/**
 * What tells its patient space from others: places hold for all series that share it. Empty where files do not
 * say it.
 */
frameOfReferenceUid: string, modality: string, 
/**
 * Of a PET whose values have a scale to standardised uptake values.
 */
suv: Suv | null, 
/**
 * Unit of the values, for example `HU`; empty when unknown.
 */
unit: string, dims: [number, number, number], spacingMm: [number, number, number], valueRange: [number, number], warnings: Array<Warning>, selfCheck: SelfCheck, presets: Array<Preset>, windows: Array<NamedWindow>, outline: Outline, };

/**
 * What a value is multiplied by to become a standardised uptake value.
 */
export type Suv = { 
/**
 * By body weight, in g/ml.
 */
bodyWeight: number, 
/**
 * By lean body mass (James), in g/ml.
 */
leanBodyMass: number | null, 
/**
 * By body surface (Du Bois), in cm²/ml.
 */
bodySurface: number | null, };

/**
 * What was found in a volume, what was corrected, what cannot be known; sentences for people.
 */
export type SelfCheck = { found: Array<string>, corrected: Array<string>, unknown: Array<string>, 
/**
 * Where they are right: `everywhere`, `within-images`, `within-regions` or `nowhere`.
 */
millimetres: string, 
/**
 * Why not everywhere.
 */
reason: string | null, 
/**
 * For `within-regions`: first column and row, and last column and row, from 0, of parts of each image.
 */
regions: Array<[number, number, number, number]>, };

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
export type ErrorCode = "malformed" | "seq" | "outOfRange" | "unknownView" | "unknownSeries" | "unknownPreset" | "noSeries" | "loadFailed" | "renderFailed" | "tooFast" | "goingAway" | "webrtcFailed" | "notAllowed" | "measureFailed";

/**
 * What to measure on a series, by the server's voxels.
 */
export type Measure = { 
/**
 * Comes back with the answer. A later one of the same number replaces one that has not begun.
 */
request: number, seriesInstanceUid: string, kind: MeasuredKind, 
/**
 * Patient space (LPS).
 */
pointsMm: Array<[number, number, number]>, plane: MeasuredPlane, };

/**
 * What is drawn, by these points.
 */
export type MeasuredKind = "probe" | "length" | "angle" | "cobb" | "bidirectional" | "ellipse" | "rectangle" | "freehand" | "box" | "ellipsoid";

/**
 * The plane that something was drawn in.
 */
export type MeasuredPlane = { centerMm: [number, number, number], 
/**
 * Unit vectors at a right angle.
 */
right: [number, number, number], down: [number, number, number], };

/**
 * What was measured.
 */
export type Measured = { request: number, quantities: Array<Quantity>, 
/**
 * Of areas and solids: between the minimum and the maximum, in bars of equal width.
 */
histogram: Array<number>, 
/**
 * Why lengths are in pixels, or not at all.
 */
doubt: string | null, 
/**
 * What of the files millimetres are taken from; `None` where nothing is told in them.
 */
lengthsBy: string | null, };

/**
 * A number with its unit.
 */
export type Quantity = { 
/**
 * `length`, `long-axis`, `short-axis`, `angle`, `cobb-angle`, `area`, `perimeter`, `volume`, `value`, `mean`,
 * `standard-deviation`, `minimum`, `maximum` or `count`.
 */
measure: string, value: number, 
/**
 * Empty where it has none.
 */
unit: string, };

/**
 * One thing drawn, with what the host's window has measured of it.
 */
export type Drawing = { kind: DrawingKind, 
/**
 * Patient space (LPS), in the order of its kind.
 */
pointsMm: Array<[number, number, number]>, 
/**
 * That it was drawn in.
 */
plane: MeasuredPlane, 
/**
 * What the host calls it, or nothing.
 */
label: string, 
/**
 * sRGB.
 */
color: [number, number, number], 
/**
 * In the order in which they are told; none while it is being measured.
 */
quantities: Array<Quantity>, };

/**
 * What a drawing is. Points are as those of [`MeasuredKind`](super::MeasuredKind).
 */
export type DrawingKind = "probe" | "length" | "angle" | "cobb" | "bidirectional" | "ellipse" | "rectangle" | "freehand" | "box" | "ellipsoid" | "arrow" | "keyImage";

/**
 * The views that a guest is shown.
 */
export type Shared = { 
/**
 * Rises within a session: what comes with an earlier one is older.
 */
number: number, 
/**
 * In the order of the host's window.
 */
views: Array<number>, 
/**
 * `None` where that is each client's own affair.
 */
layout: HostLayout | null, };

/**
 * How the host's views lie.
 */
export type HostLayout = { 
/**
 * Each view has one place in it.
 */
root: Cell, 
/**
 * The view that hides the others for now.
 */
maximised: number | null, };

/**
 * A part of the host's window.
 */
export type Cell = { "kind": "empty" } | { "kind": "view", view: number, } | { "kind": "row" } & Split | { "kind": "column" } & Split;

/**
 * Cells that share a row's width or a column's height.
 */
export type Split = { cells: Array<Cell>, 
/**
 * How much of it each has: these parts of their sum.
 */
shares: Array<number>, };

/**
 * The state that a view is to have, the last one told counts.
 */
export type SetView = { view: number, 
/**
 * One that is open.
 */
seriesInstanceUid: string, place: Place, 
/**
 * As before where it is missing; a view that is new needs one.
 */
look?: Look, 
/**
 * Whether more of this is likely to follow at once: a hand is at work.
 */
moving: boolean, };

/**
 * A view as it is.
 */
export type ViewState = { view: number, seriesInstanceUid: string, 
/**
 * Frames that show this tell this revision.
 */
revision: number, place: Place, 
/**
 * As told before where it is missing.
 */
look?: Look, 
/**
 * Whether a hand is at work.
 */
moving: boolean, };

/**
 * What a client may do.
 */
export type Role = "owner" | "viewer" | "driver";

/**
 * What clients need besides voxels to show a series with the same tools as one of their own.
 */
export type Outline = { 
/**
 * Column, row and slice step in mm, then the centre of the first voxel; patient space (LPS).
 */
patientFromVoxel: [[number, number, number], [number, number, number], [number, number, number], [number, number, number]], 
/**
 * Smallest and largest value.
 */
valueRange: [number, number], 
/**
 * Where tissue begins, and how bright it gets.
 */
levels: [number, number], 
/**
 * The windows that the files ask for.
 */
windows: Array<ShapedNamedWindow>, 
/**
 * Brightness, 0 to 1, for evenly spaced values: the tables that windows name.
 */
tables: Array<Array<number>>, 
/**
 * The smallest value is white (MONOCHROME1).
 */
inverted: boolean, 
/**
 * The images do not say how they lie in the patient.
 */
directionsUnknown: boolean, };

export type ShapedNamedWindow = { label: string, center: number, width: number, shape: Shape, };

/**
 * Where a view looks from, and through what window: what changes while a hand moves.
 */
export type Place = { 
/**
 * Width and height in pixels.
 */
size: [number, number], content: Shows, camera: Camera, plane: Plane, slab: Slab, 
/**
 * How the `path` of the look is looked at, where there is one.
 */
curved: Curved | null, window: ShapedWindow, 
/**
 * Small values are bright in slices and projections (in those of MONOCHROME1 dark).
 */
inverted: boolean, };

/**
 * What a view shows; more exact than the `content` of a layout, which names first looks.
 */
export type Shows = { "kind": "volume" } | { "kind": "cinematic" } | { "kind": "projection", combine: Combine, } | { "kind": "isosurface", value: number, } | { "kind": "slice" } | { "kind": "curved" };

export type Combine = "maximum" | "minimum" | "mean";

export type Camera = { focalPointMm: [number, number, number], 
/**
 * Quaternion x, y, z, w; the camera looks along its own -z, y is up.
 */
patientFromCamera: [number, number, number, number], distanceMm: number, viewAngleDeg: number, zoom: number, parallel: boolean, 
/**
 * The eye's distance from the middle, to the right, for stereo.
 */
eyeMm: number, };

/**
 * A rectangle of the patient mapped onto a view.
 */
export type Plane = { centerMm: [number, number, number], 
/**
 * Unit vectors towards the view's right and bottom edge, at a right angle to each other.
 */
right: [number, number, number], down: [number, number, number], 
/**
 * Width and height that fit into the view at zoom 1.
 */
fitMm: [number, number], zoom: number, };

/**
 * A thick slice; 0 mm is a plain cut.
 */
export type Slab = { thicknessMm: number, combine: Combine, };

/**
 * A part of a rolled out path: the distance along it to the right, across it downwards.
 */
export type Curved = { 
/**
 * What lies in the middle of the view.
 */
centerMm: [number, number], 
/**
 * Length and height that fit into the view at zoom 1.
 */
fitMm: [number, number], zoom: number, };

/**
 * A smooth curve through points.
 */
export type Path = { drawnMm: Array<[number, number, number]>, 
/**
 * Unit vector that the rolled out picture has downwards.
 */
down: [number, number, number], };

/**
 * A window and how brightness rises in it (PS3.3 C.11.2).
 */
export type ShapedWindow = { center: number, width: number, shape: Shape, };

export type Shape = { "kind": "linear" } | { "kind": "linearExact" } | { "kind": "sigmoid" } | { "kind": "table", index: number, };

/**
 * How matter looks: changes seldom, and may be left out where it has not changed.
 */
export type Look = { transfer: Transfer, shading: Shading, preIntegrated: boolean, lights: Array<Light>, ambientOcclusion: boolean, shadows: boolean, depthCue: DepthCue | null, clip: Clip, layers: Array<Layer>, path: Path | null, 
/**
 * The preset whose transfer function this is, unedited.
 */
preset: string | null, 
/**
 * Samples along a ray are this many voxels apart.
 */
stepVoxels: number, };

/**
 * Three piecewise functions of a value.
 */
export type Transfer = { 
/**
 * Red, green and blue.
 */
colors: Array<Point<[number, number, number]>>, opacities: Array<Point<[number]>>, 
/**
 * By the length of the gradient, in values per mm.
 */
gradientOpacities: Array<Point<[number]>> | null, };

/**
 * At `value` the function has this level; components lie between 0 and 1.
 */
export type Point<L> = { value: number, level: L, curve: Curve, };

/**
 * How a function gets to its next point.
 */
export type Curve = "linear" | "step" | "smooth";

/**
 * Blinn-Phong weights.
 */
export type Shading = { ambient: number, diffuse: number, specular: number, specularPower: number, };

export type Light = { 
/**
 * The way that it travels, in the space that it is fixed to.
 */
direction: [number, number, number], 
/**
 * Whether it turns with the camera; else it stays with the patient.
 */
withCamera: boolean, color: [number, number, number], };

/**
 * Colours fade with their distance from the eye.
 */
export type DepthCue = { strength: number, color: [number, number, number], 
/**
 * From, to; those of the volume where it is null.
 */
rangeMm: [number, number] | null, };

/**
 * What is cut away in three dimensions.
 */
export type Clip = { 
/**
 * First and last voxel of a box along columns, rows and slices.
 */
cropVoxels: [[number, number], [number, number], [number, number]] | null, 
/**
 * Along a slice.
 */
cut: Cut | null, planes: Array<ClipPlane>, };

export type Cut = { plane: Plane, 
/**
 * Whether what lies before the slice stays, seen by its viewer; else what lies behind it.
 */
near: boolean, };

/**
 * What lies on the side that `normal` points to stays.
 */
export type ClipPlane = { pointMm: [number, number, number], normal: [number, number, number], };

/**
 * Another open series, shown with the first by its place in the patient.
 */
export type Layer = { seriesInstanceUid: string, look: LayerLook, opacity: number, };

export type LayerLook = { "kind": "values", transfer: Transfer, } | { "kind": "labels", colors: Array<[number, number, number, number]>, };
