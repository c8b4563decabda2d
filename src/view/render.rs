//! A screen as lines of text that fit a terminal. It draws nothing.

use std::time::Duration;

use console::{Alignment, measure_text_width, pad_str, truncate_str};

use super::{OutputLine, Screen, ZoneLine};

/// What stands where nothing is known yet.
pub const UNKNOWN: &str = "–";
/// Between columns.
pub(super) const GAP: usize = 2;
/// Outputs stand this far to the right of zones.
const INDENT: usize = 2;
/// `+123.45 ms`
const AHEAD_WIDTH: usize = 10;
/// `+123.4 ppm`
const CLOCK_WIDTH: usize = 10;
/// Beyond this, figures say no more than that it is far off.
const LARGEST_MS: f64 = 9999.0;

/// The lines of `screen`, none wider than `width` columns. Wide characters count as two; what does not fit is cut
/// and ends in "…". Without a column there is no line.
pub fn render(screen: &Screen, width: usize) -> Vec<String> {
    if width == 0 {
        return Vec::new();
    }
    let zone_names = screen.zones.iter().map(|zone| shown_width(&zone.name));
    let output_names = screen
        .outputs
        .iter()
        .map(|output| INDENT + shown_width(&output.name));
    let states = screen.zones.iter().map(|zone| shown_width(&zone.state));
    let output_states = screen
        .outputs
        .iter()
        .map(|output| shown_width(&output.state));
    let columns = Columns {
        // Names may take a third; what moves is worth more room than what stays.
        name: zone_names
            .chain(output_names)
            .max()
            .unwrap_or(0)
            .min(width / 3),
        state: states
            .chain(output_states)
            .max()
            .unwrap_or(0)
            .min(width / 4),
        width,
    };
    let zones = screen.zones.iter().map(|zone| columns.zone(zone));
    let outputs = screen.outputs.iter().map(|output| columns.output(output));
    zones.chain(outputs).collect()
}

struct Columns {
    name: usize,
    state: usize,
    width: usize,
}

impl Columns {
    fn zone(&self, zone: &ZoneLine) -> String {
        let track = match (&zone.title, &zone.artist) {
            (Some(title), Some(artist)) => format!("{title} · {artist}"),
            (Some(title), None) => title.clone(),
            (None, _) => UNKNOWN.to_owned(),
        };
        let time = match (zone.position, zone.duration) {
            (None, _) => String::new(),
            (Some(position), None) => minutes(position),
            (Some(position), Some(duration)) => {
                format!("{} / {}", minutes(position), minutes(duration))
            }
        };
        let head = self.head(&zone.name, &zone.state, 0);
        let taken = measure_text_width(&head) + time.len() + GAP;
        let track = fit(&track, self.width.saturating_sub(taken));
        self.line(&format!("{head}{track}{}{time}", " ".repeat(GAP)))
    }

    fn output(&self, output: &OutputLine) -> String {
        let head = self.head(&output.name, &output.state, INDENT);
        let ahead = figure(output.ahead_seconds.map(|seconds| seconds * 1e3), "ms");
        let clock = figure(output.clock_ppm, "ppm");
        let ahead = pad_str(&ahead, AHEAD_WIDTH, Alignment::Right, None);
        let clock = pad_str(&clock, CLOCK_WIDTH, Alignment::Right, None);
        let gap = " ".repeat(GAP);
        let troubles = output.troubles.as_deref().unwrap_or_default();
        self.line(&format!("{head}{ahead}{gap}{clock}{gap}{troubles}"))
    }

    fn head(&self, name: &str, state: &str, indent: usize) -> String {
        let gap = " ".repeat(GAP);
        let name = fit(name, self.name.saturating_sub(indent));
        let state = fit(state, self.state);
        format!("{}{name}{gap}{state}{gap}", " ".repeat(indent))
    }

    fn line(&self, text: &str) -> String {
        truncate_str(text.trim_end(), self.width, "…").into_owned()
    }
}

/// `text` at exactly `width` columns: cut, or filled up.
fn fit(text: &str, width: usize) -> String {
    let mark = if width == 0 { "" } else { "…" };
    pad_str(&one_line(text), width, Alignment::Left, Some(mark)).into_owned()
}

pub(super) fn shown_width(text: &str) -> usize {
    measure_text_width(&one_line(text))
}

/// Titles come from the network: what would move the cursor or colour the terminal becomes a space.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            character if character.is_control() => ' ',
            character => character,
        })
        .collect()
}

/// A figure with its sign and unit: two digits after the point while they mean something, fewer for large values.
pub fn figure(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return UNKNOWN.to_owned();
    };
    let value = value.clamp(-LARGEST_MS, LARGEST_MS);
    let digits = match value.abs() {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:+.digits$} {unit}");
    // Zero has no sign worth showing, and a minus sign is as wide as a plus.
    match text.strip_prefix('-') {
        Some(rest) if rest.starts_with("0.00 ") => format!("+{rest}"),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// What has gone wrong on an output since the start, in words; `None` if nothing has: how often it jumped to the frame that was due, how often its
/// device ran dry, and how many frames of silence were played because the music was not there.
pub fn troubles(jumps: u64, gaps: u64, starved_frames: u64) -> Option<String> {
    let counts = [
        (jumps, "jump", "jumps"),
        (gaps, "gap", "gaps"),
        (starved_frames, "frame starved", "frames starved"),
    ];
    let said = counts
        .into_iter()
        .filter_map(|(count, one, more)| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {more}")),
        });
    Some(said.collect::<Vec<_>>().join(", ")).filter(|said| !said.is_empty())
}

/// A time in a track as people write it: `1:23`, or with hours.
pub fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_speakers() -> Screen {
        Screen {
            zones: vec![ZoneLine {
                name: "Everywhere".to_owned(),
                state: "playing".to_owned(),
                title: Some("Blue in Green".to_owned()),
                artist: Some("Miles Davis".to_owned()),
                position: Some(Duration::from_secs(83)),
                duration: Some(Duration::from_secs(337)),
            }],
            outputs: vec![
                OutputLine {
                    name: "Kitchen".to_owned(),
                    state: "in step".to_owned(),
                    ahead_seconds: Some(-0.000_024),
                    clock_ppm: Some(12.34),
                    troubles: troubles(1, 0, 0),
                },
                OutputLine {
                    name: "Desk".to_owned(),
                    state: "lost".to_owned(),
                    ahead_seconds: None,
                    clock_ppm: None,
                    troubles: troubles(0, 0, 0),
                },
            ],
        }
    }

    #[test]
    fn what_is_known_stands_in_columns_and_the_rest_is_a_dash() {
        assert_eq!(
            render(&two_speakers(), 70),
            [
                "Everywhere  playing  Blue in Green · Miles Davis           1:23 / 5:37",
                "  Kitchen   in step    −0.02 ms   +12.3 ppm  1 jump",
                "  Desk      lost              –           –",
            ]
        );
    }

    #[test]
    fn a_zone_without_media_is_short() {
        let mut screen = two_speakers();
        screen.outputs.clear();
        screen.zones[0] = ZoneLine {
            name: "Everywhere".to_owned(),
            state: "no media".to_owned(),
            ..ZoneLine::default()
        };
        assert_eq!(render(&screen, 70), ["Everywhere  no media  –"]);
    }

    #[test]
    fn nothing_is_ever_wider_than_the_terminal() {
        let mut screen = two_speakers();
        screen.zones[0].title = Some("東京の夜 🎷 と、とても長い題名のつづき".to_owned());
        screen.outputs[0].name = "Кухня, the one behind the door with the long name".to_owned();
        for width in 0..120 {
            for line in render(&screen, width) {
                assert!(measure_text_width(&line) <= width, "{width}: {line:?}");
            }
        }
        let line = &render(&screen, 50)[0];
        assert!(line.contains("東京") && line.contains('…'), "{line:?}");
        assert!(line.ends_with("1:23 / 5:37"), "{line:?}");
    }

    #[test]
    fn a_title_cannot_steer_the_terminal() {
        let mut screen = two_speakers();
        screen.zones[0].title = Some("\u{1b}[2J\u{9b}Hgone\r\n".to_owned());
        let lines = render(&screen, 80).concat();
        assert!(!lines.chars().any(char::is_control), "{lines:?}");
    }

    #[test]
    fn figures_keep_two_or_three_digits() {
        let check = |value, expected: &str| assert_eq!(figure(Some(value), "ms"), expected);
        check(0.024, "+0.02 ms");
        check(-0.001, "+0.00 ms");
        check(-12.34, "−12.3 ms");
        check(180.2, "+180 ms");
        check(-1e9, "−9999 ms");
        assert_eq!(figure(Some(f64::NAN), "ms"), "–");
    }

    #[test]
    fn troubles_are_counted_in_words() {
        assert_eq!(troubles(0, 0, 0), None);
        let all = troubles(2, 1, 960);
        assert_eq!(all.as_deref(), Some("2 jumps, 1 gap, 960 frames starved"));
    }

    #[test]
    fn long_tracks_show_hours() {
        assert_eq!(minutes(Duration::from_secs(59)), "0:59");
        assert_eq!(minutes(Duration::from_secs(36_061)), "10:01:01");
    }
}
