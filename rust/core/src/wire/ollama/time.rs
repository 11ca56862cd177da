//! Times as Ollama writes them, to and from Unix seconds.
//!
//! Invariant: what [`push`] writes, [`read`] reads as the same second; a time before 1970 or after 9999 is
//! no time that is known. Source: RFC 3339, section 5.6.

/// Go's zero time, which stands for a time that is not known.
const UNKNOWN: &str = "0001-01-01T00:00:00Z";
const DAY_S: u64 = 86_400;
/// 9999-12-31T23:59:59Z, the last second that has a name.
const MAX_S: u64 = 253_402_300_799;

/// Appends the time `unix_s`, without quotes; 0 is a time that is not known.
pub(super) fn push(out: &mut Vec<u8>, unix_s: u64) {
    if unix_s == 0 || unix_s > MAX_S {
        out.extend_from_slice(UNKNOWN.as_bytes());
        return;
    }
    let (year, month, day) = date(unix_s / DAY_S);
    let of_day = unix_s % DAY_S;
    for (value, width, behind) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (of_day / 3_600, 2, b':'),
        (of_day / 60 % 60, 2, b':'),
        (of_day % 60, 2, b'Z'),
    ] {
        push_padded(out, value, width);
        out.push(behind);
    }
}

/// Unix seconds of a time, its fraction cut off; 0 when it is none, or before 1970.
pub(super) fn read(text: &str) -> u64 {
    instant(text.as_bytes()).and_then(|unix_s| u64::try_from(unix_s).ok()).unwrap_or(0)
}

fn push_padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value);
    for _ in digits.len()..width {
        out.push(b'0');
    }
    out.extend_from_slice(digits.as_bytes());
}

/// Year, month and day of a count of days since 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Years begin on 1 March here, so that the leap day is the last of its year; 719 468 days lie between
    // 0000-03-01 and 1970-01-01, and 146 097 are in 400 years.
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

/// Days since 1970-01-01 of a date, which may lie before it.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn instant(text: &[u8]) -> Option<i64> {
    let year = digits(text, 0, 4)?;
    let month = digits(text, 5, 2)?;
    let day = digits(text, 8, 2)?;
    let of_day = digits(text, 11, 2)? * 3_600 + digits(text, 14, 2)? * 60 + digits(text, 17, 2)?;
    let marks = [text.get(4)?, text.get(7)?, text.get(10)?, text.get(13)?, text.get(16)?];
    let apart = matches!(marks, [b'-', b'-', b'T' | b't' | b' ', b':', b':']);
    if !apart || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let mut zone = text.get(19..)?;
    if let Some((b'.', fraction)) = zone.split_first() {
        zone = fraction.get(fraction.iter().take_while(|byte| byte.is_ascii_digit()).count()..)?;
    }
    let sign = match (zone.first()?, zone.len()) {
        (b'Z' | b'z', 1) => return Some(days(year, month, day) * 86_400 + of_day),
        (b'+', 6) => 1,
        (b'-', 6) => -1,
        _ => return None,
    };
    let east = sign * (digits(zone, 1, 2)? * 3_600 + digits(zone, 4, 2)? * 60);
    Some(days(year, month, day) * 86_400 + of_day - east)
}

fn digits(text: &[u8], at: usize, count: usize) -> Option<i64> {
    text.get(at..at + count)?
        .iter()
        .try_fold(0, |value, &byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::{MAX_S, push, read};

    fn written(unix_s: u64) -> String {
        let mut out = Vec::new();
        push(&mut out, unix_s);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_seconds_have_their_names() {
        for (unix_s, name) in [
            (1, "1970-01-01T00:00:01Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_691_176_965, "2023-08-04T19:22:45Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (MAX_S, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(written(unix_s), name);
            assert_eq!(read(name), unix_s);
        }
    }

    #[test]
    fn fractions_are_cut_and_zones_are_applied() {
        assert_eq!(read("2023-08-04T08:52:19.385406455-07:00"), 1_691_164_339);
        assert_eq!(read("2023-08-04T15:52:19.385406Z"), 1_691_164_339);
        assert_eq!(read("2023-08-04T21:22:19+05:30"), 1_691_164_339);
    }

    #[test]
    fn every_day_of_a_long_time_is_read_back() {
        for day in 1..200_000_u64 {
            let unix_s = day * 86_400 + day % 86_400;
            assert_eq!(read(&written(unix_s)), unix_s);
        }
    }

    #[test]
    fn what_is_no_time_is_not_known() {
        for text in
            ["", "now", "2023-08-04", "2023-08-04T08:52:19", "2023-13-04T08:52:19Z", "2023/08/04T08:52:19Z"]
        {
            assert_eq!(read(text), 0, "{text}");
        }
        for text in
            ["2023-08-04T08:52:19.é", "2023-08-04T08:52:19+7", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"]
        {
            assert_eq!(read(text), 0, "{text}");
        }
        for unix_s in [0, MAX_S + 1, u64::MAX] {
            assert_eq!(written(unix_s), "0001-01-01T00:00:00Z");
        }
    }
}
