//! Private attributes that are known to hold no identity.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use crate::dicom::dataset::Tag;
use crate::dicom::write::{Element, Set, Value};

/// By group and creator of a block, which last bytes of its elements are safe.
static SAFE: LazyLock<HashMap<(u16, &str), [bool; 256]>> = LazyLock::new(|| {
    let lines = include_str!("private.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(block).collect()
});

/// `GROUP CREATOR: FIRST-LAST …`
fn block(line: &'static str) -> Option<((u16, &'static str), [bool; 256])> {
    let (head, elements) = line.rsplit_once(": ")?;
    let (group, creator) = head.split_once(' ')?;
    let byte = |text| usize::from_str_radix(text, 16).ok().filter(|&n| n < 256);
    let mut safe = [false; 256];
    for range in elements.split(' ') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        safe[byte(first)?..=byte(last)?].fill(true);
    }
    Some(((u16::from_str_radix(group, 16).ok()?, creator), safe))
}

/// The tags of a data set that may stay, and those that say whose they are.
pub fn safe(set: &Set) -> BTreeSet<Tag> {
    let mut tags = BTreeSet::new();
    for (tag, element) in set.iter().filter(|(tag, _)| tag.is_private() && tag.element() >= 0x1000) {
        let creator = Tag::new(tag.group(), tag.element() >> 8);
        let name = set.text(creator).unwrap_or_default();
        let listed = SAFE.get(&(tag.group(), name.as_str()));
        if listed.is_some_and(|safe| safe[usize::from(tag.element() as u8)]) && !hides_items(element) {
            tags.extend([creator, tag]);
        }
    }
    tags
}

/// A sequence whose items cannot be looked through, because its representation was not told.
fn hides_items(element: &Element) -> bool {
    const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];
    matches!(&element.value, Value::Bytes(bytes) if element.vr == *b"UN" && bytes.starts_with(&ITEM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_whole() {
        let lines = include_str!("private.txt").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(SAFE.len(), lines);
        assert_eq!(SAFE.values().flatten().filter(|safe| **safe).count(), 479);
        assert!(SAFE[&(0x2005, "Philips MR Imaging DD 001")][0x0E]);
        assert!(!SAFE[&(0x2001, "Philips Imaging DD 001")][0xC8]);
    }
}
