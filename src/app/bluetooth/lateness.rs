//! How late each speaker is with each codec: what is known, and what is to be done when the codec changes. Sums only.
//!
//! A speaker takes longer to decode one codec than another, by tens of milliseconds. What a person has found by ear holds for the
//! codec that was in use then.

use crate::state_dir::KeptLateness;

/// What is to happen to `late_ms` now that a codec is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// It holds.
    Holds,
    /// This was found for the codec earlier.
    Use(f64),
    /// It was found for this other codec; a person has to listen.
    Ask(String),
}

/// What is known of all speakers.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Latenesses(Vec<KeptLateness>);

impl Latenesses {
    pub(super) fn new(kept: Vec<KeptLateness>) -> Self {
        Self(kept)
    }

    pub(super) fn kept(&self) -> &[KeptLateness] {
        &self.0
    }

    /// A speaker uses this codec from now on. Its `late_ms` is `now` and the config says `config`; what was found under another
    /// config does not count.
    pub(super) fn codec_is(
        &mut self,
        speaker: &str,
        codec: &str,
        now: f64,
        config: f64,
    ) -> Verdict {
        let valid = |kept: &&KeptLateness| kept.speaker == speaker && kept.config_ms == config;
        let mut known = self.0.iter().filter(valid);
        if let Some(kept) = known.clone().find(|kept| kept.codec == codec) {
            return match kept.late_ms == now {
                true => Verdict::Holds,
                false => Verdict::Use(kept.late_ms),
            };
        }
        match known.next() {
            Some(other) => Verdict::Ask(other.codec.clone()),
            None => {
                // Nothing says that it was found for another.
                self.set(speaker, codec, now, config);
                Verdict::Holds
            }
        }
    }

    /// A person has set `late_ms` while this codec was in use.
    pub(super) fn set(&mut self, speaker: &str, codec: &str, late_ms: f64, config_ms: f64) {
        let other = |kept: &KeptLateness| kept.speaker != speaker || kept.codec != codec;
        // With another config everything is found anew.
        let same_config =
            |kept: &KeptLateness| kept.speaker != speaker || kept.config_ms == config_ms;
        self.0.retain(|kept| other(kept) && same_config(kept));
        self.0.push(KeptLateness {
            speaker: speaker.to_owned(),
            codec: codec.to_owned(),
            late_ms,
            config_ms,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_codec_has_its_own_lateness() {
        let mut known = Latenesses::default();
        // The first codec seen is the one that the config's value was found for.
        assert_eq!(known.codec_is("A", "sbc", 210.0, 210.0), Verdict::Holds);
        let ask = Verdict::Ask("sbc".to_owned());
        assert_eq!(known.codec_is("A", "aac", 210.0, 210.0), ask);
        assert_eq!(
            known.codec_is("A", "aac", 210.0, 210.0),
            ask,
            "until it is set"
        );
        known.set("A", "aac", 260.0, 210.0);
        assert_eq!(known.codec_is("A", "aac", 260.0, 210.0), Verdict::Holds);
        assert_eq!(
            known.codec_is("A", "sbc", 260.0, 210.0),
            Verdict::Use(210.0)
        );
        assert_eq!(
            known.codec_is("A", "aac", 210.0, 210.0),
            Verdict::Use(260.0)
        );
        // Another speaker has its own.
        assert_eq!(known.codec_is("B", "aac", 150.0, 150.0), Verdict::Holds);
        assert_eq!(known.kept().len(), 3);
    }

    #[test]
    fn when_the_config_says_something_else_that_holds() {
        let mut known = Latenesses::default();
        known.codec_is("A", "sbc", 210.0, 210.0);
        known.set("A", "sbc", 230.0, 210.0);
        assert_eq!(
            known.codec_is("A", "sbc", 210.0, 210.0),
            Verdict::Use(230.0)
        );
        assert_eq!(known.codec_is("A", "sbc", 180.0, 180.0), Verdict::Holds);
        assert_eq!(known.kept().len(), 1, "what was found before is dropped");
        // What is set anew replaces what was set.
        known.set("A", "sbc", 190.0, 180.0);
        assert_eq!(known.kept()[0].late_ms, 190.0);
        assert_eq!(known.kept().len(), 1);
    }
}
