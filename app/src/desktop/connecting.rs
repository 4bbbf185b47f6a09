//! Connect…: to an address, or to a colleague who is found on this network; and what is said while a server is away.

use std::borrow::Cow;
use std::net::SocketAddr;

use eframe::egui::{self, Align, Color32, Layout, RichText};
use protocol::message::Role;
use server_mode::nearby::{Found, Nearby};
use server_mode::remote::{Ending, State};
use server_mode::{client, knock};

use super::command::Command;
use super::connection::Connection;
use super::dialogs::modal;
use super::job::{Job, Poll};
use super::text::tr;
use super::theme;

/// The dialog behind `Connect…`.
#[derive(Debug)]
pub struct ConnectDialog {
    url: String,
    shown: bool,
    pub problem: Option<String>,
    /// What hosts are told.
    name: String,
    nearby: Option<Result<Nearby, String>>,
    asking: Option<Asking>,
}

/// A colleague was asked to open.
#[derive(Debug)]
struct Asking {
    machine: String,
    answer: Job<Result<String, String>>,
}

impl Default for ConnectDialog {
    fn default() -> Self {
        Self { url: String::new(), shown: false, problem: None, name: own_name(), nearby: None, asking: None }
    }
}

impl ConnectDialog {
    /// Returns false when it is closed. `own` is this window's session, where colleagues may find it.
    pub fn show(&mut self, ctx: &egui::Context, own: Option<&str>, commands: &mut Vec<Command>) -> bool {
        self.poll(commands);
        let mut open = true;
        let modal = modal(ctx, "connect dialog").show(ctx, |ui| {
            ui.set_width(520.0);
            ui.heading(tr!("connect"));
            ui.add_space(6.0);
            let label = ui.label(tr!("address-that-a-server-or-a-colleague-s-voxcast-shows-with-it"));
            let field = egui::TextEdit::singleline(&mut self.url)
                .hint_text("http://host:8080/?token=…")
                .desired_width(f32::INFINITY)
                .margin(egui::Margin::symmetric(8, 6));
            let field = ui.add(field).labelled_by(label.id);
            if !std::mem::replace(&mut self.shown, true) {
                field.request_focus();
            }
            if field.changed() {
                self.problem = None;
            }
            if let Some(problem) = &self.problem {
                ui.colored_label(theme::error(), problem);
            }
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            ui.add_space(12.0);
            ui.separator();
            ui.add_space(6.0);
            self.show_nearby(ui, own);
            ui.add_space(12.0);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let url = self.url.trim();
                let go = egui::Button::new(tr!("connect")).fill(theme::accent_fill());
                if (ui.add_enabled(!url.is_empty(), go).clicked() || entered) && !url.is_empty() {
                    commands.push(Command::Connect(url.to_owned()));
                }
                if ui.button(tr!("close")).clicked() {
                    open = false;
                }
            });
        });
        open && !modal.should_close()
    }

    /// Sessions of colleagues who let themselves be found.
    fn show_nearby(&mut self, ui: &mut egui::Ui, own: Option<&str>) {
        let ctx = ui.ctx().clone();
        let nearby = self.nearby.get_or_insert_with(|| {
            Nearby::start(move || ctx.request_repaint()).map_err(|error| error.to_string())
        });
        ui.label(RichText::new(tr!("connect-nearby")).color(theme::strong()));
        let found = match nearby {
            Ok(nearby) => nearby.found(),
            Err(reason) => {
                ui.label(RichText::new(reason.as_str()).color(theme::weak()));
                return;
            }
        };
        let others: Vec<&Found> = found.iter().filter(|found| Some(found.id.as_str()) != own).collect();
        if others.is_empty() {
            ui.label(RichText::new(tr!("connect-nobody-nearby")).color(theme::weak()));
            return;
        }
        if let Some(Asking { machine, .. }) = &self.asking {
            let mut cancelled = false;
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label(tr!("connect-waiting", machine = machine.as_str()));
                cancelled = ui.button(tr!("cancel")).clicked();
            });
            if cancelled {
                self.asking = None;
            }
            return;
        }
        ui.horizontal(|ui| {
            let label = ui.label(tr!("connect-your-name"));
            let field = egui::TextEdit::singleline(&mut self.name).desired_width(260.0);
            ui.add(field).labelled_by(label.id);
        });
        let mut asked = None;
        egui::ScrollArea::vertical().max_height(180.0).show(ui, |ui| {
            for found in others {
                ui.horizontal(|ui| {
                    let ask =
                        ui.add_enabled(!self.name.trim().is_empty(), egui::Button::new(tr!("connect-ask")));
                    // Several buttons say the same: a screen reader tells them apart.
                    let named = tr!("connect-ask-whom", machine = found.machine.as_str());
                    if ask.on_hover_text(&*named).accessible_name(&*named).clicked() {
                        asked = Some((found.machine.clone(), found.addresses.clone()));
                    }
                    ui.label(&found.machine);
                    let address = found.addresses.first().map(|address| address.ip().to_string());
                    ui.label(RichText::new(address.unwrap_or_default()).color(theme::weak()));
                });
            }
        });
        if let Some((machine, addresses)) = asked {
            self.ask(ui.ctx(), machine, addresses);
        }
    }

    fn ask(&mut self, ctx: &egui::Context, machine: String, addresses: Vec<SocketAddr>) {
        self.problem = None;
        let name = self.name.trim().to_owned();
        let answer = Job::start("knock", ctx, move |progress, sink| {
            let answer = knock::knock(&addresses, &name, || progress.is_cancelled());
            sink.send(answer.map_err(|error| not_let_in(&error)));
        });
        self.asking = Some(Asking { machine, answer });
    }

    fn poll(&mut self, commands: &mut Vec<Command>) {
        let Some(Asking { machine, answer }) = &self.asking else { return };
        match answer.poll() {
            Poll::Pending => return,
            Poll::Result(Ok(url)) => commands.push(Command::Connect(url)),
            Poll::Result(Err(reason)) => {
                let text = tr!("connect-not-let-in", machine = machine.as_str(), reason = reason.as_str());
                self.problem = Some(text.into_owned());
            }
            Poll::Ended => {}
        }
        self.asking = None;
    }
}

/// Who sits here, as far as the system knows: nothing that is secret, and the host sees it before anybody is let in.
fn own_name() -> String {
    let user = ["USER", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let parts = [user.unwrap_or_default(), machine_name()];
    parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", ")
}

/// What this machine calls itself.
pub fn machine_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// A strip that says that the server is not there, and offers to look for it.
pub fn lost_connection(connection: &Connection, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    let server = &connection.authority();
    let state = connection.state();
    let text = match &state {
        State::Connected { .. } => None,
        State::Connecting => Some(tr!("connect-connecting", server = server.as_str())),
        State::Reconnecting { attempts: 0 } => Some(tr!("connect-lost", server = server.as_str())),
        State::Reconnecting { attempts } => {
            Some(tr!("connect-lost-attempt", server = server.as_str(), attempt = *attempts))
        }
        State::Gone { ending } => Some(ended(*ending, server)),
    };
    above(ui, "connection", text, |ui, text| {
        strip(ui, theme::warning_fill(), |ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.button(tr!("disconnect")).clicked() {
                    commands.push(Command::Disconnect);
                }
                if state != State::Connecting && ui.button(tr!("reconnect")).clicked() {
                    commands.push(Command::Reconnect);
                }
                ui.with_layout(Layout::left_to_right(Align::Center).with_main_wrap(true), |ui| {
                    ui.label(RichText::new(text).color(theme::strong()));
                });
            });
        });
    });
}

/// What stays of a server that this window may show nothing of any more.
#[derive(Debug)]
pub struct Dismissed {
    pub server: String,
    pub ending: Ending,
}

/// A strip that says so, until the next connection.
pub fn dismissed(what: Option<&Dismissed>, ui: &mut egui::Ui, commands: &mut Vec<Command>) {
    above(ui, "dismissed", what, |ui, Dismissed { server, ending }| {
        strip(ui, theme::warning_fill(), |ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.button(tr!("close")).clicked() {
                    commands.push(Command::ForgetDismissal);
                }
                if ui.button(tr!("connect-more")).clicked() {
                    commands.push(Command::ShowConnectDialog);
                }
                ui.with_layout(Layout::left_to_right(Align::Center).with_main_wrap(true), |ui| {
                    ui.label(RichText::new(ended(*ending, server)).color(theme::strong()));
                });
            });
        });
    });
}

/// Why an address is none.
pub fn unusable(error: &client::Error) -> String {
    match error {
        client::Error::Address => tr!("connect-no-address").into_owned(),
        client::Error::Https => tr!("connect-no-https").into_owned(),
        other => other.to_string(),
    }
}

/// Why a colleague did not open.
fn not_let_in(error: &knock::Error) -> String {
    match error {
        knock::Error::Refused => tr!("knock-refused"),
        knock::Error::Closed => tr!("knock-closed"),
        knock::Error::Busy => tr!("knock-busy"),
        knock::Error::Unanswered => tr!("knock-unanswered"),
        knock::Error::Cancelled => tr!("knock-cancelled"),
        other => {
            tracing::info!(error = %other, "nobody opened");
            tr!("knock-unreachable")
        }
    }
    .into_owned()
}

/// How it came that a server, or a host, is gone, and what to do about it.
fn ended(ending: Ending, server: &str) -> Cow<'static, str> {
    match ending {
        Ending::SentAway => tr!("ended-sent-away"),
        Ending::SharingEnded => tr!("ended-sharing"),
        Ending::InvitationEnded => tr!("ended-invitation"),
        Ending::InvitationUsed => tr!("ended-invitation-used"),
        Ending::SignedOut => tr!("ended-signed-out", server = server),
        Ending::WrongToken => tr!("ended-wrong-token", server = server),
        Ending::TooManyGuesses => tr!("ended-guesses", server = server),
        Ending::ShutDown => tr!("ended-shut-down", server = server),
        Ending::TakenOver => tr!("ended-taken-over"),
        Ending::Full => tr!("ended-full", server = server),
        Ending::Unreachable => tr!("ended-unreachable", server = server),
        Ending::Silent => tr!("ended-silent", server = server),
        Ending::Lost => tr!("ended-lost", server = server),
        Ending::Failed => tr!("ended-failed", server = server),
    }
}

/// Strips above the pictures, as long as there is something to tell. They take room, for what is over pictures says
/// whose they are; under a hand pictures stay where they are until it lets go.
pub fn above<T>(ui: &mut egui::Ui, name: &str, what: Option<T>, add: impl FnOnce(&mut egui::Ui, T)) {
    let id = egui::Id::unique(name);
    let height: f32 = ui.data(|data| data.get_temp(id).unwrap_or_default());
    let held = ui.input(|input| input.pointer.any_down());
    let height = match (what, held) {
        (Some(_), true) if height == 0.0 => return,
        (None, false) => 0.0,
        (None, true) if height == 0.0 => 0.0,
        (what, _) => {
            let panel = egui::Panel::top(id).frame(egui::Frame::NONE).show_separator_line(false);
            let shown = panel.show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                match what {
                    Some(what) => add(ui, what),
                    None => ui.add_space(height),
                }
            });
            shown.response.rect.height()
        }
    };
    ui.data_mut(|data| data.insert_temp(id, height));
}

/// One of them, as wide as there is room.
pub fn strip(ui: &mut egui::Ui, fill: Color32, add: impl FnOnce(&mut egui::Ui)) {
    egui::Frame::new().fill(fill).inner_margin(egui::Margin::symmetric(12, 6)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(add);
    });
}

/// What a guest may do; `None` for whoever is none.
pub fn guest_role(connection: &Connection) -> Option<Cow<'static, str>> {
    Some(match connection.role_of_guest()? {
        Role::Driver => tr!("connect-you-drive"),
        _ => tr!("connect-you-watch"),
    })
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Event, Modifiers, PointerButton, RawInput, Rect, pos2, vec2};

    use super::*;

    #[test]
    fn strips_take_room_but_not_while_a_button_is_held() {
        let ctx = egui::Context::default();
        let button = |pressed| Event::PointerButton {
            pos: pos2(50.0, 50.0),
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        let room = |what: Option<f32>, events: Vec<Event>| {
            let screen_rect = Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(800.0, 600.0)));
            let mut left = 0.0;
            let _ = ctx.run_ui(RawInput { screen_rect, events, ..RawInput::default() }, |ui| {
                above(ui, "strip", what, |ui, height| ui.add_space(height));
                left = ui.available_height();
            });
            left
        };
        let all = room(None, Vec::new());
        assert_eq!(room(Some(30.0), vec![Event::PointerMoved(pos2(50.0, 50.0)), button(true)]), all);
        assert_eq!(room(Some(30.0), Vec::new()), all, "a drag goes on");
        let less = room(Some(30.0), vec![button(false)]);
        assert!(less <= all - 30.0, "{less} of {all}");
        room(Some(30.0), vec![button(true)]);
        assert_eq!(room(None, Vec::new()), less, "nothing moves under the hand");
        assert_eq!(room(None, vec![button(false)]), all);
    }
}
