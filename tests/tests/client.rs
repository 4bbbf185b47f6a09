//! The Rust client against a real server.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::message::{Content, LayoutView, TransportKind};
use protocol::{ClientMessage, Codec, MouseButton, PointerKind, Quality, ServerMessage};
use server_mode::client::{Address, Connection, Error, Event, Frame};
use server_mode::emulator::{Conditions, Network, Relay};
use server_mode::{Config, Secret, WebRtcConfig};
use tests::server::{Folder, PATIENCE, TestServer};
use tests::turn::Turn;
use tokio::net::UdpSocket;

/// Waits for an event, with everything before it looked at by `until`.
async fn wait<T>(client: &mut Connection, mut until: impl FnMut(Event) -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = until(client.next().await.expect("the connection lives")) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("in time")
}

/// The next frame that a condition holds for.
async fn frame(client: &mut Connection, which: impl Fn(&Frame) -> bool) -> Frame {
    wait(client, |event| match event {
        Event::Frame(frame) if which(&frame) => Some(frame),
        _ => None,
    })
    .await
}

fn pointer(kind: PointerKind, x: f64) -> ClientMessage {
    let button = (kind != PointerKind::Move).then_some(MouseButton::Left);
    ClientMessage::Pointer { view: 0, kind, button, x, y: 40.0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_turns_a_volume_by_video_and_ends_with_what_was_drawn() {
    let mut server = TestServer::start().await;
    let address = Address::parse(&server.url).expect("what a server prints");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let pictures = Arc::clone(&seen);
    let mut client = Connection::open(&address, move |header, screen| {
        pictures.lock().expect("no panic").push((header.quality, screen.size(), screen.pixels().to_vec()));
    })
    .await
    .expect("lets the token in");
    let codecs = vec!["png".into(), "h264".into()];
    let layout = vec![LayoutView { view: 0, content: Content::Volume, size: [161, 121], paused: false }];
    for message in [
        ClientMessage::Accept { codecs },
        ClientMessage::OpenSeries { series_instance_uid: String::new() },
        ClientMessage::Layout { views: layout },
    ] {
        client.ask(message).expect("room");
    }
    let is_lossless = |frame: &Frame| frame.header.quality == Quality::Lossless;
    let first = frame(&mut client, is_lossless).await;
    assert!(first.shown.is_some(), "its hash is right");

    client.ask(pointer(PointerKind::Press, 0.0)).expect("room");
    for step in 1..=5 {
        let seq = client.ask(pointer(PointerKind::Move, f64::from(step) * 10.0)).expect("room");
        let moved = frame(&mut client, |frame| frame.header.input_seq >= seq).await;
        assert_eq!((moved.header.codec, moved.header.input_seq), (Codec::H264, seq));
        let shown = moved.shown.expect("it can be decoded");
        let latency = shown.latency.expect("nothing before showed this input");
        assert!(latency > Duration::ZERO && latency < PATIENCE, "{latency:?}");
        let view = shown.view.expect("the server tells of each view");
        assert_eq!((view.revision, view.content), (moved.header.view_revision, Content::Volume));
    }
    let released = client.ask(pointer(PointerKind::Release, 50.0)).expect("room");
    let last = frame(&mut client, is_lossless).await;
    assert!(last.shown.is_some(), "its hash is right");
    assert!(last.header.input_seq >= released);
    let (quality, size, pixels) = seen.lock().expect("no panic").pop().expect("pictures");
    assert_eq!((quality, size), (Quality::Lossless, [161, 121]));
    assert!(pixels.as_chunks::<4>().0.iter().any(|pixel| pixel[0] > 100), "there is something to see");
    assert!(client.received_bytes() > last.bytes as u64);

    client.ping().expect("room");
    wait(&mut client, |event| matches!(event, Event::Message(ServerMessage::Pong { .. })).then_some(()))
        .await;
    assert!(client.rtt().is_some_and(|rtt| rtt < PATIENCE));
    server.stop();
    let end = loop {
        if let Err(error) = client.next().await {
            break error;
        }
    };
    assert!(matches!(end, Error::Closed(1001, _)), "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_and_a_server_that_is_not_there_are_told_apart() {
    let server = TestServer::start().await;
    let wrong = format!("http://{}/?token={}", server.authority, "x".repeat(40));
    let wrong = Address::parse(&wrong).expect("an address");
    let refused = Connection::open(&wrong, |_, _| {}).await.expect_err("nobody gets in without the token");
    assert!(matches!(refused, Error::Token), "{refused}");
    let address = Address::parse(&server.url).expect("an address");
    server.stopped().await;
    let refused = Connection::open(&address, |_, _| {}).await.expect_err("nobody is there");
    assert!(matches!(refused, Error::Connect(..)), "{refused}");
}

/// Shows a volume and waits until it rests.
async fn show(client: &mut Connection) {
    let layout = vec![LayoutView { view: 0, content: Content::Volume, size: [161, 121], paused: false }];
    for message in [
        ClientMessage::Accept { codecs: vec!["png".into(), "h264".into()] },
        ClientMessage::OpenSeries { series_instance_uid: String::new() },
        ClientMessage::Layout { views: layout },
    ] {
        client.ask(message).expect("room");
    }
    frame(client, |frame| frame.header.quality == Quality::Lossless).await;
}

/// Waits until everything comes by WebRTC.
async fn by_webrtc(client: &mut Connection) {
    wait(client, |event| match event {
        Event::Transport(TransportKind::Webrtc, _) => Some(()),
        Event::Transport(TransportKind::Websocket, reason) => panic!("{reason:?}"),
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webrtc_carries_what_moves_and_what_rests_and_a_lost_one_loses_no_command() {
    let server = TestServer::start().await;
    let address = Address::parse(&server.url).expect("what a server prints");
    let mut client = Connection::open(&address, |_, _| {}).await.expect("lets the token in");
    show(&mut client).await;
    let relay = Arc::new(Relay::udp(Network::default(), 1).await.expect("a free port"));
    let way = Arc::clone(&relay);
    let detour = move |server| {
        way.aim(server);
        way.address()
    };
    client.begin_webrtc(&[0], Some(detour)).await.expect("an offer");
    let changed = |event| match event {
        Event::Transport(transport, reason) => Some((transport, reason)),
        _ => None,
    };
    assert_eq!(wait(&mut client, changed).await, (TransportKind::Webrtc, None));
    let is_lossless = |frame: &Frame| frame.header.quality == Quality::Lossless;
    assert!(frame(&mut client, is_lossless).await.shown.is_some(), "its hash is right");

    client.ask(pointer(PointerKind::Press, 0.0)).expect("room");
    for step in 1..=20 {
        let seq = client.ask(pointer(PointerKind::Move, f64::from(step) * 5.0)).expect("room");
        let moved = frame(&mut client, |frame| frame.header.input_seq >= seq && frame.shown.is_some()).await;
        assert_eq!(moved.header.codec, Codec::H264);
        assert_eq!(moved.shown.and_then(|shown| shown.view).map(|view| view.content), Some(Content::Volume));
    }
    client.ask(pointer(PointerKind::Release, 100.0)).expect("room");
    assert!(frame(&mut client, is_lossless).await.shown.is_some(), "its hash is right");

    // Nothing more comes through; what is asked for now is done all the same.
    let nothing = Conditions { loss: 1.0, ..Conditions::default() };
    relay.change(Network { up: nothing, down: nothing });
    let turned = client.ask(ClientMessage::Rotate { view: 0, dx: 30.0, dy: 0.0 }).expect("room");
    let (transport, reason) = wait(&mut client, changed).await;
    assert!(transport == TransportKind::Websocket && reason.is_some(), "{reason:?}");
    // It has another number now.
    let last = frame(&mut client, |frame| is_lossless(frame) && frame.header.input_seq > turned).await;
    assert!(last.shown.is_some(), "its hash is right");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_ipv6_is_reached_by_webrtc_too() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    let config = Config { listen: "[::1]:0".parse().expect("an address"), ..Config::default() };
    let server = TestServer::with(&config, |_| {}).await;
    let address = Address::parse(&server.url).expect("what a server prints");
    let mut client = Connection::open(&address, |_, _| {}).await.expect("lets the token in");
    show(&mut client).await;
    client.begin_webrtc(&[0], None::<fn(SocketAddr) -> SocketAddr>).await.expect("an offer");
    by_webrtc(&mut client).await;
    let rests = frame(&mut client, |frame| frame.header.quality == Quality::Lossless).await;
    assert!(rests.shown.is_some(), "its hash is right");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_comes_back_to_what_it_showed() {
    let server = TestServer::start().await;
    let direct = Address::parse(&server.url).expect("what a server prints");
    let relay = Relay::tcp(direct.authority().to_owned(), Network::default(), 1).await.expect("a free port");
    let address = direct.through(relay.address());
    let mut client = Connection::open(&address, |_, _| {}).await.expect("lets the token in");
    show(&mut client).await;
    let turned = client.ask(ClientMessage::Rotate { view: 0, dx: 80.0, dy: 0.0 }).expect("room");
    let before = frame(&mut client, |frame| {
        frame.header.quality == Quality::Lossless && frame.header.input_seq >= turned
    })
    .await;
    relay.cut();
    let lost = wait(&mut client, |event| match event {
        Event::Reconnecting { reason, .. } => Some(reason),
        _ => None,
    })
    .await;
    assert!(!lost.is_empty());
    let resumed = wait(&mut client, |event| match event {
        Event::Message(ServerMessage::Connected { resumed, .. }) => Some(resumed),
        _ => None,
    })
    .await;
    assert!(resumed);
    let views = wait(&mut client, |event| match event {
        Event::Message(ServerMessage::StateFull { views, .. }) => Some(views),
        _ => None,
    })
    .await;
    assert_eq!(views.len(), 1);
    // It is lossless again, for the server was told again what this client decodes.
    let after = frame(&mut client, |frame| frame.header.quality == Quality::Lossless).await;
    assert_eq!(after.header.hash, before.header.hash, "the same picture");
    let seq = client.ask(ClientMessage::Rotate { view: 0, dx: 9.0, dy: 0.0 }).expect("room");
    frame(&mut client, |frame| frame.header.input_seq >= seq).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_dies_is_found_anew_by_an_ice_restart() {
    let server = TestServer::start().await;
    let address = Address::parse(&server.url).expect("what a server prints");
    let mut client = Connection::open(&address, |_, _| {}).await.expect("lets the token in");
    show(&mut client).await;
    let first = Arc::new(Relay::udp(Network::default(), 1).await.expect("a free port"));
    let second = Arc::new(Relay::udp(Network::default(), 2).await.expect("a free port"));
    let mut ways = vec![Arc::clone(&second), Arc::clone(&first)];
    let detour = move |server| {
        let way = ways.pop().expect("one path is found anew");
        way.aim(server);
        way.address()
    };
    client.begin_webrtc(&[0], Some(detour)).await.expect("an offer");
    by_webrtc(&mut client).await;
    let is_lossless = |frame: &Frame| frame.header.quality == Quality::Lossless;
    assert!(frame(&mut client, is_lossless).await.shown.is_some(), "its hash is right");

    let nothing = Conditions { loss: 1.0, ..Conditions::default() };
    first.change(Network { up: nothing, down: nothing });
    let turned = client.ask(ClientMessage::Rotate { view: 0, dx: 30.0, dy: 0.0 }).expect("room");
    // The same connection: what went into it while there was no path arrives by the new one.
    let last = frame(&mut client, |frame| is_lossless(frame) && frame.header.input_seq >= turned).await;
    assert_eq!((last.header.input_seq, client.transport()), (turned, TransportKind::Webrtc));
    assert!(last.shown.is_some(), "its hash is right");
}

/// Lets through to the server what comes from one address only, and the answers.
async fn firewall(from: IpAddr) -> (SocketAddr, tokio::sync::watch::Sender<Option<SocketAddr>>) {
    let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a free port"));
    let address = front.local_addr().expect("bound");
    let (aim, target) = tokio::sync::watch::channel(None::<SocketAddr>);
    tokio::spawn(async move {
        let back = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let (mut out, mut answer, mut peer) = ([0; 2048], [0; 2048], None);
        loop {
            tokio::select! {
                Ok((length, sender)) = front.recv_from(&mut out) => {
                    let target = *target.borrow();
                    if let Some(target) = target.filter(|_| sender.ip() == from) {
                        peer = Some(sender);
                        let _ = back.send_to(&out[..length], target).await;
                    }
                }
                Ok((length, _)) = back.recv_from(&mut answer) => {
                    if let Some(peer) = peer {
                        let _ = front.send_to(&answer[..length], peer).await;
                    }
                }
            }
        }
    });
    (address, aim)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_behind_a_nat_reaches_the_server_through_its_turn_server() {
    let folder = Folder::new();
    let Some(turn) = Turn::start(&folder, "127.0.0.2").await else { return };
    let webrtc = WebRtcConfig {
        ice_servers: vec![format!("stun:127.0.0.1:{}", turn.port), turn.url()],
        turn_secret: Some(Secret(Turn::SECRET.into())),
        ..WebRtcConfig::default()
    };
    let config = Config { webrtc: Some(webrtc), ..Config::default() };
    let server = TestServer::with(&config, |_| {}).await;
    let address = Address::parse(&server.url).expect("what a server prints");
    let mut client = Connection::open(&address, |_, _| {}).await.expect("lets the token in");
    show(&mut client).await;
    // Only what the TURN server sends passes.
    let (way, aim) = firewall("127.0.0.2".parse().expect("an address")).await;
    let detour = move |server| {
        aim.send_replace(Some(server));
        way
    };
    client.begin_webrtc(&[0], Some(detour)).await.expect("an offer");
    by_webrtc(&mut client).await;
    let is_lossless = |frame: &Frame| frame.header.quality == Quality::Lossless;
    assert!(frame(&mut client, is_lossless).await.shown.is_some(), "its hash is right");
    client.ask(pointer(PointerKind::Press, 0.0)).expect("room");
    for step in 1..=20 {
        let seq = client.ask(pointer(PointerKind::Move, f64::from(step) * 5.0)).expect("room");
        let moved = frame(&mut client, |frame| frame.header.input_seq >= seq && frame.shown.is_some()).await;
        assert_eq!(moved.header.codec, Codec::H264);
    }
    client.ask(pointer(PointerKind::Release, 100.0)).expect("room");
    assert!(frame(&mut client, is_lossless).await.shown.is_some(), "its hash is right");
    assert_eq!(client.transport(), TransportKind::Webrtc);
}
