//! Where the lines of a chart go, and its numbers as a table.

use super::format::fixed;

/// Which part of the largest value is a change: less comes from how numbers are worked out.
const LEAST_CHANGE: f64 = 0.01;

/// The scale of a chart's vertical axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    /// The number at the bottom.
    bottom: f64,
    /// The number at the top.
    pub(crate) top: f64,
}

impl Scale {
    /// From the smallest to the largest value: shows how something changes, not how much of it there is.
    pub(crate) fn of_changes(values: &[Option<f64>]) -> Self {
        let known = || {
            values
                .iter()
                .flatten()
                .copied()
                .filter(|value| value.is_finite())
        };
        let (bottom, top) = (
            known().fold(f64::MAX, f64::min),
            known().fold(f64::MIN, f64::max),
        );
        // What hardly changes at all is a straight line.
        if top - bottom > top.abs() * LEAST_CHANGE {
            Self { bottom, top }
        } else {
            Self::for_values(known())
        }
    }

    /// From 0 to a number that is easy to read.
    pub(crate) fn for_values(values: impl Iterator<Item = f64>) -> Self {
        let largest = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        Self {
            bottom: 0.0,
            top: round_up(largest),
        }
    }

    /// The lines that connect values, as SVG's `points`, in a box of this size; a missing value interrupts the line.
    pub(crate) fn lines(self, values: &[Option<f64>], width: f64, height: f64) -> Vec<String> {
        let last = values.len().saturating_sub(1).max(1) as f64;
        let mut lines = Vec::new();
        let mut line = String::new();
        for (place, value) in values.iter().enumerate() {
            match value.filter(|value| value.is_finite()) {
                Some(value) => {
                    let x = place as f64 / last * width;
                    let y = height
                        - ((value - self.bottom) / (self.top - self.bottom)).clamp(0.0, 1.0)
                            * height;
                    if !line.is_empty() {
                        line.push(' ');
                    }
                    line.push_str(&format!("{},{}", fixed(x, 1), fixed(y, 1)));
                }
                None if !line.is_empty() => lines.push(std::mem::take(&mut line)),
                None => {}
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        // A single value would be a line without length.
        for line in &mut lines {
            if !line.contains(' ') {
                let point = line.clone();
                line.push(' ');
                line.push_str(&point);
            }
        }
        lines
    }
}

/// The next of 1, 2, 4, 6, 8, 10, 20, …: the half of it is easy to read too.
fn round_up(number: f64) -> f64 {
    if number <= 0.0 {
        return 1.0;
    }
    let mut power = 1.0;
    while power * 10.0 <= number {
        power *= 10.0;
    }
    while power > number {
        power /= 10.0;
    }
    [1.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= number * 0.999_999)
        .unwrap_or(number)
}

/// The place among `length` values at a fraction of the chart's width.
pub(crate) fn at_fraction(length: usize, fraction: f64) -> Option<usize> {
    let last = length.checked_sub(1)?;
    let place = (fraction.clamp(0.0, 1.0) * last as f64).round();
    Some((place as usize).min(last))
}

/// Whether a text is digits with one point at most, and perhaps a sign. The standard library's way to read a number brings ten
/// kilobytes of tables.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, rest]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A table as comma-separated values (RFC 4180). A value that a spreadsheet would take for a formula gets an apostrophe before
/// it.
pub(crate) fn csv(rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = String::new();
    for row in rows {
        for (place, value) in row.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            let is_formula =
                value.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(value);
            let value = if is_formula {
                format!("'{value}")
            } else {
                value.clone()
            };
            if value.contains(['"', ',', '\n', '\r']) {
                text.push('"');
                text.push_str(&value.replace('"', "\"\""));
                text.push('"');
            } else {
                text.push_str(&value);
            }
        }
        text.push_str("\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_a_number_that_is_easy_to_read() {
        for (largest, top) in [
            (0.0, 1.0),
            (0.7, 0.8),
            (3.0, 4.0),
            (1_284.0, 2_000.0),
            (50.0, 60.0),
        ] {
            assert_eq!(Scale::for_values([0.0, largest].into_iter()).top, top);
        }
    }

    #[test]
    fn changes_fill_the_height_and_what_stays_is_a_line_of_its_size() {
        let changing = [Some(100.0), Some(110.0)];
        assert_eq!(
            Scale::of_changes(&changing).lines(&changing, 1.0, 10.0),
            ["0.0,10.0 1.0,0.0"]
        );
        assert_eq!(
            Scale::of_changes(&[Some(775.0), Some(775.1)]),
            Scale {
                bottom: 0.0,
                top: 800.0
            }
        );
        assert_eq!(
            Scale::of_changes(&[Some(0.0), None]),
            Scale {
                bottom: 0.0,
                top: 1.0
            }
        );
        assert_eq!(
            Scale::of_changes(&[]),
            Scale {
                bottom: 0.0,
                top: 1.0
            }
        );
    }

    #[test]
    fn a_missing_value_interrupts_the_line() {
        let scale = Scale {
            bottom: 0.0,
            top: 10.0,
        };
        let values = [Some(0.0), Some(10.0), None, Some(5.0)];
        assert_eq!(
            scale.lines(&values, 30.0, 10.0),
            ["0.0,10.0 10.0,0.0", "30.0,5.0 30.0,5.0"]
        );
        assert!(scale.lines(&[], 30.0, 10.0).is_empty());
    }

    #[test]
    fn a_fraction_finds_its_value() {
        assert_eq!(at_fraction(3, 0.6), Some(1));
        assert_eq!(at_fraction(3, 2.0), Some(2));
        assert_eq!(at_fraction(0, 0.5), None);
    }

    #[test]
    fn values_are_quoted_and_no_formulas() {
        let rows = [
            vec!["source".to_owned(), "calls".to_owned()],
            vec!["a \"b\", c".to_owned(), "-1.5".to_owned()],
            vec!["=HYPERLINK(1)".to_owned(), "2".to_owned()],
            vec!["-1+2".to_owned(), "+".to_owned()],
        ];
        assert_eq!(
            csv(rows),
            "source,calls\r\n\"a \"\"b\"\", c\",-1.5\r\n'=HYPERLINK(1),2\r\n'-1+2,'+\r\n"
        );
    }
}
