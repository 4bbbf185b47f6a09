//! Slices that the client windows itself.

use super::*;

/// The first slice view's values were asked for in a drag, and are there.
fn windowing() -> Stage {
    let mut stage = Stage::showing();
    stage.pointer(1, "press", 0.0);
    stage.say(json!({"type": "values", "view": 1}));
    let job = stage.begin(1);
    assert!(matches!(job.coding, Coding::Values { most } if most > 64 << 10));
    stage.finish(&job, MS);
    assert!(stage.frames.pop().is_some_and(|message| message.header.is_none()), "values are no frame");
    stage.texts.clear();
    stage
}

fn windows(stage: &Stage) -> Vec<f64> {
    let of_view = stage.texts.iter().filter(|text| text["type"] == "view" && text["view"] == 1);
    of_view.map(|text| text["window"]["width"].as_f64().expect("a number")).collect()
}

#[test]
fn a_client_that_has_the_values_gets_no_pictures_until_it_lets_go_but_is_told_the_window() {
    let mut stage = windowing();
    stage.pointer(1, "move", 30.0);
    assert!(!stage.jobs.contains_key(&1) && stage.jobs.contains_key(&2), "the other slice follows");
    assert_eq!(windows(&stage).len(), 1, "at once");
    for x in 31..40 {
        stage.now += MS;
        stage.pointer(1, "move", f64::from(x));
    }
    assert_eq!(windows(&stage).len(), 1, "not with every move");
    assert!(stage.session.wake_at().is_some_and(|at| at <= stage.now + 100 * MS));
    stage.wait(100 * MS);
    assert_eq!(windows(&stage).len(), 2);
    stage.wait(Duration::from_secs(2));
    assert!(!stage.jobs.contains_key(&1), "a hand that pauses has what it needs");
    stage.pointer(1, "release", 40.0);
    let job = stage.begin(1);
    assert_eq!(job.meta.quality, Quality::Final);
    stage.finish(&job, MS);
    stage.acknowledge(1);
    stage.pointer(1, "press", 0.0);
    stage.pointer(1, "move", 5.0);
    assert!(stage.jobs.contains_key(&1), "values serve one drag");
}

#[test]
fn values_of_what_is_not_shown_any_more_are_worth_nothing() {
    let mut stage = windowing();
    stage.say(json!({"type": "scroll", "view": 1, "slices": 2}));
    assert!(matches!(stage.begin(1).coding, Coding::Parts { .. }), "another slice");
    let mut stage = windowing();
    stage.say(json!({"type": "repaint", "view": 1}));
    assert!(stage.jobs.contains_key(&1), "the client could not use them");
}

#[test]
fn where_values_are_too_large_or_are_none_there_are_pictures() {
    let mut stage = Stage::showing();
    stage.pointer(1, "press", 0.0);
    stage.say(json!({"type": "values", "view": 1}));
    let job = stage.begin(1);
    stage.pointer(1, "move", 9.0);
    assert!(!stage.jobs.contains_key(&1), "one job of a view at a time");
    stage.input(Input::Rendered(Rendered { meta: job.meta.clone(), picture: Err(Failure::TooLarge) }));
    assert!(stage.frames.is_empty() && stage.jobs.contains_key(&1));

    let mut stage = Stage::showing();
    stage.pointer(0, "press", 0.0);
    stage.say(json!({"type": "values", "view": 0}));
    assert!(stage.jobs.is_empty(), "a volume has none");
    stage.pointer(0, "move", 9.0);
    assert!(stage.jobs.contains_key(&0));
}

#[test]
fn values_that_come_after_the_hand_has_let_go_are_not_sent() {
    let mut stage = Stage::showing();
    stage.pointer(1, "press", 0.0);
    stage.say(json!({"type": "values", "view": 1}));
    let job = stage.begin(1);
    stage.pointer(1, "release", 0.0);
    stage.finish(&job, MS);
    assert!(stage.frames.is_empty());
}

#[test]
fn a_picture_follows_values_that_nobody_waits_for_any_more() {
    let mut stage = Stage::showing();
    stage.pointer(1, "press", 0.0);
    stage.say(json!({"type": "values", "view": 1}));
    let job = stage.begin(1);
    stage.pointer(1, "move", 30.0);
    stage.pointer(1, "release", 30.0);
    assert!(!stage.jobs.contains_key(&1), "one job of a view at a time");
    stage.finish(&job, MS);
    assert!(stage.frames.is_empty());
    assert_eq!(stage.begin(1).meta.quality, Quality::Final);
}

#[test]
fn values_of_another_slice_are_not_those_that_were_asked_for() {
    let mut stage = Stage::showing();
    stage.pointer(1, "press", 0.0);
    stage.say(json!({"type": "values", "view": 1}));
    let old = stage.begin(1);
    stage.say(json!({"type": "scroll", "view": 1, "slices": 3}));
    stage.say(json!({"type": "values", "view": 1}));
    stage.finish(&old, MS);
    assert!(stage.frames.is_empty(), "of the slice before");
    let job = stage.begin(1);
    assert!(matches!(job.coding, Coding::Values { .. }));
    stage.finish(&job, MS);
    assert_eq!(stage.frames.len(), 1);
}

#[test]
fn whatever_reaches_the_view_besides_moves_brings_pictures_back() {
    let mut stage = windowing();
    stage.say(json!({"type": "scroll", "view": 1, "slices": 1}));
    stage.say(json!({"type": "scroll", "view": 1, "slices": -1}));
    assert!(stage.jobs.contains_key(&1));
}

#[test]
fn values_do_not_pile_up_before_a_client_that_does_not_read() {
    let mut stage = windowing();
    stage.pointer(1, "release", 0.0);
    let job = stage.begin(1);
    stage.finish(&job, MS);
    stage.pointer(1, "press", 0.0);
    stage.say(json!({"type": "values", "view": 1}));
    assert!(!stage.jobs.contains_key(&1), "it may have read none of it");
    stage.acknowledge(1);
    stage.say(json!({"type": "values", "view": 1}));
    assert!(matches!(stage.begin(1).coding, Coding::Values { .. }));
}
