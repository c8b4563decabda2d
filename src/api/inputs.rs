//! The inputs of the program as the API sees them: read as a whole, played one at a time.

use std::sync::Arc;

use super::house::{House, Refusal};
use super::status::{InputStatus, Problem, rounded};
use crate::live::InputHandle;
use crate::spelling;
use crate::zone::{Track, TransportState, ZoneCommand};

/// An input of the house.
#[derive(Debug, Clone)]
pub struct InputEntry {
    /// The input, which has its name.
    pub handle: InputHandle,
    /// Its far end, in words.
    pub source: String,
    /// Which of the house's zones plays it.
    pub zone: usize,
    /// What that zone is told to play.
    pub track: Arc<Track>,
}

impl House {
    pub(super) fn input_status(&self, input: &InputEntry) -> Option<InputStatus> {
        let zone = self.zones().get(input.zone)?;
        let (heard, state) = (input.handle.state(), zone.handle.state());
        let is_set = state
            .track
            .as_ref()
            .is_some_and(|track| track.request.uri == input.track.request.uri);
        Some(InputStatus {
            name: input.handle.name().to_owned(),
            source: input.source.clone(),
            state: heard.into(),
            zone: zone.name.clone(),
            playing: is_set && state.transport == TransportState::Playing,
            clock_ppm: heard.clock_ppm.map(|ppm| rounded(ppm, 2)),
        })
    }

    pub(super) fn input_statuses(&self) -> Vec<InputStatus> {
        let inputs = self.inputs().iter();
        inputs
            .filter_map(|input| self.input_status(input))
            .collect()
    }

    /// Has an input's zone play it, whatever that plays now, and says what is true then.
    ///
    /// # Errors
    /// There is none of that name; the refusal names those there are.
    pub async fn play_input(&self, name: &str) -> Result<InputStatus, Refusal> {
        let names = self.inputs().iter().map(|input| input.handle.name());
        let known = self
            .inputs()
            .iter()
            .find(|input| input.handle.name() == name);
        let input = known.ok_or_else(|| {
            let hint = spelling::hint(name, names);
            Refusal::Unknown(Problem::new(format!("there is no input {name:?}; {hint}")))
        })?;
        let zone = self.zones().get(input.zone).ok_or(Refusal::Ending)?;
        let set = ZoneCommand::SetTrack(Some(input.track.clone()));
        for command in [set, ZoneCommand::Play] {
            // With a track set, a zone refuses these two only when it ends.
            let sent = zone.handle.send(command).await;
            sent.map_err(|_| Refusal::Ending)?;
        }
        self.input_status(input).ok_or(Refusal::Ending)
    }
}
