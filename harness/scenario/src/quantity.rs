//! Numbers with units: times, sizes, rates and shares, as a scenario writes them.

use std::time::Duration;

/// The longest time that a scenario may name.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Why a text is not the quantity that it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The kind of problem.
    pub(crate) code: &'static str,
    /// What to write instead.
    pub(crate) help: String,
}

fn wrong<T>(code: &'static str, help: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { code, help: help.into() })
}

const WRONG_UNIT: &str = "scenario::wrong_unit";
const OUT_OF_RANGE: &str = "scenario::out_of_range";

/// Splits `1.5s` into 1.5 and `s`.
fn split(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let digits = &text[..end];
    if digits.starts_with('.') || digits.ends_with('.') {
        return None;
    }
    let number = digits.parse::<f64>().ok().filter(|number| number.is_finite())?;
    Some((number, text[end..].trim_start()))
}

/// A time such as `250ms`.
pub(crate) fn time(text: &str) -> Result<Duration, Wrong> {
    const UNITS: &str = "a time is a number with one of the units `us`, `ms`, `s`, `m`, such as";
    let Some((number, unit)) = split(text) else {
        return wrong(WRONG_UNIT, format!("{UNITS} `250ms`"));
    };
    let seconds = match unit {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "" => return wrong(WRONG_UNIT, format!("{UNITS} `{number}s` or `{number}ms`")),
        "h" => return wrong(WRONG_UNIT, format!("{UNITS} `{}m`", number * 60.0)),
        other => {
            let unit = if other.to_lowercase().starts_with("mi") {
                if other.to_lowercase().starts_with("min") { "m" } else { "ms" }
            } else if other.starts_with('m') || other.starts_with('M') {
                "ms"
            } else if other.starts_with('u') || other.starts_with('µ') {
                "us"
            } else {
                "s"
            };
            return wrong(WRONG_UNIT, format!("{UNITS} `{number}{unit}`"));
        }
    };
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if time <= LONGEST => Ok(time),
        _ => wrong(OUT_OF_RANGE, "no time of a scenario is longer than 24 hours (1440m)"),
    }
}

/// A size in bytes such as `1KiB`.
pub(crate) fn size(text: &str) -> Result<usize, Wrong> {
    const UNITS: &str = "a size is a whole number with one of the units `B`, `KiB`, `MiB`, `GiB`, such as";
    let Some((number, unit)) = split(text) else {
        return wrong(WRONG_UNIT, format!("{UNITS} `1KiB`"));
    };
    let factor = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => {
            let unit = match other.to_lowercase().chars().next() {
                Some('k') => "KiB",
                Some('m') => "MiB",
                Some('g') => "GiB",
                _ => "B",
            };
            return wrong(WRONG_UNIT, format!("{UNITS} `{number}{unit}`"));
        }
    };
    let whole: Option<usize> = text[..text.len() - unit.len()].trim_end().parse().ok();
    match whole.and_then(|number| number.checked_mul(factor)) {
        Some(bytes) => Ok(bytes),
        None => wrong(WRONG_UNIT, format!("{UNITS} `1KiB`")),
    }
}

/// A rate per second such as `2/s`.
pub(crate) fn rate(text: &str) -> Result<f64, Wrong> {
    match split(text) {
        Some((number, "/s")) => Ok(number),
        Some((number, "/m" | "/min")) => {
            wrong(WRONG_UNIT, format!("a rate is per second: write `{}/s`", number / 60.0))
        }
        Some((number, _)) => wrong(WRONG_UNIT, format!("a rate is per second: write `{number}/s`")),
        None => wrong(WRONG_UNIT, "a rate is a number per second, such as `2/s`"),
    }
}

/// A rate such as `64KB/s`, in whole KB (1,000 bytes) per second.
pub(crate) fn kilobyte_rate(text: &str) -> Result<u64, Wrong> {
    const SHAPE: &str =
        "a rate of bytes is a whole number with one of the units `KB/s`, `MB/s`, such as `64KB/s`";
    let Some((_, unit)) = split(text) else {
        return wrong(WRONG_UNIT, SHAPE);
    };
    let factor = match unit {
        "KB/s" => 1,
        "MB/s" => 1000,
        _ => return wrong(WRONG_UNIT, SHAPE),
    };
    let whole: Option<u64> = text[..text.len() - unit.len()].trim_end().parse().ok();
    whole.and_then(|number| number.checked_mul(factor)).map_or_else(|| wrong(WRONG_UNIT, SHAPE), Ok)
}

/// A share such as `20%`, as a number between 0 and 1.
pub(crate) fn share(text: &str) -> Result<f64, Wrong> {
    match split(text) {
        Some((number, "%")) if number <= 100.0 => Ok(number / 100.0),
        Some((_, "%")) => wrong(OUT_OF_RANGE, "a share is at most `100%`"),
        Some((number, _)) => wrong(WRONG_UNIT, format!("a share is in percent: write `{number}%`")),
        None => wrong(WRONG_UNIT, "a share is in percent, such as `20%`"),
    }
}

/// A time in the shortest exact words: `1.5s`, `200ms`, `2m`.
pub(crate) fn show_time(time: Duration) -> String {
    let nanos = time.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos.is_multiple_of(60_000_000_000) {
        return format!("{}m", nanos / 60_000_000_000);
    }
    if time >= Duration::from_secs(1) {
        return format!("{}s", time.as_secs_f64());
    }
    if nanos.is_multiple_of(1_000_000) {
        return format!("{}ms", nanos / 1_000_000);
    }
    format!("{}us", time.as_secs_f64() * 1e6)
}

/// A size in the shortest exact words.
pub(crate) fn show_size(bytes: usize) -> String {
    match bytes {
        0 => "0B".to_owned(),
        _ if bytes.is_multiple_of(1 << 20) => format!("{}MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{}KiB", bytes >> 10),
        _ => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(time("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(time("3m"), Ok(Duration::from_secs(180)));
        assert_eq!(time("500us"), Ok(Duration::from_micros(500)));
        assert!(time("20").unwrap_err().help.ends_with("`20s` or `20ms`"));
        assert!(time("20sec").unwrap_err().help.ends_with("`20s`"));
        assert!(time("5 min").unwrap_err().help.ends_with("`5m`"));
        assert!(time("1h").unwrap_err().help.ends_with("`60m`"));
        assert_eq!(time("25000m").unwrap_err().code, OUT_OF_RANGE);
        for bad in ["", "s", "-5s", "1.2.3s", ".5s", "5.s", "NaNs", "infs"] {
            assert_eq!(time(bad).unwrap_err().code, WRONG_UNIT, "{bad}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("1KiB"), Ok(1024));
        assert_eq!((size("2MiB"), size("1GiB")), (Ok(2 << 20), Ok(1 << 30)));
        assert_eq!(size("300B"), Ok(300));
        assert!(size("1KB").unwrap_err().help.ends_with("`1KiB`"));
        assert!(size("1000").unwrap_err().help.ends_with("`1000B`"));
        assert!(size("1.5KiB").is_err());
        assert!(size("99999999999999999999MiB").is_err());
    }

    #[test]
    fn rates_of_bytes_have_units() {
        assert_eq!((kilobyte_rate("64KB/s"), kilobyte_rate("2 MB/s")), (Ok(64), Ok(2000)));
        for bad in ["64", "64KiB/s", "0.5KB/s", "KB/s", "99999999999999999999KB/s"] {
            assert_eq!(kilobyte_rate(bad).unwrap_err().code, WRONG_UNIT, "{bad}");
        }
    }

    #[test]
    fn rates_and_shares_have_units() {
        assert_eq!(rate("0.5/s"), Ok(0.5));
        assert!(rate("120/m").unwrap_err().help.ends_with("`2/s`"));
        assert!(rate("2").unwrap_err().help.ends_with("`2/s`"));
        assert_eq!(share("20%"), Ok(0.2));
        assert!(share("0.2").is_err());
        assert_eq!(share("101%").unwrap_err().code, OUT_OF_RANGE);
    }

    #[test]
    fn shown_times_read_back() {
        for text in ["1.5s", "250ms", "3m", "500us", "0s", "20s", "61s"] {
            assert_eq!(show_time(time(text).unwrap()), text);
        }
        for text in ["1KiB", "300B", "2MiB", "0B"] {
            assert_eq!(show_size(size(text).unwrap()), text);
        }
    }
}
