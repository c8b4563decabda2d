//! The fuzz targets, as far as a test may take: each gets its corpus, and some thousand inputs made of it. `make fuzz` goes on.

use std::path::Path;

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// How many inputs are made for each target.
const ROUNDS: usize = 20_000;
/// The longest that is made.
const LONGEST: usize = 8 * 1024;

/// The files that a target begins with.
fn corpus(folders: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut found = Vec::new();
    for (folder, ending) in folders {
        let mut folders = vec![fixtures.join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().expect("a folder of fixtures") {
                let path = entry.expect("a folder that stays").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|it| it == *ending) {
                    found.push(std::fs::read(path).expect("a file that stays"));
                }
            }
        }
    }
    // A folder has no order.
    found.sort();
    found
}

/// One input made of others: a stretch is left out, doubled, overwritten or taken from another, some times over.
fn mutated(corpus: &[Vec<u8>], rng: &mut TestRng) -> Vec<u8> {
    const TELLING: &[u8] = b"<>&;\"'/:=[]{}#%.,-+0129 \r\n\t\0\x80\xff\xc3";
    let mut below = |limit: usize| rng.next_u32() as usize % limit.max(1);
    let mut input = corpus[below(corpus.len())].clone();
    for _ in 0..=below(6) {
        let from = below(input.len() + 1);
        let until = (from + below(24)).min(input.len());
        match below(5) {
            0 => drop(input.drain(from..until)),
            1 => {
                let piece = input[from..until].to_vec();
                input.splice(from..from, piece.repeat(1 + below(40)));
            }
            2 => {
                let byte = TELLING[below(TELLING.len())];
                input.splice(from..from, [byte]);
            }
            3 => {
                let other = &corpus[below(corpus.len())];
                let start = below(other.len() + 1);
                let end = (start + below(200)).min(other.len());
                input.splice(from..until, other[start..end].to_vec());
            }
            _ => input.truncate(from),
        }
    }
    input.truncate(LONGEST);
    input
}

fn check(name: &str) {
    let found = targets::TARGETS.iter().find(|target| target.0 == name);
    let (_, run, folders) = found.expect("a target of that name");
    let corpus = corpus(folders);
    assert!(corpus.len() > 3, "{name}: the fixtures have moved");
    for input in &corpus {
        run(input);
    }
    // The same inputs each time: a failure can be seen again.
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    for _ in 0..ROUNDS {
        let input = mutated(&corpus, &mut rng);
        let told = std::panic::catch_unwind(|| run(&input));
        assert!(
            told.is_ok(),
            "{name}: {:?}",
            String::from_utf8_lossy(&input)
        );
    }
}

#[test]
fn config() {
    check("config");
}

#[test]
fn didl() {
    check("didl");
}

#[test]
fn duration() {
    check("duration");
}

#[test]
fn gena() {
    check("gena");
}

#[test]
fn icy() {
    check("icy");
}

#[test]
fn last_change() {
    check("last_change");
}

#[test]
fn media() {
    check("media");
}

#[test]
fn playlist() {
    check("playlist");
}

#[test]
fn segments() {
    check("segments");
}

#[test]
fn soap() {
    check("soap");
}

#[test]
fn ssdp() {
    check("ssdp");
}
