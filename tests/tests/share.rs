//! A window's session shared with guests on this machine: each is a `Remote`, as a colleague's window has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protocol::message::{
    Cell, Drawing, DrawingKind, Drawn, HostLayout, MeasuredPlane, Quantity, Role, Split,
};
use protocol::{Quality, ServerMessage};
use render_core::dicom;
use render_core::phantom::write_study;
use render_core::render::{Choice, resolve};
use render_core::scene::view::Orientation;
use render_core::scene::{Content, ViewState};
use render_core::{Progress, Renderer, Volume};
use server_mode::WebRtcConfig;
use server_mode::client::{self, Address, Connection, Error};
use server_mode::knock;
use server_mode::remote::{Coming, Ending, Event, Remote, State};
use server_mode::share::{HostedView, Labels, Share, SharedSeries};
use tests::server::{Folder, PATIENCE, SPEC, exchange};

async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn series(id: &str) -> SharedSeries {
    let folder = Folder::new();
    write_study(&folder.0, &SPEC, |_, _| {}).expect("writes a phantom");
    let library = dicom::scan(std::slice::from_ref(&folder.0), &Progress::default()).expect("a study");
    let loaded = dicom::load(&library.studies[0].series[0], &Progress::default()).expect("voxels");
    let labels = Labels { series_id: id.into(), study_id: "1.2".into(), ..Labels::default() };
    SharedSeries::new(labels, loaded.volume, loaded.report, loaded.warnings, None)
}

fn drawn(volume: &Arc<Volume>, view: &ViewState) -> Vec<u8> {
    let renderer = Renderer::open(Choice::Cpu).expect("the CPU renderer opens");
    let frame = renderer.render(volume, &resolve(view, volume), &AtomicBool::new(false)).expect("a picture");
    frame.pixels.clone()
}

fn share() -> Share {
    share_with(false)
}

fn share_with(voxels: bool) -> Share {
    let renderer = Renderer::open(Choice::Cpu).expect("the CPU renderer opens");
    let listen = ([127, 0, 0, 1], 0).into();
    Share::start(listen, &renderer, Some(WebRtcConfig::default()), voxels, || {}).expect("a free port")
}

async fn gone(remote: &Remote) -> Ending {
    until("the end", || match remote.state() {
        State::Gone { ending } => Some(ending),
        _ => None,
    })
    .await
}

/// What the host shows in a slot, with the lossless picture of it in the guest's own size.
async fn seen(remote: &Remote, slot: u8, host: &ViewState, size: [u32; 2]) -> (ViewState, Vec<u8>) {
    until("the host's view", || {
        let told = remote.host_view(slot)?;
        remote.show(slot, &told.series_id, &ViewState { size, ..(*told.state).clone() }, false);
        let picture = remote.take_picture(slot).filter(|picture| picture.quality == Quality::Lossless)?;
        let revision = picture.view.revision;
        let is_it = ViewState { size, revision, preset: host.preset.clone(), ..host.clone() }
            == ViewState { preset: host.preset.clone(), ..(*picture.view).clone() };
        is_it.then(|| ((*picture.view).clone(), picture.rgba))
    })
    .await
}

#[test]
fn a_share_ends_when_it_is_dropped() {
    let share = share();
    let url = share.invite("A colleague", false).expect("room").url;
    assert!(url.contains(&share.address().to_string()));
    let address = share.address();
    share.stop();
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knocks_gets_in_by_the_hosts_word_alone() {
    let share = Arc::new(tokio::task::spawn_blocking(share).await.expect("no panic"));
    let address = share.address();
    let knock = |name: &'static str, over: Arc<AtomicBool>| {
        let is_over = move || over.load(Ordering::Relaxed);
        tokio::task::spawn_blocking(move || knock::knock(&[address], name, is_over))
    };
    let asks = || knock("Dr Example", Arc::default());
    let waits = async |share: &Share| until("a knock", || share.knocks().pop()).await;
    let error = asks().await.expect("no panic").expect_err("the door is closed");
    assert!(matches!(error, knock::Error::Closed), "{error}");

    // What the network is told is another test's; here nobody else is to hear it.
    share.open_door(true);
    let asking = asks();
    let waiting = waits(&share).await;
    assert_eq!((waiting.name.as_str(), waiting.address), ("Dr Example", address.ip()));
    assert!(share.guests().is_empty(), "nobody is in yet");
    assert!(share.answer(waiting.id, None));
    let error = asking.await.expect("no panic").expect_err("refused");
    assert!(matches!(error, knock::Error::Refused), "{error}");

    let over = Arc::new(AtomicBool::new(false));
    let asking = knock("Dr Example", Arc::clone(&over));
    waits(&share).await;
    over.store(true, Ordering::Relaxed);
    let error = asking.await.expect("no panic").expect_err("cancelled");
    assert!(matches!(error, knock::Error::Cancelled), "{error}");
    until("the knock's end", || share.knocks().is_empty().then_some(())).await;

    let asking = asks();
    let waiting = waits(&share).await;
    assert!(share.answer(waiting.id, Some(Role::Driver)));
    let url = asking.await.expect("no panic").expect("let in");
    let guest = Remote::connect(&url, || {}).expect("a link");
    let role = until("the role", || guest.welcome().map(|welcome| welcome.role)).await;
    assert_eq!((role, share.guests()[0].name.as_str()), (Role::Driver, "Dr Example"));

    let error = asks().await.expect("no panic").expect_err("the fourth in a row");
    assert!(matches!(error, knock::Error::Busy), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_get_voxels_where_the_host_lets_them_and_only_of_what_it_shows() {
    let ct = series("1.2.3");
    let state = ViewState::new(ct.volume(), Content::Slice, Orientation::Axial, [320, 200]);
    let view = HostedView { number: 0, series_id: "1.2.3".into(), state, moving: false };
    for lets in [true, false] {
        let share = tokio::task::spawn_blocking(move || share_with(lets)).await.expect("no panic");
        share.publish(std::slice::from_ref(&ct), std::slice::from_ref(&view), None, &[]);
        let url = share.invite("A colleague", false).expect("room").url;
        let guest = Remote::connect(&url, || {}).expect("a link");
        let opened = until("the series", || {
            guest.take_events().into_iter().find_map(|event| match event {
                Event::Opened(series) => Some(series),
                _ => None,
            })
        })
        .await;
        assert_eq!(guest.welcome().map(|welcome| welcome.voxels), Some(lets));
        let fetch = guest.fetch(&opened, None, 1 << 30).expect("a thread");
        if lets {
            let whole = until("the voxels", || fetch.whole().cloned()).await;
            assert_eq!(whole.value_range(), ct.volume().value_range());
            let whole = drawn(&whole, &view.state);
            assert_eq!(whole, drawn(ct.volume(), &view.state), "drawn the same here and there");
            // What is not on the host's screen any more is not handed out, whoever asks.
            share.publish(&[], &[], None, &[]);
            let again = guest.fetch(&opened, None, 1 << 30).expect("a thread");
            let told = until("the end", || match again.coming() {
                Coming::Failed(reason) => Some(reason),
                _ => None,
            })
            .await;
            assert!(told.contains("404"), "{told}");
        } else {
            until("a refusal", || matches!(fetch.coming(), Coming::Refused(_)).then_some(())).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_lets_a_browser_in_when_its_button_is_pressed_and_not_when_it_is_looked_at() {
    let share = tokio::task::spawn_blocking(share).await.expect("no panic");
    let authority = share.address().to_string();
    let ask = async |line: &str, headers: &str, body: &str| {
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        String::from_utf8_lossy(&exchange(&authority, &request).await).into_owned()
    };
    let url = share.invite("A colleague", false).expect("room").url;
    let (_, link) = url.split_once(&authority).expect("the address");
    let token = link.split_once("token=").expect("a token").1;
    for _ in 0..3 {
        let page = ask(&format!("GET {link}"), "", "").await;
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("Join</button>"), "{page}");
        assert!(!page.to_lowercase().contains("set-cookie"), "{page}");
    }
    assert!(ask(&format!("GET {link}"), "Accept-Language: de\r\n", "").await.contains("Ansehen</button>"));
    assert!(ask(&format!("GET /app.js?token={token}"), "", "").await.starts_with("HTTP/1.1 401"));
    assert_eq!(share.guests()[0].address, None, "nobody has come");

    let entered = ask("POST /sign-in", "", &format!("token={token}")).await;
    assert!(entered.starts_with("HTTP/1.1 303"), "{entered}");
    let cookie = entered.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().expect("name and value"));
    assert!(ask("GET /", &cookie, "").await.contains("/app.js?v="));
    let again = ask(&format!("GET {link}"), &cookie, "").await;
    assert!(again.starts_with("HTTP/1.1 303"), "the same browser comes back by its link: {again}");
    let other = ask(&format!("GET {link}"), "", "").await;
    assert!(other.starts_with("HTTP/1.1 401"), "a link serves once: {other}");
    assert!(other.contains("Ask your colleague"), "{other}");
    assert!(other.contains("voxcast-refusal: invitation"), "{other}");
    let nothing = ask("GET /", "", "").await;
    assert!(nothing.contains("the link that you were sent"), "{nothing}");
    let forgotten = cookie.replace('=', "=x");
    assert!(ask("GET /", &forgotten, "").await.contains("Ask your colleague"), "who was in once");
    let twice = ask("POST /sign-in", &cookie, &format!("token={token}")).await;
    assert!(twice.starts_with("HTTP/1.1 303"), "a button that is pressed twice: {twice}");
    assert!(ask("POST /sign-in", "", &format!("token={token}")).await.starts_with("HTTP/1.1 401"));
    tokio::task::spawn_blocking(move || share.stop()).await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sees_what_the_host_shows_and_one_that_may_drives_it() {
    let share = tokio::task::spawn_blocking(share).await.expect("no panic");
    let ct = series("1.2.3");
    let volume = Arc::clone(ct.volume());
    let mut state = ViewState::new(&volume, Content::Slice, Orientation::Coronal, [640, 480]);
    let mut turned = ViewState::new(&volume, Content::Volume, Orientation::Axial, [320, 200]);
    let hosted = |number, state: &ViewState| HostedView {
        number,
        series_id: "1.2.3".into(),
        state: state.clone(),
        moving: false,
    };
    let view = |view| Cell::View { view };
    let split = Split { cells: vec![view(4), Cell::Empty, view(1)], shares: vec![500, 200, 300] };
    let mut layout = HostLayout { root: Cell::Row(split), maximised: None };
    share.publish(std::slice::from_ref(&ct), &[hosted(4, &state), hosted(1, &turned)], Some(&layout), &[]);

    let invitation = share.invite("Watches", false).expect("room");
    let watcher = Remote::connect(&invitation.url, || {}).expect("a link");
    let shared = async || {
        until("what is shared", || {
            watcher.take_events().into_iter().find_map(|event| match event {
                Event::Shared(shared) => Some(shared),
                _ => None,
            })
        })
        .await
    };
    let told = shared().await;
    assert_eq!(told.views, [4, 1], "in the host's order");
    assert_eq!(told.layout.as_ref(), Some(&layout));
    assert_eq!(watcher.welcome().map(|welcome| (welcome.role, welcome.voxels)), Some((Role::Viewer, false)));
    assert_eq!(watcher.library()[0].series[0].series_instance_uid, "1.2.3");
    for slot in told.views {
        watcher.show(slot, "1.2.3", &ViewState { size: [150, 100], ..state.clone() }, false);
    }
    let (view, rgba) = seen(&watcher, 4, &state, [150, 100]).await;
    assert!(rgba == drawn(&volume, &view), "the same picture as here");
    let (tell, told) = tokio::sync::oneshot::channel();
    watcher.thumbnail("1.2.3", move |thumbnail| drop(tell.send(thumbnail)));
    let small = told.await.expect("an answer").expect("a small picture");
    assert!(small.rgb.iter().any(|&channel| channel > 100), "it shows something");
    seen(&watcher, 1, &turned, [150, 100]).await;

    let again = Remote::connect(&invitation.url, || {}).expect("a link");
    assert_eq!(gone(&again).await, Ending::InvitationUsed, "a link serves once");

    let driver = Remote::connect(&share.invite("Drives", true).expect("room").url, || {}).expect("a link");
    until("the host's view", || {
        driver.show(4, "1.2.3", &ViewState { size: [90, 80], ..state.clone() }, false);
        driver.host_view(4)
    })
    .await;
    let guests = share.guests();
    let told: Vec<_> = guests.iter().map(|g| (g.name.as_str(), g.role, g.is_connected)).collect();
    assert_eq!(told, [("Watches", Role::Viewer, true), ("Drives", Role::Driver, true)]);
    let mut wanted = state.clone();
    wanted.plane.scroll(3, &volume);
    driver.show(4, "1.2.3", &ViewState { size: [90, 80], ..wanted.clone() }, false);
    let driven = until("what the guest drives", || share.take_driven().pop()).await;
    assert_eq!((driven.view, driven.guest, driven.moving), (4, guests[1].id, false));
    assert_eq!((driven.state.plane, driven.state.size), (wanted.plane, [640, 480]), "in the host's size");
    state = driven.state;
    turned.camera.azimuth(20.0);
    layout.maximised = Some(1);
    share.publish(std::slice::from_ref(&ct), &[hosted(4, &state), hosted(1, &turned)], Some(&layout), &[]);
    let (view, rgba) = seen(&watcher, 4, &state, [150, 100]).await;
    assert!(rgba == drawn(&volume, &view), "everybody sees it");
    seen(&watcher, 1, &turned, [150, 100]).await;
    seen(&driver, 4, &state, [90, 80]).await;
    assert_eq!(shared().await.layout.as_ref(), Some(&layout));
    // What is not of these views is not told.
    layout.root = Cell::View { view: 4 };
    share.publish(std::slice::from_ref(&ct), &[hosted(4, &state), hosted(1, &turned)], Some(&layout), &[]);
    assert_eq!(shared().await.layout, None);

    // Whoever only watched may drive by a word of the host's, and what it tried before is no wish.
    watcher.show(4, "1.2.3", &ViewState { size: [150, 100], ..turned.clone() }, false);
    share.let_drive(guests[0].id, true);
    until("the role", || watcher.welcome().filter(|welcome| welcome.role == Role::Driver)).await;
    let mut wanted = state.clone();
    wanted.plane.scroll(-5, &volume);
    watcher.show(4, "1.2.3", &ViewState { size: [150, 100], ..wanted.clone() }, false);
    let driven = until("what it drives", || share.take_driven().pop()).await;
    assert_eq!((driven.guest, driven.state.plane), (guests[0].id, wanted.plane));
    share.let_drive(guests[0].id, false);
    until("the role", || watcher.welcome().filter(|welcome| welcome.role == Role::Viewer)).await;

    share.remove(guests[1].id);
    assert_eq!(gone(&driver).await, Ending::SentAway);
    driver.reconnect();
    until("another end", || {
        matches!(driver.state(), State::Gone { ending: Ending::InvitationEnded }).then_some(())
    })
    .await;
    assert_eq!(share.guests().len(), 1);
    tokio::task::spawn_blocking(|| share.stop()).await.expect("no panic");
    assert_eq!(gone(&watcher).await, Ending::SharingEnded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_whose_connection_was_cut_for_long_is_let_in_again_by_its_link() {
    let share = tokio::task::spawn_blocking(share).await.expect("no panic");
    let ct = series("1.2.3");
    let state = ViewState::new(ct.volume(), Content::Slice, Orientation::Axial, [320, 200]);
    let view = HostedView { number: 0, series_id: "1.2.3".into(), state, moving: false };
    share.publish(std::slice::from_ref(&ct), std::slice::from_ref(&view), None, &[]);
    let address = Address::parse(&share.invite("A colleague", false).expect("room").url).expect("a link");
    let mut first = Connection::open(&address, |_, _| {}).await.expect("is let in");
    let token = welcomed(&mut first).await;
    drop(first);
    let refused = Connection::open(&address, |_, _| {}).await.expect_err("the link has served");
    assert!(matches!(refused, Error::Invitation), "{refused}");
    let mut second = Connection::open_again(&address, Some(token), |_, _| {}).await.expect("is let in again");
    welcomed(&mut second).await;
    assert!(share.guests()[0].is_connected);
}

/// What a connection is known by when it is made again.
async fn welcomed(connection: &mut Connection) -> String {
    loop {
        let event = connection.next().await.expect("a welcome");
        if let client::Event::Message(ServerMessage::Connected { resume_token, .. }) = event {
            return resume_token;
        }
    }
}

/// A length on a slice, so many mm long.
fn length(series_id: &str, mm: f64) -> Arc<Drawn> {
    let plane = MeasuredPlane { center_mm: [0.5, 0.0, 0.0], right: [1.0, 0.0, 0.0], down: [0.0, 1.0, 0.0] };
    let drawing = Drawing {
        kind: DrawingKind::Length,
        points_mm: vec![[0.1 + 0.2, 0.0, 0.0], [0.1 + 0.2 + mm, 0.0, 0.0]],
        plane,
        label: "Lesion <1>".into(),
        color: [255, 210, 70],
        quantities: vec![Quantity { measure: "length".into(), value: mm, unit: "mm".into() }],
    };
    Arc::new(Drawn { series_instance_uid: series_id.into(), drawings: vec![drawing] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_told_what_the_host_draws_moves_and_deletes() {
    let share = tokio::task::spawn_blocking(share).await.expect("no panic");
    let ct = series("1.2.3");
    let state = ViewState::new(ct.volume(), Content::Slice, Orientation::Axial, [320, 200]);
    let view = HostedView { number: 0, series_id: "1.2.3".into(), state, moving: false };
    // What is drawn on a series that is not shown is nobody's business.
    let publish = |mm: &[f64]| {
        let own = mm.iter().map(|&mm| length("1.2.3", mm));
        let drawn: Vec<_> = own.chain([length("1.2.4", 1.0)]).collect();
        share.publish(std::slice::from_ref(&ct), std::slice::from_ref(&view), None, &drawn);
        drawn
    };
    let drawn = publish(&[41.2]);
    let guest =
        Remote::connect(&share.invite("A colleague", true).expect("room").url, || {}).expect("a link");
    let told = until("what is drawn", || guest.drawn().pop()).await;
    assert_eq!(told, drawn[0], "the same points, numbers and words");
    assert_eq!(guest.drawn().len(), 1);
    // A hand drags: what comes last is what counts.
    for mm in 0..200 {
        publish(&[f64::from(mm)]);
    }
    let last = publish(&[77.7])[0].clone();
    until("where it was moved to", || guest.drawn().pop().filter(|told| *told == last)).await;
    publish(&[]);
    until("that it is deleted", || guest.drawn().is_empty().then_some(())).await;
    publish(&[5.0]);
    until("another one", || guest.drawn().pop()).await;
    tokio::task::spawn_blocking(|| share.stop()).await.expect("no panic");
    gone(&guest).await;
    assert!(guest.drawn().is_empty(), "nobody shows it any more");
}
