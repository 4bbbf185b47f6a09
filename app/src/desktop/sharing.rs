//! Share this session…: colleagues see what the window shows, and drive it where they may.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{self, Align, Align2, Color32, Layout, Rect, RichText, Sense, vec2};
use protocol::MAX_VIEWS;
use protocol::message::{Drawn, HostLayout, Role};
use render_core::Renderer;
use render_core::dicom::Patient;
use server_mode::WebRtcConfig;
use server_mode::share::{Guest, HostedView, Invitation, Labels, QrModules, Share, SharedSeries};
use sha2::{Digest as _, Sha256};

use super::annotate::Seen;
use super::connecting::{above, machine_name, strip};
use super::desk::Desk;
use super::dialogs::modal;
use super::job::{Job, Poll};
use super::layout::ViewportId;
use super::study::OpenSeries;
use super::text::{self, tr};
use super::theme;

/// Modules around a QR code that stay light (ISO/IEC 18004, 9.1).
const QUIET: usize = 4;
const CODE_POINTS: f32 = 180.0;
/// Who asks to be let in is shown so many at a time, for the pictures need their room.
const KNOCKS: usize = 3;
/// The buttons beside them do nothing before.
const UNTOUCHED: Duration = Duration::from_secs(1);
/// Where the buttons of the dialog begin, below its top, if there is not more than that in it.
const BEFORE_BUTTONS: f32 = 190.0;
/// Its frame, its heading and its buttons.
const AROUND: f32 = 130.0;
/// Of a guest's name.
const MOST_LETTERS: usize = 60;

/// A session that is shared, or is about to be.
#[derive(Default)]
pub struct Sharing {
    /// Whether the dialog is on screen.
    pub is_shown: bool,
    /// Other machines may come, too.
    everywhere: bool,
    /// Guests' windows may draw by themselves.
    voxels: bool,
    name: String,
    may_drive: bool,
    starting: Option<Job<Result<Share, String>>>,
    share: Option<Share>,
    link: Option<(Invitation, Option<QrModules>)>,
    problem: Option<String>,
    /// Who knocked last, and since when that is on screen.
    knocked: Option<(u64, Instant)>,
    /// When a guest was sent away: another one is under the pointer since.
    removed_at: Option<Instant>,
    /// What guests call the viewports.
    numbers: BTreeMap<ViewportId, u8>,
    series: HashMap<String, SharedSeries>,
    /// What guests see: number, series, revision, and whether it moves.
    published: Vec<(u8, String, u64, bool)>,
    layout: Option<HostLayout>,
    /// What they see of what is drawn, by series, and what that was made of.
    drawn: BTreeMap<String, Arc<Drawn>>,
    seen: Seen,
}

impl Sharing {
    /// Guests that are there; `None` where nothing is shared.
    pub fn guests(&self) -> Option<usize> {
        let guests = self.share.as_ref()?.guests();
        Some(guests.iter().filter(|guest| guest.is_connected).count())
    }

    /// Takes what guests have done.
    pub fn take_driven(&mut self, desk: &mut Desk) {
        if let Some(job) = &self.starting {
            match job.poll() {
                Poll::Pending => {}
                Poll::Result(Ok(share)) => (self.share, self.starting) = (Some(share), None),
                Poll::Result(Err(problem)) => (self.problem, self.starting) = (Some(problem), None),
                Poll::Ended => {
                    (self.problem, self.starting) = (Some(tr!("share-could-not-begin").into_owned()), None);
                }
            }
        }
        let Some(share) = &self.share else { return };
        for driven in share.take_driven() {
            let id = self.numbers.iter().find(|(_, number)| **number == driven.view).map(|(id, _)| *id);
            let viewport = id.and_then(|id| desk.viewports.get_mut(&id));
            // It may show another series by now.
            if let Some(viewport) = viewport.filter(|viewport| viewport.series.series_id == driven.series_id)
            {
                viewport.take_over(&driven.state, driven.moving);
            }
        }
    }

    /// Shows guests what the window shows.
    pub fn publish(&mut self, desk: &Desk) {
        if self.share.is_none() {
            return;
        }
        let all = desk.ids();
        // Beside another window's, what a maximised view hides has no place.
        let ids = if desk.windows.is_empty() { all.clone() } else { desk.shown_ids() };
        self.numbers.retain(|id, _| all.contains(id));
        let (mut views, mut now) = (Vec::new(), Vec::new());
        let mut open: HashMap<&str, &OpenSeries> = HashMap::new();
        for id in &ids {
            let Some(viewport) = desk.viewports.get(id).filter(|v| v.series.hybrid().is_none()) else {
                continue;
            };
            let free = (0..MAX_VIEWS as u8).find(|number| !self.numbers.values().any(|n| n == number));
            let Some(number) = self.numbers.get(id).copied().or(free) else { continue };
            self.numbers.insert(*id, number);
            for series in std::iter::once(&viewport.series).chain(&viewport.over) {
                open.insert(&series.series_id, series);
            }
            let (series_id, moving) = (viewport.series.series_id.clone(), viewport.is_moving());
            now.push((number, series_id.clone(), viewport.view.revision, moving));
            views.push(HostedView { number, series_id, state: viewport.view.clone(), moving });
        }
        let drawn = self.draw(desk, &views);
        let numbers: Vec<u8> = now.iter().map(|(number, ..)| *number).collect();
        let shown: BTreeMap<ViewportId, u8> = self
            .numbers
            .iter()
            .filter(|(_, number)| numbers.contains(number))
            .map(|(id, n)| (*id, *n))
            .collect();
        let mut layout = desk.told_layout(&shown);
        // A divider that is dragged would have guests' pictures drawn in each of its places.
        if desk.is_down() && self.layout.as_ref().is_some_and(|layout| layout.check(&numbers).is_ok()) {
            layout.clone_from(&self.layout);
        }
        if now == self.published && !drawn && layout == self.layout {
            return;
        }
        self.series.retain(|id, _| open.contains_key(id.as_str()));
        for (id, series) in open {
            let Some(volume) = series.volume() else { continue };
            let known = self.series.get(id).is_some_and(|s| Arc::ptr_eq(s.volume(), volume));
            if !known {
                self.series.insert(id.to_owned(), shared(series, volume));
            }
        }
        let series: Vec<SharedSeries> = self.series.values().cloned().collect();
        if let Some(share) = &self.share {
            let drawn: Vec<Arc<Drawn>> = self.drawn.values().cloned().collect();
            share.publish(&series, &views, layout.as_ref(), &drawn);
        }
        (self.published, self.layout) = (now, layout);
    }

    /// Whether guests are to be told something else of what is drawn on the series of these views.
    fn draw(&mut self, desk: &Desk, views: &[HostedView]) -> bool {
        let seen = desk.annotate.seen();
        let is_same = std::mem::replace(&mut self.seen, seen) == self.seen;
        let mut before = std::mem::take(&mut self.drawn);
        let count = before.len();
        let mut changed = false;
        for HostedView { series_id, .. } in views {
            if self.drawn.contains_key(series_id) {
                continue;
            }
            let known = before.remove(series_id);
            let drawn = match known.clone().filter(|_| is_same) {
                Some(known) => known,
                None => {
                    let told = desk.annotate.told(series_id);
                    known.clone().filter(|known| **known == told).unwrap_or_else(|| Arc::new(told))
                }
            };
            changed |= known.is_none_or(|known| !Arc::ptr_eq(&known, &drawn));
            self.drawn.insert(series_id.clone(), drawn);
        }
        changed || self.drawn.len() != count
    }

    /// The dialog.
    pub fn show(&mut self, ctx: &egui::Context, renderer: &Renderer) {
        if !self.is_shown {
            return;
        }
        // They are of different heights, and a dialog of one name keeps that of before.
        let name = if self.share.is_some() { "sharing dialog" } else { "share dialog" };
        let dialog = modal(ctx, name);
        // What is above stays where it is when more comes below.
        let height = ctx.content_rect().height();
        let area = dialog.area.clone().anchor(Align2::CENTER_TOP, vec2(0.0, 0.1 * height));
        let modal = dialog.area(area).show(ctx, |ui| {
            ui.set_width(520.0);
            ui.heading(tr!("share-this-session"));
            ui.add_space(6.0);
            if let Some(problem) = &self.problem {
                ui.colored_label(theme::error(), problem);
            }
            if self.share.is_some() {
                let most = (0.8 * height - AROUND).max(60.0);
                egui::ScrollArea::vertical().max_height(most).auto_shrink([false, true]).show(ui, |ui| {
                    // The bar has room beside it.
                    ui.set_max_width(ui.available_width() - 12.0);
                    self.show_running(ui);
                });
                // One closes it where the other has begun it: a second click ends nothing.
                ui.add_space((BEFORE_BUTTONS - ui.min_rect().height()).max(12.0));
                self.show_ending(ui);
            } else {
                self.show_start(ui, renderer);
            }
        });
        self.is_shown &= !modal.should_close();
    }

    /// What this window's session is found as, where colleagues may find it.
    pub fn found_as(&self) -> Option<String> {
        self.share.as_ref()?.found_as()
    }

    /// A strip for each colleague who asks to see this window.
    pub fn show_knocks(&mut self, ui: &mut egui::Ui) {
        let knocks = self.share.as_ref().map(Share::knocks).unwrap_or_default();
        // A click that was meant for what lies below lets nobody in.
        let newest = knocks.iter().map(|knock| knock.id).max().unwrap_or_default();
        if !knocks.is_empty() && self.knocked.is_none_or(|(id, _)| id != newest) {
            self.knocked = Some((newest, Instant::now()));
        }
        let since = self.knocked.map_or(UNTOUCHED, |(_, at)| at.elapsed());
        if since < UNTOUCHED {
            ui.ctx().request_repaint_after(UNTOUCHED - since);
        }
        let mut answer = None;
        above(ui, "knocks", Some(&knocks).filter(|knocks| !knocks.is_empty()), |ui, knocks| {
            for knock in knocks.iter().take(KNOCKS) {
                strip(ui, theme::accent_fill(), |ui| {
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        for (text, role) in [
                            (tr!("share-refuse"), None),
                            (tr!("share-let-drive"), Some(Role::Driver)),
                            (tr!("share-let-watch"), Some(Role::Viewer)),
                        ] {
                            if ui.add_enabled(since >= UNTOUCHED, egui::Button::new(text)).clicked() {
                                answer = Some((knock.id, role));
                            }
                        }
                        ui.with_layout(Layout::left_to_right(Align::Center).with_main_wrap(true), |ui| {
                            let (name, address) = (knock.name.as_str(), knock.address.to_string());
                            let text = tr!("share-knock", name = name, address = address);
                            ui.label(RichText::new(text).color(theme::strong()));
                        });
                    });
                });
            }
        });
        if let (Some((id, role)), Some(share)) = (answer, &self.share)
            && !share.answer(id, role)
        {
            self.problem = Some(tr!("share-full").into_owned());
            self.is_shown = true;
        }
    }

    fn show_start(&mut self, ui: &mut egui::Ui, renderer: &Renderer) {
        ui.label(tr!("guests-see-what-this-window-shows-patient-data-included-as-l"));
        ui.add_space(6.0);
        ui.radio_value(&mut self.everywhere, false, tr!("share-this-machine"));
        ui.radio_value(&mut self.everywhere, true, tr!("share-networks"));
        if self.everywhere {
            ui.colored_label(theme::warning(), tr!("share-not-encrypted"));
        }
        ui.add_space(6.0);
        ui.checkbox(&mut self.voxels, tr!("share-voxels")).on_hover_text(tr!("share-voxels-hint"));
        ui.add_space(12.0);
        buttons(ui, |ui| {
            let start = egui::Button::new(tr!("start-sharing")).fill(theme::accent_fill());
            if ui.add_enabled(self.starting.is_none(), start).clicked() {
                self.problem = None;
                let ip = if self.everywhere { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
                let (listen, renderer) = (SocketAddr::new(IpAddr::V4(ip), 0), renderer.clone());
                let voxels = self.voxels;
                let waker = ui.ctx().clone();
                self.starting = Some(Job::start("share", ui.ctx(), move |_, sink| {
                    let wake = move || waker.request_repaint();
                    let share = Share::start(listen, &renderer, Some(WebRtcConfig::default()), voxels, wake);
                    sink.send(
                        share.map_err(|error| tr!("share-failed", reason = error.to_string()).into_owned()),
                    );
                }));
            }
            if ui.button(tr!("close")).clicked() {
                self.is_shown = false;
            }
        });
    }

    fn show_running(&mut self, ui: &mut egui::Ui) {
        let Some(share) = &self.share else { return };
        let guests = share.guests();
        ui.label(
            RichText::new(if guests.is_empty() { tr!("share-no-guests") } else { tr!("share-guests") })
                .color(theme::weak()),
        );
        let since = self.removed_at.map_or(UNTOUCHED, |at| at.elapsed());
        if since < UNTOUCHED {
            ui.ctx().request_repaint_after(UNTOUCHED - since);
        }
        let mut removed = None;
        for guest in &guests {
            ui.horizontal(|ui| {
                let name = title(guest);
                // A second click on it is not meant for the guest below.
                let remove = ui
                    .add_enabled(since >= UNTOUCHED, egui::Button::new(tr!("remove")))
                    .on_hover_text(tr!("share-send-away", name = name.as_str()));
                if remove.clicked() {
                    removed = Some(guest.id);
                }
                let mut drives = guest.role == Role::Driver;
                // Several boxes say the same: a screen reader tells them apart.
                let may_drive = ui.checkbox(&mut drives, tr!("share-may-drive"));
                if may_drive.accessible_name(tr!("share-lets-drive", name = name.as_str())).changed() {
                    share.let_drive(guest.id, drives);
                }
                let there = match (guest.is_connected, guest.address) {
                    (true, Some(address)) => tr!("share-from", address = address.to_string()),
                    (_, None) => tr!("share-not-come"),
                    (false, Some(_)) => tr!("share-gone"),
                };
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.label(RichText::new(there).color(theme::weak()));
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        ui.add(egui::Label::new(name).truncate());
                    });
                });
            });
        }
        if let Some(id) = removed {
            share.remove(id);
            self.removed_at = Some(Instant::now());
            self.link = self.link.take().filter(|(invitation, _)| invitation.id != id);
        }
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            let label = ui.label(tr!("guest"));
            let field = egui::TextEdit::singleline(&mut self.name)
                .hint_text(tr!("share-name"))
                .char_limit(MOST_LETTERS)
                .desired_width(180.0);
            ui.add(field).labelled_by(label.id);
            ui.radio_value(&mut self.may_drive, false, tr!("share-may-watch"));
            ui.radio_value(&mut self.may_drive, true, tr!("share-may-drive"));
            if ui.button(tr!("new-link")).clicked() {
                self.problem = None;
                match share.invite(self.name.trim(), self.may_drive) {
                    Some(invitation) => {
                        let url = invitation.other_urls.first().unwrap_or(&invitation.url);
                        // No other machine can use an address of this one for itself.
                        let is_reached = !share.address().ip().is_loopback();
                        let code = is_reached.then(|| QrModules::of(url)).flatten();
                        self.link = Some((invitation, code));
                        // They are this guest's, and not the next one's.
                        (self.name, self.may_drive) = (String::new(), false);
                    }
                    None => self.problem = Some(tr!("share-full").into_owned()),
                }
            }
        });
        // Whoever has come has used it up.
        let is_used = |id: u64| guests.iter().any(|guest| guest.id == id && guest.address.is_some());
        self.link = self.link.take().filter(|(invitation, _)| !is_used(invitation.id));
        if let Some((invitation, code)) = &self.link {
            ui.add_space(8.0);
            ui.label(
                RichText::new(tr!("for-one-guest-it-serves-once-whoever-has-it-gets-in"))
                    .color(theme::weak()),
            );
            for url in std::iter::once(&invitation.url).chain(&invitation.other_urls) {
                ui.horizontal(|ui| {
                    if ui.button(tr!("copy")).on_hover_text(tr!("copy-the-link")).clicked() {
                        ui.ctx().copy_text(url.clone());
                    }
                    ui.add(egui::Label::new(RichText::new(url).monospace().size(11.0)).truncate());
                });
            }
            if let Some(code) = code {
                ui.add_space(6.0);
                ui.vertical_centered(|ui| qr(ui, code));
            }
        }
        if !share.address().ip().is_loopback() {
            ui.add_space(8.0);
            let mut may_find = share.found_as().is_some();
            let switch = ui.checkbox(&mut may_find, tr!("share-find")).on_hover_text(tr!("share-find-hint"));
            if switch.changed()
                && let Err(error) = share.let_find(&machine_name(), may_find)
            {
                self.problem = Some(error.to_string());
            }
        }
        for warning in share.warnings() {
            ui.label(RichText::new(text::told(warning)).color(theme::warning()).size(11.0));
        }
    }

    fn show_ending(&mut self, ui: &mut egui::Ui) {
        buttons(ui, |ui| {
            if ui.button(tr!("close")).on_hover_text(tr!("sharing-goes-on")).clicked() {
                self.is_shown = false;
            }
            if ui.button(tr!("end-sharing")).clicked() {
                // Guests are told by its thread.
                let is_shown = self.is_shown;
                *self = Self { is_shown, everywhere: self.everywhere, ..Self::default() };
            }
        });
    }
}

/// A row at the right, no higher than it needs: a dialog would keep the height that it had.
fn buttons(ui: &mut egui::Ui, add: impl FnOnce(&mut egui::Ui)) {
    let size = vec2(ui.available_width(), ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), add);
}

fn title(guest: &Guest) -> String {
    if guest.name.is_empty() {
        tr!("share-guest-number", number = guest.id).into_owned()
    } else {
        guest.name.clone()
    }
}

/// Studies have no id here: what tells them apart is whose they are, and when. Digits, because ids are no place for
/// names.
fn study_id(series: &OpenSeries) -> String {
    let Patient { name, id, issuer, birth_date, sex } = &series.patient;
    let mut hash = Sha256::new();
    for part in [name, id, issuer, birth_date, sex, &series.study_date, &series.study_description] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shared(series: &OpenSeries, volume: &Arc<render_core::Volume>) -> SharedSeries {
    let labels = Labels {
        series_id: series.series_id.clone(),
        study_id: study_id(series),
        study_description: series.study_description.clone(),
        study_date: series.study_date.clone(),
        patient_name: series.patient.name.clone(),
        patient_id: series.patient.id.clone(),
        patient_sex: series.patient.sex.clone(),
        patient_birth_date: series.patient.birth_date.clone(),
        series_description: series.series_description.clone(),
        series_number: series.series_number,
        frame_of_reference_uid: series.frame.clone(),
        spacing_source: series.spacing_source,
    };
    let (report, warnings) = (series.report.clone(), series.warnings.clone());
    SharedSeries::new(labels, Arc::clone(volume), report, warnings, series.suv)
}

/// Draws a code, dark on light whatever the theme: readers want it so.
fn qr(ui: &mut egui::Ui, code: &QrModules) {
    let modules = code.size + 2 * QUIET;
    let (rect, response) = ui.allocate_exact_size(vec2(CODE_POINTS, CODE_POINTS), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, tr!("share-qr")));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, Color32::WHITE);
    let side = CODE_POINTS / modules as f32;
    for (index, _) in code.dark.iter().enumerate().filter(|(_, dark)| **dark) {
        let (x, y) = (index % code.size + QUIET, index / code.size + QUIET);
        let at = rect.min + vec2(x as f32, y as f32) * side;
        painter.rect_filled(Rect::from_min_size(at, vec2(side, side)), 0.0, Color32::BLACK);
    }
}
