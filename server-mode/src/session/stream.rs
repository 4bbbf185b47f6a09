//! `voxcast.v1`: what its messages mean to the session.

use std::sync::Arc;
use std::time::Instant;

use protocol::message::{self, LayoutView, NamedWindow, Role, SelfCheck, SeriesOpened, Warning};
use protocol::{ClientMessage, ErrorCode, MouseButton, PointerKind, ServerMessage};
use render_core::dicom::{PixelRegion, Trust};
use render_core::scene::{Button, Content, Input as Gesture, Preset, PresetLibrary};
use render_core::{Volume, window};

use super::absolute::unknown_series;
use super::view::View;
use super::{Accepts, Lane, Output, Session};
use crate::encode::VideoCodecs;
use crate::measuring::Task;
use crate::studies::{OpenSeries, Studies, Target};

impl Session {
    pub(super) fn stream_text(&mut self, now: Instant, lane: Lane, text: &str) {
        let (seq, message) = match ClientMessage::parse(text) {
            Ok(parsed) => parsed,
            Err(error) => return self.error(error.code, &error.reason, error.seq),
        };
        let done = match self.lanes.admit(lane, seq, &message) {
            Ok(true) => self.obey(now, seq, message),
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err((code, reason)) = done {
            self.error(code, &reason, Some(seq));
        }
    }

    fn obey(&mut self, now: Instant, seq: u64, message: ClientMessage) -> Result<(), (ErrorCode, String)> {
        if !self.may(&message) {
            let reason = "You are a guest here, and may watch only.";
            return Err((ErrorCode::NotAllowed, reason.into()));
        }
        self.notice_hand(now, &message);
        let is_guest = self.access.role != Role::Owner;
        match message {
            ClientMessage::OpenSeries { series_instance_uid } => {
                self.open(Target::Series(series_instance_uid), Some(seq));
            }
            ClientMessage::OpenBeside { series_instance_uid } => {
                self.open_beside(series_instance_uid, seq)?;
            }
            ClientMessage::CloseSeries { series_instance_uid } => self.close_series(&series_instance_uid)?,
            ClientMessage::Set(set) if is_guest => self.drive(*set)?,
            ClientMessage::Set(set) => self.set(now, seq, *set)?,
            ClientMessage::DropView { view } => {
                self.view(view)?;
                self.layout.retain(|listed| listed.view != view);
                self.remove_view(view);
            }
            ClientMessage::Measure(measure) => {
                let id = &measure.series_instance_uid;
                let series = self.find_series(id).ok_or_else(|| unknown_series(id))?;
                self.out.push_back(Output::Measure(seq, Task { series, measure }));
            }
            ClientMessage::AskState { view } => self.tell_state(view)?,
            ClientMessage::Layout { views } if is_guest => self.size_views(now, views),
            ClientMessage::Layout { views } => self.layout(now, seq, views),
            ClientMessage::Ping { time } => self.send(&ServerMessage::Pong { time }),
            ClientMessage::Stats(stats) => self.out.push_back(Output::Stats(stats)),
            ClientMessage::Transport { transport, keeps } => self.choose(transport, keeps),
            ClientMessage::Offer { sdp, tracks } => self.offer(seq, sdp, tracks),
            ClientMessage::Candidate { candidate } => self.out.push_back(Output::Candidate(candidate)),
            ClientMessage::Ack { view, frame } => {
                let round_trip = self.link.shortest_round_trip();
                let counters = &mut self.counters[usize::from(view)];
                if let Some((bytes, took)) = counters.acknowledge(now, frame, round_trip) {
                    self.link.carried_large(bytes, took);
                }
                self.link.acknowledged(view, frame, now);
            }
            ClientMessage::AckDrawn => self.host.drew(),
            ClientMessage::Accept { codecs } => {
                let accepts = |name: &str| codecs.iter().any(|codec| codec == name);
                let [h264, hevc, av1] = ["h264", "hevc", "av1"].map(accepts);
                let [png, webp] = ["png", "webp"].map(accepts);
                let (videos, drawings) = (VideoCodecs { h264, hevc, av1 }, accepts(message::DRAWINGS));
                self.accepts = Accepts { png, webp, videos, drawings };
            }
            ClientMessage::Values { view: number } => {
                let reads = self.counters[usize::from(number)].has_read_values();
                let view = self.view(number)?;
                // Large ones do not pile up before a client that does not read.
                if reads {
                    view.want_values();
                }
            }
            ClientMessage::Repaint { view } => {
                self.view(view)?.repaint();
                self.counters[usize::from(view)].told = None;
            }
            ClientMessage::Pointer { view, kind, button, x, y } => {
                self.pointer(now, seq, view, kind, button, [x, y])?;
            }
            ClientMessage::Wheel { view, delta, zoom } => {
                let view = self.view(view)?;
                view.defer(if zoom { Gesture::ZoomWheel { delta } } else { Gesture::Wheel { delta } });
                view.moved(now, seq);
            }
            ClientMessage::Pinch { view, zoom, dx, dy } => {
                let view = self.view(view)?;
                view.defer(Gesture::Pinch { zoom, pan: [dx, dy] });
                view.moved(now, seq);
            }
            ClientMessage::Scroll { view, slices } => {
                let view = self.view(view)?;
                view.defer_scroll(slices);
                view.moved(now, seq);
            }
            ClientMessage::Rotate { view, dx, dy } => {
                let view = self.view(view)?;
                view.defer_turn([dx, dy]);
                view.moved(now, seq);
            }
            ClientMessage::Window { view: number, center, width } => {
                let view = self.view(number)?;
                view.edit_window(center, width);
                view.moved(now, seq);
                self.share_window(number);
            }
            ClientMessage::Preset { view, name } => {
                let presets = Arc::clone(&self.presets);
                let Some(preset) = presets.find(&name) else {
                    return Err((ErrorCode::UnknownPreset, "There is no preset of this name.".into()));
                };
                let view = self.view(view)?;
                view.edit(|state, volume| state.apply_preset(preset, volume));
                view.touched(seq);
            }
            ClientMessage::Reset { view: None } => {
                if !self.is_open() {
                    return Err(no_series());
                }
                for view in self.views.values_mut() {
                    view.reset();
                    view.touched(seq);
                }
            }
            ClientMessage::Reset { view: Some(number) } => {
                let view = self.view(number)?;
                view.reset();
                view.touched(seq);
                self.share_window(number);
            }
        }
        Ok(())
    }

    fn pointer(
        &mut self,
        now: Instant,
        seq: u64,
        number: u8,
        kind: PointerKind,
        button: Option<MouseButton>,
        at: [f64; 2],
    ) -> Result<(), (ErrorCode, String)> {
        let view = self.view(number)?;
        let button = button.map(|button| match button {
            MouseButton::Left => Button::Left,
            MouseButton::Middle => Button::Middle,
            MouseButton::Right => Button::Right,
        });
        match (kind, button) {
            (PointerKind::Press, Some(button)) => view.apply(Gesture::Press { button, at }),
            (PointerKind::Release, Some(button)) => {
                view.apply(Gesture::Release { button, at });
                view.touched(seq);
                self.share_window(number);
                for other in self.views.values_mut().filter(|v| v.state().content == Content::Slice) {
                    other.settle();
                }
            }
            _ if view.is_dragging() => {
                view.defer(Gesture::Move { at });
                view.moved(now, seq);
            }
            // Hovering changes nothing.
            _ => {}
        }
        Ok(())
    }

    fn layout(&mut self, now: Instant, seq: u64, wanted: Vec<LayoutView>) {
        let gone: Vec<u8> =
            self.views.keys().copied().filter(|n| wanted.iter().all(|w| w.view != *n)).collect();
        for number in gone {
            self.remove_view(number);
        }
        if let Some(series) = self.series.clone() {
            for &LayoutView { view: number, content, size, paused } in &wanted {
                match self.views.get_mut(&number) {
                    Some(view) if view.size() == size && view.kind() == content => {
                        if view.no_longer_set() {
                            let info = view.info(number);
                            self.counters[usize::from(number)].told = Some(info.clone());
                            self.send(&ServerMessage::View(info));
                        }
                    }
                    Some(view) => {
                        let stands_in = view.relayout(content, size);
                        if stands_in { view.touched(seq) } else { view.moved(now, seq) }
                    }
                    None => self.add_view(Arc::clone(&series), number, content, size, seq),
                }
                self.pause(number, paused);
            }
        }
        self.layout = wanted;
    }

    pub(super) fn view(&mut self, number: u8) -> Result<&mut View, (ErrorCode, String)> {
        if !self.is_open() {
            return Err(no_series());
        }
        let unknown = || (ErrorCode::UnknownView, format!("The layout has no view {number}."));
        self.views.get_mut(&number).ok_or_else(unknown)
    }

    fn is_open(&self) -> bool {
        self.series.is_some() || !self.beside.is_empty()
    }
}

fn no_series() -> (ErrorCode, String) {
    (ErrorCode::NoSeries, "No series is open yet.".into())
}

pub fn library(studies: &Studies) -> ServerMessage {
    ServerMessage::Library { studies: studies.listed() }
}

pub fn series_opened(series: &OpenSeries, presets: &PresetLibrary) -> ServerMessage {
    let volume = &series.loaded.volume;
    let meaning = volume.meaning();
    let (low, high) = volume.value_range();
    let report = &series.loaded.report;
    let warnings = series.loaded.warnings.iter().map(|warning| Warning {
        code: warning.code.as_str().to_owned(),
        message: warning.message.clone(),
        value: warning.value,
    });
    let of_suv = views::suv_windows(series.suv_factor());
    let windows = of_suv.into_iter().chain(window::menu(volume)).map(|(label, window)| NamedWindow {
        label,
        center: window.center(),
        width: window.width(),
    });
    ServerMessage::SeriesOpened(Box::new(SeriesOpened {
        series_instance_uid: series.series_id.clone(),
        frame_of_reference_uid: series.frame_of_reference_uid.clone(),
        modality: meaning.modality.clone(),
        suv: series.suv.map(|suv| message::Suv {
            body_weight: suv.body_weight,
            lean_body_mass: suv.lean_body_mass,
            body_surface: suv.body_surface,
        }),
        unit: meaning.unit.clone(),
        dims: volume.geometry().dims(),
        spacing_mm: volume.geometry().spacing_mm().to_array(),
        value_range: [f64::from(low), f64::from(high)],
        warnings: warnings.collect(),
        self_check: SelfCheck {
            found: report.found.clone(),
            corrected: report.corrected.clone(),
            unknown: report.unknown.clone(),
            millimetres: report.millimetres.as_str().to_owned(),
            reason: report.millimetres.reason().map(str::to_owned),
            regions: match &report.millimetres {
                Trust::WithinRegions(_, regions) => regions.iter().map(corners).collect(),
                _ => Vec::new(),
            },
        },
        presets: preset_menu(presets, volume),
        windows: windows.collect(),
        outline: views::outline(volume, report.directions_unknown),
    }))
}

fn corners(region: &PixelRegion) -> [u32; 4] {
    let PixelRegion { first, last } = region;
    [first[0], first[1], last[0], last[1]]
}

pub fn preset_menu(presets: &PresetLibrary, volume: &Volume) -> Vec<message::Preset> {
    let entry = |preset: &Preset| message::Preset { name: preset.name.clone(), label: preset.label.clone() };
    presets.menu(volume).map(entry).collect()
}
