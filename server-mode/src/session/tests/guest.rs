//! Guests, who see what a host shows.

use protocol::message::{Cell, Drawing, DrawingKind, Drawn, HostLayout, MeasuredPlane};
use render_core::scene::view::Orientation;

use super::*;
use crate::board::ShownView;

fn stage(role: Role, state: &ViewState, series: &Arc<OpenSeries>) -> Stage {
    let mut stage = Stage::new(Dialect::Stream);
    stage.session.access.role = role;
    stage.texts.clear();
    show(&mut stage, state, series);
    stage
}

fn show(stage: &mut Stage, state: &ViewState, series: &Arc<OpenSeries>) {
    show_drawn(stage, state, series, Vec::new());
}

fn show_drawn(stage: &mut Stage, state: &ViewState, series: &Arc<OpenSeries>, drawn: Vec<Arc<Drawn>>) {
    let view = ShownView { number: 2, series: Arc::clone(series), state: state.clone(), moving: false };
    let (library, series) = (Vec::new(), vec![Arc::clone(series)]);
    let shown = Shown { library, series, views: vec![view], layout: None, drawn };
    stage.input(Input::Shown(Arc::new(shown)));
}

fn layout(stage: &mut Stage) {
    stage.say(json!({"type": "layout", "views": [{"view": 2, "content": "volume", "size": [60, 40]}]}));
}

#[test]
fn a_guest_sees_the_hosts_views_in_its_own_size_and_is_told_their_states() {
    let ct = series();
    let mut state = ViewState::new(&ct.loaded.volume, Content::Slice, Orientation::Sagittal, [640, 480]);
    let mut stage = stage(Role::Viewer, &state, &ct);
    let kinds = |stage: &Stage| -> Vec<String> {
        stage.texts.iter().filter_map(|text| text["type"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(kinds(&stage), ["seriesOpened", "shared", "viewState"]);
    assert!(stage.jobs.is_empty(), "nobody knows yet how large it is to be");
    layout(&mut stage);
    let job = stage.begin(2);
    assert_eq!((job.state.size, job.state.plane), ([60, 40], state.plane));
    stage.finish(&job, MS);
    let told = stage.texts.iter().rfind(|text| text["type"] == "viewState").expect("its state");
    assert_eq!(told["revision"], job.state.revision);
    assert_eq!(stage.headers(2).next().expect("a frame").view_revision, job.state.revision);
    // A page knows no more of a view than this.
    let info = stage.texts.iter().find(|text| text["type"] == "view").expect("what its picture shows");
    assert_eq!((&info["content"], &info["letters"]["left"]), (&json!("sagittal"), &json!("A")));
    stage.acknowledge(2);
    stage.texts.clear();
    state.plane.scroll(2, &ct.loaded.volume);
    state.touch();
    show(&mut stage, &state, &ct);
    assert_eq!(stage.begin(2).state.plane, state.plane);
    assert_eq!(kinds(&stage), ["viewState"]);
    assert!(stage.texts[0].get("look").is_none(), "that is as it was");
}

#[test]
fn who_may_watch_changes_nothing_and_who_may_drive_asks_the_host() {
    let ct = series();
    let state = ViewState::new(&ct.loaded.volume, Content::Volume, Orientation::Axial, [640, 480]);
    let mut watching = stage(Role::Viewer, &state, &ct);
    layout(&mut watching);
    watching.settle();
    for message in [
        json!({"type": "rotate", "view": 2, "dx": 10, "dy": 0}),
        json!({"type": "pointer", "view": 2, "kind": "press", "button": "left", "x": 1, "y": 1}),
        json!({"type": "openBeside", "seriesInstanceUid": "1.2.3"}),
        json!({"type": "dropView", "view": 2}),
    ] {
        watching.texts.clear();
        watching.say(message);
        assert_eq!(watching.texts.pop().expect("an answer")["code"], "notAllowed");
    }
    assert!(watching.jobs.is_empty() && watching.driven.is_empty());

    let mut driving = stage(Role::Driver, &state, &ct);
    layout(&mut driving);
    driving.settle();
    assert!(driving.driven.is_empty(), "to look is to change nothing");
    driving.say(json!({"type": "rotate", "view": 2, "dx": 10, "dy": 0}));
    let (view, driven) = driving.driven.pop().expect("the host is to show it");
    assert_eq!((view, driven.size), (2, [640, 480]));
    assert_ne!(driven.camera, state.camera);
    driving.say(json!({"type": "openSeries", "seriesInstanceUid": "1.2.3"}));
    assert_eq!(driving.texts.pop().expect("an answer")["code"], "notAllowed");
}

#[test]
fn a_guest_is_told_how_the_hosts_views_lie_whenever_they_lie_otherwise() {
    let ct = series();
    let state = ViewState::new(&ct.loaded.volume, Content::Slice, Orientation::Axial, [640, 480]);
    let mut stage = stage(Role::Viewer, &state, &ct);
    let first = stage.texts.iter().find(|text| text["type"] == "shared").expect("its views").clone();
    let mut lie = |maximised: Option<u8>| {
        stage.texts.clear();
        let view = ShownView { number: 2, series: Arc::clone(&ct), state: state.clone(), moving: false };
        let layout = Some(HostLayout { root: Cell::View { view: 2 }, maximised });
        let series = vec![Arc::clone(&ct)];
        let shown = Shown { series, views: vec![view], layout, ..Shown::default() };
        stage.input(Input::Shown(Arc::new(shown)));
        std::mem::take(&mut stage.texts)
    };
    let told = lie(None);
    let kinds: Vec<_> = told.iter().filter_map(|text| text["type"].as_str()).collect();
    assert_eq!(kinds, ["shared"]);
    assert_eq!((&told[0]["layout"]["maximised"], &told[0]["views"]), (&json!(null), &json!([2])));
    assert!(told[0]["number"].as_u64() > first["number"].as_u64(), "which is newer");
    assert!(lie(None).is_empty(), "it is the same");
    assert_eq!(lie(Some(2))[0]["layout"]["maximised"], 2);
}

/// So many lengths on a series.
fn lengths(series: &Arc<OpenSeries>, count: usize) -> Vec<Arc<Drawn>> {
    let plane = MeasuredPlane { center_mm: [0.0; 3], right: [1.0, 0.0, 0.0], down: [0.0, 1.0, 0.0] };
    let length = |n: usize| Drawing {
        kind: DrawingKind::Length,
        points_mm: vec![[0.0; 3], [n as f64, 0.0, 0.0]],
        plane,
        label: String::new(),
        color: [0; 3],
        quantities: Vec::new(),
    };
    let drawings = (0..count).map(length).collect();
    vec![Arc::new(Drawn { series_instance_uid: series.series_id.clone(), drawings })]
}

/// How many drawings a client was told of, each time, in numbers that rise.
fn told(stage: &mut Stage) -> Vec<usize> {
    let number = |text: &Value| text["number"].as_u64().unwrap_or_default();
    assert!(stage.texts.iter().filter(|text| text["type"] == "drawn").map(number).is_sorted_by(|a, b| a < b));
    let drawn = stage.texts.iter().filter(|text| text["type"] == "drawn");
    let counts = drawn.map(|text| text["drawings"].as_array().expect("a list").len()).collect();
    stage.texts.clear();
    counts
}

fn acknowledge(stage: &mut Stage) {
    stage.say(json!({"type": "ackDrawn"}));
}

fn accept(stage: &mut Stage) {
    stage.say(json!({"type": "accept", "codecs": ["png", "drawings"]}));
}

#[test]
fn a_guest_is_told_what_the_host_draws_the_newest_of_it_and_not_too_often() {
    let ct = series();
    let state = ViewState::new(&ct.loaded.volume, Content::Slice, Orientation::Axial, [640, 480]);
    let mut stage = stage(Role::Viewer, &state, &ct);
    show_drawn(&mut stage, &state, &ct, lengths(&ct, 1));
    assert_eq!(told(&mut stage), [] as [usize; 0], "a client that does not know the message gets none");
    accept(&mut stage);
    assert_eq!(told(&mut stage), [1]);
    acknowledge(&mut stage);
    // A hand draws at 100 a second.
    let same = lengths(&ct, 3);
    for drawn in [lengths(&ct, 1), lengths(&ct, 2), same.clone()] {
        stage.now += 10 * MS;
        show_drawn(&mut stage, &state, &ct, drawn);
    }
    assert_eq!(told(&mut stage), [] as [usize; 0]);
    let wakes = stage.session.wake_at().expect("some are not told yet");
    assert!(wakes <= stage.now + 60 * MS);
    stage.wait(60 * MS);
    assert_eq!(told(&mut stage), [3]);
    stage.wait(1000 * MS);
    show_drawn(&mut stage, &state, &ct, lengths(&ct, 4));
    show_drawn(&mut stage, &state, &ct, lengths(&ct, 5));
    assert_eq!(told(&mut stage), [] as [usize; 0], "the ones before are still on their way");
    acknowledge(&mut stage);
    assert_eq!(told(&mut stage), [5]);
    acknowledge(&mut stage);
    stage.wait(1000 * MS);
    show_drawn(&mut stage, &state, &ct, same.clone());
    assert_eq!(told(&mut stage), [3]);
    acknowledge(&mut stage);
    stage.wait(1000 * MS);
    show_drawn(&mut stage, &state, &ct, same);
    assert_eq!(told(&mut stage), [] as [usize; 0], "they are the same");
    show(&mut stage, &state, &ct);
    assert_eq!(told(&mut stage), [0], "the host has hidden them");
    acknowledge(&mut stage);
    stage.wait(1000 * MS);
    assert_eq!((told(&mut stage), stage.session.host.draw_at()), (vec![], None));
}

#[test]
fn what_is_drawn_is_told_again_where_it_may_be_lost() {
    let ct = series();
    let state = ViewState::new(&ct.loaded.volume, Content::Slice, Orientation::Axial, [640, 480]);
    let mut stage = stage(Role::Driver, &state, &ct);
    accept(&mut stage);
    show_drawn(&mut stage, &state, &ct, lengths(&ct, 5));
    assert_eq!(told(&mut stage), [5]);
    stage.session.host.doubt_drawn();
    stage.wait(MS);
    assert_eq!(told(&mut stage), [5]);
    // Emptied while nobody knows what the client has.
    stage.session.host.doubt_drawn();
    show(&mut stage, &state, &ct);
    assert_eq!(told(&mut stage), [0]);
    stage.input(Input::Disconnected);
    show_drawn(&mut stage, &state, &ct, lengths(&ct, 2));
    stage.connect(true);
    assert_eq!(told(&mut stage), [] as [usize; 0], "it may be another client");
    accept(&mut stage);
    assert_eq!(told(&mut stage), [2]);
}

#[test]
fn what_a_host_shows_is_told_again_where_the_way_breaks_that_it_was_told_by() {
    let ct = series();
    let mut state = ViewState::new(&ct.loaded.volume, Content::Slice, Orientation::Axial, [640, 480]);
    let mut stage = stage(Role::Viewer, &state, &ct);
    accept(&mut stage);
    stage.say(json!({"type": "offer", "sdp": "v=0", "tracks": []}));
    stage.input(Input::Peer(PeerEvent::Answer(Ok("v=0".into()))));
    stage.say(json!({"type": "transport", "transport": "webrtc"}));
    stage.input(Input::Peer(PeerEvent::Open));
    stage.texts.clear();
    state.plane.scroll(2, &ct.loaded.volume);
    state.touch();
    show_drawn(&mut stage, &state, &ct, lengths(&ct, 1));
    assert!(stage.texts.is_empty(), "it goes by WebRTC, and is lost");
    stage.input(Input::Peer(PeerEvent::Lost("Nothing came.".into())));
    let kinds: Vec<_> = stage.texts.iter().filter_map(|text| text["type"].as_str()).collect();
    assert_eq!(kinds, ["transport", "done", "library", "seriesOpened", "shared", "viewState", "drawn"]);
    let told = &stage.texts[5];
    assert_eq!(told["place"]["plane"]["centerMm"], json!(state.plane.center_mm.to_array()));
    assert!(told.get("look").is_some(), "that may be lost, too");
}

#[test]
fn who_drives_looks_on_only_while_another_hand_moves_what_it_sees() {
    let ct = series();
    let mut state = ViewState::new(&ct.loaded.volume, Content::Volume, Orientation::Axial, [640, 480]);
    let mut stage = stage(Role::Driver, &state, &ct);
    layout(&mut stage);
    stage.settle();
    state.camera.azimuth(5.0);
    state.touch();
    let view = ShownView { number: 2, series: Arc::clone(&ct), state, moving: true };
    let shown =
        Shown { library: Vec::new(), series: vec![ct], views: vec![view], layout: None, drawn: Vec::new() };
    stage.input(Input::Shown(Arc::new(shown)));
    let job = stage.begin(2);
    assert!(job.meta.looks_on && job.meta.quality == Quality::Interactive, "the host's hand moves it");
    stage.finish(&job, MS);
    stage.acknowledge(2);
    stage.say(json!({"type": "wheel", "view": 2, "delta": 100, "zoom": false}));
    assert!(!stage.begin(2).meta.looks_on, "its own hand moves it");
}
