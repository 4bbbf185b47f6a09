//! What other programs make of the files that Voxcast writes. `./x test` installs them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use glam::{DAffine3, DMat3, DVec3};
use volumes::save::Existing;
use volumes::surface::{self, Field};
use volumes::volume::{Meaning, Rescale};
use volumes::volume_file;
use volumes::{Geometry, Progress, Volume, Voxels};

const DIMS: [u32; 3] = [7, 5, 4];

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("voxcast-readers-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("create a folder for the test");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a program prints; `None`, with a word, where it is not installed.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if err.contains("ModuleNotFoundError") {
        eprintln!("skipped: {program} lacks a module: {err}");
        return None;
    }
    assert!(output.status.success(), "{program} {arguments:?}: {out} {err}");
    Some(format!("{out}{err}"))
}

/// Turned about an axis, of three spacings, each voxel of another value.
fn turned(slope: f32) -> Arc<Volume> {
    let spacing = DMat3::from_diagonal(DVec3::new(0.5, 0.75, 2.0));
    let place = DAffine3 {
        matrix3: DMat3::from_rotation_z(0.4) * spacing,
        translation: DVec3::new(-31.25, 18.5, 700.0),
    };
    let geometry = Geometry::new(DIMS, place).expect("a grid");
    let voxels: Arc<[i16]> = (0..DIMS.iter().product::<u32>() as i16).map(|i| 3 * i - 200).collect();
    let rescale = Rescale { slope, intercept: -24.0 };
    Arc::new(Volume::new(geometry, Voxels::I16(voxels), rescale, Meaning::default()).expect("a volume"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of the test")
}

/// Nibabel is a package of the system's own Python. It speaks of the patient's right, front and head
/// (RAS), Voxcast of left, back and head (LPS).
#[test]
fn nibabel_finds_every_voxel_of_a_nifti_where_it_lies() {
    const SCRIPT: &str = "
import sys, nibabel, numpy
image = nibabel.load(sys.argv[1])
values = image.get_fdata()
print(*values.shape, *image.header.get_zooms(), *image.header.get_xyzt_units())
for voxel in ((0, 0, 0), (6, 4, 3), (2, 3, 1)):
    print(*nibabel.affines.apply_affine(image.affine, voxel), *numpy.atleast_1d(values[voxel]))
";
    let folder = Folder::new("nifti");
    let path = folder.0.join("a.nii.gz");
    let times = [turned(1.0), turned(2.0)];
    volume_file::write(&path, &times, Some(2.5), Existing::Refuse).expect("writes");
    let Some(out) = said("/usr/bin/python3", &["-c", SCRIPT, text(&path)]) else { return };
    let mut lines = out.lines();
    let head = lines.next().expect("a line");
    assert!(head.starts_with("7 5 4 2 0.5 0.75 2.0 2.5 mm sec"), "{head}");
    for ([i, j, k], line) in [[0, 0, 0], [6, 4, 3], [2, 3, 1]].into_iter().zip(lines) {
        let numbers: Vec<f64> = line.split(' ').map(|n| n.parse().expect("a number")).collect();
        let at = times[0].geometry().patient_from_voxel().transform_point3(DVec3::new(
            i.into(),
            j.into(),
            k.into(),
        ));
        let found = DVec3::new(-numbers[0], -numbers[1], numbers[2]);
        assert!(found.distance(at) < 1e-4, "{found}, not {at}");
        let stored = f64::from(3 * ((k * 5 + j) * 7 + i) - 200);
        assert_eq!(numbers[3..], [stored - 24.0, 2.0 * stored - 24.0], "voxel {i} {j} {k}");
    }
}

#[test]
fn teem_reads_an_nrrd_as_it_is() {
    let folder = Folder::new("nrrd");
    let path = folder.0.join("a.nrrd");
    volume_file::write(&path, &[turned(1.0)], None, Existing::Refuse).expect("writes");
    let Some(head) = said("teem-unu", &["head", text(&path)]) else { return };
    assert!(head.contains("sizes: 7 5 4") && head.contains("left-posterior-superior"), "{head}");
    let range = said("teem-unu", &["minmax", text(&path)]).expect("it was there");
    assert!(range.contains("min: -224") && range.contains("max: 193"), "{range}");
}

#[test]
fn admesh_finds_nothing_to_mend_in_a_surface() {
    let folder = Folder::new("stl");
    let path = folder.0.join("a.stl");
    let geometry =
        Geometry::new([40, 40, 40], DAffine3::from_translation(DVec3::new(5.0, -8.0, 90.0))).expect("a grid");
    let slice = |k: usize, values: &mut [f32]| {
        for (i, value) in values.iter_mut().enumerate() {
            let at = DVec3::new((i % 40) as f64, (i / 40) as f64, k as f64);
            *value = (12.0 - at.distance(DVec3::splat(20.0))) as f32;
        }
    };
    let field = Field { geometry: &geometry, threshold: 0.0, slice: &slice };
    let mut file = std::fs::File::create(&path).expect("a file");
    let told = surface::write_stl(&mut file, &field, &Progress::default()).expect("a surface");
    drop(file);
    let Some(out) = said("admesh", &[text(&path)]) else { return };
    let number = |name: &str| -> f64 {
        let rest = out.split(name).nth(1).unwrap_or_else(|| panic!("no {name} in {out}"));
        let digits = rest.trim_start().split(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').next();
        digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("{name} of {out}"))
    };
    assert!((number("Volume   :") / told.volume_mm3 - 1.0).abs() < 1e-3, "{out}");
    for nothing in ["Degenerate facets     :", "Edges fixed           :", "Facets reversed       :"] {
        assert_eq!(number(nothing), 0.0, "{out}");
    }
    assert_eq!(number("Number of parts       :"), 1.0, "{out}");
}
