//! Dates moved by days.

/// How far the dates of a patient are moved.
#[derive(Clone, Copy, Debug)]
pub struct Shift {
    days: i64,
}

impl Shift {
    /// 1 to 3650 days back, by a number that is evenly spread.
    pub fn of(random: u64) -> Self {
        Self { days: -1 - (random % 3650) as i64 }
    }

    /// Values of DA and DT; those that are no dates become empty, other representations stay.
    pub fn apply(self, vr: [u8; 2], bytes: &[u8]) -> Vec<u8> {
        if !matches!(&vr, b"DA" | b"DT") {
            return bytes.to_vec();
        }
        let text = String::from_utf8_lossy(bytes);
        let values = text.split('\\').map(|value| self.moved(value.trim_matches([' ', '\0'])));
        values.collect::<Vec<_>>().join("\\").into_bytes()
    }

    fn moved(self, value: &str) -> String {
        // Dates of before 1993 may have dots.
        let dotted = value.len() == 10 && value.as_bytes()[4] == b'.';
        let value = if dotted { value.replace('.', "") } else { value.to_owned() };
        let number = |range: std::ops::Range<usize>| value.get(range)?.parse::<i64>().ok();
        let (Some(year), Some(month), Some(day)) = (number(0..4), number(4..6), number(6..8)) else {
            return String::new();
        };
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return String::new();
        }
        let (year, month, day) = date_of(days_of(year, month, day) + self.days);
        format!("{year:04}{month:02}{day:02}{}", &value[8..])
    }
}

/// Days since 1 March of year 0 (Gregorian): years begin in March, so that leap days end them.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
}

/// Year, month and day of a day counted from 1 January 1970.
pub fn date_of_unix_day(day: i64) -> (i64, i64, i64) {
    date_of(days_of(1970, 1, 1) + day)
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let year = year + era * 400 + i64::from(month >= 10);
    (year, if month < 10 { month + 3 } else { month - 9 }, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_move_across_months_years_and_leap_days() {
        let shift = Shift { days: -1 };
        for (date, before) in [
            ("20240301", "20240229"),
            ("20230301", "20230228"),
            ("20000101", "19991231"),
            ("1999.12.01", "19991130"),
        ] {
            assert_eq!(shift.apply(*b"DA", date.as_bytes()), before.as_bytes());
        }
        assert_eq!(shift.apply(*b"DT", b"20240301120000.5+0100"), b"20240229120000.5+0100");
        assert_eq!(shift.apply(*b"DA", b"unknown "), b"");
        assert_eq!(shift.apply(*b"TM", b"1200"), b"1200");
        assert_eq!(date_of_unix_day(20_778), (2026, 11, 21));
    }

    #[test]
    fn distances_between_dates_stay() {
        let shift = Shift::of(1234);
        let day = |date: &str| {
            let moved = shift.moved(date);
            let number = |range: std::ops::Range<usize>| moved[range].parse().expect("digits");
            days_of(number(0..4), number(4..6), number(6..8))
        };
        assert_eq!(day("20200315") - day("20200215"), 29);
        assert_eq!(day("21000301") - day("21000228"), 1);
    }
}
