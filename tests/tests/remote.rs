//! A window's end of a remote study against a real server: what it shows is what would be drawn here.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use futures_util::{SinkExt, StreamExt};
use glam::DVec3;
use protocol::frame::append_part;
use protocol::message::{Measure, MeasuredKind, MeasuredPlane, TransportKind};
use protocol::{ClientMessage, Codec, FrameHeader, Quality};
use render_core::dicom;
use render_core::render::{Choice, resolve};
use render_core::scene::layer::{Layer, Look};
use render_core::scene::view::{Combine, Orientation, Slab};
use render_core::scene::{ColorMap, Content, Preset, ViewState};
use render_core::{Progress, Renderer, Volume};
use serde_json::json;
use server_mode::remote::{Cache, Coming, Ending, Event, Fetch, Picture, Remote, RemoteSeries, State};
use server_mode::{Config, Secret, VoxelPolicy};
use tests::server::{Folder, PATIENCE, TestServer};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// Asks again and again, as a window does with each of its pictures.
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

async fn opened(remote: &Remote) -> Arc<RemoteSeries> {
    until("the series", || {
        remote.take_events().into_iter().find_map(|event| match event {
            Event::Opened(series) => Some(series),
            Event::OpenFailed { reason, .. } | Event::Failed(reason) => panic!("{reason}"),
            _ => None,
        })
    })
    .await
}

/// The lossless picture of this state.
async fn settled(remote: &Remote, slot: u8, view: &ViewState) -> Picture {
    until(&format!("slot {slot}: a lossless picture"), || {
        for event in remote.take_events() {
            if let Event::Failed(reason) | Event::OpenFailed { reason, .. } = event {
                panic!("{reason}");
            }
        }
        remote
            .take_picture(slot)
            .filter(|picture| *picture.view == *view && picture.quality == Quality::Lossless)
    })
    .await
}

fn volume(server: &TestServer) -> Arc<Volume> {
    let library = dicom::scan(std::slice::from_ref(&server.folder.0), &Progress::default()).expect("a study");
    dicom::load(&library.studies[0].series[0], &Progress::default()).expect("voxels").volume
}

/// What this machine draws of it.
fn drawn(volume: &Arc<Volume>, view: &ViewState) -> Vec<u8> {
    let renderer = Renderer::open(Choice::Cpu).expect("the CPU renderer opens");
    let frame = renderer.render(volume, &resolve(view, volume), &AtomicBool::new(false)).expect("a picture");
    frame.pixels.clone()
}

async fn connected(server: &TestServer) -> (Remote, Arc<RemoteSeries>) {
    let remote = Remote::connect(&server.url, || {}).expect("what a server prints");
    until("the library", || (!remote.library().is_empty()).then_some(())).await;
    remote.open(&server.series_uid);
    let series = opened(&remote).await;
    (remote, series)
}

async fn gone(remote: &Remote) -> Ending {
    until("the end", || match remote.state() {
        State::Gone { ending } => Some(ending),
        _ => None,
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_is_told_with_its_patient_space_and_a_small_picture() {
    let server = TestServer::start().await;
    let library = dicom::scan(std::slice::from_ref(&server.folder.0), &Progress::default()).expect("a study");
    let (remote, series) = connected(&server).await;
    let uid = library.studies[0].series[0].frame_of_reference_uid();
    assert!(!uid.is_empty() && series.frame == uid, "{uid}");
    assert_eq!(series.suv, None, "a CT has none");
    let asked = |id: &str| {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        remote.thumbnail(id, move |thumbnail| drop(tell.send(thumbnail)));
        tokio::task::spawn_blocking(move || told.recv_timeout(PATIENCE).expect("an answer"))
    };
    let small = asked(&series.id).await.expect("no panic").expect("a picture");
    assert_eq!(small.size.iter().max(), Some(&128));
    assert!(small.rgb.iter().any(|&channel| channel > 100), "it shows something");
    assert_eq!(asked("../none of these").await.expect("no panic"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn settled_pictures_of_any_view_are_the_ones_drawn_here() {
    let server = TestServer::start().await;
    let volume = volume(&server);
    let (remote, series) = connected(&server).await;
    assert_eq!(*series.outline, render_core::Outline::of(&volume));
    let outline = &series.outline;
    let new = |content, orientation| ViewState::new(outline, content, orientation, [201, 157]);

    let mut oblique = new(Content::Slice, Orientation::Coronal);
    oblique.plane.tilt(DVec3::new(0.3, 0.2, 1.0), 23.7, oblique.plane.center_mm + DVec3::new(3.1, 1.4, 5.9));
    oblique.plane.zoom_by(1.37);
    oblique.slab = Slab { thickness_mm: 17.3, combine: Combine::Maximum };
    oblique.inverted = true;
    let mut solid = new(Content::Volume, Orientation::Axial);
    solid.camera.azimuth(31.7);
    solid.apply_preset(Preset::find("CT_Bone").expect("built in"), outline);
    solid.transfer.opacities.set_level(1, [0.123]).expect("a point");
    solid.effects.shadows = true;
    solid.clip.crop_voxels = Some([[5.5, 60.0], [0.0, 63.0], [0.0, 40.25]]);
    let mut surface = new(Content::Isosurface(200.5), Orientation::Axial);
    surface.camera.elevation(12.3);
    let mut fused = new(Content::Slice, Orientation::Axial);
    let look = Look::Values(solid.transfer.clone());
    fused.layers.push(Layer { volume: Arc::clone(&series.stand_in), look, opacity: 0.4 });

    let views = [oblique, solid, surface, fused];
    for (slot, view) in views.iter().enumerate() {
        remote.show(slot as u8, &series.id, view, false);
    }
    for (slot, view) in views.iter().enumerate() {
        let picture = settled(&remote, slot as u8, view).await;
        let mut here = view.clone();
        here.layers.iter_mut().for_each(|layer| layer.volume = Arc::clone(&volume));
        assert_eq!(picture.size, view.size);
        assert!(picture.rgba == drawn(&volume, &here), "slot {slot} differs");
        assert!(picture.rgba.chunks(4).any(|pixel| pixel[0] > 50), "slot {slot} shows something");
    }
    let webrtc = State::Connected { transport: TransportKind::Webrtc, fell_back: false };
    until("WebRTC", || (remote.state() == webrtc).then_some(())).await;
    let mut turned = views[1].clone();
    for _ in 0..20 {
        turned.camera.azimuth(1.1);
        turned.touch();
        remote.show(1, &series.id, &turned, true);
        let seen = |picture: &Picture| picture.view.camera == turned.camera;
        let picture = until("a moving picture", || remote.take_picture(1).filter(seen)).await;
        assert_ne!(picture.quality, Quality::Lossless);
    }
    remote.show(1, &series.id, &turned, false);
    assert!(settled(&remote, 1, &turned).await.rgba == drawn(&volume, &turned), "by WebRTC as well");
    until("a measurement", || (remote.stats().bits_per_second > 0.0).then_some(())).await;
    remote.hide(1);
    remote.show(0, &series.id, &views[0].clone(), false);
    until("its own end", || remote.take_picture(1).is_none().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_dragged_is_drawn_here_from_the_servers_values() {
    let server = TestServer::start().await;
    let volume = volume(&server);
    let (remote, series) = connected(&server).await;
    let mut view = ViewState::new(&series.outline, Content::Slice, Orientation::Sagittal, [120, 90]);
    remote.show(0, &series.id, &view, false);
    settled(&remote, 0, &view).await;
    let mut own = 0;
    for step in 0..200 {
        view.set_window(view.window.changed(f64::from(step), 400.0 + f64::from(step)));
        remote.show(0, &series.id, &view, true);
        let shown =
            until("a picture", || remote.take_picture(0).filter(|p| p.view.window == view.window)).await;
        if shown.codec.is_none() {
            assert!(shown.rgba == drawn(&volume, &view), "step {step}");
            own += 1;
        }
        if own == 10 {
            break;
        }
    }
    assert_eq!(own, 10, "values have come");
    remote.show(0, &series.id, &view, false);
    assert!(settled(&remote, 0, &view).await.rgba == drawn(&volume, &view));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_is_noticed_and_one_that_comes_back_is_told_everything_again() {
    let token = "t".repeat(40);
    let config = Config { token: Some(Secret(token.clone())), ..Config::default() };
    let server = TestServer::with(&config, |_| {}).await;
    let listen = server.authority.parse().expect("an address");
    let (remote, series) = connected(&server).await;
    let mut view = ViewState::new(&series.outline, Content::MIP, Orientation::Axial, [90, 70]);
    view.camera.azimuth(77.0);
    remote.show(3, &series.id, &view, false);
    let plain = settled(&remote, 3, &view).await;
    let look = Look::color_map(ColorMap::find("hot_iron").expect("built in"), 0.0, 300.0).expect("a look");
    view.layers.push(Layer { volume: Arc::clone(&series.stand_in), look, opacity: 0.5 });
    view.touch();
    remote.show(3, &series.id, &view, false);
    let before = settled(&remote, 3, &view).await;
    assert!(before.rgba != plain.rgba, "what lies over it is seen");
    server.stopped().await;
    assert_eq!(gone(&remote).await, Ending::ShutDown);
    // What is changed meanwhile waits for its series to be open again.
    view.touch();
    remote.show(3, &series.id, &view, false);

    // Its series has another UID: this one is not there any more.
    let config = Config { listen, ..config };
    let _server = TestServer::with(&config, |_| {}).await;
    remote.reconnect();
    let after = settled(&remote, 3, &view).await;
    assert!(after.rgba == before.rgba, "the same picture");
    assert!(matches!(remote.state(), State::Connected { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_address_or_has_no_token_is_refused_and_a_wrong_token_told() {
    for url in
        ["http://127.0.0.1:1/", "http://127.0.0.1:1/?x=1", "127.0.0.1:1", "https://127.0.0.1/?token=abc"]
    {
        assert!(Remote::connect(url, || {}).is_err(), "{url}");
    }
    let server = TestServer::start().await;
    let url = format!("http://{}/?token={}", server.authority, "x".repeat(40));
    let remote = Remote::connect(&url, || {}).expect("an address");
    assert_eq!(gone(&remote).await, Ending::WrongToken);
    let remote = Remote::connect(&server.url, || {}).expect("an address");
    remote.open("9.9.9");
    let refused = until("a refusal", || {
        remote.take_events().into_iter().find(|event| matches!(event, Event::OpenFailed { .. }))
    })
    .await;
    assert!(matches!(refused, Event::OpenFailed { series_id, .. } if series_id == "9.9.9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_drawn_on_a_remote_series_is_measured_by_the_servers_voxels() {
    let server = TestServer::start().await;
    let volume = volume(&server);
    let (remote, series) = connected(&server).await;
    let center = series.outline.geometry.center_mm();
    let plane = MeasuredPlane { center_mm: center.to_array(), right: [1.0, 0.0, 0.0], down: [0.0, 1.0, 0.0] };
    let at = |x: f64, y: f64| (center + DVec3::new(x, y, 0.0)).to_array();
    let ends = vec![at(-60.0, 0.0), at(60.0, 0.0), at(0.0, -40.0), at(0.0, 40.0)];
    let ask = |request, kind, points_mm| {
        let series_instance_uid = series.id.clone();
        let (answer, answered) = tokio::sync::oneshot::channel();
        let measure = Measure { request, series_instance_uid, kind, points_mm, plane };
        remote.measure(measure, move |measured| drop(answer.send(measured)));
        tokio::time::timeout(PATIENCE, answered)
    };
    let measured = ask(7, MeasuredKind::Ellipse, ends.clone()).await.expect("in time").expect("an answer");
    let measured = measured.expect("it can be measured");
    assert_eq!(measured.request, 7);

    let drawn = json!({
        "id": 1, "uid": "", "series": "", "kind": "ellipse", "pointsMm": ends, "centerMm": plane.center_mm,
        "right": plane.right, "down": plane.down, "label": "", "color": [0, 0, 0], "visible": true,
    });
    let drawn: reading::Annotation = serde_json::from_value(drawn).expect("an annotation");
    let source = reading::Source::new(&volume, &series.report.millimetres, None);
    let here = reading::measure(&drawn, &source, &Progress::default()).expect("measured");
    let numbers =
        |quantities: &[reading::Quantity]| quantities.iter().map(|q| (q.value, q.unit.clone())).collect();
    let there: Vec<_> = measured.quantities.iter().map(|q| (q.value, q.unit.clone())).collect();
    let here_told: Vec<_> = numbers(&here.quantities);
    assert_eq!(there, here_told);
    assert!(there.len() >= 6 && measured.histogram == here.histogram);
    assert_eq!(measured.quantities[0].measure, "area");

    let refused =
        ask(8, MeasuredKind::Length, ends[..1].to_vec()).await.expect("in time").expect("an answer");
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_measured_waits_for_its_series() {
    let server = TestServer::start().await;
    let remote = Remote::connect(&server.url, || {}).expect("what a server prints");
    until("the library", || (!remote.library().is_empty()).then_some(())).await;
    let plane = MeasuredPlane { center_mm: [0.0; 3], right: [1.0, 0.0, 0.0], down: [0.0, 1.0, 0.0] };
    let ask = |series_id: &str| {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let points_mm = vec![[0.0; 3], [30.0, 40.0, 0.0]];
        let (series_instance_uid, kind) = (series_id.to_owned(), MeasuredKind::Length);
        let measure = Measure { request: 1, series_instance_uid, kind, points_mm, plane };
        remote.measure(measure, move |measured| drop(answer.send(measured)));
        tokio::time::timeout(PATIENCE, answered)
    };
    remote.open(&server.series_uid);
    let measured = ask(&server.series_uid).await.expect("in time").expect("an answer");
    assert_eq!(measured.expect("it is open by then").quantities[0].value, 50.0);
    remote.open("1.2.3");
    let refused = ask("1.2.3").await.expect("in time").expect("an answer");
    assert!(refused.is_err(), "{refused:?}");
    let refused = ask("4.5.6").await.expect("in time").expect("an answer");
    assert!(refused.is_err(), "{refused:?}");
}

async fn whole(fetch: &Fetch) -> Arc<Volume> {
    until("all voxels", || match fetch.coming() {
        Coming::Refused(reason) => panic!("{reason}"),
        _ => fetch.whole().cloned(),
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn voxels_come_here_as_the_server_has_them_and_are_kept_sealed() {
    let server = TestServer::start().await;
    let (remote, series) = connected(&server).await;
    let folder = Folder::new();
    let cache = Cache::new(folder.0.join("voxels"), 1 << 30);
    let fetch = |most_bytes| remote.fetch(&series, Some(cache.clone()), most_bytes).expect("a thread");

    let first = fetch(1 << 30);
    let volume = volume(&server);
    let fetched = whole(&first).await;
    assert_eq!(first.coming(), Coming::Here);
    assert_eq!(render_core::Outline::of(&fetched), render_core::Outline::of(&volume));
    let view = ViewState::new(&volume, Content::Volume, Orientation::Axial, [120, 90]);
    assert!(drawn(&fetched, &view) == drawn(&volume, &view), "the same picture");
    remote.show(0, &series.id, &view, false);
    assert!(settled(&remote, 0, &view).await.rgba == drawn(&fetched, &view), "also as the server draws it");

    // It is read from the disk the next time, and the server only says that it still holds.
    let files = || {
        let entries = std::fs::read_dir(folder.0.join("voxels")).expect("a folder");
        entries.map(|entry| entry.expect("a file").path()).collect::<Vec<_>>()
    };
    let [file] = &files()[..] else { panic!("one file for the one level: {:?}", files()) };
    let then = SystemTime::now() - Duration::from_secs(3600);
    std::fs::File::options()
        .append(true)
        .open(file)
        .and_then(|file| file.set_modified(then))
        .expect("a time");
    let sealed = std::fs::read(file).expect("a file");
    let second = fetch(1 << 30);
    assert!(drawn(&whole(&second).await, &view) == drawn(&volume, &view));
    let now = std::fs::metadata(file).and_then(|known| known.modified()).expect("a time");
    assert!(now > then + Duration::from_secs(1800), "it was looked at");
    assert!(std::fs::read(file).expect("a file") == sealed, "and not written again");

    // Damage is found, and the voxels come from the server again.
    std::fs::write(file, &sealed[..sealed.len() / 2]).expect("written");
    assert!(drawn(&whole(&fetch(1 << 30)).await, &view) == drawn(&volume, &view));

    let refused = fetch(1000);
    let reason = until("a refusal", || match refused.coming() {
        Coming::Refused(reason) => Some(reason),
        _ => None,
    });
    assert!(reason.await.contains("more than there is room for"));
    let held = fetch(1 << 30);
    held.hold(true);
    held.hold(false);
    whole(&held).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn voxels_that_may_not_be_kept_are_not_and_earlier_ones_go() {
    let folder = Folder::new();
    let cache = Cache::new(folder.0.join("voxels"), 1 << 30);
    let kept = || std::fs::read_dir(folder.0.join("voxels")).map_or(0, Iterator::count);
    let token = || Some(Secret("0123456789abcdef0123456789abcdef".to_owned()));
    let config = |voxels| Config { voxels, token: token(), ..Config::default() };
    for (policy, count) in [(VoxelPolicy::Memory, 0), (VoxelPolicy::Keep, 1), (VoxelPolicy::Memory, 0)] {
        let server = TestServer::with(&config(policy), |_| {}).await;
        let (remote, series) = connected(&server).await;
        let fetch = remote.fetch(&series, Some(cache.clone()), 1 << 30).expect("a thread");
        whole(&fetch).await;
        assert_eq!(kept(), count, "{policy:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_keeps_its_voxels_says_so() {
    let server = TestServer::with(&Config { voxels: VoxelPolicy::None, ..Config::default() }, |_| {}).await;
    let (remote, series) = connected(&server).await;
    assert!(!remote.welcome().expect("a welcome").voxels);
    let fetch = remote.fetch(&series, None, 1 << 30).expect("a thread");
    let reason = until("a refusal", || match fetch.coming() {
        Coming::Refused(reason) => Some(reason),
        _ => None,
    });
    assert_eq!(reason.await, "The server does not hand out the voxels.");
}

/// A server whose videos cannot be decoded: tells what a client accepts, each time that it says so.
async fn broken_videos(listener: TcpListener, accepted: mpsc::Sender<Vec<String>>) {
    let (tcp, _) = listener.accept().await.expect("a client");
    #[expect(clippy::result_large_err, reason = "the library's")]
    let subprotocol = |_: &Request, mut response: Response| {
        let name = HeaderValue::from_static(protocol::SUBPROTOCOL);
        response.headers_mut().insert("Sec-WebSocket-Protocol", name);
        Ok(response)
    };
    let mut socket = accept_hdr_async(tcp, subprotocol).await.expect("a WebSocket");
    let connected = json!({
        "type": "connected", "sessionId": "0", "protocol": protocol::SUBPROTOCOL, "backend": "cpu",
        "resumeToken": "1", "resumed": false, "iceServers": null, "role": "owner", "voxels": false,
    });
    socket.send(Message::text(connected.to_string())).await.expect("it listens");
    for frame in 1..=2 {
        let header = FrameHeader {
            codec: Codec::H264,
            quality: Quality::Interactive,
            view: 0,
            cleared: true,
            stretched: false,
            key: true,
            size: [64, 64],
            frame,
            input_seq: 0,
            view_revision: 1,
            render_us: 0,
            encode_us: 0,
            hash: 0,
        };
        let mut message = header.encode().to_vec();
        let garbage = |to: &mut Vec<u8>| {
            to.extend([0, 0, 0, 1, 0x65, 0xff, 0xff, 0xff, 0xff]);
            Ok::<_, ()>(())
        };
        append_part(&mut message, [0, 0], [64, 64], garbage).expect("some bytes");
        socket.send(Message::binary(message)).await.expect("it listens");
    }
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        if let (_, ClientMessage::Accept { codecs }) = ClientMessage::parse(&text).expect("a message") {
            accepted.send(codecs).await.expect("the test listens");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_whose_decoder_fails_again_and_again_asks_for_pictures_of_another_kind() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/?token=a", listener.local_addr().expect("an address"));
    let (accepted, mut told) = mpsc::channel(4);
    let server = tokio::spawn(broken_videos(listener, accepted));
    let _remote = Remote::connect(&url, || {}).expect("an address");
    let next = async |told: &mut mpsc::Receiver<Vec<String>>| {
        tokio::time::timeout(PATIENCE, told.recv()).await.expect("in time").expect("the server lives")
    };
    let first = next(&mut told).await;
    assert!(first.iter().any(|codec| codec == "h264"), "{first:?}");
    let without: Vec<_> = first.into_iter().filter(|codec| codec != "h264").collect();
    assert_eq!(next(&mut told).await, without);
    server.abort();
}
