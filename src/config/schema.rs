//! The keys a config may hold: one table, from which reading, suggestions and the check of the documentation follow.
//! It is not where values are judged; that is `resolve`.

/// A part of the config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `[network]`, at most once.
    Network,
    /// `[[output]]`, any number of times.
    Output,
    /// `[[input]]`, any number of times.
    Input,
    /// `[[zone]]`, any number of times.
    Zone,
}

impl Section {
    /// Every section, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Network, Self::Output, Self::Zone, Self::Input];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Output => "output",
            Self::Input => "input",
            Self::Zone => "zone",
        }
    }

    /// How its heading is written.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Network => "[network]",
            Self::Output => "[[output]]",
            Self::Input => "[[input]]",
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

/// What `type` of an input can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputType {
    /// What another device plays to this machine.
    Bluetooth,
    /// A source of a PulseAudio or PipeWire server.
    Pulse,
    /// What a sound card takes in.
    Device,
    /// What another program writes.
    Pipe,
}

impl InputType {
    /// Every type, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Bluetooth, Self::Pulse, Self::Device, Self::Pipe];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bluetooth => "bluetooth",
            Self::Pulse => "pulse",
            Self::Device => "device",
            Self::Pipe => "pipe",
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
    /// The types of an output it is for; empty: it is for all of them, or the section has none.
    pub only_for: &'static [OutputType],
    /// The same for types of an input.
    pub only_for_inputs: &'static [InputType],
}

const fn key(section: Section, name: &'static str, value: ValueKind) -> Key {
    Key {
        section,
        name,
        value,
        only_for: &[],
        only_for_inputs: &[],
    }
}

const fn output_key(name: &'static str, value: ValueKind, only_for: &'static [OutputType]) -> Key {
    Key {
        only_for,
        ..key(Section::Output, name, value)
    }
}

const fn input_key(
    name: &'static str,
    value: ValueKind,
    only_for_inputs: &'static [InputType],
) -> Key {
    Key {
        only_for_inputs,
        ..key(Section::Input, name, value)
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
    input_key("name", ValueKind::Text, &[]),
    input_key("type", ValueKind::Text, &[]),
    input_key("zone", ValueKind::Text, &[]),
    input_key("start", ValueKind::Text, &[]),
    input_key("stop_after_s", ValueKind::Number, &[]),
    input_key("buffer_ms", ValueKind::Number, &[]),
    input_key("address", ValueKind::Text, &[InputType::Bluetooth]),
    input_key(
        "server",
        ValueKind::Text,
        &[InputType::Bluetooth, InputType::Pulse],
    ),
    input_key("source", ValueKind::Text, &[InputType::Pulse]),
    input_key("device", ValueKind::Text, &[InputType::Device]),
    input_key("path", ValueKind::Text, &[InputType::Pipe]),
    input_key("command", ValueKind::TextList, &[InputType::Pipe]),
    input_key("rate", ValueKind::Whole, &[InputType::Pipe]),
    input_key("channels", ValueKind::Whole, &[InputType::Pipe]),
    input_key("format", ValueKind::Text, &[InputType::Pipe]),
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
