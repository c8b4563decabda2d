//! What a person most likely meant who wrote a name that does not exist.
//! It knows nothing of what the names are of.

use strsim::jaro_winkler;

/// How alike two names must be for one to be taken for a misspelling of the other. Below this, "did you mean" is noise.
const ALIKE: f64 = 0.8;

/// The candidate a person who wrote `written` most likely meant, if any comes close.
pub fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let written = plain(written);
    candidates
        .into_iter()
        .map(|candidate| (jaro_winkler(&written, &plain(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

/// Case and the choice of separator are no difference worth counting.
fn plain(text: &str) -> String {
    text.to_lowercase().replace(['-', ' '], "_")
}

/// What to tell somebody who wrote a name that does not exist: the nearest there is, or all there are.
pub fn hint<'a>(written: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(written, names.clone()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => {
            let names: Vec<_> = names.into_iter().map(|name| format!("{name:?}")).collect();
            format!("there are {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_named_or_else_all() {
        let names = ["Kitchen", "Desk"];
        assert_eq!(hint("kitchn", names), "did you mean \"Kitchen\"?");
        assert_eq!(hint("Zebra", names), "there are \"Kitchen\", \"Desk\"");
    }
}
