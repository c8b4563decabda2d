//! What the program says of itself to who finds it: descriptions, icons, web page.
//! What it says at a search is in `life`.

use std::collections::BTreeSet;

use roxmltree::{Document, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::namespace::inside;
use crate::support::program::Home;
use crate::support::soap::Renderer;
use crate::support::upnp_rules::{device_faults, scpd_faults};
use crate::support::upnp_wire::{bare, exchange};

const NAME: &str =
    "Tom & \"Jerry\" <🎵> über alles, und länger als vierundsechzig Zeichen, denn Häuser sind groß";

/// A file and its type, as they come.
async fn fetch(renderer: &Renderer, path: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(renderer.address)
        .await
        .expect("it listens");
    let request = bare("GET", path, &[("Connection", "close")]);
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n");
    let end = end.expect("a head");
    let head = std::str::from_utf8(&answer[..end]).expect("UTF-8");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
    let header = |name: &str| {
        let mut lines = head.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.expect("the header").to_owned()
    };
    let file = answer.split_off(end + 4);
    assert_eq!(header("content-length"), file.len().to_string(), "{path}");
    (header("content-type"), file)
}

/// The elements of this name, of which there is one at least.
fn all<'a, 'i>(document: &'a Document<'i>, name: &str) -> Vec<Node<'a, 'i>> {
    let nodes = document.descendants();
    let nodes: Vec<_> = nodes.filter(|it| it.tag_name().name() == name).collect();
    assert!(!nodes.is_empty(), "no {name}");
    nodes
}

/// The text of a child.
fn text<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    let mut children = node.children();
    let child = children.find(|child| child.tag_name().name() == name);
    child.and_then(|child| child.text()).expect("a text")
}

#[tokio::test]
async fn d01_d03_d04_all_that_is_described_is_there_and_as_described() {
    if !inside("program::descriptions::d01_d03_d04_all_that_is_described_is_there_and_as_described")
    {
        return;
    }
    let home = Home::new();
    home.configure(&format!(
        "[[output]]\nname = \"O\"\ntype = \"wav\"\npath = \"o.wav\"\n[[zone]]\nname = '{NAME}'\noutputs = [\"O\"]\n"
    ));
    let program = home.start().await;
    let escaped = NAME
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    let renderer = Renderer::find(&escaped).await;
    let body = renderer.description.body.as_str();
    assert_eq!(device_faults(body), Vec::<String>::new());
    let document = Document::parse(body).expect("XML");
    assert_eq!(all(&document, "friendlyName")[0].text(), Some(NAME));

    for node in all(&document, "SCPDURL") {
        let path = node.text().expect("a path");
        let (kind, scpd) = fetch(&renderer, path).await;
        assert_eq!(kind, "text/xml; charset=\"utf-8\"");
        let faults = scpd_faults(&String::from_utf8(scpd).expect("UTF-8"));
        assert_eq!(faults, Vec::<String>::new(), "{path}");
    }
    let mut icons = BTreeSet::new();
    for icon in all(&document, "icon") {
        let (kind, file) = fetch(&renderer, text(icon, "url")).await;
        assert_eq!(kind, text(icon, "mimetype"));
        let format = image::guess_format(&file).expect("a known format");
        assert_eq!(format.to_mime_type(), kind);
        let picture = image::load_from_memory(&file).expect("a picture");
        assert_eq!(text(icon, "width"), picture.width().to_string());
        assert_eq!(text(icon, "height"), picture.height().to_string());
        icons.insert(format!("{kind} {}", picture.width()));
    }
    let expected = [
        "image/jpeg 120",
        "image/jpeg 48",
        "image/png 120",
        "image/png 256",
        "image/png 48",
        "image/png 512",
    ];
    assert_eq!(icons.iter().collect::<Vec<_>>(), expected);
    for node in all(&document, "presentationURL") {
        let (kind, _) = fetch(&renderer, node.text().expect("a path")).await;
        assert!(kind.starts_with("text/html"), "{kind}");
    }
    for node in all(&document, "controlURL") {
        let path = node.text().expect("a path");
        let answer = exchange(renderer.address, bare("GET", path, &[])).await;
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.header("allow"), Some("POST, M-POST"));
    }
    program.stop().await;
}
