use std::sync::OnceLock;

use render_core::dicom::{self, Library};
use render_core::phantom::{self, Spec};
use render_core::scene::Plane;
use render_core::{Progress, dicom::Loaded};

use super::*;
use crate::desktop::layout::Node;

/// The phantom's study, and its volume.
fn phantom() -> &'static (Library, Loaded) {
    static PHANTOM: OnceLock<(Library, Loaded)> = OnceLock::new();
    PHANTOM.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("voxcast-desk-{}", std::process::id()));
        // Coarse: what viewports do to each other needs no detail.
        let spec = Spec {
            columns: 60,
            rows: 60,
            slices: 40,
            pixel_spacing_mm: 6.0,
            slice_spacing_mm: 8.0,
            ..Spec::default()
        };
        phantom::write_study(&folder, &spec, |_, _| {}).expect("the phantom is written");
        let library = dicom::scan(std::slice::from_ref(&folder), &Progress::default()).expect("a scan");
        let loaded = dicom::load(&library.studies[0].series[0], &Progress::default()).expect("a volume");
        std::fs::remove_dir_all(&folder).expect("the folder goes");
        (library, loaded)
    })
}

/// The phantom under another id, in the same patient space.
fn series(id: &str) -> Arc<OpenSeries> {
    let (library, loaded) = phantom();
    let study = &library.studies[0];
    let loaded = Loaded {
        volume: Arc::clone(&loaded.volume),
        warnings: loaded.warnings.clone(),
        report: loaded.report.clone(),
        failed: Vec::new(),
        facts: loaded.facts.clone(),
    };
    let open = OpenSeries::new(study, &study.series[0], loaded);
    Arc::new(OpenSeries { series_id: id.to_owned(), frame: "1.2.3".to_owned(), ..open })
}

fn desk(columns: usize, cells: &[(&str, Kind)]) -> Desk {
    let mut desk = Desk::new(&egui::Context::default(), None);
    let cell = |&(id, kind): &(&str, Kind)| Some(Cell { series_id: id.to_owned(), kind, over: None });
    desk.arrange(&Arrangement { columns, cells: cells.iter().map(cell).collect() });
    desk
}

/// One viewport with the images as they were taken.
fn single(id: &str) -> Arrangement {
    let cell = Cell { series_id: id.to_owned(), kind: Kind::Acquired, over: None };
    Arrangement { columns: 1, cells: vec![Some(cell)] }
}

fn planes(desk: &Desk) -> Vec<Plane> {
    desk.layout.ids().iter().filter_map(|id| desk.viewports.get(id)).map(|v| v.view.plane).collect()
}

#[test]
fn each_series_is_asked_for_once_and_shown_wherever_it_was_wanted() {
    let mut desk = desk(2, &[("a", Kind::Axial), ("b", Kind::Axial), ("a", Kind::Coronal)]);
    assert_eq!(desk.missing(), ["a", "b"]);
    assert!(!desk.waits_for("a"));
    desk.fill(&series("a"));
    assert_eq!(desk.missing(), ["b"]);
    let kinds: Vec<Kind> = desk.viewports.values().map(|viewport| viewport.kind).collect();
    assert_eq!(kinds, [Kind::Axial, Kind::Coronal]);
    desk.forget("b");
    assert_eq!(desk.missing(), Vec::<String>::new());
    assert_eq!(desk.layout.ids().len(), 3, "its cell stays, empty");
}

#[test]
fn what_is_drawn_comes_with_the_picture_that_it_was_drawn_on() {
    // Two lie on the second series.
    const DRAWN: [(&str, &str, [u8; 3]); 3] =
        [("1", "a", [1, 2, 250]), ("2", "b", [3, 250, 4]), ("3", "b", [250, 5, 6])];
    let ctx = egui::Context::default();
    let mut desk = Desk::new(&ctx, None);
    desk.arrange(&single("a"));
    desk.fill(&series("a"));
    let id = desk.layout.ids()[0];
    let plane = desk.viewports[&id].view.plane;
    for (_, series, color) in DRAWN {
        let Plane { center_mm, right, down, .. } = plane;
        let placement = reading::Placement { center_mm, right, down };
        let ends = vec![center_mm, center_mm + right * 30.0];
        let reading = &mut desk.annotate.reading;
        let length = reading.annotation(reading::Kind::Length, series, placement, ends);
        reading.apply(reading::Edit::put(reading::Annotation { color, ..length }));
    }
    let renderer = Renderer::open(render_core::render::Choice::Cpu).expect("a processor draws");
    // The lengths that the window shows in a frame, those in front last.
    let frame = |desk: &mut Desk| -> Vec<&str> {
        let output = ctx.run_ui(egui::RawInput::default(), |ui| {
            desk.begin_pass(Mouse::default());
            desk.show(ui, None, &renderer, &[], &mut Vec::new());
            desk.end_pass();
        });
        let shapes = format!("{:?}", output.shapes);
        output.drop_without_applying_deltas();
        let place = |[r, g, b]: [u8; 3]| shapes.rfind(&format!("{:?}", egui::Color32::from_rgb(r, g, b)));
        let mut drawn: Vec<_> =
            DRAWN.into_iter().filter_map(|(name, _, color)| Some((place(color)?, name))).collect();
        drawn.sort_unstable();
        drawn.into_iter().map(|(_, name)| name).collect()
    };
    let start = std::time::Instant::now();
    let until_shown = |desk: &mut Desk| loop {
        let drawn = frame(desk);
        let viewport = &desk.viewports[&id];
        if viewport.shows_its_series() && viewport.on_screen() == Some((viewport.view.revision, true)) {
            break drawn;
        }
        assert!(start.elapsed() < std::time::Duration::from_secs(60), "no picture");
        std::thread::yield_now();
    };
    assert_eq!(until_shown(&mut desk), ["1"]);
    desk.want("b", None);
    desk.fill(&series("b"));
    assert!(!desk.viewports[&id].shows_its_series());
    assert_eq!(frame(&mut desk), ["1"], "the picture is still the one before");
    assert_eq!(until_shown(&mut desk), ["2", "3"]);
    let second = desk.annotate.reading.annotations()[1].id;
    desk.annotate.editor.select(Some(second));
    assert_eq!(frame(&mut desk), ["3", "2"], "what is selected lies in front");
}

#[test]
fn a_series_of_the_list_takes_the_only_ones_place_everywhere_and_else_the_active_ones() {
    let mut desk = desk(2, &[("a", Kind::Axial), ("a", Kind::Volume)]);
    desk.fill(&series("a"));
    desk.want("b", None);
    assert!(desk.waits_for("b"));
    let shown = |desk: &Desk| -> Vec<String> {
        desk.viewports.values().map(|viewport| viewport.series.series_id.clone()).collect()
    };
    assert_eq!(shown(&desk), ["a", "a"], "what was there stays until it has come");
    desk.fill(&series("b"));
    assert_eq!(shown(&desk), ["b", "b"]);
    let second = desk.layout.ids()[1];
    desk.want("c", Some(second));
    desk.fill(&series("c"));
    assert_eq!(shown(&desk), ["b", "c"]);
    desk.active = desk.layout.ids()[0];
    desk.want("c", None);
    assert_eq!(shown(&desk), ["c", "c"], "what is in memory is shown at once");
}

#[test]
fn parallel_slices_of_a_patient_space_page_together_and_the_crossing_goes_along() {
    let mut desk = desk(2, &[("a", Kind::Axial), ("b", Kind::Axial), ("a", Kind::Coronal)]);
    desk.fill(&series("a"));
    desk.fill(&series("b"));
    let before = planes(&desk);
    desk.active = desk.layout.ids()[0];
    desk.run(&Command::Page(3), &PresetLibrary::default());
    let after = planes(&desk);
    let moved = |i: usize| after[i].center_mm - before[i].center_mm;
    assert!(moved(0).length() > 0.1);
    assert!(moved(1).abs_diff_eq(moved(0), 1e-9), "{} {}", moved(0), moved(1));
    assert_eq!(moved(2), DVec3::ZERO, "a coronal slice has no part in it");
    assert!((desk.cursors["1.2.3"].z - after[0].center_mm.z).abs() < 1e-9);
    desk.run(&Command::ToggleLinked, &PresetLibrary::default());
    desk.run(&Command::Page(3), &PresetLibrary::default());
    assert_eq!(planes(&desk)[1], after[1], "not linked any more");
}

#[test]
fn the_crosshair_moves_turns_and_thickens_other_cuts() {
    let mut desk = desk(3, &[("a", Kind::Axial), ("a", Kind::Coronal), ("a", Kind::Sagittal)]);
    desk.fill(&series("a"));
    let [axial, coronal, sagittal] = [0, 1, 2].map(|i| desk.layout.ids()[i]);
    let center = desk.viewports[&axial].view.plane.center_mm;
    let place = center + DVec3::new(10.0, -8.0, 0.0);
    desk.take_effect(axial, Effect::CursorMoved(place));
    let [at, coronal_at, sagittal_at] =
        [axial, coronal, sagittal].map(|id| desk.viewports[&id].view.plane.center_mm);
    assert_eq!(at, center, "the view that was pointed in stays");
    let spacing = phantom().1.volume.geometry().spacing_mm();
    assert!((coronal_at.y - place.y).abs() <= spacing.y / 2.0 + 1e-9, "{coronal_at}");
    assert!((sagittal_at.x - place.x).abs() <= spacing.x / 2.0 + 1e-9, "{sagittal_at}");

    desk.take_effect(axial, Effect::OthersTurned { degrees: 30.0, about_mm: place });
    let normal = |id: ViewportId| desk.viewports[&id].view.plane.normal();
    assert!(normal(axial).abs_diff_eq(DVec3::Z, 1e-12));
    let angle = normal(coronal).angle_between(DVec3::Y).to_degrees();
    assert!((angle.min(180.0 - angle) - 30.0).abs() < 1e-6, "{angle} degrees");
    assert!(normal(coronal).dot(normal(sagittal)).abs() < 1e-9, "they stay at a right angle");
    desk.take_effect(axial, Effect::Slab { of: coronal, thickness_mm: 12.5 });
    assert_eq!(desk.viewports[&coronal].view.slab.thickness_mm, 12.5);

    desk.active = coronal;
    desk.run(&Command::Reset, &PresetLibrary::default());
    assert!(
        desk.viewports[&coronal].view.plane.normal().abs_diff_eq(DVec3::Y, 1e-12),
        "reset is upright again"
    );
}

#[test]
fn slices_of_another_patient_space_page_along_from_where_they_are_where_that_is_wished() {
    let mut desk = desk(2, &[("a", Kind::Axial), ("b", Kind::Axial)]);
    desk.fill(&series("a"));
    let prior = Arc::into_inner(series("b")).expect("nobody else has it");
    desk.fill(&Arc::new(OpenSeries { frame: "9.9".into(), ..prior }));
    let (first, second) = (desk.layout.ids()[0], desk.layout.ids()[1]);
    let page = |desk: &mut Desk, id, by| {
        desk.active = id;
        desk.run(&Command::Page(by), &PresetLibrary::default());
    };
    let start = planes(&desk);
    let moved = |desk: &Desk, i: usize| (planes(desk)[i].center_mm - start[i].center_mm).z;
    page(&mut desk, first, 3);
    let step = moved(&desk, 0) / 3.0;
    assert!(step.abs() > 0.1 && moved(&desk, 1) == 0.0);
    desk.run(&Command::ToggleSpaces, &PresetLibrary::default());
    page(&mut desk, second, 2);
    assert!((moved(&desk, 0) - 5.0 * step).abs() < 1e-9 && (moved(&desk, 1) - 2.0 * step).abs() < 1e-9);
    // One that stands at its end keeps its offset.
    page(&mut desk, first, 1000);
    page(&mut desk, first, -1000);
    let lowest = [moved(&desk, 0), moved(&desk, 1)];
    page(&mut desk, first, 4);
    let slices = |i: usize| (moved(&desk, i) - lowest[i]) / step;
    assert!((slices(0) - 4.0).abs() < 1e-6 && (slices(1) - 1.0).abs() < 1e-6, "{} {}", slices(0), slices(1));
    desk.run(&Command::ToggleSpaces, &PresetLibrary::default());
    page(&mut desk, first, 1);
    assert!((moved(&desk, 1) - lowest[1] - step).abs() < 1e-6, "not any more");
}

#[test]
fn who_only_watches_moves_nothing_by_hand_until_the_host_lets_it_drive() {
    let ctx = egui::Context::default();
    let mut desk = desk(1, &[("a", Kind::Axial)]);
    desk.fill(&series("a"));
    desk.set_tool(Tool::Scroll);
    let renderer = Renderer::open(render_core::render::Choice::Cpu).expect("a processor draws");
    let frame = |desk: &mut Desk, events: Vec<egui::Event>| {
        let screen_rect = Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(400.0, 300.0)));
        let output = ctx.run_ui(egui::RawInput { screen_rect, events, ..Default::default() }, |ui| {
            desk.begin_pass(Mouse::default());
            desk.show(ui, None, &renderer, &[], &mut Vec::new());
            desk.end_pass();
        });
        output.drop_without_applying_deltas();
    };
    let button = |pos, pressed| egui::Event::PointerButton {
        pos,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: egui::Modifiers::NONE,
    };
    frame(&mut desk, Vec::new());
    let start = planes(&desk);
    // Apart, or they would be a double click.
    for (watches, x) in [(true, 200.0), (false, 120.0)] {
        let (from, to) = (egui::pos2(x, 150.0), egui::pos2(x, 210.0));
        desk.watches = watches;
        frame(&mut desk, vec![egui::Event::PointerMoved(from)]);
        frame(&mut desk, vec![button(from, true)]);
        frame(&mut desk, vec![egui::Event::PointerMoved(to)]);
        frame(&mut desk, vec![button(to, false)]);
        assert_eq!(planes(&desk) == start, watches);
    }
}

#[test]
fn a_patient_space_that_comes_later_pages_along_from_where_it_stands() {
    let mut desk = desk(3, &[("a", Kind::Axial), ("b", Kind::Axial), ("c", Kind::Axial)]);
    desk.fill(&series("a"));
    let of_frame = |id, frame: &str| {
        let open = Arc::into_inner(series(id)).expect("nobody else has it");
        Arc::new(OpenSeries { frame: frame.into(), ..open })
    };
    desk.fill(&of_frame("b", "9.9"));
    desk.run(&Command::ToggleSpaces, &PresetLibrary::default());
    desk.active = desk.layout.ids()[0];
    desk.run(&Command::Page(5), &PresetLibrary::default());
    desk.fill(&of_frame("c", "7.7"));
    let before = planes(&desk);
    desk.active = desk.layout.ids()[2];
    desk.run(&Command::Page(1), &PresetLibrary::default());
    let after = planes(&desk);
    let moved = |i: usize| (after[i].center_mm - before[i].center_mm).z;
    assert!(moved(2).abs() > 0.1);
    assert!(
        (moved(0) - moved(2)).abs() < 1e-9 && (moved(1) - moved(2)).abs() < 1e-9,
        "{} {}",
        moved(0),
        moved(1)
    );
}

#[test]
fn slices_of_a_series_share_a_window_and_its_volume_does_not() {
    let mut desk =
        desk(2, &[("a", Kind::Axial), ("a", Kind::Coronal), ("a", Kind::Volume), ("b", Kind::Axial)]);
    desk.fill(&series("a"));
    desk.fill(&series("b"));
    let window = Window::new(40.0, 400.0).expect("a window");
    let before: Vec<Window> = desk.viewports.values().map(|viewport| viewport.view.window).collect();
    desk.active = desk.layout.ids()[1];
    desk.run(&Command::SetWindow(window), &PresetLibrary::default());
    let after: Vec<Window> = desk.viewports.values().map(|viewport| viewport.view.window).collect();
    assert_eq!(after, [window, window, before[2], before[3]]);

    // What a shaded volume shows is its transfer function's: fields and keys beside it are the slices'.
    desk.active = desk.layout.ids()[2];
    let (shown, transfer) =
        (desk.windowed().expect("slices").id, desk.viewports[&desk.active].view.transfer.clone());
    assert_eq!(shown, desk.layout.ids()[0]);
    let window = Window::new(300.0, 2000.0).expect("a window");
    desk.run(&Command::SetWindow(window), &PresetLibrary::default());
    let after: Vec<Window> = desk.viewports.values().map(|viewport| viewport.view.window).collect();
    assert_eq!(after, [window, window, before[2], before[3]]);
    assert_eq!(desk.viewports[&desk.active].view.transfer, transfer);
}

#[test]
fn a_series_lies_over_another_when_both_are_there_whichever_came_first() {
    for first in ["a", "b"] {
        let mut desk = Desk::new(&egui::Context::default(), None);
        let cell = Cell { series_id: "a".to_owned(), kind: Kind::Axial, over: Some("b".to_owned()) };
        desk.arrange(&Arrangement { columns: 1, cells: vec![Some(cell)] });
        assert_eq!(desk.missing(), ["a", "b"]);
        let (one, other) = if first == "a" { ("a", "b") } else { ("b", "a") };
        let (one, other) = (series(one), series(other));
        desk.fill(&one);
        desk.fill(&other);
        // What came before its place was there is asked for again.
        if desk.missing() == ["b"] {
            desk.fill(&series("b"));
        }
        let viewport = desk.active().expect("a viewport");
        assert_eq!(viewport.view.layers.len(), 1, "{first} first");
        let id = viewport.id;
        desk.run(&Command::Blend(0.25), &PresetLibrary::default());
        assert_eq!(desk.active().expect("it").view.layers[0].opacity, 0.25);
        desk.run(&Command::Fuse(id, None), &PresetLibrary::default());
        assert!(desk.active().expect("it").view.layers.is_empty());
    }
}

#[test]
fn a_path_is_rolled_out_in_another_viewport_from_its_second_point_on() {
    let mut desk = desk(2, &[("a", Kind::Axial), ("a", Kind::Volume)]);
    desk.fill(&series("a"));
    let [axial, volume] = [0, 1].map(|i| desk.layout.ids()[i]);
    let center = desk.viewports[&axial].view.plane.center_mm;
    desk.take_effect(axial, Effect::PathPoint(center));
    assert_eq!(desk.viewports[&volume].view.content, Content::Volume);
    desk.take_effect(axial, Effect::PathPoint(center + DVec3::new(30.0, 40.0, 0.0)));
    let view = &desk.viewports[&volume].view;
    assert_eq!(view.content, Content::Curved);
    let length_mm = view.curved.as_ref().expect("a path").path.length_mm();
    assert!((length_mm - 50.0).abs() < 1e-6, "{length_mm} mm");
    assert!(desk.drop_path());
    assert_eq!(desk.viewports[&volume].view.content, Content::Volume);
    assert!(!desk.drop_path());
}

#[test]
fn a_grid_keeps_what_is_shown_and_fills_new_cells_with_what_is_not() {
    let mut desk = desk(2, &[("a", Kind::Axial), ("a", Kind::Volume)]);
    desk.fill(&series("a"));
    desk.set_grid(2, 2);
    let kinds = |desk: &Desk| -> Vec<Kind> {
        desk.layout
            .ids()
            .iter()
            .filter_map(|id| desk.viewports.get(id))
            .map(|viewport| viewport.kind)
            .collect()
    };
    assert_eq!(kinds(&desk), [Kind::Axial, Kind::Volume, Kind::Coronal, Kind::Sagittal]);
    desk.set_grid(1, 1);
    assert_eq!(kinds(&desk), [Kind::Axial]);
    assert_eq!(desk.active, desk.layout.ids()[0]);
}

#[expect(clippy::needless_pass_by_value, reason = "commands are made where they are run")]
fn run(desk: &mut Desk, command: Command) {
    desk.run(&command, &PresetLibrary::default());
}

#[test]
fn a_viewport_in_a_window_of_its_own_pages_with_the_others_and_comes_back_to_its_place() {
    let cells = [("a", Kind::Axial), ("b", Kind::Axial), ("a", Kind::Coronal), ("a", Kind::Volume)];
    let mut desk = desk(2, &cells);
    desk.fill(&series("a"));
    desk.fill(&series("b"));
    let ids = desk.layout.ids();
    desk.active = ids[1];
    run(&mut desk, Command::ToggleOwnWindow);
    assert_eq!(desk.layout.ids(), [ids[0], ids[2], ids[3]]);
    assert_eq!(desk.ids(), [ids[0], ids[2], ids[3], ids[1]]);
    assert_eq!((desk.active, desk.window_of_viewport(ids[1])), (ids[1], Some(2)));

    desk.active = ids[0];
    run(&mut desk, Command::Page(3));
    let center = |desk: &Desk, id: ViewportId| desk.viewports[&id].view.plane.center_mm;
    assert_eq!(center(&desk, ids[1]), center(&desk, ids[0]), "linked across windows");
    desk.take_effect(ids[1], Effect::CursorMoved(center(&desk, ids[1]) + DVec3::Y * 16.0));
    let moved = center(&desk, ids[2]).y - center(&desk, ids[1]).y;
    assert!((moved - 16.0).abs() <= 3.1, "the crosshair of one window moves the cuts of the other: {moved}");

    run(&mut desk, Command::MoveTo(ids[3], To::Window(2)));
    assert_eq!(desk.windows[&2].layout.ids(), [ids[1], ids[3]]);
    run(&mut desk, Command::StepViewport(-1));
    assert_eq!(desk.active, ids[1], "arrows go through all windows");
    run(&mut desk, Command::ToggleMaximiseActive);
    assert_eq!((desk.layout.maximised(), desk.windows[&2].layout.maximised()), (None, Some(ids[1])));
    desk.close_window(2);
    assert_eq!(desk.layout.ids(), ids);
    assert!(desk.windows.is_empty());
}

#[test]
fn every_viewport_may_leave_and_a_window_goes_with_its_last_one() {
    let mut desk = desk(1, &[("a", Kind::Axial)]);
    desk.fill(&series("a"));
    let id = desk.active;
    run(&mut desk, Command::ToggleOwnWindow);
    assert_eq!((desk.layout.ids(), desk.ids()), (vec![], vec![id]));
    run(&mut desk, Command::Split { id, below: false });
    let second = desk.active;
    assert_eq!(desk.windows[&2].layout.ids(), [id, second]);
    run(&mut desk, Command::MoveTo(second, To::NewWindow));
    assert_eq!(desk.windows.keys().copied().collect::<Vec<_>>(), [2, 3]);
    desk.enter_window(2);
    assert_eq!(desk.active, id);
    run(&mut desk, Command::MoveTo(second, To::Main));
    run(&mut desk, Command::ToggleOwnWindow);
    run(&mut desk, Command::MoveTo(id, To::Main));
    assert_eq!(desk.windows.keys().copied().collect::<Vec<_>>(), [3]);
    desk.close_window(3);
    assert_eq!(desk.layout.ids(), [id, second]);
    run(&mut desk, Command::MoveTo(ViewportId(999), To::NewWindow));
    run(&mut desk, Command::MoveTo(id, To::Window(77)));
    assert!(desk.windows.is_empty(), "what is not there goes nowhere");
}

#[test]
fn another_arrangement_leaves_other_windows_alone_and_another_patient_comes_into_them() {
    let mut desk = desk(2, &[("a", Kind::Axial), ("a", Kind::Coronal)]);
    desk.fill(&series("a"));
    let ids = desk.layout.ids();
    run(&mut desk, Command::MoveTo(ids[1], To::NewWindow));
    desk.arrange(&single("b"));
    desk.fill(&series("b"));
    assert_eq!(desk.viewports[&ids[1]].series.series_id, "a");
    assert_eq!(desk.layout.ids().len(), 1);
    let same = series("a").patient.clone();
    assert!(!desk.windows_show_others(&same));
    let other = render_core::dicom::Patient { id: "another".into(), ..same };
    assert!(desk.windows_show_others(&other));
    desk.windows_show("b");
    let shown = &desk.viewports[&ids[1]];
    assert_eq!((shown.series.series_id.as_str(), shown.kind), ("b", Kind::Coronal));
    desk.close_window(2);
    assert_eq!(desk.layout.ids().len(), 2, "it comes back behind what is there now");
}

#[test]
fn a_session_brings_back_windows_tool_crosshair_and_blend() {
    let mut before = Desk::new(&egui::Context::default(), None);
    let over = |kind| Some(Cell { series_id: "a".to_owned(), kind, over: Some("b".to_owned()) });
    before.arrange(&Arrangement { columns: 2, cells: [Kind::Axial, Kind::Coronal].map(over).to_vec() });
    before.fill(&series("a"));
    before.fill(&series("b"));
    let [axial, coronal] = [0, 1].map(|i| before.layout.ids()[i]);
    run(&mut before, Command::SetTool(Tool::Annotate(reading::Tool::Draw(reading::Kind::Length))));
    let place = before.viewports[&axial].view.plane.center_mm + DVec3::new(12.0, 18.0, 0.0);
    before.take_effect(axial, Effect::CursorMoved(place));
    before.take_effect(axial, Effect::OthersTurned { degrees: 20.0, about_mm: place });
    before.active = coronal;
    run(&mut before, Command::Blend(0.75));
    run(&mut before, Command::ToggleOwnWindow);
    run(&mut before, Command::ToggleMaximiseActive);
    run(&mut before, Command::ToggleLinked);
    run(&mut before, Command::ToggleSpaces);
    run(&mut before, Command::Page(2));
    run(&mut before, Command::ToggleOverlayPlanes);
    run(&mut before, Command::ToggleHandles);
    run(&mut before, Command::ToggleAnnotations);
    run(&mut before, Command::ToggleMeasurements);
    run(&mut before, Command::ScaleBrush(1.25));
    run(&mut before, Command::ToggleCine);
    run(&mut before, Command::CineSpeed(24.0));
    let there = Place { at: Some([1920, 20]), size: [900, 700], maximised: false };
    before.windows.get_mut(&2).expect("a window").place = Some(there);
    let saved = before.saved().expect("something to keep");
    let text = serde_json::to_string(&saved).expect("it is written");

    let mut after = Desk::new(&egui::Context::default(), None);
    after.restore(&serde_json::from_str(&text).expect("it is read"));
    for id in ["b", "a"] {
        after.fill(&series(id));
        after.restore_views(&PresetLibrary::default());
    }
    if after.missing() == ["b"] {
        after.fill(&series("b"));
    }
    assert_eq!(after.windows[&2].wanted, Some(there));
    assert_eq!(after.window_of_viewport(coronal), Some(2));
    assert_eq!(after.windows[&2].layout.maximised(), Some(coronal));
    assert_eq!(after.cursors["1.2.3"], before.cursors["1.2.3"]);
    assert!(after.pages_spaces() && after.offsets == before.offsets, "other spaces page along as before");
    assert_eq!(after.viewports[&coronal].view.layers[0].opacity, 0.75);
    assert_eq!(after.tool, before.tool);
    assert!(after.annotate.draws(), "the editor has the tool, too");
    assert!(after.cine.is_none(), "nothing moves by itself after a start");
    // All else is the same as well.
    assert_eq!(after.saved(), Some(saved));
}

#[test]
fn undo_never_gives_a_viewport_the_view_of_another_series() {
    let mut desk = desk(1, &[("a", Kind::Axial)]);
    desk.fill(&series("a"));
    let id = desk.layout.ids()[0];
    let presets = PresetLibrary::default();
    desk.run(&Command::SetWindow(Window::new(40.0, 400.0).expect("a window")), &presets);
    desk.want("b", Some(id));
    desk.fill(&series("b"));
    let before = desk.viewports[&id].view.clone();
    desk.run(&Command::SetWindow(Window::new(300.0, 50.0).expect("a window")), &presets);
    desk.run(&Command::Undo, &presets);
    assert_eq!(desk.viewports[&id].view.window, before.window, "what was done to b is taken back");
    desk.run(&Command::Undo, &presets);
    assert_eq!(desk.viewports[&id].view.window, before.window, "and what was done to a is not");
    assert_eq!(desk.viewports[&id].view.plane, before.plane);
    desk.run(&Command::Redo, &presets);
    assert_eq!(desk.viewports[&id].view.window.width(), 50.0);
}

#[test]
fn undo_leaves_what_was_drawn_on_a_series_that_nobody_sees() {
    let mut desk = desk(1, &[("a", Kind::Axial)]);
    desk.fill(&series("a"));
    let presets = PresetLibrary::default();
    let center = phantom().1.volume.geometry().center_mm();
    let placement = reading::Placement::new(center, DVec3::X, DVec3::Y).expect("a plane");
    let line = desk.annotate.reading.annotation(
        reading::Kind::Length,
        "a",
        placement,
        vec![center, center + DVec3::X],
    );
    let back = desk.annotate.reading.apply(reading::Edit::put(line));
    desk.annotate.adopt("Length", back);
    desk.want("b", Some(desk.layout.ids()[0]));
    desk.run(&Command::Undo, &presets);
    assert_eq!(desk.annotate.reading.annotations().len(), 1, "another series is on its way");
    desk.fill(&series("b"));
    desk.run(&Command::Undo, &presets);
    assert_eq!((desk.annotate.reading.annotations().len(), desk.next_steps()), (1, [None, None]));
    desk.want("a", Some(desk.layout.ids()[0]));
    desk.fill(&series("a"));
    assert_eq!(desk.next_steps(), [Some("Length"), None]);
    desk.run(&Command::Undo, &presets);
    assert!(desk.annotate.reading.is_empty());
    assert_eq!(desk.next_steps(), [None, Some("Length")]);
}

#[test]
fn undo_brings_back_how_a_fusion_looked_but_not_what_is_taken_away() {
    let mut desk = Desk::new(&egui::Context::default(), None);
    let cell = Cell { series_id: "a".to_owned(), kind: Kind::Axial, over: Some("b".to_owned()) };
    desk.arrange(&Arrangement { columns: 1, cells: vec![Some(cell)] });
    desk.fill(&series("a"));
    desk.fill(&series("b"));
    let presets = PresetLibrary::default();
    let id = desk.layout.ids()[0];
    let opacity = desk.viewports[&id].view.layers[0].opacity;
    desk.run(&Command::Blend(0.25), &presets);
    desk.run(&Command::Undo, &presets);
    assert_eq!(desk.viewports[&id].view.layers[0].opacity, opacity);
    desk.run(&Command::Redo, &presets);
    assert_eq!(desk.viewports[&id].view.layers[0].opacity, 0.25);
    desk.run(&Command::Fuse(id, None), &presets);
    desk.run(&Command::Undo, &presets);
    assert!(desk.viewports[&id].view.layers.is_empty(), "nothing lies over it any more");
}

#[test]
fn what_was_measured_on_a_series_that_is_not_open_is_shown_when_it_comes() {
    let mut desk = desk(2, &[("a", Kind::Volume), ("a", Kind::Coronal)]);
    desk.fill(&series("a"));
    let center = phantom().1.volume.geometry().center_mm() + DVec3::new(0.0, 0.0, 16.0);
    let placement = reading::Placement::new(center, DVec3::X, DVec3::Y).expect("a plane");
    let line = desk.annotate.reading.annotation(reading::Kind::Length, "b", placement, vec![center, center]);
    let id = line.id;
    desk.annotate.reading.apply(reading::Edit::put(line));
    desk.run(&Command::JumpTo(id), &PresetLibrary::default());
    assert_eq!(desk.missing(), ["b"]);
    desk.fill(&series("b"));
    let shown: Vec<(&str, bool)> =
        desk.viewports.values().map(|v| (v.series.series_id.as_str(), v.is_slice())).collect();
    assert_eq!(shown, [("a", false), ("b", true)], "the volume view stays");
    let plane = desk.active().expect("a viewport").view.plane;
    assert!((plane.center_mm - center).dot(plane.normal()).abs() < 1e-6);
    assert!(plane.normal().abs_diff_eq(DVec3::Z, 1e-9));
}

#[test]
fn what_another_stage_shows_again_is_looked_at_as_before() {
    let cells = |cells: &[(&str, Kind, Option<&str>)]| Arrangement {
        columns: 2,
        cells: cells
            .iter()
            .map(|&(id, kind, over)| Some(Cell { series_id: id.into(), kind, over: over.map(str::to_owned) }))
            .collect(),
    };
    let mut desk = Desk::new(&egui::Context::default(), None);
    desk.arrange(&cells(&[
        ("ct", Kind::Axial, None),
        ("ct", Kind::Axial, Some("pt")),
        ("ct", Kind::Volume, None),
    ]));
    for id in ["ct", "pt"] {
        desk.fill(&series(id));
    }
    let ids = desk.layout.ids();
    let [plain, fused, volume] = [0, 1, 2].map(|at| ids[at]);
    run(&mut desk, Command::Page(7));
    desk.set_window(plain, Window::clamped(-600.0, 1500.0));
    for (id, zoom) in [(plain, 1.5), (fused, 2.5)] {
        let viewport = desk.viewports.get_mut(&id).unwrap();
        viewport.zoom(zoom);
        viewport.view.plane.pan(zoom * 3.0, -4.0, [200, 200]);
    }
    desk.viewports.get_mut(&fused).unwrap().blend(0.25);
    desk.viewports.get_mut(&volume).unwrap().view.camera.azimuth(40.0);
    let place = DVec3::new(3.0, 5.0, -8.0);
    desk.cursors.insert("1.2.3".into(), place);
    let before = [plain, fused, volume].map(|id| desk.viewports[&id].view.clone());

    desk.arrange(&cells(&[
        ("pt", Kind::Axial, None),
        ("ct", Kind::Axial, Some("pt")),
        ("ct", Kind::Axial, None),
    ]));
    let shown: Vec<ViewState> = desk.layout.ids().iter().map(|id| desk.viewports[id].view.clone()).collect();
    let fresh = Kind::Axial.plane(series("pt").outline()).1;
    assert_eq!(shown[0].plane, fresh, "it was not shown in this way");
    for (shown, before) in [(&shown[1], &before[1]), (&shown[2], &before[0])] {
        assert_eq!((shown.plane, shown.window), (before.plane, before.window));
    }
    assert_eq!(shown[1].layers.first().map(|layer| layer.opacity), Some(0.25));
    let seen: Vec<&str> = desk.seen().map(|series| series.series_id.as_str()).collect();
    assert_eq!(seen, ["pt", "ct", "pt", "ct"], "what lies over a series is seen, too");
    assert!(shown[2].layers.is_empty());
    assert_eq!(desk.cursors["1.2.3"], place, "planes cross where they did");

    desk.arrange(&cells(&[("ct", Kind::Axial, None), ("other", Kind::Axial, None)]));
    assert_eq!(desk.viewports[&desk.layout.ids()[0]].view.plane, before[0].plane, "it comes back, too");
    run(&mut desk, Command::Reset);
    assert_eq!(desk.viewports[&desk.layout.ids()[0]].view.plane, fresh, "a reset still resets");
    desk.fill(&series("other"));
    assert_eq!(desk.viewports[&desk.layout.ids()[1]].view.plane, fresh, "another series begins anew");
}

#[test]
fn a_guests_window_lies_as_the_hosts_and_keeps_what_it_has_moved_until_that_changes() {
    let mut desk = desk(1, &[]);
    let node =
        |ids: &[u32]| Node::Row { cells: ids.iter().map(|&id| Node::View(id)).collect(), shares: vec![] };
    let ids = |ids: &[u32]| ids.iter().map(|&id| ViewportId(id)).collect::<Vec<_>>();
    let three = node(&[1, 2, 3]);
    assert!(desk.lay_as(Some(&three), true));
    assert_eq!((desk.layout.ids(), desk.active), (ids(&[1, 2, 3]), ViewportId(1)));
    assert!(!desk.lay_as(Some(&three), false), "it lies so");
    desk.layout = Layout::grid(2, &ids(&[3, 1, 2]));
    assert!(!desk.lay_as(Some(&three), false));
    assert_eq!(desk.layout.ids(), ids(&[3, 1, 2]), "that is its own affair");
    desk.move_to(ViewportId(2), To::NewWindow);
    assert!(!desk.lay_as(Some(&three), false));
    assert!(desk.lay_as(Some(&node(&[1, 2, 3, 4])), true));
    assert_eq!((desk.layout.ids(), desk.windows[&2].layout.ids()), (ids(&[1, 3, 4]), ids(&[2])));
    desk.maximise_only(Some(ViewportId(2)));
    assert_eq!((desk.windows[&2].layout.maximised(), desk.active), (Some(ViewportId(2)), ViewportId(2)));
    desk.maximise_only(None);
    assert_eq!(desk.windows[&2].layout.maximised(), None);
    assert!(desk.lay_as(Some(&node(&[1, 4])), false), "others are there");
    assert_eq!((desk.ids(), desk.active), (ids(&[1, 4]), ViewportId(1)));
    assert!(desk.lay_as(None, false));
    assert_eq!(desk.ids(), []);
}
