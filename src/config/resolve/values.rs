//! Single values: present, of a sensible size, and spelt as one of the known words.

use std::collections::HashMap;
use std::ops::{Range, RangeInclusive};

use crate::config::problem::Problems;
use crate::config::raw::Written;
use crate::config::schema::Section;
use crate::spelling::nearest;

/// Characters of a name. Apps show one line; some cut at 64.
const LONGEST_NAME: usize = 200;

/// The name of an output or zone: present, readable, and not taken by another of its kind.
pub(super) fn name(
    written: &Written<String>,
    section_at: &Range<usize>,
    section: Section,
    taken: &mut HashMap<String, usize>,
    problems: &mut Problems<'_>,
) -> String {
    let what = section.name();
    let Some(written) = written else {
        problems.report(
            section_at,
            format!("this {what} has no name; add name = \"…\""),
        );
        return String::new();
    };
    let (at, name) = (written.span(), written.as_ref());
    let length = name.chars().count();
    if name.trim().is_empty() {
        problems.report(
            &at,
            format!("name = {name:?}: the name of this {what} must not be empty"),
        );
    } else if length > LONGEST_NAME {
        problems.report(
            &at,
            format!("name: {length} characters are too many; {LONGEST_NAME} is the most"),
        );
    } else if name.chars().any(char::is_control) {
        problems.report(
            &at,
            format!("name = {name:?}: a name is one line, without control characters"),
        );
    } else if let Some(line) = taken.insert(name.clone(), problems.line(&at)) {
        problems.report(
            &at,
            format!("name = {name:?}: the {what} in line {line} has that name already; change one"),
        );
    }
    name.clone()
}

pub(super) fn text(
    written: &Written<String>,
    key: &str,
    problems: &mut Problems<'_>,
) -> Option<String> {
    let written = written.as_ref()?;
    if written.as_ref().trim().is_empty() {
        problems.report(
            &written.span(),
            format!(
                "{key} = {:?}: it must not be empty; leave the key out for the default",
                written.as_ref()
            ),
        );
    }
    Some(written.as_ref().clone())
}

pub(super) fn number(
    written: &Written<f64>,
    key: &str,
    range: RangeInclusive<f64>,
    default: f64,
    problems: &mut Problems<'_>,
) -> f64 {
    let Some(written) = written else {
        return default;
    };
    let value = *written.as_ref();
    if range.contains(&value) {
        return value;
    }
    let (from, to) = range.into_inner();
    let as_written = problems.written(&written.span());
    problems.report(
        &written.span(),
        format!("{key} = {as_written}: it must be from {from} to {to}"),
    );
    default
}

pub(super) fn whole<T: TryFrom<i64>>(
    written: &Written<i64>,
    key: &str,
    range: RangeInclusive<i64>,
    default: T,
    problems: &mut Problems<'_>,
) -> T {
    let Some(written) = written else {
        return default;
    };
    let value = *written.as_ref();
    let inside = Some(value).filter(|value| range.contains(value));
    if let Some(value) = inside.and_then(|value| T::try_from(value).ok()) {
        return value;
    }
    let (from, to) = range.into_inner();
    let as_written = problems.written(&written.span());
    problems.report(
        &written.span(),
        format!("{key} = {as_written}: it must be from {from} to {to}"),
    );
    default
}

pub(super) fn no_such(key: &str, written: &str, known: &[&str]) -> String {
    match nearest(written, known.iter().copied()) {
        Some(near) => format!("{key} = {written:?}: did you mean {near:?}?"),
        None => format!(
            "{key} = {written:?}: it must be one of {}",
            known.join(", ")
        ),
    }
}
