//! The messages of subprotocol `voxcast.v1`.

mod drawn;
mod measure;
mod shared;
mod stats;
mod told;

pub use drawn::{DRAWINGS, Drawing, DrawingKind, Drawn, MAX_DRAWINGS, MAX_DRAWN_POINTS, MAX_LABEL_BYTES};
pub use measure::{MAX_MEASURED, MAX_MEASURED_MM, Measure, Measured, MeasuredKind, MeasuredPlane, Quantity};
use serde::{Deserialize, Serialize};
use serde_json::Value;
pub use shared::{Cell, HostLayout, MAX_LAYOUT_CELLS, MAX_LAYOUT_DEPTH, MAX_SHARE, Shared, Split};
pub use stats::{MAX_STATISTIC, Percentiles, Stats};
pub use told::MAX_TOLD_BYTES;

use crate::scene::{Look, Place, Shape};
use crate::{MAX_LAYOUT_PIXELS, MAX_TEXT_BYTES, MAX_VIEW_SIZE, MAX_VIEWS, Malformed, bounded, short};

/// Largest `seq`: whole numbers up to here are exact in JavaScript.
pub const MAX_SEQ: u64 = (1 << 53) - 1;

/// Positions and shifts in pixels lie within this distance of zero.
pub const MAX_PIXELS: f64 = 1e6;
/// Wheel deltas, where 100 is one notch.
pub const MAX_WHEEL: f64 = 1e5;
/// Slices of one `scroll`.
pub const MAX_SLICES: i64 = 100_000;
/// Window centres and widths.
pub const MAX_WINDOW: f64 = 1e6;
/// A volume may have its values between 0 and 1.
const MIN_WINDOW: f64 = 1e-6;
/// Factors of one `pinch`, and one over them.
pub const MAX_PINCH: f64 = 100.0;

/// Names of one `accept`.
const MAX_CODECS: usize = 16;
/// Session descriptions of WebRTC, offers and answers.
pub const MAX_SDP_BYTES: usize = 32 * 1024;

/// What a client asks for. Positions are pixels from the view's top left corner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ClientMessage {
    /// Empty: the library's first series.
    OpenSeries {
        series_instance_uid: String,
    },
    Layout {
        views: Vec<LayoutView>,
    },
    /// Opens a series besides those that are open; views show it that are `set` to.
    OpenBeside {
        series_instance_uid: String,
    },
    /// Views that show it are gone.
    CloseSeries {
        series_instance_uid: String,
    },
    /// The whole state of a view, which is made where there is none.
    Set(Box<SetView>),
    DropView {
        view: u8,
    },
    /// Asks for `viewState`.
    AskState {
        view: u8,
    },
    Measure(Measure),
    Pointer {
        view: u8,
        kind: PointerKind,
        /// Needed by `press` and `release`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        button: Option<MouseButton>,
        x: f64,
        y: f64,
    },
    Wheel {
        view: u8,
        delta: f64,
        #[serde(default)]
        zoom: bool,
    },
    Pinch {
        view: u8,
        zoom: f64,
        dx: f64,
        dy: f64,
    },
    Scroll {
        view: u8,
        slices: i64,
    },
    Rotate {
        view: u8,
        dx: f64,
        dy: f64,
    },
    Window {
        view: u8,
        center: f64,
        width: f64,
    },
    Preset {
        view: u8,
        name: String,
    },
    /// Without a view, all views.
    Reset {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        view: Option<u8>,
    },
    Ack {
        view: u8,
        frame: u32,
    },
    /// The `drawn` that came longest ago and was not acknowledged is shown.
    AckDrawn,
    /// What the client can decode besides JPEG, or show; names that are not known mean nothing.
    Accept {
        codecs: Vec<String>,
    },
    /// The client's picture is not what it should be.
    Repaint {
        view: u8,
    },
    /// Asks for the values that a slice view shows, to be windowed by the client.
    Values {
        view: u8,
    },
    Ping {
        time: f64,
    },
    /// Begins WebRTC, or begins it anew (ICE restart): a session description and what its videos show.
    Offer {
        sdp: String,
        tracks: Vec<Track>,
    },
    /// One more address at which the client may be reached, as in an SDP attribute (RFC 8839, 5.1).
    Candidate {
        candidate: String,
    },
    /// Which way everything else is to go from now on.
    Transport {
        transport: TransportKind,
        /// The pictures that came by WebSocket are not thrown away: what rests is not sent again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
        keeps: bool,
    },
    Stats(Stats),
}

/// The state that a view is to have, the last one told counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetView {
    pub view: u8,
    /// One that is open.
    pub series_instance_uid: String,
    pub place: Place,
    /// As before where it is missing; a view that is new needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub look: Option<Look>,
    /// Whether more of this is likely to follow at once: a hand is at work.
    pub moving: bool,
}

/// A video of WebRTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// The media description of the offer (`a=mid`).
    pub mid: String,
    pub view: u8,
}

/// How messages and pictures travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum TransportKind {
    Websocket,
    Webrtc,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LayoutView {
    pub view: u8,
    pub content: Content,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// The view keeps its state and gets no pictures.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub paused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Content {
    Volume,
    Cinematic,
    Mip,
    Minip,
    Mean,
    Axial,
    Coronal,
    Sagittal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum PointerKind {
    Press,
    Move,
    Release,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum MouseButton {
    Left,
    Middle,
    Right,
}

impl ClientMessage {
    /// Reads a text message: its `seq` and what it asks for, every number within its bounds.
    pub fn parse(text: &str) -> Result<(u64, Self), Malformed> {
        if text.len() > MAX_TEXT_BYTES {
            let reason = format!("a message has at most {MAX_TEXT_BYTES} bytes");
            return Err(Malformed::new(None, ErrorCode::Malformed, reason));
        }
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Malformed::new(None, ErrorCode::Malformed, format!("not JSON: {error}")))?;
        let Value::Object(mut fields) = value else {
            return Err(Malformed::new(None, ErrorCode::Malformed, "a message is a JSON object"));
        };
        let seq = fields.remove("seq").and_then(|seq| seq.as_u64());
        let Some(seq) = seq.filter(|seq| (1..=MAX_SEQ).contains(seq)) else {
            return Err(Malformed::new(None, ErrorCode::Seq, "`seq` must be a whole number from 1"));
        };
        let message: Self = serde_json::from_value(Value::Object(fields))
            .map_err(|error| Malformed::new(Some(seq), ErrorCode::Malformed, error.to_string()))?;
        message.check().map_err(|reason| Malformed::new(Some(seq), ErrorCode::OutOfRange, reason))?;
        Ok((seq, message))
    }

    /// The text message, for clients.
    pub fn to_text(&self, seq: u64) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        value["seq"] = seq.into();
        value.to_string()
    }

    fn check(&self) -> Result<(), String> {
        let pixels = |x: f64, y: f64| bounded("x", x, MAX_PIXELS).and(bounded("y", y, MAX_PIXELS));
        match self {
            Self::OpenSeries { series_instance_uid }
            | Self::OpenBeside { series_instance_uid }
            | Self::CloseSeries { series_instance_uid } => short("seriesInstanceUid", series_instance_uid),
            Self::Set(set) => set.check(),
            Self::Measure(measure) => measure.check(),
            Self::Layout { views } => check_layout(views),
            Self::Pointer { view, kind, button, x, y } => {
                check_view(*view)?;
                if *kind != PointerKind::Move && button.is_none() {
                    return Err("`press` and `release` need a `button`".into());
                }
                pixels(*x, *y)
            }
            Self::Wheel { view, delta, .. } => {
                check_view(*view)?;
                bounded("delta", *delta, MAX_WHEEL)
            }
            Self::Pinch { view, zoom, dx, dy } => {
                check_view(*view)?;
                if !(1.0 / MAX_PINCH..=MAX_PINCH).contains(zoom) {
                    return Err(format!("`zoom` must lie between 1/{MAX_PINCH} and {MAX_PINCH}"));
                }
                pixels(*dx, *dy)
            }
            Self::Scroll { view, slices } => {
                check_view(*view)?;
                if slices.unsigned_abs() > MAX_SLICES.unsigned_abs() {
                    return Err(format!("`slices` must lie between -{MAX_SLICES} and {MAX_SLICES}"));
                }
                Ok(())
            }
            Self::Rotate { view, dx, dy } => {
                check_view(*view)?;
                pixels(*dx, *dy)
            }
            Self::Window { view, center, width } => {
                check_view(*view)?;
                bounded("center", *center, MAX_WINDOW)?;
                if !(MIN_WINDOW..=MAX_WINDOW).contains(width) {
                    return Err(format!("`width` must lie between {MIN_WINDOW} and {MAX_WINDOW}"));
                }
                Ok(())
            }
            Self::Preset { view, name } => {
                check_view(*view)?;
                short("name", name)
            }
            Self::Reset { view } => view.map_or(Ok(()), check_view),
            Self::Ack { view, .. }
            | Self::Repaint { view }
            | Self::Values { view }
            | Self::DropView { view }
            | Self::AskState { view } => check_view(*view),
            Self::Accept { codecs } => {
                if codecs.len() > MAX_CODECS {
                    return Err(format!("`codecs` lists at most {MAX_CODECS}"));
                }
                codecs.iter().try_for_each(|codec| short("codecs", codec))
            }
            Self::Ping { time } => bounded("time", *time, MAX_SEQ as f64),
            Self::Offer { sdp, tracks } => {
                if sdp.len() > MAX_SDP_BYTES {
                    return Err(format!("`sdp` is longer than {MAX_SDP_BYTES} bytes"));
                }
                check_tracks(tracks)
            }
            Self::Candidate { candidate } => short("candidate", candidate),
            Self::Transport { .. } | Self::AckDrawn => Ok(()),
            Self::Stats(stats) => stats.check(),
        }
    }
}

impl SetView {
    fn check(&self) -> Result<(), String> {
        check_view(self.view)?;
        short("seriesInstanceUid", &self.series_instance_uid)?;
        self.place.check()?;
        self.look.as_ref().map_or(Ok(()), Look::check)
    }
}

fn check_view(view: u8) -> Result<(), String> {
    if usize::from(view) < MAX_VIEWS {
        Ok(())
    } else {
        Err(format!("views are numbered 0 to {}", MAX_VIEWS - 1))
    }
}

fn check_tracks(tracks: &[Track]) -> Result<(), String> {
    let mut seen = [false; MAX_VIEWS];
    for Track { mid, view } in tracks {
        check_view(*view)?;
        if std::mem::replace(&mut seen[usize::from(*view)], true) {
            return Err(format!("view {view} has two tracks"));
        }
        // RFC 8843, 15.1 knows no limit; three bytes are usual.
        if mid.is_empty() || mid.len() > 16 {
            return Err("a track's `mid` has 1 to 16 bytes".into());
        }
    }
    Ok(())
}

fn check_layout(views: &[LayoutView]) -> Result<(), String> {
    let mut seen = [false; MAX_VIEWS];
    let mut pixels = 0;
    for view in views {
        check_view(view.view)?;
        if std::mem::replace(&mut seen[usize::from(view.view)], true) {
            return Err(format!("view {} is listed twice", view.view));
        }
        if view.size.iter().any(|n| !(1..=MAX_VIEW_SIZE).contains(n)) {
            return Err(format!("a view's `size` must lie between 1 and {MAX_VIEW_SIZE} each"));
        }
        pixels += u64::from(view.size[0]) * u64::from(view.size[1]);
    }
    if pixels > MAX_LAYOUT_PIXELS {
        return Err(format!(
            "the views have {pixels} pixels together; at most {MAX_LAYOUT_PIXELS} are possible"
        ));
    }
    Ok(())
}

/// What the server tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ServerMessage {
    Connected {
        session_id: String,
        protocol: String,
        backend: String,
        /// Proves to a later connection that the session is this client's; as secret as a password.
        resume_token: String,
        /// Whether the session goes on that the client asked for.
        resumed: bool,
        /// Servers that help WebRTC on its way; `None` where there is no WebRTC.
        ice_servers: Option<Vec<IceServer>>,
        role: Role,
        /// Whether clients may have voxels, to draw them themselves.
        voxels: bool,
    },
    /// What the session shows when a client connects; `view` tells what changes after it.
    StateFull {
        series_instance_uid: Option<String>,
        views: Vec<ViewInfo>,
    },
    Library {
        studies: Vec<Study>,
    },
    Loading {
        series_instance_uid: String,
        done: u64,
        total: u64,
    },
    SeriesOpened(Box<SeriesOpened>),
    /// The presets of the open series have changed.
    Presets {
        presets: Vec<Preset>,
    },
    View(ViewInfo),
    /// All of a view, where it was asked for, and where somebody else has set it.
    ViewState(Box<ViewState>),
    Measured(Measured),
    Shared(Shared),
    /// A guest may do more from now on, or less.
    Role {
        role: Role,
    },
    /// What a guest's host has drawn on a series, where the client accepts it.
    Drawn {
        /// Rises within a session: a list of this series with an earlier one is older.
        number: u64,
        series_instance_uid: String,
        /// All of them, the last one over the others.
        drawings: Vec<Drawing>,
    },
    Error {
        code: ErrorCode,
        message: String,
        seq: Option<u64>,
    },
    Pong {
        time: f64,
    },
    /// In place of those that were told before, which soon let nobody in any more.
    IceServers {
        ice_servers: Vec<IceServer>,
    },
    /// Answers an `offer`.
    Answer {
        sdp: String,
    },
    /// The way that everything goes from now on is another one than the client chose last.
    Transport {
        transport: TransportKind,
        reason: String,
    },
    /// Everything comes by WebSocket again: the newest `seq` of WebRTC's channel for commands that was done.
    Done {
        seq: Option<u64>,
    },
}

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Everything.
    Owner,
    /// A guest, who sees what the host shows.
    Viewer,
    /// A guest, who may change what the host shows.
    Driver,
}

/// A view as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ViewState {
    pub view: u8,
    pub series_instance_uid: String,
    /// Frames that show this tell this revision.
    pub revision: u64,
    pub place: Place,
    /// As told before where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub look: Option<Look>,
    /// Whether a hand is at work.
    pub moving: bool,
}

/// A STUN or TURN server, in the words of `RTCIceServer` (W3C WebRTC, 4.2.3).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub credential: Option<String>,
}

/// Shows no credential: messages may end up in a log.
impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Study {
    pub study_instance_uid: String,
    pub description: String,
    pub date: String,
    pub patient_name: String,
    pub patient_id: String,
    /// As the files state it: M, F, O or nothing.
    pub patient_sex: String,
    /// YYYYMMDD, or as the files state it.
    pub patient_birth_date: String,
    pub series: Vec<Series>,
}

/// Names nobody: a study's `Debug` output may end up in a log.
impl std::fmt::Debug for Study {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Study").field("series", &self.series.len()).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Series {
    pub series_instance_uid: String,
    pub description: String,
    pub number: Option<i32>,
    pub modality: String,
    /// (columns, rows, slices)
    pub dims: [u32; 3],
    /// How many files.
    pub files: u64,
    /// Frame of Reference UID: series that share it share their patient space. `None` where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub frame_of_reference_uid: Option<String>,
    /// Of the first time of a 4D series: what all its times are listed as, in their order, its own first. `None` of
    /// others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub times: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeriesOpened {
    pub series_instance_uid: String,
    /// What tells its patient space from others: places hold for all series that share it. Empty where files do not
    /// say it.
    pub frame_of_reference_uid: String,
    pub modality: String,
    /// Of a PET whose values have a scale to standardised uptake values.
    pub suv: Option<Suv>,
    /// Unit of the values, for example `HU`; empty when unknown.
    pub unit: String,
    pub dims: [u32; 3],
    pub spacing_mm: [f64; 3],
    pub value_range: [f64; 2],
    pub warnings: Vec<Warning>,
    pub self_check: SelfCheck,
    pub presets: Vec<Preset>,
    pub windows: Vec<NamedWindow>,
    pub outline: Outline,
}

/// What a value is multiplied by to become a standardised uptake value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suv {
    /// By body weight, in g/ml.
    pub body_weight: f64,
    /// By lean body mass (James), in g/ml.
    pub lean_body_mass: Option<f64>,
    /// By body surface (Du Bois), in cm²/ml.
    pub body_surface: Option<f64>,
}

/// What clients need besides voxels to show a series with the same tools as one of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outline {
    /// Column, row and slice step in mm, then the centre of the first voxel; patient space (LPS).
    pub patient_from_voxel: [[f64; 3]; 4],
    /// Smallest and largest value.
    pub value_range: [f32; 2],
    /// Where tissue begins, and how bright it gets.
    pub levels: [f32; 2],
    /// The windows that the files ask for.
    pub windows: Vec<ShapedNamedWindow>,
    /// Brightness, 0 to 1, for evenly spaced values: the tables that windows name.
    pub tables: Vec<Vec<f32>>,
    /// The smallest value is white (MONOCHROME1).
    pub inverted: bool,
    /// The images do not say how they lie in the patient.
    pub directions_unknown: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ShapedNamedWindow {
    pub label: String,
    pub center: f64,
    pub width: f64,
    pub shape: Shape,
}

/// What was found in a volume, what was corrected, what cannot be known; sentences for people.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SelfCheck {
    pub found: Vec<String>,
    pub corrected: Vec<String>,
    pub unknown: Vec<String>,
    /// Where they are right: `everywhere`, `within-images`, `within-regions` or `nowhere`.
    pub millimetres: String,
    /// Why not everywhere.
    pub reason: Option<String>,
    /// For `within-regions`: first column and row, and last column and row, from 0, of parts of each image.
    #[serde(default)]
    pub regions: Vec<[u32; 4]>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Warning {
    pub code: String,
    pub message: String,
    pub value: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Preset {
    pub name: String,
    pub label: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct NamedWindow {
    pub label: String,
    pub center: f64,
    pub width: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ViewInfo {
    pub view: u8,
    pub revision: u64,
    pub input_seq: u64,
    pub content: Content,
    pub window: Window,
    /// `None` when the transfer function is not a preset's.
    pub preset: Option<String>,
    /// Number of the slice from 1; slice views only, as the next two.
    pub slice: Option<i64>,
    pub slices: Option<i64>,
    pub mm_per_pixel: Option<f64>,
    pub zoom: f64,
    pub letters: Letters,
    /// How much of a picture that refines is done, 0 to 1; `None` for views that do not refine.
    pub refined: Option<f64>,
    /// Middle of a slice view, or what a camera looks at; patient space (LPS).
    pub position_mm: [f64; 3],
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub center: f64,
    pub width: f64,
}

/// The patient's directions at the edges of a picture; empty where they are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Letters {
    pub left: String,
    pub right: String,
    pub top: String,
    pub bottom: String,
}

/// Why the server could not do what it was asked. More may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ErrorCode {
    /// Not a message of the protocol.
    Malformed,
    /// `seq` is missing or does not rise.
    Seq,
    /// A number, a text or a list is beyond its bounds.
    OutOfRange,
    /// The layout has no such view.
    UnknownView,
    UnknownSeries,
    UnknownPreset,
    /// No series is open yet.
    NoSeries,
    /// The series could not be read.
    LoadFailed,
    /// The picture could not be drawn or encoded.
    RenderFailed,
    /// Messages come faster than they are handled; the rest waits.
    TooFast,
    /// The server is shutting down.
    GoingAway,
    /// WebRTC cannot be had, or not as the client wants it.
    WebrtcFailed,
    /// The client's role does not allow it.
    NotAllowed,
    /// It cannot be measured.
    MeasureFailed,
}
