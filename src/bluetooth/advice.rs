//! When the air will not carry what is asked of it, and what helps. Pure.

use std::collections::BTreeMap;

/// So many speakers one adapter carries in practice; with more each waits for its turn too long.
pub const SPEAKERS_PER_ADAPTER: usize = 2;

/// What one adapter carries to several speakers together, in kbit/s: of the 2.1 Mbit/s of the air (EDR, 3-DH5), turns, answers and
/// repetitions leave about half.
pub const KBITS_PER_ADAPTER: u32 = 1000;

/// What the codecs of A2DP take of that for stereo at their usual quality, in kbit/s, by the names that sound servers have for them.
const CODECS: [(&str, u32); 8] = [
    ("sbc_xq", 552),
    ("sbc", 328),
    ("aac", 320),
    ("aptx_hd", 576),
    ("aptx", 352),
    ("ldac", 990),
    ("lc3plus", 500),
    ("opus", 256),
];

/// A speaker that is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The output.
    pub name: String,
    /// The adapter that carries it.
    pub adapter: String,
    /// The codec, if it is known.
    pub codec: Option<String>,
}

/// What a codec takes, in kbit/s; nothing is said of one that is not known.
fn kbits(codec: &str) -> Option<u32> {
    let plain = codec.to_lowercase().replace('-', "_");
    let mut known = CODECS.iter();
    known
        .find(|(name, _)| plain.starts_with(name))
        .map(|(_, kbits)| *kbits)
}

/// Each adapter that is asked too much, with a sentence about that. `wifi` says whether this machine has Wi-Fi, which may be on the same 2.4 GHz.
pub fn advice(speakers: &[Carried], wifi: bool) -> Vec<(String, String)> {
    let mut adapters: BTreeMap<&str, Vec<&Carried>> = BTreeMap::new();
    for speaker in speakers {
        adapters.entry(&speaker.adapter).or_default().push(speaker);
    }
    let wifi = match wifi {
        true => {
            ", and keep this machine's Wi-Fi off 2.4 GHz, which is the same air (5 GHz or a cable)"
        }
        false => "",
    };
    let mut said = Vec::new();
    for (adapter, speakers) in adapters {
        let names: Vec<&str> = speakers.iter().map(|it| it.name.as_str()).collect();
        let names = names.join(", ");
        let taken = speakers.iter().filter_map(|it| kbits(it.codec.as_deref()?));
        let taken: u32 = taken.sum();
        let why = if speakers.len() > SPEAKERS_PER_ADAPTER {
            format!(
                "{names}: {} speakers share the Bluetooth adapter {adapter}, and more than {SPEAKERS_PER_ADAPTER} on one often stutter; plug in another adapter and pair some of them with that{wifi}",
                speakers.len()
            )
        } else if taken > KBITS_PER_ADAPTER && speakers.len() > 1 {
            format!(
                "{names}: their codecs together take {taken} kbit/s, and the Bluetooth adapter {adapter} carries about {KBITS_PER_ADAPTER}; have the sound server use SBC or AAC for them, or plug in another adapter{wifi}"
            )
        } else {
            continue;
        };
        said.push((adapter.to_owned(), why));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speaker(name: &str, adapter: &str, codec: Option<&str>) -> Carried {
        Carried {
            name: name.to_owned(),
            adapter: adapter.to_owned(),
            codec: codec.map(str::to_owned),
        }
    }

    fn said(speakers: &[Carried], wifi: bool) -> Vec<String> {
        let said = advice(speakers, wifi).into_iter();
        said.map(|(_, sentence)| sentence).collect()
    }

    #[test]
    fn two_speakers_are_fine_and_three_on_one_adapter_are_not() {
        let [a, b] = ["A", "B"].map(|name| speaker(name, "hci0", Some("sbc")));
        assert_eq!(said(&[a.clone(), b.clone()], true), [""; 0]);
        let elsewhere = speaker("C", "hci1", Some("sbc"));
        assert_eq!(said(&[a.clone(), b.clone(), elsewhere], true), [""; 0]);
        let told = said(&[a, b, speaker("C", "hci0", None)], true);
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("A, B, C: 3 speakers share the Bluetooth adapter hci0"));
        assert!(told[0].contains("another adapter") && told[0].contains("2.4 GHz"));
    }

    #[test]
    fn codecs_that_take_too_much_together_are_named_with_a_cure() {
        let pair = |codec| {
            said(
                &["A", "B"].map(|name| speaker(name, "hci0", Some(codec))),
                false,
            )
        };
        for codec in ["sbc", "aac", "aptx", "SBC", "whatever"] {
            assert_eq!(pair(codec), [""; 0], "{codec}");
        }
        for codec in ["ldac", "aptx_hd", "sbc_xq_453", "SBC-XQ"] {
            let told = pair(codec);
            assert!(told[0].contains("use SBC or AAC"), "{told:?}");
            assert!(!told[0].contains("Wi-Fi"), "{told:?}");
        }
        assert_eq!(said(&[speaker("A", "hci0", Some("ldac"))], true), [""; 0]);
    }
}
