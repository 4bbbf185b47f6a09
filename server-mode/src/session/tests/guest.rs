//! Guests, who see what a host shows.

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
    let view = ShownView { number: 2, series: Arc::clone(series), state: state.clone(), moving: false };
    let shown = Shown { library: Vec::new(), series: vec![Arc::clone(series)], views: vec![view] };
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
