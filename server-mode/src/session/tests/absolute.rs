//! Views whose whole state the client sets.

use std::f64::consts::FRAC_1_SQRT_2;

use protocol::message::SetView;
use render_core::scene::clip::{ClipPlane, Side};
use render_core::scene::layer::{Layer, Look};
use render_core::scene::light::{DepthCue, Fixture, Light};
use render_core::scene::track::{Curve, Point, Track};
use render_core::scene::view::{Combine, Orientation, Slab};
use render_core::scene::{Curved, curved};
use render_core::{Outline, Outlined as _, Window};

use super::*;

/// A stage with this series open besides none.
fn open(series: &[&Arc<OpenSeries>]) -> Stage {
    let mut stage = Stage::new(Dialect::Stream);
    for one in series {
        stage.say(json!({"type": "openBeside", "seriesInstanceUid": one.series_id}));
    }
    for one in series {
        stage.opened(Ok(Arc::clone(one)));
    }
    stage
}

fn named(id: &str) -> Arc<OpenSeries> {
    let open = Arc::into_inner(series()).expect("nobody has it yet");
    Arc::new(OpenSeries { series_id: id.into(), ..open })
}

fn set(
    stage: &mut Stage,
    view: u8,
    of: &OpenSeries,
    state: &ViewState,
    with_look: bool,
    moving: bool,
) -> u64 {
    let look = with_look.then(|| views::look(state, |_| Some("1.2.4".to_owned())));
    let series_instance_uid = of.series_id.clone();
    let set = SetView { view, series_instance_uid, place: views::place(state), look, moving };
    stage.say(serde_json::to_value(protocol::ClientMessage::Set(Box::new(set))).expect("JSON"))
}

/// Whatever a view can be, in numbers that no short decimal is.
fn elaborate(series: &OpenSeries, fused: &OpenSeries) -> ViewState {
    let volume = &series.loaded.volume;
    let mut state = ViewState::new(volume, Content::Isosurface(0.1), Orientation::Coronal, [321, 123]);
    state.camera.azimuth(33.3);
    state.camera.elevation(0.1);
    state.camera.zoom_by(1.1);
    state.camera.eye_mm = 1.0 / 3.0;
    state.plane.tilt(DVec3::new(0.3, 0.2, 0.1), 17.7, DVec3::new(3.1, 4.1, 5.9));
    state.plane.zoom_by(1.7);
    state.slab = Slab { thickness_mm: 0.7, combine: Combine::Minimum };
    state.set_window(Window::clamped(40.1, 400.3));
    state.inverted = true;
    let points = [(-0.1f32, Curve::Smooth), (1e-7, Curve::Step), (77.7, Curve::Linear)];
    let points = points.map(|(value, curve)| Point { value, level: [0.3], curve });
    state.transfer.gradient_opacities = Some(Track::new(points.into()).expect("they rise"));
    state.shading.specular = 0.1;
    state.pre_integrated = true;
    let direction = DVec3::new(0.1, FRAC_1_SQRT_2, -0.7);
    state.lights.push(Light { direction, fixture: Fixture::Patient, color: [0.1, 0.2, 0.3] });
    (state.effects.ambient_occlusion, state.effects.shadows) = (true, true);
    state.depth_cue = Some(DepthCue { range_mm: Some([0.1, 33.3]), ..DepthCue::DEFAULT });
    state.clip.crop_voxels = Some([[0.1, 7.7], [1.0, 15.0], [0.0, 9.9]]);
    state.clip.cut = Some((state.plane, Side::Far));
    state.clip.planes.push(ClipPlane { point_mm: DVec3::splat(0.1), normal: DVec3::new(0.3, 0.4, 0.5) });
    let fused = Arc::clone(&fused.loaded.volume);
    state.layers.push(Layer { volume: Arc::clone(&fused), look: Look::labels(3), opacity: 0.3 });
    state.layers.push(Layer { volume: fused, look: Look::Values(state.transfer.clone()), opacity: 0.7 });
    let drawn = [DVec3::new(0.1, 0.2, 0.3), DVec3::new(9.1, 3.3, 0.3), DVec3::new(12.1, 9.9, 0.3)];
    let path = Arc::new(curved::Path::new(&drawn, DVec3::NEG_Z).expect("a path"));
    state.curved = Some(Curved { zoom: 1.3, ..Curved::new(path, volume) });
    state.preset = None;
    state.step_voxels = 0.7;
    state
}

#[test]
fn what_is_set_is_drawn_to_the_last_bit() {
    let (ct, pet) = (named("1.2.3"), named("1.2.4"));
    let mut stage = open(&[&ct, &pet]);
    let wanted = elaborate(&ct, &pet);
    let seq = set(&mut stage, 3, &ct, &wanted, true, false);
    let job = stage.begin(3);
    assert_eq!(ViewState { revision: wanted.revision, ..job.state.clone() }, wanted);
    assert_eq!(job.meta.quality, Quality::Final);
    stage.finish(&job, MS);
    assert_eq!(stage.headers(3).next().expect("a frame").input_seq, seq);
    assert!(!stage.texts.iter().any(|text| text["type"] == "view"), "the client knows what it has set");

    let mut turned = wanted.clone();
    turned.content = Content::Curved;
    turned.camera.azimuth(0.1);
    set(&mut stage, 3, &ct, &turned, false, true);
    let job = stage.begin(3);
    assert_eq!(ViewState { revision: turned.revision, ..job.state.clone() }, turned, "with the look before");
    assert_eq!(job.meta.quality, Quality::Interactive);

    stage.say(json!({"type": "askState", "view": 3}));
    let told = stage.texts.pop().expect("an answer");
    assert_eq!((&told["type"], &told["seriesInstanceUid"]), (&json!("viewState"), &json!("1.2.3")));
    let place: protocol::scene::Place = serde_json::from_value(told["place"].clone()).expect("a place");
    assert_eq!(place, views::place(&turned));
}

#[test]
fn an_outline_makes_the_same_first_look_as_the_volume() {
    let ct = series();
    let stage = open(&[&ct]);
    let opened = stage.texts.iter().find(|text| text["type"] == "seriesOpened").expect("it is open");
    let ServerMessage::SeriesOpened(opened) = serde_json::from_value(opened.clone()).expect("a message")
    else {
        panic!("another message");
    };
    let outline = views::read_outline(&opened).expect("a grid");
    assert_eq!(outline, Outline::of(&ct.loaded.volume));
    let look = |volume: &dyn render_core::Outlined| {
        ViewState::new(volume, Content::Volume, Orientation::Sagittal, [300, 200])
    };
    assert_eq!(look(&outline), look(&ct.loaded.volume));
    assert_eq!(outline.default_window(), ct.loaded.volume.default_window());
}

#[test]
fn while_a_hand_moves_only_the_newest_state_is_drawn_and_at_last_in_full() {
    let ct = series();
    let mut stage = open(&[&ct]);
    let mut state = ViewState::new(&ct.loaded.volume, Content::Slice, Orientation::Axial, [64, 64]);
    set(&mut stage, 0, &ct, &state, true, false);
    stage.settle();
    let mut last = 0;
    for _ in 0..5 {
        state.plane.scroll(1, &ct.loaded.volume);
        last = set(&mut stage, 0, &ct, &state, false, true);
    }
    let job = stage.begin(0);
    assert_eq!((job.state.plane, job.meta.quality), (state.plane, Quality::Interactive));
    stage.finish(&job, MS);
    assert_eq!(stage.headers(0).next_back().expect("a frame").input_seq, last);
    stage.acknowledge(0);
    assert!(stage.jobs.is_empty());
    let released = set(&mut stage, 0, &ct, &state, false, false);
    let job = stage.begin(0);
    assert_eq!((job.state.plane, job.meta.quality), (state.plane, Quality::Final));
    stage.finish(&job, MS);
    assert_eq!(stage.headers(0).next_back().expect("a frame").input_seq, released);
    stage.acknowledge(0);
    set(&mut stage, 0, &ct, &state, true, false);
    assert!(stage.jobs.is_empty(), "the same again costs nothing");
}

#[test]
fn values_serve_a_hand_that_windows_what_it_has_set() {
    let ct = series();
    let mut stage = open(&[&ct]);
    let mut state = ViewState::new(&ct.loaded.volume, Content::Slice, Orientation::Axial, [64, 64]);
    state.inverted = true;
    set(&mut stage, 0, &ct, &state, true, false);
    stage.settle();
    set(&mut stage, 0, &ct, &state, false, true);
    stage.settle();
    stage.say(json!({"type": "values", "view": 0}));
    let job = stage.begin(0);
    assert!(matches!(job.coding, Coding::Values { .. }));
    stage.finish(&job, MS);
    for center in [10.0, 20.0] {
        state.set_window(state.window.changed(center, 300.0));
        set(&mut stage, 0, &ct, &state, false, true);
    }
    assert!(stage.jobs.is_empty(), "the client draws it");
    state.plane.scroll(1, &ct.loaded.volume);
    set(&mut stage, 0, &ct, &state, false, true);
    assert!(!stage.jobs.is_empty(), "of another slice it has no values");
}

#[test]
fn series_are_opened_one_after_the_other_and_a_view_ends_with_its_series() {
    let (ct, pet) = (named("1.2.3"), named("1.2.4"));
    let mut stage = Stage::new(Dialect::Stream);
    for id in ["1.2.3", "1.2.4", "1.2.5"] {
        stage.say(json!({"type": "openBeside", "seriesInstanceUid": id}));
    }
    assert_eq!(stage.opens, [Target::Series("1.2.3".into())], "one at a time");
    stage.opened(Ok(Arc::clone(&ct)));
    stage.opened(Ok(Arc::clone(&pet)));
    stage.opened(Err(OpenError::Unknown));
    let refused = stage.texts.pop().expect("an answer");
    assert_eq!((&refused["code"], &refused["seq"]), (&json!("unknownSeries"), &json!(3)));
    stage.say(json!({"type": "openBeside", "seriesInstanceUid": "1.2.4"}));
    assert_eq!(stage.opens.len(), 3, "it is open already");
    assert_eq!(stage.texts.pop().expect("an answer")["type"], "seriesOpened");

    let state = ViewState::new(&ct.loaded.volume, Content::Slice, Orientation::Axial, [64, 64]);
    let mut fused = state.clone();
    let volume = Arc::clone(&pet.loaded.volume);
    fused.layers.push(Layer { volume, look: Look::labels(3), opacity: 0.5 });
    set(&mut stage, 0, &ct, &state, true, false);
    set(&mut stage, 1, &ct, &fused, true, false);
    set(&mut stage, 2, &pet, &state, true, false);
    assert_eq!(stage.jobs.len(), 3);
    stage.say(json!({"type": "closeSeries", "seriesInstanceUid": "1.2.4"}));
    assert_eq!(stage.jobs.keys().copied().collect::<Vec<_>>(), [0], "what shows it goes with it");
    stage.say(json!({"type": "dropView", "view": 0}));
    assert!(stage.jobs.is_empty());
    assert_eq!(Arc::strong_count(&pet), 1, "the session has let go of it");
}

#[test]
fn a_view_that_was_set_ends_where_another_series_is_opened_in_place_of_its_own() {
    let (before, beside, after) = (named("1.2.3"), named("1.2.4"), named("1.2.5"));
    let mut stage = open(&[&beside]);
    stage.say(json!({"type": "openSeries", "seriesInstanceUid": "1.2.3"}));
    stage.opened(Ok(Arc::clone(&before)));
    let state = ViewState::new(&before.loaded.volume, Content::Slice, Orientation::Axial, [64, 64]);
    set(&mut stage, 3, &before, &state, true, false);
    set(&mut stage, 4, &beside, &state, true, false);
    stage.settle();
    stage.say(json!({"type": "openSeries", "seriesInstanceUid": "1.2.5"}));
    stage.opened(Ok(after));
    assert_eq!(stage.withdrawn, [3]);
    assert_eq!(stage.session.views.keys().copied().collect::<Vec<_>>(), [4]);
    assert_eq!(Arc::strong_count(&before), 1, "the session has let go of it");
}

#[test]
fn views_of_a_layout_count_before_there_is_a_series_to_be_shown() {
    let ct = named("1.2.4");
    let mut stage = open(&[&ct]);
    let large = json!({"view": 0, "content": "axial", "size": [4096, 4000]});
    stage.say(json!({"type": "layout", "views": [large]}));
    let state = ViewState::new(&ct.loaded.volume, Content::Slice, Orientation::Axial, [1024, 1024]);
    set(&mut stage, 3, &ct, &state, true, false);
    assert_eq!(stage.texts.pop().expect("an answer")["code"], "outOfRange");
    set(&mut stage, 0, &ct, &state, true, false);
    assert_eq!(stage.jobs.keys().copied().collect::<Vec<_>>(), [0], "in place of the layout's");
}

#[test]
fn what_cannot_be_set_is_refused_and_changes_nothing() {
    let ct = series();
    let mut stage = open(&[&ct]);
    let state = ViewState::new(&ct.loaded.volume, Content::Slice, Orientation::Axial, [64, 64]);
    let refusal = |stage: &mut Stage| stage.texts.pop().expect("an answer")["code"].clone();
    set(&mut stage, 0, &ct, &state, false, false);
    assert_eq!(refusal(&mut stage), "outOfRange", "a new view needs a look");
    set(&mut stage, 0, &named("9.9"), &state, true, false);
    assert_eq!(refusal(&mut stage), "unknownSeries");
    let mut fused = state.clone();
    let volume = Arc::clone(&ct.loaded.volume);
    fused.layers.push(Layer { volume, look: Look::labels(3), opacity: 0.5 });
    set(&mut stage, 0, &ct, &fused, true, false);
    assert_eq!(refusal(&mut stage), "unknownSeries", "the layer's");
    let large = ViewState { size: [8192, 2048], ..state.clone() };
    set(&mut stage, 0, &ct, &large, true, false);
    assert!(stage.jobs.contains_key(&0));
    set(&mut stage, 1, &ct, &state, true, false);
    assert_eq!(refusal(&mut stage), "outOfRange", "too many pixels together");
    for id in 0..20 {
        stage.say(json!({"type": "openBeside", "seriesInstanceUid": format!("2.{id}")}));
    }
    assert_eq!(refusal(&mut stage), "outOfRange", "too many series");
}

#[test]
fn a_view_that_is_paused_keeps_its_state_and_goes_on_with_a_whole_picture() {
    let mut stage = Stage::showing();
    let mut layout = json!({"type": "layout", "views": [{"view": 0, "content": "volume", "size": [400, 300], "paused": true}]});
    stage.say(layout.clone());
    stage.say(json!({"type": "rotate", "view": 0, "dx": 30, "dy": 0}));
    stage.wait(1000 * MS);
    assert!(stage.jobs.is_empty());
    layout["views"][0]["paused"] = json!(false);
    stage.say(layout);
    let job = stage.begin(0);
    assert_eq!(job.meta.quality, Quality::Final);
    assert_ne!(
        job.state.camera,
        ViewState::new(&job.volume, Content::Volume, Orientation::Axial, [400, 300]).camera
    );
}

#[test]
fn after_a_layout_a_view_that_was_set_is_told_of_again() {
    let mut stage = Stage::showing();
    let of = series();
    let volume = &of.loaded.volume;
    let mut state = ViewState::new(volume, Content::Slice, Orientation::Axial, [400, 300]);
    state.plane.flip_horizontal();
    set(&mut stage, 1, &of, &state, false, false);
    let told = |stage: &Stage| {
        let views = stage.texts.iter().filter(|text| text["type"] == "view" && text["view"] == 1);
        views.map(|text| (text["letters"]["left"].clone(), text["slice"].clone())).next_back()
    };
    stage.settle();
    assert_eq!(told(&stage), None, "who sets a view knows it");
    stage.say(json!({"type": "layout", "views": [
        {"view": 0, "content": "volume", "size": [400, 300]},
        {"view": 1, "content": "axial", "size": [400, 300]},
        {"view": 2, "content": "coronal", "size": [400, 300]},
    ]}));
    let (left, slice) = told(&stage).expect("the view is told");
    assert_eq!(left, "L", "as it was set");
    stage.say(json!({"type": "scroll", "view": 1, "slices": 1}));
    stage.settle();
    assert_ne!(told(&stage).expect("told").1, slice);
}
