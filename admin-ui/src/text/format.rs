//! Numbers, times and sizes as people write them.

/// Between groups of digits, and between a number and its unit: a space at which no line breaks.
const GAP: char = '\u{202f}';

/// `12 408`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(GAP);
        }
        text.push(digit);
    }
    text
}

/// So many things of a kind: `1 change`, `12 408 changes`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Three digits that matter: `0.04`, `3.14`, `31.4`, and from a hundred on whole numbers.
pub(crate) fn decimal(number: f64) -> String {
    if !number.is_finite() {
        return "–".to_owned();
    }
    let size = number.abs();
    if size >= 99.95 {
        return count(number.round().max(0.0) as u64);
    }
    let places = if size >= 9.995 { 1 } else { 2 };
    let text = fixed(number, places);
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    trimmed.to_owned()
}

/// A number with so many digits behind the point. The standard library's way takes kilobytes of code.
pub(crate) fn fixed(number: f64, places: u32) -> String {
    let scale = 10_u64.pow(places);
    let scaled = (number.abs() * scale as f64).round() as u64;
    let sign = if number < 0.0 && scaled > 0 { "-" } else { "" };
    let width = places as usize;
    format!("{sign}{}.{:0width$}", scaled / scale, scaled % scale)
}

/// A part of a whole: `0.04 %`. Nothing of nothing is nothing.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let share = if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    };
    format!("{}{GAP}%", decimal(share))
}

/// How long something takes: `140 ms`, `10 s`, `26 min`, `3 h`, `5 days`.
pub(crate) fn span(milliseconds: u64) -> String {
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match milliseconds {
        0..SECOND => format!("{milliseconds}{GAP}ms"),
        SECOND..10_000 => format!("{}{GAP}s", decimal(milliseconds as f64 / 1_000.0)),
        10_000..120_000 => format!("{}{GAP}s", milliseconds / SECOND),
        120_000..7_200_000 => format!("{}{GAP}min", milliseconds / MINUTE),
        7_200_000..172_800_000 => format!("{}{GAP}h", milliseconds / HOUR),
        _ => format!("{}{GAP}days", count(milliseconds / DAY)),
    }
}

/// When something was or will be, seen from now: `8 s ago`, `in 26 min`. The clocks of server and browser may differ a little:
/// what is about now is `now`.
pub(crate) fn ago(now: u64, at: u64) -> String {
    const ABOUT_NOW: u64 = 1_000;
    if now.abs_diff(at) < ABOUT_NOW {
        return "now".to_owned();
    }
    // Whole seconds: tenths of a past that grows would flicker.
    let span = span(now.abs_diff(at) / 1_000 * 1_000);
    if at <= now {
        format!("{span} ago")
    } else {
        format!("in {span}")
    }
}

/// A size: `512 B`, `3.2 MB`.
pub(crate) fn bytes(number: u64) -> String {
    let mut size = number as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if size < 999.5 {
            break;
        }
        size /= 1_000.0;
        unit = larger;
    }
    format!("{}{GAP}{unit}", decimal(size))
}

/// The text with its first letter in upper case.
pub(crate) fn sentence_case(text: &str) -> String {
    let Some(first) = text.chars().next() else {
        return String::new();
    };
    let (first, rest) = text.split_at(first.len_utf8());
    upper_case(first) + rest
}

#[cfg(target_arch = "wasm32")]
use crate::browser::upper_case;

#[cfg(not(target_arch = "wasm32"))]
fn upper_case(text: &str) -> String {
    text.to_uppercase()
}

/// When the server is asked next that did not answer: in so many seconds, or now.
pub(crate) fn next_attempt(seconds: Option<u64>) -> String {
    match seconds {
        Some(0 | 1) => "The next attempt is in a second.".to_owned(),
        Some(left) => format!("The next attempt is in {left} seconds."),
        None => "The server is being asked again…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_attempt_is_counted_down_to_the_last_second() {
        let told = [Some(12), Some(1), Some(0), None].map(next_attempt);
        let last = "The next attempt is in a second.";
        let expected = [
            "The next attempt is in 12 seconds.",
            last,
            last,
            "The server is being asked again…",
        ];
        assert_eq!(told, expected);
    }

    fn plain(text: &str) -> String {
        text.replace(GAP, " ")
    }

    #[test]
    fn numbers_have_as_many_digits_behind_the_point_as_wanted() {
        for (number, places, text) in [
            (0.0, 1, "0.0"),
            (600.0, 1, "600.0"),
            (159.96, 1, "160.0"),
            (4.213, 2, "4.21"),
            (0.05, 2, "0.05"),
            (-1.25, 2, "-1.25"),
            (-0.001, 2, "0.00"),
        ] {
            assert_eq!(fixed(number, places), text);
        }
    }

    #[test]
    fn digits_come_in_groups() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1 000"),
            (12_408, "12 408"),
            (1_234_567, "1 234 567"),
        ] {
            assert_eq!(plain(&count(number)), text);
        }
    }

    #[test]
    fn decimals_keep_three_digits_that_matter() {
        for (number, text) in [
            (0.0, "0"),
            (0.04, "0.04"),
            (3.276, "3.28"),
            (31.416, "31.4"),
            (99.99, "100"),
            (1_284.2, "1 284"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(plain(&decimal(number)), text);
        }
        assert_eq!(plain(&percent(6, 15_000)), "0.04 %");
        assert_eq!(plain(&percent(0, 0)), "0 %");
    }

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        for (milliseconds, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_500, "1.5 s"),
            (59_999, "59 s"),
            (119_000, "119 s"),
            (26 * 60_000, "26 min"),
            (3 * 3_600_000, "3 h"),
            (5 * 86_400_000, "5 days"),
        ] {
            assert_eq!(plain(&span(milliseconds)), text);
        }
        assert_eq!(plain(&ago(10_000, 1_100)), "8 s ago");
        assert_eq!(plain(&ago(10_000, 70_000)), "in 60 s");
        assert_eq!(ago(10_000, 10_400), "now");
    }

    #[test]
    fn sizes_have_units() {
        for (number, text) in [(512, "512 B"), (3_200_000, "3.2 MB"), (999_600, "1 MB")] {
            assert_eq!(plain(&bytes(number)), text);
        }
    }

    #[test]
    fn sentence_case_touches_only_the_first_letter() {
        assert_eq!(sentence_case("anotherName"), "AnotherName");
        assert_eq!(sentence_case("étatRedis"), "ÉtatRedis");
        assert_eq!(sentence_case("日本"), "日本");
        assert_eq!(sentence_case(""), "");
    }
}
