//! Drawing, moving and deleting by mouse and by keyboard, each step taken back.

mod data;

use std::sync::Arc;

use glam::DVec3;
use reading::{
    Annotation, Brush, Edit, Editor, Held, History, Id, Input, Key, Kind, Outcome, Placement, Reading,
    Segment, Segmentation, Shape, Tool, View, shapes,
};
use render_core::scene::Plane;
use render_core::scene::view::Orientation;
use render_core::volume::{Meaning, Rescale};
use render_core::{Geometry, Volume, Voxels};

use data::plane_at;

const SIZE: [u32; 2] = [640, 480];

/// A reader at one view of a volume of 200x180x60 voxels of 1 by 1 by 2.5 mm.
struct Desk {
    volume: Arc<Volume>,
    plane: Plane,
    reading: Reading,
    editor: Editor,
    history: History<Edit>,
}

impl Desk {
    fn new() -> Self {
        let axes = [DVec3::X, DVec3::Y, DVec3::Z];
        let geometry = Geometry::from_axes(
            [200, 180, 60],
            DVec3::new(-100.0, -90.0, -75.0),
            axes,
            DVec3::new(1.0, 1.0, 2.5),
        );
        let geometry = geometry.expect("is a grid");
        let count = geometry.voxel_count();
        let value = |i: usize| (i % 200) as i16;
        let voxels = Voxels::I16((0..count).map(value).collect());
        let volume = Volume::new(geometry, voxels, Rescale::IDENTITY, Meaning::default());
        let volume = Arc::new(volume.expect("a voxel for each"));
        let plane = plane_at(Orientation::Axial, &volume, DVec3::ZERO);
        let (reading, editor) = (Reading::new([3; 16]), Editor::default());
        Self { volume, plane, reading, editor, history: History::default() }
    }

    fn send(&mut self, input: Input) -> Outcome {
        let view = View {
            series: "1.2.3",
            plane: &self.plane,
            size: SIZE,
            reach_mm: 1.25,
            tolerance: 6.0,
            geometry: self.volume.geometry(),
            volume: Some(&self.volume),
        };
        let mut outcome = self.editor.handle(&mut self.reading, &view, input);
        if let Some((name, edit)) = outcome.done.take() {
            let bytes = Held::beside(&self.reading).bytes(&edit);
            match outcome.merge {
                Some(key) => self.history.push_merged(name, edit, bytes, key),
                None => self.history.push(name, edit, bytes),
            };
        }
        outcome
    }

    fn tool(&mut self, tool: Tool) {
        self.editor.set_tool(&mut self.reading, tool);
    }

    fn drag(&mut self, from: [f64; 2], to: [f64; 2]) -> Outcome {
        self.send(Input::Press { at: from });
        for step in 1..=8 {
            let share = f64::from(step) / 8.0;
            let at = std::array::from_fn(|i| from[i] + (to[i] - from[i]) * share);
            self.send(Input::Move { at });
        }
        self.send(Input::Release { at: to })
    }

    fn click(&mut self, at: [f64; 2]) -> Outcome {
        self.send(Input::Move { at });
        self.send(Input::Press { at });
        self.send(Input::Release { at })
    }

    fn place(&self, at: [f64; 2]) -> DVec3 {
        self.plane.patient_from_pixel(at, SIZE)
    }

    fn only(&self) -> &Annotation {
        assert_eq!(self.reading.annotations().len(), 1);
        &self.reading.annotations()[0]
    }

    fn undo(&mut self) -> Option<String> {
        self.history.undo(&mut self.reading, |_, _| true, Reading::apply).map(str::to_owned)
    }

    fn redo(&mut self) -> Option<String> {
        self.history.redo(&mut self.reading, |_, _| true, Reading::apply).map(str::to_owned)
    }
}

fn close(a: DVec3, b: DVec3) {
    assert!(a.distance(b) < 1e-9, "{a} is not {b}");
}

#[test]
fn every_kind_is_drawn_by_drags_and_by_clicks() {
    for kind in Kind::ALL {
        let mut desk = Desk::new();
        desk.tool(Tool::Draw(kind));
        let created = match kind {
            Kind::Angle => {
                desk.drag([200.0, 200.0], [250.0, 200.0]);
                desk.click([250.0, 260.0])
            }
            Kind::Cobb => {
                desk.drag([200.0, 200.0], [300.0, 210.0]);
                desk.drag([200.0, 300.0], [300.0, 280.0])
            }
            Kind::Freehand => {
                desk.send(Input::Press { at: [200.0, 200.0] });
                for at in [[260.0, 190.0], [280.0, 240.0], [230.0, 280.0], [190.0, 240.0]] {
                    desk.send(Input::Move { at });
                }
                desk.send(Input::Release { at: [195.0, 230.0] })
            }
            _ => desk.drag([200.0, 200.0], [300.0, 260.0]),
        };
        let created = if kind == Kind::KeyImage { Some(desk.only().id) } else { created.created };
        assert_eq!(created, Some(desk.only().id), "{kind:?}");
        assert_eq!((desk.only().kind, desk.only().series.as_str()), (kind, "1.2.3"));
        assert!(!desk.editor.is_busy());
        assert!(desk.undo().is_some());
        assert!(desk.reading.annotations().is_empty());

        // Clicks give the same points as drags.
        let clicks: &[[f64; 2]] = match kind {
            Kind::Probe | Kind::KeyImage => &[[200.0, 200.0]],
            Kind::Angle => &[[200.0, 200.0], [250.0, 200.0], [250.0, 260.0]],
            Kind::Cobb => &[[200.0, 200.0], [300.0, 210.0], [200.0, 300.0], [300.0, 280.0]],
            Kind::Freehand => &[[200.0, 200.0], [260.0, 190.0], [280.0, 240.0]],
            _ => &[[200.0, 200.0], [300.0, 260.0]],
        };
        clicks.iter().for_each(|&at| drop(desk.click(at)));
        if kind == Kind::Freehand {
            assert!(desk.reading.annotations().is_empty());
            desk.send(Input::DoubleClick { at: [280.0, 240.0] });
        }
        if !matches!(kind, Kind::KeyImage | Kind::Freehand) {
            close(
                desk.only().points_mm[0],
                match kind {
                    Kind::Ellipse => desk.place([200.0, 230.0]),
                    Kind::Box | Kind::Ellipsoid => {
                        let depth = (desk.place([300.0, 0.0]) - desk.place([220.0, 0.0])).length() * 0.5;
                        let normal = desk.plane.right.cross(desk.plane.down);
                        desk.place([200.0, 200.0]) - normal * depth
                    }
                    _ => desk.place([200.0, 200.0]),
                },
            );
        }
        assert_eq!(desk.reading.annotations().len(), 1, "{kind:?}");
    }
}

#[test]
fn an_outline_by_hand_ends_where_it_began() {
    let mut desk = Desk::new();
    desk.tool(Tool::Draw(Kind::Freehand));
    desk.send(Input::Press { at: [200.0, 200.0] });
    for at in [[260.0, 190.0], [280.0, 240.0], [230.0, 280.0], [201.0, 202.0]] {
        desk.send(Input::Move { at });
    }
    assert!(desk.send(Input::Release { at: [201.0, 201.0] }).created.is_some());
    assert!(!desk.editor.is_busy());
    // A click that shakes is a click.
    desk.undo();
    desk.send(Input::Press { at: [200.0, 200.0] });
    desk.send(Input::Move { at: [202.5, 200.0] });
    desk.send(Input::Release { at: [202.5, 200.0] });
    assert!(desk.editor.is_busy() && desk.reading.annotations().is_empty());
}

#[test]
fn handles_and_lines_are_taken_hold_of_whatever_the_tool_is() {
    let mut desk = Desk::new();
    desk.tool(Tool::Draw(Kind::Length));
    desk.drag([200.0, 200.0], [300.0, 200.0]);
    desk.tool(Tool::Draw(Kind::Ellipse));
    assert!(desk.drag([303.0, 202.0], [320.0, 250.0]).taken);
    close(desk.only().points_mm[1], desk.place([320.0, 250.0]));
    assert_eq!(desk.undo().as_deref(), Some("Move length"));
    close(desk.only().points_mm[1], desk.place([300.0, 200.0]));
    assert_eq!(desk.redo().as_deref(), Some("Move length"));
    desk.undo();
    // The line, away from its ends.
    desk.drag([250.0, 203.0], [260.0, 233.0]);
    close(desk.only().points_mm[0], desk.place([210.0, 230.0]));
    close(desk.only().points_mm[1], desk.place([310.0, 230.0]));
    // Beside it nothing is taken hold of.
    desk.tool(Tool::Select);
    assert!(!desk.drag([250.0, 300.0], [260.0, 310.0]).taken);
    assert_eq!(desk.editor.selected(), None);
    // Elsewhere in the stack it is not there.
    desk.plane.center_mm.z += 2.5;
    assert!(!desk.drag([250.0, 230.0], [260.0, 250.0]).taken);
}

#[test]
fn shapes_keep_their_form_while_handles_move() {
    let mut desk = Desk::new();
    desk.tool(Tool::Draw(Kind::Rectangle));
    desk.drag([200.0, 200.0], [300.0, 260.0]);
    desk.drag([300.0, 260.0], [330.0, 300.0]);
    let expected = [[200.0, 200.0], [330.0, 200.0], [330.0, 300.0], [200.0, 300.0]];
    let corners = desk.only().points_mm.clone();
    expected.iter().zip(&corners).for_each(|(&at, &p)| close(p, desk.place(at)));
    desk.send(Input::Key(Key::Delete));

    desk.tool(Tool::Draw(Kind::Ellipse));
    desk.drag([200.0, 200.0], [300.0, 260.0]);
    // The right end goes up: the axis turns, the other follows at a right angle with its length.
    desk.drag([300.0, 230.0], [290.0, 200.0]);
    let p = desk.only().points_mm.clone();
    assert!((p[1] - p[0]).dot(p[3] - p[2]).abs() < 1e-9);
    close((p[0] + p[1]) * 0.5, desk.place([250.0, 230.0]));
    close((p[2] + p[3]) * 0.5, desk.place([250.0, 230.0]));
    assert!(((p[3] - p[2]).length() - 60.0 * desk.plane.mm_per_pixel(SIZE)).abs() < 1e-9);
    desk.send(Input::Key(Key::Delete));

    desk.tool(Tool::Draw(Kind::Bidirectional));
    desk.drag([200.0, 200.0], [300.0, 200.0]);
    // One end of the short axis: it slides along the long one and stays at a right angle.
    let handle = desk.plane.pixel_from_patient(desk.only().points_mm[3], SIZE).0;
    desk.drag(handle, [270.0, 230.0]);
    let p = desk.only().points_mm.clone();
    assert!((p[1] - p[0]).dot(p[3] - p[2]).abs() < 1e-9);
    close(p[3], desk.place([270.0, 230.0]));
    close(p[2], desk.place([270.0, 175.0]));
}

#[test]
fn a_box_is_resized_in_every_orientation() {
    let mut desk = Desk::new();
    desk.tool(Tool::Draw(Kind::Box));
    desk.drag([300.0, 220.0], [360.0, 280.0]);
    let depth = |desk: &Desk| {
        let p = &desk.only().points_mm;
        (p[1] - p[0]).dot(desk.only().placement.normal()).abs()
    };
    let before = depth(&desk);
    let (low, high) = (desk.only().points_mm[0], desk.only().points_mm[1]);
    desk.plane = plane_at(Orientation::Coronal, &desk.volume, (low + high) * 0.5);
    let top = DVec3::new((low.x + high.x) / 2.0, (low.y + high.y) / 2.0, low.z.max(high.z));
    let from = desk.plane.pixel_from_patient(top, SIZE).0;
    desk.drag(from, [from[0], from[1] - 20.0]);
    let grown = depth(&desk) - before;
    assert!((grown - 20.0 * desk.plane.mm_per_pixel(SIZE)).abs() < 1e-6, "{grown}");
    // The section of the view is a rectangle, and leaves with the box.
    let seen = |desk: &Desk| shapes(desk.only(), None, &desk.plane, SIZE, None).len();
    assert!(desk.only().is_on(&desk.plane, 1.0) && seen(&desk) == 1);
    desk.plane.center_mm.y += 80.0;
    assert!(!desk.only().is_on(&desk.plane, 1.0) && seen(&desk) == 0);
}

#[test]
fn a_whole_measurement_by_keyboard() {
    let mut desk = Desk::new();
    desk.tool(Tool::Draw(Kind::Length));
    assert!(!desk.editor.wants_arrows(), "arrows page slices until drawing begins");
    desk.send(Input::Key(Key::Enter));
    assert_eq!(desk.editor.pointer(), Some([320.0, 240.0]));
    desk.send(Input::Key(Key::Enter));
    for _ in 0..4 {
        desk.send(Input::Key(Key::Nudge(10, 0)));
    }
    assert_eq!(desk.editor.draft().map(|draft| draft.points_mm[1]), Some(desk.place([360.0, 240.0])));
    let created = desk.send(Input::Key(Key::Enter)).created;
    close(desk.only().points_mm[1], desk.place([360.0, 240.0]));
    assert_eq!(created, Some(desk.only().id));
    desk.send(Input::Key(Key::Escape));
    assert!(!desk.editor.wants_arrows());
    // To the second handle, which moves pixel by pixel; all of it is one step.
    desk.send(Input::Key(Key::Next));
    desk.send(Input::Key(Key::Next));
    assert_eq!(desk.editor.focus(), Some(1));
    for _ in 0..3 {
        desk.send(Input::Key(Key::Nudge(0, 1)));
    }
    close(desk.only().points_mm[1], desk.place([360.0, 243.0]));
    assert_eq!(desk.undo().as_deref(), Some("Move length"));
    close(desk.only().points_mm[1], desk.place([360.0, 240.0]));
    desk.send(Input::Key(Key::Delete));
    assert!(desk.reading.annotations().is_empty());
    assert_eq!(desk.undo().as_deref(), Some("Delete length"));
    assert_eq!(desk.reading.annotations().len(), 1);
}

#[test]
fn escape_leaves_what_is_being_drawn_or_moved() {
    let mut desk = Desk::new();
    desk.tool(Tool::Draw(Kind::Angle));
    desk.drag([200.0, 200.0], [250.0, 200.0]);
    assert!(desk.editor.is_busy());
    desk.send(Input::Key(Key::Escape));
    assert!(!desk.editor.is_busy() && desk.reading.annotations().is_empty());
    desk.tool(Tool::Draw(Kind::Length));
    desk.drag([200.0, 200.0], [300.0, 200.0]);
    let before = desk.only().clone();
    desk.send(Input::Press { at: [300.0, 200.0] });
    desk.send(Input::Move { at: [400.0, 300.0] });
    assert_ne!(*desk.only(), before);
    desk.send(Input::Key(Key::Escape));
    assert_eq!(*desk.only(), before);
    assert_eq!(desk.history.undo_name(|_| true), Some("Length"));
    // Nothing that cannot be seen is drawn.
    desk.click([50.0, 50.0]);
    desk.click([50.5, 50.0]);
    assert_eq!(desk.reading.annotations().len(), 1);
    desk.send(Input::Press { at: [f64::NAN, 3.0] });
    assert!(!desk.editor.is_busy());
}

#[test]
fn strokes_paint_erase_and_are_taken_back() {
    let mut desk = Desk::new();
    desk.tool(Tool::Brush);
    assert!(desk.drag([300.0, 240.0], [340.0, 240.0]).done.is_none());
    let refused = desk.send(Input::Press { at: [300.0, 240.0] }).refused;
    assert!(refused.is_some_and(|reason| reason.contains("segment")));
    let segment = desk.reading.segmentation("1.2.3").expect("has begun").next_segment().expect("is free");
    let segments: Vec<Segment> = vec![segment];
    let back = desk.reading.apply(Edit::Segments { series: "1.2.3".into(), segments });
    desk.history.push("Add segment", back, 0);
    desk.editor.brush.radius_mm = 4.4;
    desk.drag([300.0, 240.0], [380.0, 240.0]);
    let labelled = |desk: &Desk| {
        let labels = desk.reading.segmentation("1.2.3").expect("is there").labels();
        labels.iter().filter(|&&label| label == 1).count()
    };
    // A capsule of one slice: voxels of 1 mm².
    let length = 80.0 * desk.plane.mm_per_pixel(SIZE);
    let expected = length * 8.8 + std::f64::consts::PI * 4.4 * 4.4;
    let painted = labelled(&desk);
    assert!((painted as f64 - expected).abs() < 0.08 * expected, "{painted} voxels, not {expected}");
    desk.tool(Tool::Eraser);
    desk.drag([300.0, 240.0], [330.0, 240.0]);
    assert!(labelled(&desk) < painted);
    assert_eq!(desk.undo().as_deref(), Some("Erase"));
    assert_eq!(labelled(&desk), painted);
    assert_eq!(desk.undo().as_deref(), Some("Paint"));
    assert_eq!(labelled(&desk), 0);
    assert_eq!(desk.redo().as_deref(), Some("Paint"));
    assert_eq!(labelled(&desk), painted);
    desk.undo();
    // Only values from 100 to 110: columns 100 to 110, which are 11 mm wide.
    desk.tool(Tool::Brush);
    desk.editor.brush.within = Some((100.0, 110.0));
    desk.editor.brush.radius_mm = 20.0;
    let middle = desk.plane.pixel_from_patient(DVec3::new(5.0, 0.0, desk.plane.center_mm.z), SIZE).0;
    desk.click(middle);
    let labels = desk.reading.segmentation("1.2.3").expect("is there").labels();
    let columns: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == 1).map(|i| i % 200).collect();
    assert_eq!((columns.iter().min(), columns.iter().max()), (Some(&100), Some(&110)));
    // Esc in the middle of a stroke leaves nothing of it.
    let before = labelled(&desk);
    desk.send(Input::Press { at: [200.0, 200.0] });
    desk.send(Input::Move { at: [400.0, 200.0] });
    desk.send(Input::Key(Key::Escape));
    assert_eq!(labelled(&desk), before);
}

#[test]
fn a_brush_covers_exactly_the_voxels_within_its_reach_in_any_plane() {
    let geometry = Geometry::from_axes(
        [60, 50, 40],
        DVec3::new(-30.0, 10.0, 5.0),
        [DVec3::X, DVec3::Y, DVec3::Z],
        DVec3::new(1.0, 0.8, 3.0),
    );
    let geometry = geometry.expect("is a grid");
    let segmentation = Segmentation::new(geometry).expect("is small");
    let center = geometry.center_mm();
    let (from, to) = (center + DVec3::new(-4.0, 1.0, 0.0), center + DVec3::new(5.0, -3.0, 0.0));
    let tilted = DVec3::new(0.0, 0.6, 0.8);
    for (right, down) in [(DVec3::X, DVec3::Y), (DVec3::X, DVec3::Z), (DVec3::X, tilted)] {
        let plane = Placement::new(from, right, down).expect("a plane");
        let normal = plane.normal();
        let to = to - normal * (to - from).dot(normal);
        let half_slice = 0.5 / (geometry.voxel_from_patient().matrix3 * normal).abs().max_element();
        for ball in [false, true] {
            let brush = Brush { radius_mm: 9.0, ball, within: None };
            let runs = segmentation.stroke(from, to, &plane, &brush, None);
            let mut found = vec![false; geometry.voxel_count()];
            for run in runs {
                found[run.start as usize..][..run.length as usize].fill(true);
            }
            let [nx, ny, _] = geometry.dims().map(|n| n as usize);
            for (i, found) in found.iter().enumerate() {
                let voxel = DVec3::new((i % nx) as f64, (i / nx % ny) as f64, (i / nx / ny) as f64);
                let place = geometry.patient_from_voxel().transform_point3(voxel);
                let depth = (place - from).dot(normal);
                let flat = if ball { place } else { place - normal * depth };
                let share = ((flat - from).dot(to - from) / (to - from).length_squared()).clamp(0.0, 1.0);
                let far = flat.distance(from + (to - from) * share) - 9.0;
                let deep = if ball { f64::NEG_INFINITY } else { depth.abs() - half_slice };
                // What lies on the edge may be on either side.
                if far.abs() > 1e-6 && deep.abs() > 1e-6 {
                    assert_eq!(*found, far < 0.0 && deep < 0.0, "{voxel} {down} {ball}");
                }
            }
        }
    }
}

#[test]
fn what_is_drawn_is_the_same_for_every_front_end() {
    let mut desk = Desk::new();
    desk.tool(Tool::Draw(Kind::Length));
    desk.drag([200.0, 200.0], [300.0, 200.0]);
    let id: Option<Id> = desk.editor.selected();
    let renamed = desk.reading.renamed(id.expect("is selected"), "  Node\u{7} 1 ").expect("is there");
    desk.reading.apply(renamed);
    let shown = shapes(desk.only(), None, &desk.plane, SIZE, id);
    let [Shape::Line { points, closed: false, dashed: false }, Shape::Text { at, lines }, rest @ ..] =
        &shown[..]
    else {
        panic!("{shown:?}")
    };
    let near = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]) < 1e-6;
    assert!(near(points[0], [200.0, 200.0]) && near(points[1], [300.0, 200.0]) && near(*at, [300.0, 200.0]));
    assert_eq!(lines, &["Node 1"]);
    assert!(matches!(rest, [Shape::Handle { number: 0, .. }, Shape::Handle { number: 1, .. }]));
}
