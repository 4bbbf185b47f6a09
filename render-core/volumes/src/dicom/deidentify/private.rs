//! Private attributes that are known to hold no identity.

use std::collections::BTreeSet;

use crate::dicom::dataset::Tag;
use crate::dicom::write::Set;

/// Group, the creator of the block, and the last byte of the element (PS3.15 table E.3.10-1).
const SAFE: [(u16, &str, u8); 30] = [
    (0x0019, "GEMS_ACQU_01", 0x23),
    (0x0019, "GEMS_ACQU_01", 0x24),
    (0x0019, "GEMS_ACQU_01", 0x27),
    (0x0019, "GEMS_ACQU_01", 0x9E),
    (0x0019, "SIEMENS MR HEADER", 0x0C),
    (0x0019, "SIEMENS MR HEADER", 0x0D),
    (0x0019, "SIEMENS MR HEADER", 0x0E),
    (0x0019, "SIEMENS MR HEADER", 0x27),
    (0x0025, "GEMS_SERS_01", 0x07),
    (0x0043, "GEMS_PARM_01", 0x27),
    (0x0043, "GEMS_PARM_01", 0x39),
    (0x0043, "GEMS_PARM_01", 0x6F),
    (0x0045, "GEMS_HELIOS_01", 0x01),
    (0x0045, "GEMS_HELIOS_01", 0x02),
    (0x00E1, "ELSCINT1", 0x21),
    (0x00E1, "ELSCINT1", 0x50),
    (0x01E1, "ELSCINT1", 0x26),
    (0x01F1, "ELSCINT1", 0x01),
    (0x01F1, "ELSCINT1", 0x07),
    (0x01F1, "ELSCINT1", 0x26),
    (0x01F1, "ELSCINT1", 0x27),
    (0x2001, "Philips Imaging DD 001", 0x03),
    (0x2001, "Philips Imaging DD 001", 0x04),
    (0x2005, "Philips MR Imaging DD 001", 0x0D),
    (0x2005, "Philips MR Imaging DD 001", 0x0E),
    (0x2005, "Philips MR Imaging DD 001", 0xB0),
    (0x2005, "Philips MR Imaging DD 001", 0xB1),
    (0x2005, "Philips MR Imaging DD 001", 0xB2),
    (0x7053, "Philips PET Private Group", 0x00),
    (0x7053, "Philips PET Private Group", 0x09),
];

/// The tags of a data set that may stay, and those that say whose they are.
pub fn safe(set: &Set) -> BTreeSet<Tag> {
    let mut tags = BTreeSet::new();
    for (tag, _) in set.iter().filter(|(tag, _)| tag.is_private() && tag.element() >= 0x1000) {
        let creator = Tag::new(tag.group(), tag.element() >> 8);
        let name = set.text(creator).unwrap_or_default();
        let last = tag.element() as u8;
        if SAFE
            .iter()
            .any(|&(group, maker, element)| group == tag.group() && maker == name && element == last)
        {
            tags.extend([creator, tag]);
        }
    }
    tags
}
