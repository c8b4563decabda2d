//! The keys a config may hold: one table, from which reading, suggestions and the check of the documentation follow.
//! It is not where values are judged; that is `resolve`.

/// A part of the config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `[network]`, at most once.
    Network,
    /// `[[output]]`, any number of times.
    Output,
    /// `[[zone]]`, any number of times.
    Zone,
}

impl Section {
    /// Every section, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Network, Self::Output, Self::Zone];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Output => "output",
            Self::Zone => "zone",
        }
    }

    /// How its heading is written.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Network => "[network]",
            Self::Output => "[[output]]",
            Self::Zone => "[[zone]]",
        }
    }

    /// Whether it may come more than once.
    pub fn repeats(self) -> bool {
        !matches!(self, Self::Network)
    }

    /// Its keys, in the order of the documentation.
    pub fn keys(self) -> impl Iterator<Item = &'static Key> {
        KEYS.iter().filter(move |key| key.section == self)
    }
}

/// What `type` of an output can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputType {
    /// A sink of a PulseAudio or PipeWire server.
    Pulse,
    /// A Bluetooth speaker, by its address.
    Bluetooth,
    /// A sound card.
    Device,
    /// A WAV file.
    Wav,
    /// A sound card in sums.
    Simulated,
}

impl OutputType {
    /// Every type, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::Pulse,
        Self::Bluetooth,
        Self::Device,
        Self::Wav,
        Self::Simulated,
    ];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pulse => "pulse",
            Self::Bluetooth => "bluetooth",
            Self::Device => "device",
            Self::Wav => "wav",
            Self::Simulated => "simulated",
        }
    }
}

/// What can stand behind a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A string.
    Text,
    /// An array of strings.
    TextList,
    /// An integer.
    Whole,
    /// An integer or a float.
    Number,
    /// `true` or `false`.
    Truth,
}

impl ValueKind {
    /// What a person has to write.
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes",
            Self::TextList => "a list of texts, as in [\"one\", \"two\"]",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Truth => "true or false",
        }
    }
}

/// One key of one section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Where it belongs.
    pub section: Section,
    /// How it is spelt.
    pub name: &'static str,
    /// What can stand behind it.
    pub value: ValueKind,
    /// The output types it is for; empty: it is for all of them.
    pub only_for: &'static [OutputType],
}

const fn key(section: Section, name: &'static str, value: ValueKind) -> Key {
    Key {
        section,
        name,
        value,
        only_for: &[],
    }
}

const fn output_key(name: &'static str, value: ValueKind, only_for: &'static [OutputType]) -> Key {
    Key {
        section: Section::Output,
        name,
        value,
        only_for,
    }
}

/// Every key there is.
pub const KEYS: &[Key] = &[
    key(Section::Network, "interfaces", ValueKind::TextList),
    key(Section::Network, "ignore_interfaces", ValueKind::TextList),
    key(Section::Network, "allow", ValueKind::TextList),
    key(Section::Network, "port", ValueKind::Whole),
    output_key("name", ValueKind::Text, &[]),
    output_key("type", ValueKind::Text, &[]),
    output_key("late_ms", ValueKind::Number, &[]),
    output_key("channels", ValueKind::Text, &[]),
    output_key("trim_db", ValueKind::Number, &[]),
    output_key("volume", ValueKind::Whole, &[]),
    output_key("volume_sync", ValueKind::Truth, &[]),
    output_key(
        "server",
        ValueKind::Text,
        &[OutputType::Pulse, OutputType::Bluetooth],
    ),
    output_key("sink", ValueKind::Text, &[OutputType::Pulse]),
    output_key("address", ValueKind::Text, &[OutputType::Bluetooth]),
    output_key("device", ValueKind::Text, &[OutputType::Device]),
    output_key("path", ValueKind::Text, &[OutputType::Wav]),
    output_key("crystal_ppm", ValueKind::Number, &[OutputType::Simulated]),
    output_key("start_up_ms", ValueKind::Number, &[OutputType::Simulated]),
    output_key("period_frames", ValueKind::Whole, &[OutputType::Simulated]),
    output_key(
        "late_reports_ms",
        ValueKind::Number,
        &[OutputType::Simulated],
    ),
    key(Section::Zone, "name", ValueKind::Text),
    key(Section::Zone, "outputs", ValueKind::TextList),
    key(Section::Zone, "volume", ValueKind::Whole),
    key(Section::Zone, "replay_gain", ValueKind::Text),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spelling::nearest;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_another_word_is_not() {
        let names = || Section::Output.keys().map(|key| key.name);
        assert_eq!(nearest("lat_ms", names()), Some("late_ms"));
        assert_eq!(nearest("Trim-dB", names()), Some("trim_db"));
        assert_eq!(nearest("chanels", names()), Some("channels"));
        assert_eq!(nearest("zebra", names()), None);
    }
}
