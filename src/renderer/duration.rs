//! Times as UPnP AV writes them: `H+:MM:SS`, with a fraction if one likes.
//! Reading is lenient, because control points are not; writing is plain.

use std::time::Duration;

/// Reads a time: `H:M:S`, `M:S` or plain seconds, parts of one or more digits, an optional `+`, and a fraction of the
/// seconds either decimal (`.506`) or as a quotient (`.1/3`). `None`: not a time, negative, or beyond all measure.
pub fn read(text: &str) -> Option<Duration> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, read_fraction(fraction)?),
        None => (text, Duration::ZERO),
    };
    let parts: Vec<&str> = whole.split(':').collect();
    if parts.len() > 3 {
        return None;
    }
    let mut seconds: u64 = 0;
    for (index, part) in parts.iter().enumerate() {
        let value = digits(part)?;
        // Only the leading part may exceed its unit: `75:00` is an hour and a quarter, `0:75:00` is a mistake.
        if index > 0 && value >= 60 {
            return None;
        }
        seconds = seconds.checked_mul(60)?.checked_add(value)?;
    }
    Duration::from_secs(seconds).checked_add(fraction)
}

/// Writes a time as `H:MM:SS`, cut to whole seconds.
pub fn write(time: Duration) -> String {
    let seconds = time.as_secs();
    format!(
        "{}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

fn read_fraction(text: &str) -> Option<Duration> {
    let fraction = match text.split_once('/') {
        Some((numerator, denominator)) => {
            let (numerator, denominator) = (digits(numerator)?, digits(denominator)?);
            if numerator >= denominator {
                return None;
            }
            numerator as f64 / denominator as f64
        }
        None if !text.is_empty() && all_digits(text) => format!("0.{text}").parse().ok()?,
        None => return None,
    };
    Duration::try_from_secs_f64(fraction).ok()
}

/// Digits and nothing else: `u64::from_str` would take a sign.
fn digits(text: &str) -> Option<u64> {
    if all_digits(text) {
        text.parse().ok()
    } else {
        None
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_control_points_send_is_read() {
        for (text, milliseconds) in [
            ("0:01:00", 60_000),
            ("0:3:7", 187_000),
            ("00:03:07.500", 187_500),
            ("3:07", 187_000),
            ("187", 187_000),
            ("+0:00:01", 1_000),
            (" 0:00:02\n", 2_000),
            ("0:03:25.506", 205_506),
            ("0:00:01.1/2", 1_500),
            ("75:00", 4_500_000),
            ("100:00:00", 360_000_000),
        ] {
            assert_eq!(
                read(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "x",
            ":",
            "1:",
            "-0:00:01",
            "0:75:00",
            "0:00:61",
            "0:00:01.",
            "0:00:01.x",
            "0:00:01.2/1",
            "0:00:01.1/0",
            "1:2:3:4",
            "NOT_IMPLEMENTED",
            "99999999999999999999:00:00",
            "9999999999999999999:00:00",
            "0:00:01.é",
            "0:00:01.0000000000000000001e9",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_written_with_at_least_one_hour_digit() {
        assert_eq!(write(Duration::ZERO), "0:00:00");
        assert_eq!(write(Duration::from_millis(187_999)), "0:03:07");
        assert_eq!(write(Duration::from_secs(360_061)), "100:01:01");
    }
}
