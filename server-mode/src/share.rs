//! A window's session for colleagues: this process serves what the window shows, without loading anything again.
//! Guests come by links that serve once, watch or drive, and leave when they are told to.
//!
//! ```text
//! window -> Share::publish(series, views) -> Board -> guests' sessions -> the host's views, in sizes of their own
//! window <- Share::take_driven()          <- Board <- a guest that may drive; the window shows and publishes it
//! ```

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use protocol::message::{self, Drawn, HostLayout, Role, Study};
use qrcodegen::{QrCode, QrCodeEcc};
use render_core::dicom::{Facts, Loaded, Report, Suv, Warning};
use render_core::scene::ViewState;
use render_core::{Renderer, Volume};
use tokio::sync::oneshot;

use crate::board::{Board, Shown, ShownView};
pub use crate::board::{Driven, Guest, MOST_GUESTS};
use crate::knock::Knock;
use crate::nearby::{self, Announcement};
use crate::server::{Config, Error, Ready, Server, VoxelPolicy, link, other_links};
use crate::studies::{OpenSeries, Studies};
use crate::webrtc::Config as WebRtcConfig;

/// A series that is open in the host's window. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedSeries {
    open: Arc<OpenSeries>,
    listed: Study,
}

/// What guests are told of a series; the same that the host's window shows.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// Tells series apart.
    pub series_id: String,
    pub study_id: String,
    pub study_description: String,
    pub study_date: String,
    pub patient_name: String,
    pub patient_id: String,
    pub patient_sex: String,
    pub patient_birth_date: String,
    pub series_description: String,
    pub series_number: Option<i32>,
    /// What tells its patient space from others.
    pub frame_of_reference_uid: String,
    /// What the distance of the pixels is taken from, for people.
    pub spacing_source: &'static str,
}

impl SharedSeries {
    pub fn new(
        labels: Labels,
        volume: Arc<Volume>,
        report: Report,
        warnings: Vec<Warning>,
        suv: Option<Suv>,
    ) -> Self {
        let geometry = volume.geometry();
        let (dims, spacing_mm) = (geometry.dims(), geometry.spacing_mm().to_array());
        let facts = Facts {
            dims,
            spacing_mm,
            origin_mm: geometry.patient_from_voxel().translation.to_array(),
            direction: geometry.direction().map(|axis| axis.to_array()),
            value_range: volume.value_range(),
            mean: volume.mean(),
            unit: volume.meaning().unit.clone(),
        };
        let Labels { series_id, study_id, frame_of_reference_uid, spacing_source, .. } = labels.clone();
        let listed = Study {
            study_instance_uid: labels.study_id,
            description: labels.study_description,
            date: labels.study_date,
            patient_name: labels.patient_name,
            patient_id: labels.patient_id,
            patient_sex: labels.patient_sex,
            patient_birth_date: labels.patient_birth_date,
            series: vec![message::Series {
                series_instance_uid: labels.series_id,
                description: labels.series_description,
                number: labels.series_number,
                modality: volume.meaning().modality.clone(),
                dims,
                files: u64::from(dims[2]),
                frame_of_reference_uid: None,
                times: None,
            }],
        };
        let loaded = Loaded { volume, facts, warnings, report, failed: Vec::new() };
        Self {
            open: Arc::new(OpenSeries {
                study_id,
                series_id,
                frame_of_reference_uid,
                suv,
                spacing_source,
                loaded,
            }),
            listed,
        }
    }

    pub fn id(&self) -> &str {
        &self.open.series_id
    }

    pub fn volume(&self) -> &Arc<Volume> {
        &self.open.loaded.volume
    }
}

/// One of the host's views.
#[derive(Clone, Debug)]
pub struct HostedView {
    /// 0 to 15, the same as long as it is the same view.
    pub number: u8,
    /// One of the series that are published with it.
    pub series_id: String,
    pub state: ViewState,
    /// Whether the host's hand is at work; the last state of a movement has to come without.
    pub moving: bool,
}

/// A link for one guest. Whoever has it gets in: show it to the user and log it nowhere.
#[derive(Clone)]
pub struct Invitation {
    /// The guest's.
    pub id: u64,
    pub url: String,
    /// The same by other addresses of this machine.
    pub other_urls: Vec<String>,
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The dark modules of a QR code (ISO/IEC 18004), row by row, without the quiet zone of four modules that belongs
/// around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrModules {
    pub size: usize,
    pub dark: Vec<bool>,
}

impl QrModules {
    /// `None` where the text is too long for one.
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let size = usize::try_from(code.size()).ok()?;
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        Some(Self { size, dark: dark.map(|(x, y)| code.get_module(x, y)).collect() })
    }
}

/// A server in this process; dropped, or [`stop`](Self::stop)ped, it ends and tells its guests so.
#[derive(Debug)]
pub struct Share {
    board: Arc<Board>,
    address: SocketAddr,
    warnings: Vec<String>,
    announced: Mutex<Option<Announcement>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Share {
    /// Listens; takes some milliseconds. `wake` is called on other threads whenever guests come, go or change
    /// something. Guests get pictures and measurements, and `voxels`, if so, of what the window shows: for windows that
    /// draw it themselves, and not to be written to a disk.
    pub fn start(
        listen: SocketAddr,
        renderer: &Renderer,
        webrtc: Option<WebRtcConfig>,
        voxels: bool,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let board = Arc::new(Board::new(wake));
        let config = Config {
            listen,
            webrtc,
            voxels: if voxels { VoxelPolicy::Memory } else { VoxelPolicy::None },
            max_sessions: MOST_GUESTS,
            ..Config::default()
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("share")
            .enable_all()
            .build()
            .map_err(Error::Start)?;
        let binding = Server::for_guests(&config, renderer, Studies::none(), Arc::clone(&board));
        let server = runtime.block_on(binding)?;
        let Ready { address, warnings, .. } = server.ready();
        let (address, warnings) = (*address, warnings.clone());
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(server.serve(async move {
                // A dropped sender stops the server, too.
                let _ = stopped.await;
            }));
        };
        let thread = std::thread::Builder::new().name("share".into()).spawn(serve).map_err(Error::Start)?;
        let (announced, stop, thread) = (Mutex::default(), Some(stop), Some(thread));
        Ok(Self { board, address, warnings, announced, stop, thread })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the user should know, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// A link for one more guest; `None` where there are [`MOST_GUESTS`] already.
    pub fn invite(&self, name: &str, may_drive: bool) -> Option<Invitation> {
        let role = if may_drive { Role::Driver } else { Role::Viewer };
        let (id, token) = self.board.invite(name, role)?;
        let (url, other_urls) = (link(self.address, &token), other_links(self.address, &token));
        Some(Invitation { id, url, other_urls })
    }

    /// Whether colleagues may find this session and knock; the answer to a knock is the host's.
    pub fn let_find(&self, machine: &str, may_find: bool) -> Result<(), nearby::Error> {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        if !may_find {
            *announced = None;
        } else if announced.is_none() {
            *announced = Some(Announcement::start(machine, self.address.port())?);
        }
        self.open_door(may_find);
        Ok(())
    }

    /// Whether colleagues who know of this session may knock, though nothing tells the network of it.
    pub fn open_door(&self, is_open: bool) {
        self.board.open_door(is_open);
    }

    /// What [`Found::id`](nearby::Found::id) is of this session, where colleagues may find it.
    pub fn found_as(&self) -> Option<String> {
        let announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        announced.as_ref().map(|announced| announced.id().to_owned())
    }

    /// Who has knocked and waits for an answer.
    pub fn knocks(&self) -> Vec<Knock> {
        self.board.knocks()
    }

    /// Lets somebody in who has knocked, as a guest of this role; or refuses. False where there are
    /// [`MOST_GUESTS`] already.
    pub fn answer(&self, knock: u64, role: Option<Role>) -> bool {
        self.board.answer(knock, role)
    }

    /// Those who were invited, whether they have come or not.
    pub fn guests(&self) -> Vec<Guest> {
        self.board.guests()
    }

    /// Lets a guest drive from now on, or only watch.
    pub fn let_drive(&self, guest: u64, may_drive: bool) {
        self.board.set_role(guest, if may_drive { Role::Driver } else { Role::Viewer });
    }

    /// Sends a guest away, or makes a link worthless that nobody has used.
    pub fn remove(&self, guest: u64) {
        self.board.remove(guest);
    }

    /// Guests see this from now on. Layers show series that are published, too. What is `drawn` on series that are not
    /// published is told to nobody; what has changed is another `Arc`. A `layout` that is not one of these views is
    /// told to nobody, either.
    pub fn publish(
        &self,
        series: &[SharedSeries],
        views: &[HostedView],
        layout: Option<&HostLayout>,
        drawn: &[Arc<Drawn>],
    ) {
        let shown = |view: &HostedView| {
            let series = series.iter().find(|series| series.id() == view.series_id)?;
            let (number, state, moving) = (view.number, view.state.clone(), view.moving);
            let series = Arc::clone(&series.open);
            (usize::from(number) < protocol::MAX_VIEWS).then_some(ShownView { number, series, state, moving })
        };
        let mut library: Vec<Study> = Vec::new();
        for one in series {
            let known = library.iter_mut().find(|s| s.study_instance_uid == one.listed.study_instance_uid);
            match known {
                Some(study) => study.series.extend(one.listed.series.iter().cloned()),
                None => library.push(one.listed.clone()),
            }
        }
        let is_published = |drawn: &&Arc<Drawn>| series.iter().any(|s| s.id() == drawn.series_instance_uid);
        let views: Vec<ShownView> = views.iter().filter_map(shown).collect();
        let numbers: Vec<u8> = views.iter().map(|view| view.number).collect();
        self.board.publish(Shown {
            library,
            layout: layout.filter(|layout| layout.check(&numbers).is_ok()).cloned(),
            drawn: drawn.iter().filter(is_published).cloned().collect(),
            series: series.iter().map(|series| Arc::clone(&series.open)).collect(),
            views,
        });
    }

    /// What guests that may drive want to be shown: the newest state of each view.
    pub fn take_driven(&self) -> Vec<Driven> {
        self.board.take_driven()
    }

    /// Ends and waits until guests have been told, some seconds at most; not for the thread of a window.
    pub fn stop(mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic in there was told where it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_fits_into_a_code_with_its_three_finders() {
        let url = format!("http://192.0.2.123:54321/?token={}", "0123456789".repeat(4));
        let code = QrModules::of(&url).expect("it is short");
        assert_eq!(code.dark.len(), code.size * code.size);
        let finder = |x: usize, y: usize| {
            (0..7).all(|i| code.dark[y * code.size + x + i] && code.dark[(y + 6) * code.size + x + i])
        };
        let far = code.size - 7;
        assert!(finder(0, 0) && finder(far, 0) && finder(0, far) && !finder(far, far));
        assert!(QrModules::of(&"x".repeat(10_000)).is_none());
    }
}
