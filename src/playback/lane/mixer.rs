//! How loud a lane plays each channel: the output's own settings and the zone's volume, come to without a click.

use crate::audio::{Mix, MixRamp};
use crate::playback::lane::Gain;
use crate::playback::settings::OutputSettings;

/// Brings a lane's frames to the loudness that is wanted.
#[derive(Debug)]
pub(super) struct Mixer {
    ramp: MixRamp,
    settings: OutputSettings,
    /// What the settings alone make; it takes logarithms to find.
    own: Mix,
}

impl Mixer {
    /// A mixer that stands at silence, for frames at `rate` per second.
    pub(super) fn new(rate: u32, settings: OutputSettings) -> Self {
        Self {
            ramp: MixRamp::new(rate),
            settings,
            own: own(settings),
        }
    }

    /// The output is to sound like this from now on.
    pub(super) fn set(&mut self, settings: OutputSettings) {
        if settings != self.settings {
            self.settings = settings;
            self.own = own(settings);
        }
    }

    fn wanted(&self, zone: &Gain) -> Mix {
        self.own.of_scaled(zone.factors(self.settings.volume_sync))
    }

    /// Stands at silence: what follows is faded in.
    pub(super) fn begin_silent(&mut self) {
        self.ramp.jump(Mix::SILENCE);
    }

    /// Stands at the loudness wanted: what follows begins at once.
    pub(super) fn begin(&mut self, zone: &Gain) {
        self.ramp.jump(self.wanted(zone));
    }

    /// Mixes frames on the way to the loudness wanted.
    pub(super) fn apply(&mut self, frames: &mut [f32], zone: &Gain) {
        let wanted = self.wanted(zone);
        self.ramp.apply(frames, wanted);
    }
}

fn own(settings: OutputSettings) -> Mix {
    settings.channels.mix().scaled(settings.gain())
}

/// Brings stereo frames down to silence in a straight line.
pub(super) fn fade_out(frames: &mut [f32]) {
    let count = (frames.len() / 2) as f32;
    for (index, frame) in frames.chunks_exact_mut(2).enumerate() {
        let gain = 1.0 - (index + 1) as f32 / count;
        frame[0] *= gain;
        frame[1] *= gain;
    }
}
