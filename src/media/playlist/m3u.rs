//! M3U: an address a line, and of the lines that begin with `#` those that say what comes next.

use super::Written;

pub(super) fn read(text: &str) -> Vec<Written> {
    let mut written = Vec::new();
    let mut next = Written::default();
    // The old Macintosh ended lines with a carriage return alone.
    for line in text.split(['\n', '\r']).map(str::trim) {
        if let Some(information) = line.strip_prefix("#EXTINF:") {
            let (length, title) = information.split_once(',').unwrap_or((information, ""));
            // Lists of television stations have attributes behind the length.
            let seconds = length.split_whitespace().next().unwrap_or_default();
            next.seconds = seconds.parse().unwrap_or_default();
            title.clone_into(&mut next.title);
        } else if !line.is_empty() && !line.starts_with('#') {
            next.addresses.push(line.to_owned());
            written.push(std::mem::take(&mut next));
        }
    }
    written
}
