//! What is said where media ends sooner than it should, so that somebody knows why the music stopped. Pure.

use std::time::Duration;

/// Media that ends by so much sooner than it says has lost something. Rounding, or a last packet, is less.
const SHORT_BY: Duration = Duration::from_secs(1);
/// The same of what the sender says: some round to seconds, some estimate.
const SHORT_OF_SENDERS: Duration = Duration::from_secs(3);

/// How long media is to last, by whom, and how much of it there was.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    /// By its own word.
    pub(super) stated: Option<Duration>,
    /// By the sender's.
    pub(super) sent: Option<Duration>,
    /// Up to where it has been decoded.
    pub(super) reached: Duration,
    /// How many bytes it has by the server's word.
    pub(super) length: Option<u64>,
}

impl Extent {
    /// What is missing, in words; `None` where nothing is, or nobody can know.
    pub(super) fn shortfall(self) -> Option<String> {
        let (who, lasts, tolerance) = match (self.stated, self.sent) {
            (Some(stated), _) => ("it says", stated, SHORT_BY),
            (None, Some(sent)) => ("the sender says", sent, SHORT_OF_SENDERS),
            (None, None) => return None,
        };
        if self.reached + tolerance >= lasts {
            return None;
        }
        let length = self.length.map_or_else(String::new, |length| {
            format!(", or the server's word that it is {length} bytes long is wrong")
        });
        let (lasts, reached) = (lasts.as_secs_f64(), self.reached.as_secs_f64());
        Some(format!(
            "{who} that it lasts {lasts:.1} s, and nothing comes after {reached:.1} s; it was cut off{length}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_for_certain_is_told() {
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds);
        let check =
            |stated: Option<f64>, sent: Option<f64>, reached: f64, expected: Option<&str>| {
                let extent = Extent {
                    stated: stated.map(seconds),
                    sent: sent.map(seconds),
                    reached: seconds(reached),
                    length: None,
                };
                assert_eq!(extent.shortfall().as_deref(), expected, "{extent:?}");
            };
        check(None, None, 1.0, None);
        check(Some(10.0), None, 9.1, None);
        check(Some(10.0), None, 12.0, None);
        let of_its_own =
            "it says that it lasts 10.0 s, and nothing comes after 8.9 s; it was cut off";
        check(Some(10.0), None, 8.9, Some(of_its_own));
        // What it says itself goes before what is said of it.
        check(Some(10.0), Some(60.0), 9.5, None);
        check(None, Some(60.0), 57.5, None);
        let of_the_senders =
            "the sender says that it lasts 60.0 s, and nothing comes after 56.0 s; it was cut off";
        check(None, Some(60.0), 56.0, Some(of_the_senders));
    }
}
