//! SOAP: a request's body becomes a call, an answer or an error becomes a body.
//! Reads liberally and writes strictly; what a call means is looked up elsewhere.

use std::borrow::Cow;

use quick_xml::events::{BytesRef, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::mend;
use crate::upnp::device::{ActionError, ActionSpec, ServiceDescription, split_version};
use crate::upnp::xml::{element, escape};

/// How deep elements may nest. A call has three levels; metadata that was sent unescaped adds a few.
const DEEPEST: usize = 64;

/// What a request asks for, before any table is consulted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The namespace of the action's element, if it has one: usually the service type.
    pub namespace: Option<String>,
    /// The action's local name.
    pub action: String,
    /// Local names and unescaped values of the arguments, in the order sent.
    pub arguments: Vec<(String, String)>,
}

/// Why a body is not a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is not XML, even read with good will.
    #[error("the request is not well-formed XML: {0}")]
    Xml(String),
    /// It declares a document type, which could make a small request large.
    #[error("the request has a document type declaration, which SOAP forbids")]
    DocType,
    /// There is no element in a SOAP body.
    #[error("the request has no SOAP body with an action in it")]
    NoAction,
    /// Nested more deeply than any call.
    #[error("the request is nested too deeply")]
    TooDeep,
}

/// Reads a request's body.
///
/// Taken as they come: any prefix, a byte order mark, blanks and NULs after the end, Latin-1, CDATA, attributes, metadata that was not
/// escaped or not well enough, a length that was counted in characters. Refused: a document type declaration, and what is not XML elsewhere.
pub fn read(body: &[u8]) -> Result<Call, Malformed> {
    let text = decode(body);
    let text = text.trim_matches(|c: char| c == '\0' || c == '\u{FEFF}' || c.is_ascii_whitespace());
    match parse(text) {
        Err(error @ Malformed::Xml(_)) => {
            let mended = [mend::metadata(text), mend::end(text)];
            let mut calls = mended.iter().flatten().map(|mended| parse(mended));
            calls.find(Result::is_ok).unwrap_or(Err(error))
        }
        result => result,
    }
}

/// The service type and action of a SOAPACTION header: `"urn:…:service:X:1#Action"`, with or without quotes.
pub fn soap_action(header: &str) -> Option<(&str, &str)> {
    let header = header.trim().trim_matches(['"', '\'']).trim();
    let (service_type, action) = header.rsplit_once('#')?;
    (!action.is_empty()).then_some((service_type.trim(), action.trim()))
}

/// The service type to answer with: the one asked for, if it is ours in any version, else ours.
pub fn answer_type<'a>(
    service: &'a ServiceDescription,
    asked: impl IntoIterator<Item = &'a str>,
) -> &'a str {
    let (ours, _) = split_version(service.service_type);
    asked
        .into_iter()
        .find(|asked| matches!(split_version(asked), (base, Some(_)) if base == ours))
        .unwrap_or(service.service_type)
}

/// The body of a successful answer. `outputs` are in the order of the table.
pub fn answer(service_type: &str, action: &ActionSpec, outputs: &[String]) -> String {
    let mut content = format!(
        "<u:{name}Response xmlns:u=\"{service_type}\">",
        name = action.name,
        service_type = escape(service_type)
    );
    for (argument, value) in action.outputs.iter().zip(outputs) {
        element(&mut content, argument.name, value);
    }
    content.push_str(&format!("</u:{}Response>", action.name));
    envelope(&content)
}

/// The body of a failed call; it travels with status 500.
pub fn fault(error: &ActionError) -> String {
    envelope(&format!(
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>\
         <UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>{}</errorCode>\
         <errorDescription>{}</errorDescription></UPnPError></detail></s:Fault>",
        error.code,
        escape(&error.description)
    ))
}

fn envelope(content: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\">\
         <s:Body>{content}</s:Body></s:Envelope>\n"
    )
}

/// UTF-8, or Latin-1 where the declaration says so or nothing else fits.
fn decode(body: &[u8]) -> Cow<'_, str> {
    let latin_1 = || body.iter().map(|&byte| char::from(byte)).collect();
    let head = body.get(..body.len().min(128)).unwrap_or_default();
    let declaration = head.split(|&byte| byte == b'>').next().unwrap_or_default();
    let declaration = String::from_utf8_lossy(declaration).to_ascii_lowercase();
    if declaration.contains("encoding")
        && (declaration.contains("8859-1") || declaration.contains("latin1"))
    {
        return Cow::Owned(latin_1());
    }
    match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(latin_1()),
    }
}

fn xml_error(error: impl std::fmt::Display) -> Malformed {
    Malformed::Xml(error.to_string())
}

/// Finds the first element in the first `Body` and reads it as a call.
fn parse(text: &str) -> Result<Call, Malformed> {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut in_body = false;
    let mut call = None;
    let mut depth = 0_usize;
    loop {
        match reader.read_event().map_err(xml_error)? {
            Event::Start(start) if in_body && call.is_none() => {
                let (namespace, name) = reader.resolver().resolve_element(start.name());
                let namespace = match namespace {
                    ResolveResult::Bound(namespace) => Some(namespace.into_inner().to_owned()),
                    ResolveResult::Unbound | ResolveResult::Unknown(_) => None,
                };
                let action = name.into_inner().to_owned();
                let arguments = arguments(&mut reader, text)?;
                call = Some(Call {
                    namespace,
                    action,
                    arguments,
                });
            }
            Event::Start(start) => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(Malformed::TooDeep);
                }
                in_body |= start.local_name().into_inner() == "Body";
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::DocType(_) => return Err(Malformed::DocType),
            Event::Eof if depth > 0 => return Err(xml_error("it ends in the middle")),
            Event::Eof => return call.ok_or(Malformed::NoAction),
            _ => {}
        }
    }
}

/// Reads the children of the action's element, and its end.
fn arguments(reader: &mut NsReader<&[u8]>, text: &str) -> Result<Vec<(String, String)>, Malformed> {
    let mut arguments = Vec::new();
    loop {
        match reader.read_event().map_err(xml_error)? {
            Event::Start(start) => {
                let name = start.local_name().into_inner().to_owned();
                arguments.push((name, argument_value(reader, text)?));
            }
            Event::End(_) => return Ok(arguments),
            Event::DocType(_) => return Err(Malformed::DocType),
            Event::Eof => return Err(xml_error("it ends in the middle of the action")),
            _ => {}
        }
    }
}

/// Reads an argument's value and its end. An argument that holds elements (metadata that was not escaped) counts as its own source text.
fn argument_value(reader: &mut NsReader<&[u8]>, text: &str) -> Result<String, Malformed> {
    let begin = position(reader);
    let mut value = String::new();
    let mut has_elements = false;
    let mut depth = 0_usize;
    loop {
        let end = position(reader);
        match reader.read_event().map_err(xml_error)? {
            Event::Start(_) => {
                has_elements = true;
                depth += 1;
                if depth > DEEPEST {
                    return Err(Malformed::TooDeep);
                }
            }
            Event::End(_) if depth > 0 => depth -= 1,
            Event::End(_) if has_elements => {
                return Ok(text.get(begin..end).unwrap_or_default().trim().to_owned());
            }
            Event::End(_) => return Ok(value),
            Event::Text(piece) => value.push_str(&piece),
            Event::CData(piece) => value.push_str(&piece),
            Event::GeneralRef(reference) => value.push(resolve(&reference)?),
            Event::DocType(_) => return Err(Malformed::DocType),
            Event::Eof => return Err(xml_error("it ends in the middle of an argument")),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn position(reader: &NsReader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// The five entities every reader knows, and character references.
pub(super) fn resolve(reference: &BytesRef<'_>) -> Result<char, Malformed> {
    if let Some(c) = reference.resolve_char_ref().map_err(xml_error)? {
        return Ok(c);
    }
    match &**reference {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        other => Err(xml_error(format!("unknown entity &{other};"))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(content: &str) -> String {
        format!("<s:Envelope xmlns:s=\"e\"><s:Body>{content}</s:Body></s:Envelope>")
    }

    /// Reads a body and writes the call as `Action name=value name=value`.
    fn check(content: &str, expected: &str) {
        let call = read(body(content).as_bytes());
        let got = match call {
            Ok(call) => call
                .arguments
                .iter()
                .fold(call.action, |line, (name, value)| {
                    format!("{line} {name}={value}")
                }),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(got, expected, "{content}");
    }

    #[test]
    fn a10_a13_a23_whatever_the_writing() {
        check(
            "<m:Play xmlns:m='u'><Speed>1</Speed></m:Play>",
            "Play Speed=1",
        );
        check("<u:Get xmlns:u='u'/>", "Get");
        check("<Get/>", "Get");
        check(
            "<u:Set xmlns:u='u'><v:A xmlns:v='v'> x </v:A><B/><C><![CDATA[<&>]]></C></u:Set>",
            "Set A= x  B= C=<&>",
        );
        check(
            "<S><A>&lt;a b=&quot;&#228;&amp;amp;&#x41;&quot;/&gt;</A></S>",
            "S A=<a b=\"ä&amp;A\"/>",
        );
        check("<S><!-- c --><A>1<!-- c -->2</A><?pi?></S>", "S A=12");
        check("", "NoAction");
    }

    #[test]
    fn metadata_that_was_not_escaped_well_still_arrives() {
        check(
            "<S><CurrentURIMetaData><DIDL-Lite><item id=\"1\">a &amp; b</item></DIDL-Lite></CurrentURIMetaData><I>0</I></S>",
            "S CurrentURIMetaData=<DIDL-Lite><item id=\"1\">a &amp; b</item></DIDL-Lite> I=0",
        );
        check(
            "<S><CurrentURIMetaData>&lt;a&gt;R & B&lt;/a&gt;</CurrentURIMetaData></S>",
            "S CurrentURIMetaData=<a>R & B</a>",
        );
        check(
            "<S><CurrentURIMetaData><a>R & B</CurrentURIMetaData><I>0</I></S>",
            "S CurrentURIMetaData=<a>R & B I=0",
        );
    }

    #[test]
    fn a_length_counted_in_characters_costs_no_more_than_metadata() {
        let set = |title: &str| {
            let title = format!(
                "&lt;DIDL-Lite&gt;&lt;dc:title&gt;{title}&lt;/dc:title&gt;&lt;/DIDL-Lite&gt;"
            );
            body(&format!(
                "<u:S xmlns:u='u'><I>0</I><URI>u</URI><URIMetaData>{title}</URIMetaData></u:S>"
            ))
        };
        let sent = |text: &str| read(text.as_bytes().get(..text.chars().count()).expect("ASCII"));
        for title in [
            "ü",
            "Ännchen von Tharau",
            "Подмосковные вечера",
            "夜来香、何日君再来、月亮代表我的心",
        ] {
            let call = sent(&set(title)).expect(title);
            let [instance, uri, metadata] = &call.arguments[..] else {
                panic!("{call:?}");
            };
            assert_eq!((instance.1.as_str(), uri.1.as_str()), ("0", "u"));
            assert!(
                metadata
                    .1
                    .starts_with(&format!("<DIDL-Lite><dc:title>{title}<")),
                "{call:?}"
            );
        }
        // Nothing but metadata may be cut, and nothing that was cut otherwise is made whole.
        let long = "ö".repeat(200);
        assert!(sent(&body(&format!("<S><A>{long}</A><B>12</B></S>"))).is_err());
        assert!(read(b"<e><Body><S><URIMetaData>abc").is_err());
    }

    #[test]
    fn a07_a08_a09_around_the_document() {
        let plain = body("<S><A>ä</A></S>");
        let latin = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{plain}");
        let latin: Vec<u8> = latin.chars().map(|c| c as u8).collect();
        let undeclared: Vec<u8> = plain.chars().map(|c| c as u8).collect();
        let mut nul = plain.clone().into_bytes();
        nul.extend(b"\0\0\r\n");
        let mut bom = b"\xEF\xBB\xBF".to_vec();
        bom.extend(plain.bytes());
        for bytes in [plain.into_bytes(), latin, undeclared, nul, bom] {
            let call = read(&bytes).expect("a call");
            assert_eq!(call.arguments, [("A".to_owned(), "ä".to_owned())]);
        }
    }

    #[test]
    fn a18_a19_what_is_refused() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>";
        assert_eq!(
            read(format!("{bomb}{}", body("<S>&b;</S>")).as_bytes()),
            Err(Malformed::DocType)
        );
        for broken in ["", "\0", "<", "<a", "<a><b></a>", "{\"json\": 1}"] {
            assert!(read(broken.as_bytes()).is_err(), "{broken}");
        }
        for broken in [
            "<S><A>",
            "<S><A></S></A>",
            "<S><A>&nbsp;</A></S>",
            "<S><A>&#0;</A></S>",
        ] {
            assert!(
                matches!(read(body(broken).as_bytes()), Err(Malformed::Xml(_))),
                "{broken}"
            );
        }
        let deep = "<x>".repeat(100_000);
        assert_eq!(read(deep.as_bytes()), Err(Malformed::TooDeep));
    }

    #[test]
    fn a01_soapaction_in_all_spellings() {
        for header in ["\"urn:a:1#Play\"", "urn:a:1#Play", " \" urn:a:1#Play \" "] {
            assert_eq!(soap_action(header), Some(("urn:a:1", "Play")), "{header}");
        }
        assert_eq!(soap_action("\"\""), None);
        assert_eq!(soap_action("urn:a:1#"), None);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
        }

        #[test]
        fn random_markup_never_panics(text in "(<[a-zA-Z:/!?]{0,12}>?|&[a-z#0-9]{0,4};?|MetaData>|<Body>|</|ä|\\]\\]>|<!\\[CDATA\\[){0,40}") {
            let _ = read(text.as_bytes());
            let _ = read(body(&text).as_bytes());
        }

        #[test]
        fn a_value_survives_the_round_trip(value in "[\\t\\n\\r -\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]{0,60}") {
            let mut argument = String::new();
            element(&mut argument, "A", &value);
            let call = read(body(&format!("<S>{argument}</S>")).as_bytes()).expect("a call");
            prop_assert_eq!(&call.arguments, &[("A".to_owned(), value)]);
        }
    }
}
