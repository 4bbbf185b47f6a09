//! The session with WebRTC beside its WebSocket.

use super::*;

/// Which way each of the frames went since.
fn ways(stage: &mut Stage) -> Vec<&'static str> {
    let by_socket = stage.frames.drain(..).map(|_| "socket");
    let parcels = stage.parcels.drain(..).filter_map(|parcel| match parcel {
        Parcel::Text(_) => None,
        Parcel::Frame(_) => Some("channel"),
        Parcel::Picture(_) => Some("track"),
    });
    by_socket.chain(parcels).collect()
}

fn send(stage: &mut Stage, lane: Lane, message: &Value) {
    ClientMessage::parse(&message.to_string()).expect("the test speaks the protocol");
    stage.input(Input::Peer(PeerEvent::Text(lane, message.to_string())));
}

/// On WebRTC, with a track for view 0, at rest.
fn on_webrtc() -> Stage {
    let mut stage = Stage::showing();
    offer(&mut stage, true);
    rest(&mut stage);
    stage
}

/// Changes over to WebRTC, with a track for view 0.
fn offer(stage: &mut Stage, keeps: bool) {
    let tracks = json!([{"mid": "0", "view": 0}]);
    stage.say(json!({"type": "offer", "sdp": "v=0", "tracks": tracks}));
    assert_eq!(stage.offers, 1);
    stage.input(Input::Peer(PeerEvent::Answer(Ok("v=0".into()))));
    assert_eq!(stage.texts.pop().expect("an answer")["type"], "answer");
    stage.say(json!({"type": "transport", "transport": "webrtc", "keeps": keeps}));
    assert!(!stage.session.lanes.is_webrtc(), "the channels are not open yet");
    stage.input(Input::Peer(PeerEvent::Open));
}

/// Draws until nothing is left to do, and acknowledges all.
fn rest(stage: &mut Stage) {
    while let Some(&view) = stage.jobs.keys().next() {
        stage.draw(view);
        acknowledge(stage, view);
    }
}

fn newest(stage: &Stage, view: u8) -> u32 {
    let headers = stage.parcels.iter().filter_map(|parcel| match parcel {
        Parcel::Frame(message) | Parcel::Picture(message) => FrameHeader::decode(message).ok(),
        Parcel::Text(_) => None,
    });
    headers
        .filter(|(header, _)| header.view == view)
        .map(|(header, _)| header.frame)
        .next_back()
        .expect("a frame")
}

fn acknowledge(stage: &mut Stage, view: u8) {
    let frame = newest(stage, view);
    stage.seq += 1;
    let ack = json!({"type": "ack", "seq": stage.seq, "view": view, "frame": frame});
    send(stage, Lane::Moves, &ack);
    send(stage, Lane::Commands, &ack);
}

fn pointer(stage: &mut Stage, lane: Lane, seq: u64, kind: &str, x: f64) {
    let message =
        json!({"type": "pointer", "seq": seq, "view": 0, "kind": kind, "button": "left", "x": x, "y": 0});
    send(stage, lane, &message);
}

/// A picture of the drag, drawn.
fn film(stage: &mut Stage) -> Box<Job> {
    let job = stage.begin(0);
    let key = is_key(&job);
    stage.finish_with(&job, MS, 1.0, Painted { key, ..painted(&job) });
    job
}

fn is_key(job: &Job) -> bool {
    matches!(job.coding, Coding::Film { film, .. } if film.key)
}

#[test]
fn every_view_is_shown_again_on_another_way() {
    let mut stage = on_webrtc();
    assert!(stage.withdrawn.is_empty(), "at rest they build on what the client has");
    let told = stage
        .parcels
        .iter()
        .filter(|parcel| matches!(parcel, Parcel::Text(text) if text.contains("\"view\"")));
    assert_eq!(told.count(), 3, "what the views show is told by the way that they come");
    assert_eq!(ways(&mut stage), ["channel"; 3], "at rest there is no video");
    let numbers: Vec<u32> = (0..3).map(|view| stage.session.counters[view].send(None)).collect();
    assert_eq!(numbers, [3, 3, 3], "numbers go on rising");

    stage.say(json!({"type": "transport", "transport": "websocket"}));
    assert_eq!(stage.withdrawn, [0, 1, 2], "what went by WebRTC is lost");
    assert_eq!(stage.jobs.len(), 3);
    stage.settle();
    assert_eq!(ways(&mut stage), ["socket"; 3]);
    assert!(!stage.texts.iter().any(|text| text["type"] == "transport"), "the client chose it itself");
    assert!(stage.texts.iter().any(|text| text["type"] == "done"));
}

#[test]
fn what_went_by_websocket_is_not_overtaken_unless_something_moves() {
    let mut stage = Stage::showing();
    stage.say(json!({"type": "reset"}));
    (0..3).for_each(|view| stage.draw(view));
    stage.acknowledge(2);
    let on_its_way = stage.headers(0).last().expect("a frame").frame;
    offer(&mut stage, true);
    // Browsers ask for it as a track begins: no picture of it is lost.
    stage.input(Input::Peer(PeerEvent::KeyframeNeeded { view: 0 }));
    assert_eq!(stage.jobs.keys().collect::<Vec<_>>(), [&2]);
    stage.say(json!({"type": "scroll", "view": 1, "slices": 2}));
    assert_eq!(stage.withdrawn, [1], "it begins anew");
    assert_eq!(stage.jobs.keys().collect::<Vec<_>>(), [&1, &2]);
    stage.say(json!({"type": "ack", "view": 0, "frame": on_its_way}));
    assert!(stage.jobs.contains_key(&0));
    assert_eq!(stage.withdrawn, [1]);
}

#[test]
fn a_client_that_keeps_nothing_is_shown_everything_anew() {
    let mut stage = Stage::showing();
    offer(&mut stage, false);
    assert_eq!((stage.withdrawn.as_slice(), stage.jobs.len()), ([0, 1, 2].as_slice(), 3));
}

#[test]
fn what_is_in_the_making_begins_anew_by_webrtc() {
    let mut stage = Stage::showing();
    stage.say(json!({"type": "reset"}));
    let drawing = stage.begin(0);
    offer(&mut stage, true);
    assert!(stage.withdrawn.contains(&0));
    stage.finish(&drawing, MS);
    assert_eq!(ways(&mut stage), [""; 0], "it was drawn for the other way");
    stage.draw(0);
    assert_eq!(ways(&mut stage), ["channel"]);
}

#[test]
fn what_webrtc_found_out_before_it_was_taken_bounds_the_first_movement() {
    let mut stage = Stage::showing();
    stage.say(json!({"type": "accept", "codecs": ["h264"]}));
    stage.input(Input::Peer(PeerEvent::Bandwidth(1_200_000)));
    let wide = stage.session.link.bits_per_second();
    assert!(wide > 1_200_000, "it says nothing of the WebSocket");
    offer(&mut stage, true);
    rest(&mut stage);
    assert_eq!(stage.session.link.bits_per_second(), 1_200_000);
    stage.say(json!({"type": "transport", "transport": "websocket"}));
    assert_eq!(stage.session.link.bits_per_second(), wide);
    stage.input(Input::Peer(PeerEvent::Lost("Nothing came.".into())));
    stage.input(Input::Peer(PeerEvent::Open));
    stage.say(json!({"type": "transport", "transport": "webrtc"}));
    assert_eq!(stage.session.link.bits_per_second(), wide, "it may come back another way");
    stage.say(json!({"type": "transport", "transport": "websocket"}));
    stage.input(Input::Peer(PeerEvent::Bandwidth(4_000_000)));
    stage.say(json!({"type": "transport", "transport": "webrtc"}));
    assert_eq!(stage.session.link.bits_per_second(), wide, "it may be more");
}

#[test]
fn moving_views_with_a_track_go_by_it_and_others_by_the_channel() {
    let mut stage = on_webrtc();
    ways(&mut stage);
    let seq = stage.seq + 100;
    pointer(&mut stage, Lane::Commands, seq, "press", 0.0);
    pointer(&mut stage, Lane::Moves, seq + 1, "move", 10.0);
    film(&mut stage);
    send(&mut stage, Lane::Commands, &json!({"type": "scroll", "seq": seq + 2, "view": 1, "slices": 2}));
    stage.draw(1);
    assert_eq!(ways(&mut stage), ["track", "channel"]);
}

#[test]
fn a_move_that_is_older_than_what_was_done_is_dropped() {
    let mut stage = on_webrtc();
    pointer(&mut stage, Lane::Commands, 101, "press", 0.0);
    pointer(&mut stage, Lane::Moves, 103, "move", 30.0);
    let turned = film(&mut stage).state.camera;
    acknowledge(&mut stage, 0);
    stage.wait(50 * MS);
    pointer(&mut stage, Lane::Moves, 102, "move", 10.0);
    assert!(stage.jobs.is_empty(), "an earlier place of the pointer");
    pointer(&mut stage, Lane::Commands, 104, "release", 30.0);
    stage.draw(0);
    pointer(&mut stage, Lane::Commands, 110, "press", 0.0);
    pointer(&mut stage, Lane::Moves, 105, "move", 300.0);
    assert!(stage.jobs.is_empty(), "a move of the drag before");
    assert_eq!(stage.session.views[&0].state().camera, turned);
    assert!(stage.texts.is_empty(), "late messages are no errors: {:?}", stage.texts);
    // By the reliable channel nothing overtakes: there it breaks the protocol.
    pointer(&mut stage, Lane::Commands, 109, "release", 0.0);
    let Some(Parcel::Text(error)) = stage.parcels.last() else { panic!("no answer") };
    assert!(error.contains("\"seq\""), "{error}");
    send(&mut stage, Lane::Moves, &json!({"type": "wheel", "seq": 120, "view": 0, "delta": 100}));
    let Some(Parcel::Text(error)) = stage.parcels.last() else { panic!("no answer") };
    assert!(error.contains("malformed"), "{error}");
}

#[test]
fn another_connection_in_place_of_one_that_was_not_in_use_is_no_error() {
    let mut stage = Stage::showing();
    stage.input(Input::Peer(PeerEvent::Replaced));
    assert!(stage.texts.is_empty(), "{:?}", stage.texts);
}

#[test]
fn lost_pictures_hold_the_video_up_for_a_moment_only() {
    let mut stage = on_webrtc();
    pointer(&mut stage, Lane::Commands, 101, "press", 0.0);
    let mut seq = 101;
    let mut sent = 0;
    let mut drag = |stage: &mut Stage| {
        seq += 1;
        pointer(stage, Lane::Moves, seq, "move", f64::from(seq as u32));
        stage.wait(20 * MS);
        stage.jobs.contains_key(&0)
    };
    while drag(&mut stage) {
        film(&mut stage);
        sent += 1;
        assert!(sent <= protocol::MAX_UNACKNOWLEDGED, "it waits for acknowledgements");
    }
    let until = stage.session.wake_at().expect("it does not wait for ever");
    assert!(until <= stage.now + 300 * MS, "{:?}", until - stage.now);
    stage.now = until;
    stage.input(Input::Wake);
    assert!(stage.jobs.contains_key(&0), "what was on its way is given up");
    film(&mut stage);
    acknowledge(&mut stage, 0);
    assert!(drag(&mut stage));
}

#[test]
fn a_lost_picture_is_followed_by_one_that_needs_none_before_it() {
    let mut stage = on_webrtc();
    pointer(&mut stage, Lane::Commands, 101, "press", 0.0);
    pointer(&mut stage, Lane::Moves, 102, "move", 10.0);
    let begun = stage.begin(0);
    stage.finish(&begun, MS);
    stage.wait(400 * MS);
    stage.input(Input::Peer(PeerEvent::KeyframeNeeded { view: 0 }));
    assert!(is_key(&film(&mut stage)), "nothing moves, but what the client shows is not what it should");
    acknowledge(&mut stage, 0);
    // A browser asks until it gets one: those of the next moment are about the same pictures.
    stage.wait(50 * MS);
    stage.input(Input::Peer(PeerEvent::KeyframeNeeded { view: 0 }));
    pointer(&mut stage, Lane::Moves, 103, "move", 20.0);
    assert!(!is_key(&film(&mut stage)));
    stage.wait(300 * MS);
    stage.input(Input::Peer(PeerEvent::KeyframeNeeded { view: 0 }));
    pointer(&mut stage, Lane::Moves, 104, "move", 30.0);
    assert!(is_key(&film(&mut stage)));
    stage.input(Input::Peer(PeerEvent::KeyframeNeeded { view: 200 }));
}

#[test]
fn a_lost_way_leads_back_to_the_websocket_and_says_why() {
    let mut stage = on_webrtc();
    ways(&mut stage);
    stage.input(Input::Peer(PeerEvent::Lost("Nothing came.".into())));
    assert_eq!(
        stage.texts.remove(0),
        json!({"type": "transport", "transport": "websocket", "reason": "Nothing came."})
    );
    stage.settle();
    assert_eq!(ways(&mut stage), ["socket"; 3]);
    // It comes back, and the client chooses it again.
    stage.input(Input::Peer(PeerEvent::Open));
    assert!(stage.jobs.is_empty());
    stage.say(json!({"type": "transport", "transport": "webrtc"}));
    rest(&mut stage);
    assert_eq!(ways(&mut stage), ["channel"; 3]);
}

#[test]
fn commands_that_a_lost_way_did_not_bring_are_told_and_come_once() {
    let mut stage = on_webrtc();
    let slice = |stage: &Stage| stage.session.views[&1].state().plane.center_mm;
    let before = slice(&stage);
    send(&mut stage, Lane::Commands, &json!({"type": "rotate", "seq": 200, "view": 0, "dx": 5, "dy": 0}));
    stage.input(Input::Peer(PeerEvent::Lost("Nothing came.".into())));
    assert_eq!(stage.texts.last(), Some(&json!({"type": "done", "seq": 200})));
    let late = json!({"type": "scroll", "seq": 201, "view": 1, "slices": 2});
    send(&mut stage, Lane::Commands, &late);
    stage.wait(1000 * MS);
    assert_eq!(slice(&stage), before, "the client sends it again by the other way");
}

#[test]
fn an_offer_that_fails_is_answered_by_an_error_and_changes_nothing() {
    let mut stage = Stage::showing();
    let seq = stage.say(json!({"type": "offer", "sdp": "nonsense", "tracks": []}));
    stage.input(Input::Peer(PeerEvent::Answer(Err("It cannot be read.".into()))));
    assert_eq!(
        stage.texts.pop().map(|text| (text["code"].clone(), text["seq"].clone())),
        Some((json!("webrtcFailed"), json!(seq)))
    );
    stage.input(Input::Peer(PeerEvent::Lost("No way was found.".into())));
    assert_eq!(stage.texts.pop().expect("an error")["code"], "webrtcFailed");
    assert!(stage.jobs.is_empty(), "the views go on");
}

#[test]
fn a_video_by_another_track_begins_anew_and_a_client_that_is_gone_takes_its_ways_along() {
    let mut stage = on_webrtc();
    stage.say(
        json!({"type": "offer", "sdp": "v=0", "tracks": [{"mid": "0", "view": 0}, {"mid": "2", "view": 1}]}),
    );
    stage.input(Input::Peer(PeerEvent::Answer(Ok("v=0".into()))));
    assert_eq!(stage.jobs.keys().copied().collect::<Vec<u8>>(), [1], "view 0 keeps its track");
    stage.input(Input::Disconnected);
    stage.connect(true);
    ways(&mut stage);
    stage.settle();
    assert_eq!(ways(&mut stage), ["socket"; 3]);
}

#[test]
fn other_turn_servers_are_told_by_the_way_that_holds_while_webrtc_is_looked_for() {
    let mut stage = on_webrtc();
    stage.parcels.clear();
    stage.texts.clear();
    let urls = vec!["turn:turn.example".to_owned()];
    let server = IceServer { urls, username: Some("2:id".into()), credential: Some("b".into()) };
    stage.input(Input::IceServers(vec![server]));
    assert!(stage.parcels.is_empty(), "it may be needed because that way broke");
    let told = stage.texts.pop().expect("the servers");
    assert_eq!((&told["type"], &told["iceServers"][0]["username"]), (&json!("iceServers"), &json!("2:id")));

    let mut plain = Stage::new(Dialect::Plain { size: [40, 30] });
    plain.texts.clear();
    plain.input(Input::IceServers(Vec::new()));
    assert!(plain.texts.is_empty(), "plain clients know no WebRTC");
}
