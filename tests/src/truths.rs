//! Closed-form checks: what a picture must be, from the formula that made its volume. They test the
//! reference as strictly as the back ends that are compared with it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use glam::DVec3;
use render_core::render::{RenderParams, Renderer, Sampling};
use render_core::scene::TransferFunction;
use render_core::scene::camera::Projection;
use render_core::scene::preset::{Preset, Shading};
use render_core::scene::view::{Combine, Content, Orientation, Slab, ViewState};
use render_core::{Frame, ValueImage, Volume};

use crate::cases::{oblique, view};
use crate::phantoms::{self, BALL_MAXIMUM_HU, BALL_RADIUS_MM, BALL_SURFACE_HU, BEACON_MM, Storage, ramp_hu};

#[derive(Debug)]
pub struct Truth {
    pub name: &'static str,
    pub check: fn(On<'_>) -> Result<(), String>,
}

/// What draws, and how it is to sample.
#[derive(Clone, Copy, Debug)]
pub struct On<'a> {
    pub renderer: &'a Renderer,
    pub sampling: Sampling,
}

pub const TRUTHS: &[Truth] = &[
    Truth { name: "mip-of-a-ball-is-its-maximum", check: mip_of_a_ball },
    Truth { name: "slice-of-a-ramp-is-the-ramp", check: slice_of_a_ramp },
    Truth { name: "slab-of-a-ramp-is-the-ramp-at-middle-and-faces", check: slab_of_a_ramp },
    Truth { name: "isosurface-of-a-ball-covers-its-outline", check: outline_of_a_ball },
    Truth { name: "isosurface-of-a-ball-faces-the-light-in-the-middle", check: light_on_a_ball },
    Truth { name: "isosurface-of-a-thin-shell-covers-its-outline-without-a-hole", check: outline_of_a_shell },
    Truth {
        name: "a-thin-shell-has-its-exact-opacity-at-every-phase-of-the-samples",
        check: opacity_of_a_shell,
    },
    Truth { name: "mean-along-rays-through-a-thin-shell-is-its-integral", check: mean_of_a_shell },
    Truth { name: "opaque-matter-hides-what-is-behind", check: beacon_is_seen_from_its_side_only },
    Truth { name: "front-view-shows-patient-left-at-right", check: front_view },
    Truth { name: "slices-follow-the-radiological-convention", check: slices_are_radiological },
];

/// Rounding of positions in 32-bit floats, times the ramp's 6 HU a mm.
const RAMP_TOLERANCE_HU: f64 = 0.05;

impl On<'_> {
    fn params(self, view: &ViewState, volume: &Volume) -> RenderParams {
        RenderParams { sampling: self.sampling, ..render_core::render::resolve(view, volume) }
    }

    fn render(self, volume: &Arc<Volume>, view: &ViewState) -> Result<Frame, String> {
        let params = self.params(view, volume);
        self.renderer.render(volume, &params, &AtomicBool::new(false)).map_err(|e| e.to_string())
    }

    fn values(self, volume: &Arc<Volume>, view: &ViewState) -> Result<ValueImage, String> {
        let params = self.params(view, volume);
        self.renderer.values(volume, &params, &AtomicBool::new(false)).map_err(|e| e.to_string())
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn mip_of_a_ball(on: On<'_>) -> Result<(), String> {
    for storage in [Storage::U16, Storage::I16, Storage::U8, Storage::F32] {
        let volume = phantoms::ball(storage);
        let mut view = view(&volume, Content::MIP, Orientation::Axial);
        view.camera.azimuth(20.0);
        let image = on.values(&volume, &view)?;
        let highest = image.values.iter().copied().fold(f32::NAN, f32::max);
        ensure((highest - BALL_MAXIMUM_HU).abs() <= 0.01, || {
            format!("{storage:?}: the highest value is {highest}, not {BALL_MAXIMUM_HU}")
        })?;
        let middle = image.values[image.values.len() / 2 + image.size[0] as usize / 2];
        ensure((middle - BALL_MAXIMUM_HU).abs() <= 0.01, || {
            format!("{storage:?}: the value in the middle is {middle}, not {BALL_MAXIMUM_HU}")
        })?;
        ensure(image.values[0].is_nan(), || "the corner is not outside the volume".into())?;
    }
    Ok(())
}

/// Compares each pixel whose ray stays well inside the volume with `expected` at its patient
/// position.
fn compare_with_formula(
    on: On<'_>,
    volume: &Arc<Volume>,
    view: &ViewState,
    margin_mm: f64,
    expected: impl Fn(DVec3) -> f64,
) -> Result<(), String> {
    let image = on.values(volume, view)?;
    let last = DVec3::from(volume.geometry().dims().map(|n| f64::from(n) - 1.0));
    let margin = margin_mm / volume.geometry().spacing_mm();
    let mut compared = 0;
    for row in 0..image.size[1] {
        for column in 0..image.size[0] {
            let middle = [f64::from(column) + 0.5, f64::from(row) + 0.5];
            let point = view.plane.patient_from_pixel(middle, view.size);
            let voxel = volume.geometry().voxel_from_patient().transform_point3(point);
            if voxel.cmplt(margin).any() || voxel.cmpgt(last - margin).any() {
                continue;
            }
            compared += 1;
            let found = f64::from(image.values[(row * image.size[0] + column) as usize]);
            let wanted = expected(point);
            ensure((found - wanted).abs() <= RAMP_TOLERANCE_HU, || {
                format!("pixel ({column}, {row}) at {point} mm is {found} HU, not {wanted}")
            })?;
        }
    }
    ensure(compared > 3_000, || format!("only {compared} pixels could be compared"))
}

fn slice_of_a_ramp(on: On<'_>) -> Result<(), String> {
    for volume in [phantoms::ramp(), phantoms::sheared_ramp()] {
        for orientation in [Orientation::Axial, Orientation::Coronal, Orientation::Sagittal] {
            let view = view(&volume, Content::Slice, orientation);
            compare_with_formula(on, &volume, &view, 0.01, ramp_hu)?;
        }
        compare_with_formula(on, &volume, &oblique(&volume), 0.01, ramp_hu)?;
    }
    Ok(())
}

fn slab_of_a_ramp(on: On<'_>) -> Result<(), String> {
    const THICKNESS_MM: f64 = 7.0;
    let volume = phantoms::sheared_ramp();
    let plane = oblique(&volume).plane;
    let normal = plane.right.cross(plane.down);
    // Over the slab a linear function runs from one face to the other.
    let half = (ramp_hu(normal * THICKNESS_MM / 2.0) - ramp_hu(DVec3::ZERO)).abs();
    for (combine, offset) in [(Combine::Mean, 0.0), (Combine::Maximum, half), (Combine::Minimum, -half)] {
        let slab = Slab { thickness_mm: THICKNESS_MM, combine };
        let view = ViewState { slab, plane, ..view(&volume, Content::Slice, Orientation::Axial) };
        compare_with_formula(on, &volume, &view, THICKNESS_MM, |p| ramp_hu(p) + offset)?;
    }
    Ok(())
}

fn outline_of_a_ball(on: On<'_>) -> Result<(), String> {
    for volume in [phantoms::ball(Storage::F32), phantoms::sheared_ball()] {
        let mut view = view(&volume, Content::Isosurface(BALL_SURFACE_HU), Orientation::Axial);
        // Close enough that a parallel projection would be off by several per cent.
        view.camera.distance_mm = 110.0;
        view.camera.azimuth(40.0);
        view.camera.elevation(25.0);
        view.camera.zoom = 0.75;
        let frame = on.render(&volume, &view)?;
        let covered = frame.pixels.chunks_exact(4).filter(|p| p[..3] != [0, 0, 0]).count() as f64;
        // Rays that graze a ball of radius R at distance D leave the line of sight by asin(R / D).
        let distance = view.camera.distance_mm;
        let radius_at_unit_distance = BALL_RADIUS_MM / (distance.powi(2) - BALL_RADIUS_MM.powi(2)).sqrt();
        let pixels_per_unit = f64::from(view.size[1]) / (2.0 * view.camera.half_height());
        let wanted = std::f64::consts::PI * (radius_at_unit_distance * pixels_per_unit).powi(2);
        ensure((covered / wanted - 1.0).abs() < 0.01, || {
            format!("the ball covers {covered} pixels, its outline {wanted:.0}")
        })?;
    }
    Ok(())
}

fn light_on_a_ball(on: On<'_>) -> Result<(), String> {
    let volume = phantoms::sheared_ball();
    let mut view = view(&volume, Content::Isosurface(BALL_SURFACE_HU), Orientation::Axial);
    view.camera.azimuth(70.0);
    view.camera.elevation(-35.0);
    view.camera.zoom = 1.0;
    // Without a highlight no colour is clipped to white.
    view.shading.specular = 0.0;
    let frame = on.render(&volume, &view)?;
    let [width, height] = frame.size;
    // Where the surface faces the viewer it has its full colour; the whole ball is darker outwards.
    let red = |column: u32, row: u32| f64::from(frame.pixels[((row * width + column) * 4) as usize]);
    let full = 255.0 * 0.92 * f64::from(view.shading.ambient + view.shading.diffuse);
    let middle = red(width / 2, height / 2);
    ensure((middle - full).abs() < 3.0, || format!("the middle is {middle}, not {full:.0}"))?;
    let radius_mm_at_center = BALL_RADIUS_MM * 0.7;
    let mm_per_pixel = 2.0 * view.camera.distance_mm * view.camera.half_height() / f64::from(height);
    let off = (radius_mm_at_center / mm_per_pixel) as u32;
    let around = [
        red(width / 2 - off, height / 2),
        red(width / 2 + off, height / 2),
        red(width / 2, height / 2 - off),
        red(width / 2, height / 2 + off),
    ];
    let (low, high) = around.iter().fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    // A gradient taken in voxels instead of millimetres would tilt the light by tens of levels.
    ensure(high - low < 8.0 && high < middle - 20.0, || {
        format!("around the middle ({middle}) the ball is lit unevenly: {around:?}")
    })
}

/// HU halfway up the wall of the shell, and how far from the centre its outer side has them.
const SHELL_WALL_HU: f32 = -100.0;
const SHELL_OUTER_MM: f64 = 37.0;

fn outline_of_a_shell(on: On<'_>) -> Result<(), String> {
    let volume = phantoms::shell();
    let mut view = view(&volume, Content::Isosurface(SHELL_WALL_HU), Orientation::Axial);
    view.camera.projection = Projection::Parallel;
    view.camera.azimuth(40.0);
    view.camera.elevation(25.0);
    let frame = on.render(&volume, &view)?;
    let mm = 2.0 * view.camera.distance_mm * view.camera.half_height() / f64::from(view.size[1]);
    let (mut inside, mut outside) = (0, 0);
    for (index, pixel) in frame.pixels.chunks_exact(4).enumerate() {
        let [column, row] = [index as u32 % frame.size[0], index as u32 / frame.size[0]];
        let off = [(column, frame.size[0]), (row, frame.size[1])]
            .map(|(at, size)| f64::from(at) + 0.5 - f64::from(size) / 2.0);
        let off_mm = off[0].hypot(off[1]) * mm;
        let is_covered = pixel[..3] != [0, 0, 0];
        // Between voxels 1.5 mm apart the wall is where the formula says but for a quarter of that.
        inside += u32::from(off_mm < SHELL_OUTER_MM - 0.4 && !is_covered);
        outside += u32::from(off_mm > SHELL_OUTER_MM + 0.4 && is_covered);
    }
    ensure((inside, outside) == (0, 0), || {
        format!("{inside} pixels inside the outline show no wall, {outside} outside show one")
    })
}

fn opacity_of_a_shell(on: On<'_>) -> Result<(), String> {
    // Along the line of sight the value rises by 100 a mm; a peak 60 wide falls between samples.
    let volume = phantoms::volume(phantoms::upright([24; 3], DVec3::ONE), Storage::F32, |p| 100.0 * p.y);
    let mut view = view(&volume, Content::Volume, Orientation::Axial);
    let white = vec![(-2000.0, [1.0; 3]), (2000.0, [1.0; 3])];
    let peak = vec![(0.0, 0.0), (30.0, 0.6), (60.0, 0.0)];
    view.transfer = TransferFunction::new(white, peak).map_err(|e| e.to_string())?;
    view.shading = Shading { ambient: 1.0, diffuse: 0.0, specular: 0.0, specular_power: 1 };
    view.camera.projection = Projection::Parallel;
    view.pre_integrated = true;
    let extinction = |value: f64| -(1.0 - f64::from(view.transfer.opacity(value as f32))).ln();
    let through: f64 = (0..6000).map(|i| extinction(f64::from(i) / 100.0) / 100.0 / 100.0).sum();
    let exact = 255.0 * (1.0 - (-through).exp());
    for phase in 0..16 {
        view.camera.distance_mm = 500.0 + f64::from(phase) / 16.0;
        let frame = on.render(&volume, &view)?;
        let middle = (frame.size[1] / 2 * frame.size[0] + frame.size[0] / 2) as usize;
        let found = f64::from(frame.pixels[4 * middle]);
        ensure(exact > 20.0 && (found - exact).abs() < 0.03 * exact, || {
            format!("phase {phase}: the shell is {found} bright, not {exact:.1}")
        })?;
    }
    Ok(())
}

fn mean_of_a_shell(on: On<'_>) -> Result<(), String> {
    let volume = phantoms::shell();
    let mut view = view(&volume, Content::Projection(Combine::Mean), Orientation::Axial);
    view.camera.projection = Projection::Parallel;
    view.step_voxels = 0.25;
    let image = on.values(&volume, &view)?;
    let mm = 2.0 * view.camera.distance_mm * view.camera.half_height() / f64::from(view.size[1]);
    let (mut sum, mut wanted) = (0.0, 0.0);
    for row in 0..image.size[1] {
        for column in 0..image.size[0] {
            let off = [(column, image.size[0]), (row, image.size[1])]
                .map(|(at, size)| f64::from(at) + 0.5 - f64::from(size) / 2.0);
            let off_mm = off[0].hypot(off[1]) * mm;
            if off_mm > 25.0 {
                continue;
            }
            // The formula along the same ray, through the grid from face to face.
            let half_mm = 1.5 * 59.0 / 2.0;
            let steps = 2000;
            let along = |i: i32| half_mm * (2.0 * (f64::from(i) + 0.5) / f64::from(steps) - 1.0);
            let value = |i| phantoms::shell_hu(DVec3::new(off_mm, along(i), 0.0)) + 1000.0;
            wanted += (0..steps).map(value).sum::<f64>() / f64::from(steps);
            sum += f64::from(image.values[(row * image.size[0] + column) as usize]) + 1000.0;
        }
    }
    ensure((sum / wanted - 1.0).abs() < 0.01, || {
        format!("rays through the shell have {:.4} of its integral", sum / wanted)
    })
}

/// Sum of red, and its centre in pixels from the middle of the picture (right, down).
fn weight(frame: &Frame) -> (f64, [f64; 2]) {
    let [width, height] = frame.size;
    let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
    for (index, pixel) in frame.pixels.chunks_exact(4).enumerate() {
        let (column, row) = (index as u32 % width, index as u32 / width);
        let red = f64::from(pixel[0]);
        sum += red;
        x += red * (f64::from(column) + 0.5 - f64::from(width) / 2.0);
        y += red * (f64::from(row) + 0.5 - f64::from(height) / 2.0);
    }
    (sum, [x / sum, y / sum])
}

fn beacon_is_seen_from_its_side_only(on: On<'_>) -> Result<(), String> {
    // A wall of bone behind the beacon, as seen from the front.
    let volume = phantoms::volume(phantoms::upright([60, 50, 56], DVec3::splat(1.5)), Storage::I16, |p| {
        if p.y > 20.0 { 300.0 } else { phantoms::beacon_hu(p) }
    });
    let view = |degrees| {
        let mut view = view(&volume, Content::Isosurface(500.0), Orientation::Axial);
        view.camera.azimuth(degrees);
        view
    };
    let front = weight(&on.render(&volume, &view(0.0))?).0;
    let back = weight(&on.render(&volume, &view(180.0))?).0;
    ensure(front > 10_000.0 && back > 10_000.0, || "a surface hides nothing below its value".into())?;
    let opaque = |degrees| {
        let mut view = view(degrees);
        view.content = Content::Volume;
        view.apply_preset(Preset::find("CT_Bone").expect("the preset is built in"), &volume);
        view.set_window(render_core::Window::clamped(250.0, 20.0));
        view
    };
    // From behind, the wall covers the beacon, whose white would shine out of the wall's grey.
    let whitest = |frame: &Frame| frame.pixels.chunks_exact(4).map(|p| p[2]).max().unwrap_or(0);
    let without_highlight = |degrees| {
        let mut view = opaque(degrees);
        view.shading.specular = 0.0;
        view
    };
    let front = whitest(&on.render(&volume, &without_highlight(0.0))?);
    let back = whitest(&on.render(&volume, &without_highlight(180.0))?);
    ensure(front > back + 10, || format!("blue reaches {front} from the front, {back} from behind"))
}

fn front_view(on: On<'_>) -> Result<(), String> {
    let volume = phantoms::beacon();
    for content in [Content::Volume, Content::MIP, Content::Isosurface(0.0)] {
        let view = view(&volume, content, Orientation::Axial);
        let (_, [x, y]) = weight(&on.render(&volume, &view)?);
        // The beacon is on the patient's left and towards the head, at its true place in the
        // perspective of the camera.
        let camera = &view.camera;
        let (right, up, forward) = camera.axes();
        let offset = BEACON_MM - camera.position_mm();
        let per_unit = f64::from(view.size[1]) / (2.0 * camera.half_height()) / offset.dot(forward);
        let wanted = [offset.dot(right) * per_unit, -offset.dot(up) * per_unit];
        ensure(wanted[0] > 20.0 && wanted[1] < -20.0, || {
            format!("the front view looks from elsewhere: {wanted:?}")
        })?;
        ensure((x - wanted[0]).hypot(y - wanted[1]) < 2.0, || {
            format!("{content:?}: the beacon is at ({x:.1}, {y:.1}) from the middle, not {wanted:.1?}")
        })?;
    }
    Ok(())
}

fn slices_are_radiological(on: On<'_>) -> Result<(), String> {
    let volume = phantoms::beacon();
    // Patient left is at the right; the back is down in axial slices, the head up in the others, and
    // a sagittal slice shows the front at the left.
    let cases = [
        (Orientation::Axial, [BEACON_MM.x, BEACON_MM.y]),
        (Orientation::Coronal, [BEACON_MM.x, -BEACON_MM.z]),
        (Orientation::Sagittal, [BEACON_MM.y, -BEACON_MM.z]),
    ];
    for (orientation, [right_mm, down_mm]) in cases {
        let mut view = view(&volume, Content::Slice, orientation);
        let along = view.plane.scroll_direction();
        view.plane.center_mm += along * (BEACON_MM - view.plane.center_mm).dot(along);
        view.window = render_core::Window::from_range(-500.0, 1000.0);
        let (sum, [x, y]) = weight(&on.render(&volume, &view)?);
        ensure(sum > 10_000.0, || format!("{orientation:?}: the beacon is not in its slice"))?;
        let mm = view.plane.mm_per_pixel(view.size);
        ensure((x * mm - right_mm).hypot(y * mm - down_mm) < 0.5, || {
            format!(
                "{orientation:?}: the beacon is at ({:.1}, {:.1}) mm, not ({right_mm}, {down_mm})",
                x * mm,
                y * mm
            )
        })?;
    }
    Ok(())
}
