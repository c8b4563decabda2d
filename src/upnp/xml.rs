//! Writing XML text: what must be escaped, and what cannot be said at all.
//! Not a document builder: the documents here are small enough to be written as they look.

/// Escapes `text` for element content and for attribute values.
///
/// Characters that XML 1.0 cannot hold, even as references, are left out. Carriage return is written as a reference, so that
/// a reader does not turn it into a newline; so are newline and tab, which attribute values would otherwise lose.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if is_xml(c) => out.push(c),
            _ => {}
        }
    }
    out
}

/// `<name>escaped text</name>`, appended to `out`.
pub(crate) fn element(out: &mut String, name: &str, text: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    out.push_str(&escape(text));
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Whether XML 1.0 has a place for this character.
pub(crate) fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_the_impossible_left_out() {
        assert_eq!(
            escape("A&B <\"ü\">\r\n\u{0}\u{7}\u{FFFE}🎵"),
            "A&amp;B &lt;&quot;ü&quot;&gt;&#13;&#10;🎵"
        );
    }
}
