//! What is said where media ends sooner than it should, so that somebody knows why the music stopped. Pure.

use std::time::Duration;

/// Media that ends by so much sooner than it says has lost something. Rounding, or a last packet, is less.
const SHORT_BY: Duration = Duration::from_secs(1);
/// The same of what the sender says, who may round to seconds…
const SHORT_OF_SENDERS: Duration = Duration::from_secs(3);
/// …or estimate: of all of it, this part.
const ESTIMATED_WITHIN: f64 = 0.1;

/// How long media is to last, by whom, and how much of it there was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// By its own word.
    pub(super) stated: Option<Duration>,
    /// By the sender's.
    pub(super) sent: Option<Duration>,
    /// From where on there is nothing.
    pub(super) reached: Duration,
    /// How many bytes it has by the server's word.
    pub(super) length: Option<u64>,
}

impl Extent {
    /// What is missing, in words; `None` where nothing is, or nobody can know: where there are two words, the lesser may be true.
    pub(super) fn shortfall(self) -> Option<String> {
        let by_itself = self.stated.map(|lasts| ("it says", lasts, SHORT_BY));
        let by_sender = self.sent.map(|lasts| {
            let estimated = lasts.mul_f64(ESTIMATED_WITHIN);
            ("the sender says", lasts, SHORT_OF_SENDERS.max(estimated))
        });
        let is_short = |(_, lasts, tolerance): &(&str, Duration, Duration)| {
            self.reached.saturating_add(*tolerance) < *lasts
        };
        let words = [by_itself, by_sender].into_iter().flatten();
        let (who, lasts, _) = words.clone().next()?;
        if !words.clone().all(|word| is_short(&word)) {
            return None;
        }
        let mut why = vec!["it was cut off".to_owned()];
        if let Some(length) = self.length {
            why.push(format!(
                "the server's word that it is {length} bytes long is wrong"
            ));
        }
        if by_itself.is_none() {
            why.push("the sender is wrong".to_owned());
        }
        let (lasts, reached) = (lasts.as_secs_f64(), self.reached.as_secs_f64());
        Some(format!(
            "{who} that it lasts {lasts:.1} s, and nothing comes from {reached:.1} s on: {}",
            why.join(", or ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_for_certain_is_told() {
        let check =
            |stated: Option<f64>, sent: Option<f64>, reached: f64, expected: Option<&str>| {
                let extent = Extent {
                    stated: stated.map(Duration::from_secs_f64),
                    sent: sent.map(Duration::from_secs_f64),
                    reached: Duration::from_secs_f64(reached),
                    length: None,
                };
                assert_eq!(extent.shortfall().as_deref(), expected, "{extent:?}");
            };
        check(None, None, 1.0, None);
        check(Some(10.0), None, 9.1, None);
        check(Some(10.0), None, 12.0, None);
        let of_its_own =
            "it says that it lasts 10.0 s, and nothing comes from 8.9 s on: it was cut off";
        check(Some(10.0), None, 8.9, Some(of_its_own));
        check(Some(10.0), Some(60.0), 8.9, Some(of_its_own));
        // The other word is true.
        check(Some(10.0), Some(60.0), 9.5, None);
        check(Some(10.0), Some(8.0), 8.0, None);
        check(None, Some(20.0), 17.5, None);
        check(None, Some(60.0), 54.5, None);
        let of_the_senders = "the sender says that it lasts 60.0 s, and nothing comes from 53.0 s \
                              on: it was cut off, or the sender is wrong";
        check(None, Some(60.0), 53.0, Some(of_the_senders));
    }
}
