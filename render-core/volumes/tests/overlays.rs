//! Overlay planes and display shutters against what pydicom finds, and made ones against closed forms.

mod data;
mod made;

use data::data;
use made::{Folder, Slice, load};
use volumes::dicom::{Library, OverlayKind, Series};

fn only(library: Library) -> Series {
    alone(library.studies.into_iter().flat_map(|study| study.series).collect())
}

fn alone(mut series: Vec<Series>) -> Series {
    assert_eq!(series.len(), 1);
    series.remove(0)
}

fn points(covers: impl Fn(i32, i32) -> bool, columns: i32, rows: i32) -> Vec<[i32; 2]> {
    let all = (0..rows).flat_map(|row| (0..columns).map(move |column| [column, row]));
    all.filter(|&[column, row]| covers(column, row)).collect()
}

/// Counts and places as pydicom's `overlay_array` has them.
#[test]
fn bits_of_overlay_data_lie_where_pydicom_finds_them() {
    let Some(root) = data("modalities") else { return };
    for (name, [columns, rows], count, first) in [
        ("luts-overlay-parametric/MR-SIEMENS-DICOM-WithOverlays.dcm", [484, 484], 323, [420, 136]),
        ("rt-sr-ecg-overlay/examples_overlay.dcm", [484, 300], 222, [420, 36]),
    ] {
        let series = only(made::scan(&root.join(name)));
        let overlays = series.overlays(0).expect("readable");
        let [overlay] = &overlays[..] else { panic!("{name}: {}", overlays.len()) };
        let plane = &overlay.plane;
        assert_eq!((plane.group, plane.kind, plane.origin), (0x6000, OverlayKind::Graphics, [0, 0]));
        assert_eq!(plane.dims, [columns, rows].map(|n: i32| n as u32), "{name}");
        assert_eq!(plane.description, "Siemens MedCom Object Graphics");
        let set = points(|c, r| overlay.covers(c, r), columns, rows);
        assert_eq!((set.len(), set[0], overlay.count()), (count, first, count as u64), "{name}");
        let found = series.report().found;
        let line = "overlay 6000 \u{201C}Siemens MedCom Object Graphics\u{201D} lies over the image: ";
        assert!(found.iter().any(|said| said.starts_with(line)), "{found:?}");
    }
}

/// An overlay plane of group 60xx.
fn plane(slice: Slice, group: u32, [columns, rows]: [u16; 2], [row, column]: [i16; 2]) -> Slice {
    let at = |element: u32| group << 16 | element;
    slice
        .us(at(0x0010), rows)
        .us(at(0x0011), columns)
        .text(at(0x0040), b"CS", "R")
        .element(at(0x0050), b"SS", &[row.to_le_bytes(), column.to_le_bytes()].concat())
        .us(at(0x0100), 1)
        .us(at(0x0102), 0)
}

#[test]
fn planes_lie_at_their_origin_and_may_reach_outside() {
    let folder = Folder::new("overlay-origin");
    // 3 columns, 2 rows: x.x / .xx, its first bit one column left of the image and on its third row.
    let slice = plane(Slice::new(1, 0.0, 0), 0x6002, [3, 2], [3, 0]);
    let slice = slice.element(0x6002_3000, b"OW", &[0b11_0101, 0]).text(0x6002_1500, b"LO", "Lesion");
    plane(slice, 0x601E, [4, 4], [-1, 4]).element(0x601E_3000, b"OW", &[0xFF, 0xFF]).write(&folder, "a");
    let series = alone(folder.series());
    let overlays = series.overlays(0).expect("readable");
    assert_eq!(overlays.iter().map(|o| o.plane.group).collect::<Vec<_>>(), [0x6002, 0x601E]);
    assert_eq!((overlays[0].plane.kind, overlays[0].plane.label.as_str()), (OverlayKind::Region, "Lesion"));
    assert_eq!(points(|c, r| overlays[0].covers(c, r), 4, 4), [[1, 2], [0, 3], [1, 3]]);
    assert!(overlays[0].covers(-1, 2));
    assert_eq!(points(|c, r| overlays[1].covers(c, r), 4, 4), [[3, 0], [3, 1]]);
}

#[test]
fn frames_of_an_overlay_lie_over_the_frames_they_name() {
    let folder = Folder::new("overlay-frames");
    let frames = |slice: Slice| {
        slice.text(0x0028_0008, b"IS", "4").pixels(4, 16, &[0; 64]).us(0x0028_0010, 4).without(0x0020_0032)
    };
    // Two frames of 3 by 3 bits over frames 2 and 3: the second begins within a byte.
    let slice = plane(frames(Slice::new(1, 0.0, 0)), 0x6000, [3, 3], [1, 1])
        .text(0x6000_0015, b"IS", "2")
        .us(0x6000_0051, 2)
        .element(0x6000_3000, b"OW", &[0b0000_0001, 0b0000_0100, 0b10, 0]);
    // One without a frame lies over all of them.
    plane(slice, 0x6004, [2, 1], [1, 1]).element(0x6004_3000, b"OW", &[0b10, 0]).write(&folder, "a");
    let series = alone(folder.series());
    let set = |slice: usize, group: u16| {
        let overlays = series.overlays(slice).expect("readable");
        let found = overlays.iter().find(|overlay| overlay.plane.group == group);
        found.map(|overlay| points(|c, r| overlay.covers(c, r), 4, 4))
    };
    assert_eq!([0, 3].map(|slice| set(slice, 0x6000)), [None, None]);
    assert_eq!(set(1, 0x6000), Some(vec![[0, 0]]));
    // Bits 9 to 17: bits 10 and 17 of the bytes are its second and ninth.
    assert_eq!(set(2, 0x6000), Some(vec![[1, 0], [2, 2]]));
    for slice in 0..4 {
        assert_eq!(set(slice, 0x6004), Some(vec![[1, 0]]));
    }
    let images: Vec<usize> = series.all_overlay_planes().iter().map(|(_, images)| *images).collect();
    assert_eq!(images, [2, 4]);
}

/// Values of 12 bits with overlays in bits 12 and 15, and with the values in the upper bits in bit 0.
#[test]
fn bits_beside_the_values_are_overlays_and_no_part_of_the_values() {
    let folder = Folder::new("overlay-embedded");
    let sample = |i: u16| (i * 100) | ((i & 1) << 12) | (u16::from(i == 5) << 15);
    let values: Vec<i16> = (0..16).map(|i| sample(i) as i16).collect();
    let embedded = |slice: Slice, group: u32, bit: u16| {
        plane(slice, group, [4, 4], [1, 1]).us(group << 16 | 0x0100, 16).us(group << 16 | 0x0102, bit)
    };
    let slice = Slice::new(1, 0.0, 0).pixels(4, 4, &values);
    let slice = slice.us(0x0028_0101, 12).us(0x0028_0102, 11).us(0x0028_0103, 0);
    let slice = embedded(embedded(embedded(slice, 0x6000, 12), 0x6002, 15), 0x6004, 3);
    slice.write(&folder, "a");
    let series = alone(folder.series());
    let overlays = series.overlays(0).expect("readable");
    assert_eq!(overlays.len(), 2);
    let odd = |c: i32, _| c % 2 == 1;
    assert_eq!(points(|c, r| overlays[0].covers(c, r), 4, 4), points(odd, 4, 4));
    assert_eq!(points(|c, r| overlays[1].covers(c, r), 4, 4), [[1, 1]]);
    let unknown = series.report().unknown;
    assert!(unknown.iter().any(|said| said.starts_with("overlay 6004") && said.contains("left out")));
    let volume = load(&series).volume;
    let value = |i: u32| volume.value_at([i % 4, i / 4, 0]).expect("inside");
    assert!((0..16).all(|i| value(i) == i as f32 * 100.0));

    let folder = Folder::new("overlay-embedded-low");
    let values: Vec<i16> = (0..16u16).map(|i| (i << 4 | u16::from(i > 11)) as i16).collect();
    let slice = Slice::new(1, 0.0, 0).pixels(4, 4, &values);
    let slice = slice.us(0x0028_0101, 12).us(0x0028_0102, 15).us(0x0028_0103, 0);
    embedded(slice, 0x6000, 0).write(&folder, "a");
    let series = alone(folder.series());
    assert_eq!(series.overlays(0).expect("readable")[0].count(), 4);
    assert_eq!(load(&series).volume.value_range(), (0.0, 15.0));
}

#[test]
fn planes_with_too_few_bits_are_told_and_left_out() {
    let folder = Folder::new("overlay-short");
    let slice = plane(Slice::new(1, 0.0, 0), 0x6000, [65_535, 65_535], [1, 1]);
    slice.element(0x6000_3000, b"OW", &[0xFF; 2]).write(&folder, "a");
    let series = alone(folder.series());
    assert!(series.overlays(0).expect("readable").is_empty());
    let unknown = series.report().unknown;
    assert!(unknown.iter().any(|said| said.contains("fewer bits than its rows and columns")), "{unknown:?}");
}

#[test]
fn shutters_leave_what_lies_inside_all_of_them() {
    let folder = Folder::new("shutters");
    let rectangle = [(0x0018_1602, "2"), (0x0018_1604, "3"), (0x0018_1606, "1"), (0x0018_1608, "2")];
    let circle = [(0x0018_1610, "2\\3"), (0x0018_1612, "1")];
    let both = [&rectangle[..], &circle[..]].concat();
    let shapes = [
        ("RECTANGULAR", &rectangle[..], vec![[1, 0], [2, 0], [1, 1], [2, 1]]),
        ("CIRCULAR", &circle[..], vec![[2, 0], [1, 1], [2, 1], [3, 1], [2, 2]]),
        (
            "POLYGONAL",
            &[(0x0018_1620, "1\\1\\4\\1\\4\\4")][..],
            vec![[0, 0], [0, 1], [1, 1], [0, 2], [1, 2], [2, 2], [0, 3], [1, 3], [2, 3], [3, 3]],
        ),
        ("RECTANGULAR\\CIRCULAR", &both[..], vec![[2, 0], [1, 1], [2, 1]]),
    ];
    for (shape, changes, seen) in shapes {
        let slice = Slice::new(1, 0.0, 0).text(0x0018_1600, b"CS", shape).us(0x0018_1622, 0x8000);
        let with = |slice: Slice, &(tag, value): &(u32, &str)| slice.text(tag, b"IS", value);
        changes.iter().fold(slice, with).write(&folder, "a");
        let series = alone(folder.series());
        let shutters = series.shutters(0).expect("shutters");
        assert_eq!(points(|c, r| !shutters.hides(c, r), 4, 4), seen, "{shape}");
        assert!((shutters.brightness - 0.5).abs() < 1e-4);
        assert!(series.report().found.iter().any(|said| said.contains("shutter")));
    }
    let slice = Slice::new(1, 0.0, 0).text(0x0018_1600, b"CS", "BITMAP").us(0x0018_1623, 0x6000);
    slice.write(&folder, "a");
    assert_eq!(alone(folder.series()).shutters(0).expect("shutters").bitmap_group, Some(0x6000));
}
