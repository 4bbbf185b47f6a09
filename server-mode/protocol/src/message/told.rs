//! What clients believe of a server.

use super::shared::distinct;
use super::{
    IceServer, MAX_WINDOW, Measured, Outline, Preset, Quantity, SelfCheck, Series, SeriesOpened,
    ServerMessage, Study, Suv, ViewInfo, ViewState, check_view, drawn,
};
use crate::MAX_TEXT_BYTES;
use crate::scene::{Look, few};

/// The longest text of a server's; libraries of ten thousand series have a third of it.
pub const MAX_TOLD_BYTES: usize = 16 << 20;

/// Studies of a library, and series of a study.
const MAX_LISTED: usize = 100_000;
/// Columns, rows or slices of a volume.
const MAX_DIM: u32 = 65_535;
/// Sentences, presets or windows of a series, and the bytes of all its sentences.
const MAX_LINES: usize = 1000;
/// Of an ultrasound picture.
const MAX_REGIONS: usize = 16;
const MAX_SENTENCES: usize = 1 << 20;
/// Any text: those of files may be longer than they should be.
const MAX_TOLD_TEXT: usize = 1 << 18;
/// Levels of all brightness tables of a series.
const MAX_LEVELS: usize = 1 << 20;
/// Numbers that something drawn is measured by, and bars of its histogram.
const MAX_QUANTITIES: usize = 64;
const MAX_BARS: usize = 4096;
/// Servers that help WebRTC on its way, and addresses of one.
const MAX_ICE: usize = 16;
/// What a reason quotes of a message.
const MOST_QUOTED: usize = 200;

impl ServerMessage {
    /// Reads a text message, whose numbers are those that clients reckon with.
    ///
    /// # Errors
    /// It is too long, no message of the protocol, or tells of views that cannot be; in words for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_TOLD_BYTES {
            return Err(format!("a message has at most {MAX_TOLD_BYTES} bytes"));
        }
        let mut message: Self = serde_json::from_str(text).map_err(|error| {
            // It may quote all of a text.
            error.to_string().chars().take(MOST_QUOTED).collect::<String>()
        })?;
        message.check()?;
        if let Self::SeriesOpened(opened) = &mut message {
            opened.leave_out_windows();
        }
        Ok(message)
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self::Connected { session_id, protocol, backend, resume_token, ice_servers, .. } => {
                shorts([session_id, protocol, backend, resume_token])?;
                IceServer::check_all(ice_servers.as_deref().unwrap_or_default())
            }
            Self::IceServers { ice_servers } => IceServer::check_all(ice_servers),
            Self::StateFull { series_instance_uid, views } => {
                shorts(series_instance_uid)?;
                distinct(views.iter().map(|info| info.view))?;
                views.iter().try_for_each(ViewInfo::check)
            }
            Self::Library { studies } => {
                few("studies", studies, MAX_LISTED)?;
                studies.iter().try_for_each(Study::check)
            }
            Self::Loading { series_instance_uid, .. } => shorts([series_instance_uid]),
            Self::SeriesOpened(opened) => opened.check(),
            Self::Presets { presets } => check_presets(presets),
            Self::View(info) => info.check(),
            Self::ViewState(state) => {
                check_view(state.view)?;
                shorts([&state.series_instance_uid])
            }
            Self::Measured(measured) => measured.check(),
            Self::Drawn { number, series_instance_uid, drawings } => {
                drawn::check(*number, series_instance_uid, drawings)
            }
            Self::Shared(shared) => shared.check(),
            Self::Error { message, .. } => shorts([message]),
            Self::Answer { sdp } if sdp.len() > MAX_TEXT_BYTES => {
                Err(format!("`sdp` is longer than {MAX_TEXT_BYTES} bytes"))
            }
            Self::Transport { reason, .. } => shorts([reason]),
            // A time that cannot be is no time.
            Self::Pong { .. } | Self::Role { .. } | Self::Answer { .. } | Self::Done { .. } => Ok(()),
        }
    }
}

impl IceServer {
    fn check_all(servers: &[Self]) -> Result<(), String> {
        few("iceServers", servers, MAX_ICE)?;
        servers.iter().try_for_each(Self::check)
    }

    fn check(&self) -> Result<(), String> {
        few("urls", &self.urls, MAX_ICE)?;
        shorts(self.urls.iter().chain(&self.username).chain(&self.credential))
    }
}

impl Study {
    fn check(&self) -> Result<(), String> {
        let Self {
            study_instance_uid,
            description,
            date,
            patient_name,
            patient_id,
            patient_sex,
            patient_birth_date,
            series,
        } = self;
        shorts([study_instance_uid, description, date])?;
        shorts([patient_name, patient_id, patient_sex, patient_birth_date])?;
        few("series", series, MAX_LISTED)?;
        series.iter().try_for_each(Series::check)
    }
}

impl Series {
    fn check(&self) -> Result<(), String> {
        shorts([&self.series_instance_uid, &self.description, &self.modality])?;
        shorts(self.frame_of_reference_uid.iter().chain(self.times.iter().flatten()))?;
        few("times", self.times.as_deref().unwrap_or_default(), MAX_LISTED)?;
        check_dims(self.dims)
    }
}

impl SeriesOpened {
    fn check(&self) -> Result<(), String> {
        shorts([&self.series_instance_uid, &self.frame_of_reference_uid, &self.modality, &self.unit])?;
        check_dims(self.dims)?;
        few("warnings", &self.warnings, MAX_LINES)?;
        if self.warnings.iter().map(|warning| warning.code.len() + warning.message.len()).sum::<usize>()
            > MAX_SENTENCES
        {
            return Err(format!("`warnings` have at most {MAX_SENTENCES} bytes"));
        }
        self.self_check.check()?;
        check_presets(&self.presets)?;
        few("windows", &self.windows, MAX_LINES)?;
        if let Some(Suv { body_weight, lean_body_mass, body_surface }) = self.suv {
            let factors = [Some(body_weight), lean_body_mass, body_surface];
            if !factors.iter().flatten().all(|factor| *factor > 0.0 && factor.is_finite()) {
                return Err("factors of `suv` must be above 0".into());
            }
        }
        shorts(self.windows.iter().map(|window| &window.label))?;
        self.outline.check()
    }

    /// Windows of files that cannot be shown are no reason to end a connection.
    fn leave_out_windows(&mut self) {
        let possible =
            |center: f64, width: f64| center.abs() <= MAX_WINDOW && (0.0..=MAX_WINDOW).contains(&width);
        self.windows.retain(|window| possible(window.center, window.width));
        self.outline.windows.retain(|window| possible(window.center, window.width));
    }
}

impl SelfCheck {
    fn check(&self) -> Result<(), String> {
        let Self { found, corrected, unknown, millimetres, reason, regions } = self;
        few("regions", regions, MAX_REGIONS)?;
        [found, corrected, unknown].into_iter().try_for_each(|lines| few("selfCheck", lines, MAX_LINES))?;
        if [found, corrected, unknown].into_iter().flatten().map(String::len).sum::<usize>() > MAX_SENTENCES {
            return Err(format!("`selfCheck` has at most {MAX_SENTENCES} bytes"));
        }
        shorts(reason.iter().chain([millimetres]))
    }
}

impl Outline {
    fn check(&self) -> Result<(), String> {
        let [low, high] = self.value_range;
        if low > high || ![low, high].iter().chain(&self.levels).all(|value| value.is_finite()) {
            return Err("`valueRange` must rise and be finite, as must be `levels`".into());
        }
        few("windows", &self.windows, MAX_LINES)?;
        shorts(self.windows.iter().map(|window| &window.label))?;
        if self.tables.iter().map(Vec::len).sum::<usize>() > MAX_LEVELS {
            return Err(format!("`tables` hold at most {MAX_LEVELS} levels"));
        }
        match self.tables.iter().flatten().all(|level| level.is_finite()) {
            true => Ok(()),
            false => Err("levels of `tables` must be finite".into()),
        }
    }
}

impl ViewInfo {
    fn check(&self) -> Result<(), String> {
        check_view(self.view)?;
        let letters = &self.letters;
        shorts(self.preset.iter().chain([&letters.left, &letters.right, &letters.top, &letters.bottom]))
    }
}

impl Measured {
    fn check(&self) -> Result<(), String> {
        few("quantities", &self.quantities, MAX_QUANTITIES)?;
        shorts(self.quantities.iter().flat_map(|Quantity { measure, unit, .. }| [measure, unit]))?;
        few("histogram", &self.histogram, MAX_BARS)?;
        shorts(self.doubt.iter().chain(&self.lengths_by))
    }
}

fn check_presets(presets: &[Preset]) -> Result<(), String> {
    few("presets", presets, MAX_LINES)?;
    shorts(presets.iter().flat_map(|preset| [&preset.name, &preset.label]))
}

fn check_dims(dims: [u32; 3]) -> Result<(), String> {
    match dims.iter().all(|n| *n <= MAX_DIM) {
        true => Ok(()),
        false => Err(format!("`dims` are at most {MAX_DIM} each")),
    }
}

/// What a text says may be about a patient: it is not quoted.
fn shorts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    match texts.into_iter().all(|text| text.len() <= MAX_TOLD_TEXT) {
        true => Ok(()),
        false => Err(format!("a text has at most {MAX_TOLD_TEXT} bytes")),
    }
}

impl ViewState {
    /// Whether it could be set, too; in words for people.
    pub fn check(&self) -> Result<(), String> {
        self.place.check()?;
        self.look.as_ref().map_or(Ok(()), Look::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{MAX_DRAWINGS, MAX_DRAWN_POINTS};

    #[test]
    fn a_server_shows_no_more_views_than_there_can_be() {
        let shared = |views: &str| {
            ServerMessage::parse(&format!(
                r#"{{"type":"shared","number":1,"views":[{views}],"layout":null}}"#
            ))
        };
        assert!(shared("3,0,15").is_ok());
        assert!(shared("1,1").is_err() && shared("16").is_err());
        assert!(ServerMessage::parse(&" ".repeat(MAX_TOLD_BYTES + 1)).is_err());
    }

    fn opened(change: impl FnOnce(&mut serde_json::Value)) -> Result<ServerMessage, String> {
        let fixture = include_str!("../../fixtures/valid/server-series-opened.json");
        let mut told = serde_json::from_str(fixture).expect("a fixture is JSON");
        change(&mut told);
        ServerMessage::parse(&told.to_string())
    }

    #[test]
    fn windows_that_cannot_be_shown_are_left_out_and_the_series_is_open() {
        let far = serde_json::json!({"label": "x", "center": 9e99, "width": 400.0});
        let mut shaped = far.clone();
        shaped["shape"] = serde_json::json!({"kind": "linear"});
        let read =
            opened(|told| (told["windows"], told["outline"]["windows"]) = ([far].into(), [shaped].into()));
        let Ok(ServerMessage::SeriesOpened(opened)) = read else { panic!("{read:?}") };
        assert!(opened.windows.is_empty() && opened.outline.windows.is_empty());
    }

    #[test]
    fn a_series_that_is_told_at_great_length_is_not_believed() {
        assert!(opened(|_| ()).is_ok());
        let long = "x".repeat(MAX_TOLD_TEXT + 1);
        assert!(opened(|told| told["modality"] = long.clone().into()).is_err());
        assert!(opened(|told| told["selfCheck"]["found"] = vec![long; 4].into()).is_err());
    }
    #[test]
    fn a_host_draws_no_more_than_there_is_room_for() {
        let drawn = |counts: &[usize]| {
            let plane = r#"{"centerMm":[0,0,0],"right":[1,0,0],"down":[0,1,0]}"#;
            let one = |count: &usize| {
                let points = vec!["[0,0,0]"; *count].join(",");
                format!(
                    r#"{{"kind":"freehand","pointsMm":[{points}],"plane":{plane},"label":"","color":[0,0,0],"quantities":[]}}"#
                )
            };
            let drawings: Vec<String> = counts.iter().map(one).collect();
            let text = drawings.join(",");
            ServerMessage::parse(&format!(
                r#"{{"type":"drawn","number":7,"seriesInstanceUid":"1.2","drawings":[{text}]}}"#
            ))
        };
        let half = MAX_DRAWN_POINTS / 2;
        assert!(drawn(&[]).is_ok() && drawn(&[half, half]).is_ok());
        assert!(drawn(&[half, half, 1]).is_err());
        assert!(drawn(&[1; MAX_DRAWINGS]).is_ok() && drawn(&[1; MAX_DRAWINGS + 1]).is_err());
    }

    #[test]
    fn what_a_host_has_typed_is_in_no_log() {
        let fixture = include_str!("../../fixtures/valid/server-drawn.json");
        let message = ServerMessage::parse(fixture).expect("it is valid");
        let told = format!("{message:?}");
        assert!(told.contains("Arrow") && !told.contains("Lesion") && !told.contains("here"), "{told}");
        let long = fixture.replace("Lesion 1", &"Lesion".repeat(200));
        let reason = ServerMessage::parse(&long).expect_err("too long");
        assert!(!reason.contains("Lesion"), "{reason}");
    }
}
