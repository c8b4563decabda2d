//! What the documents say of the code, held against the code: layers, map, constants, names of tests, links.
//! It knows nothing of what the program does.
//!
//! A failure names each thing that differs and where to put it right. The documents are law only as long as they are true:
//! where the code is right, change the document in the same commit.

mod documents;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use documents::{Document, backticked, rows};
use source::{Crate, File};

const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
const TABLE: &str = "Who may import what";
const MAP: &str = "The map";
/// The module that consists of parts, and the section with the table of who of these may import whom.
const OF_PARTS: (&str, &str) = ("upnp", "Inside `upnp`");

/// A file of more lines than this does more than one thing.
const LONGEST: usize = 600;
/// The files that may read the operating system's time, against clippy's advice.
const TELL_THE_TIME: [&str; 2] = [
    "src/app/announcing.rs", // the boot id is a date
    "src/clock.rs",
];

/// What runs on a sound card's own thread.
const CALLBACKS: [&str; 2] = [
    "src/capture/device/callback.rs",
    "src/sink/device/callback.rs",
];
/// All that a callback may name from elsewhere. Nothing here waits: rtrb's ends are wait-free, and a clock is one
/// reading of the system's monotonic time, for which Linux enters no kernel.
const CALLBACK_NAMES: [&str; 17] = [
    "Ordering::Relaxed",
    "T::EQUILIBRIUM",
    "T::from_sample",
    "crate::audio::Heard",
    "crate::clock::Clock",
    "f32::from_sample",
    "rodio::cpal::FromSample",
    "rodio::cpal::Sample",
    "rodio::cpal::SizedSample",
    "rtrb::Consumer",
    "rtrb::Producer",
    "std::sync::Arc",
    "std::sync::atomic::AtomicBool",
    "std::sync::atomic::AtomicU64",
    "std::sync::atomic::AtomicUsize",
    "std::sync::atomic::Ordering",
    "std::time::Duration",
];
/// What the prelude would let it allocate, print or wait with, without naming where it comes from.
const CALLBACK_NEVER: [&str; 21] = [
    "Box",
    "String",
    "ToOwned",
    "ToString",
    "Vec",
    "assert",
    "collect",
    "dbg",
    "eprint",
    "eprintln",
    "expect",
    "format",
    "lock",
    "panic",
    "print",
    "println",
    "to_owned",
    "to_string",
    "to_vec",
    "unwrap",
    "vec",
];

/// Fails with one line for each problem.
#[track_caller]
fn no_more(problems: &[String]) {
    assert!(
        problems.is_empty(),
        "{} to put right:\n  {}\n",
        problems.len(),
        problems.join("\n  ")
    );
}

/// Names, and for each where it was seen.
type Names = BTreeMap<String, String>;

/// What a row of the table allows a module, or what the module's code does.
#[derive(Debug, Default)]
struct Imports {
    modules: Names,
    crates: Names,
}

fn listed(cell: &str) -> Names {
    backticked(cell)
        .map(|name| (name.to_owned(), ARCHITECTURE.to_owned()))
        .collect()
}

fn allowed(table: &str) -> BTreeMap<String, Imports> {
    let architecture = Document::read(ARCHITECTURE);
    let allowed: BTreeMap<_, _> = rows(architecture.section(table))
        .filter_map(|cells| {
            let [module, modules, crates, ..] = cells.as_slice() else {
                return None;
            };
            let imports = Imports {
                modules: listed(modules),
                crates: listed(crates),
            };
            Some((backticked(module).next()?.to_owned(), imports))
        })
        .collect();
    assert!(allowed.len() > 5, "{ARCHITECTURE} has no table {table:?}");
    allowed
}

fn used() -> BTreeMap<String, Imports> {
    let code = Crate::read();
    let mut used: BTreeMap<String, Imports> = BTreeMap::new();
    for module in &code.modules {
        used.insert(module.clone(), Imports::default());
    }
    for file in &code.files {
        let Some(module) = code.module_of(file) else {
            continue;
        };
        let imports = used.entry(module.to_owned()).or_default();
        for path in &file.paths {
            if let Some(other) = code.module_named_by(file, path) {
                if other != module {
                    imports.modules.insert(other.to_owned(), file.path.clone());
                }
            } else if let Some(outside) = code.crate_named_by(path) {
                imports.crates.insert(outside.to_owned(), file.path.clone());
            }
        }
    }
    used
}

/// The same of the parts of one module.
fn used_inside(module: &str) -> BTreeMap<String, Imports> {
    let mut used: BTreeMap<String, Imports> = BTreeMap::new();
    for file in Crate::read().files {
        let Some(part) = file.part_of(module) else {
            continue;
        };
        let imports = used.entry(part.to_owned()).or_default();
        for path in &file.paths {
            match file.part_named_by(module, path) {
                Some(other) if other != part => {
                    imports.modules.insert(other.to_owned(), file.path.clone());
                }
                _ => {}
            }
        }
    }
    used
}

/// What is in the one and not in the other, as complaints.
fn differences(
    table: &str,
    module: &str,
    kind: &str,
    allowed: &Names,
    used: &Names,
) -> Vec<String> {
    let forbidden = used.iter().filter(|(name, _)| !allowed.contains_key(*name));
    let idle = allowed.keys().filter(|name| !used.contains_key(*name));
    let row = format!("the row of `{module}` in {table:?}, {ARCHITECTURE}");
    forbidden
        .map(|(name, file)| format!("{file} uses the {kind} `{name}`, which is not in {row}"))
        .chain(idle.map(|name| format!("nothing uses the {kind} `{name}` that is in {row}")))
        .collect()
}

/// Holds what is used against a table.
#[track_caller]
fn only_what_is_allowed(table: &str, used: &BTreeMap<String, Imports>) {
    let allowed = allowed(table);
    let nothing = Imports::default();
    let names: BTreeSet<_> = allowed.keys().chain(used.keys()).collect();
    let mut problems = Vec::new();
    for name in names {
        if !used.contains_key(name) {
            problems.push(format!(
                "the table {table:?} in {ARCHITECTURE} has a row for `{name}`, which is not there"
            ));
        }
        if !allowed.contains_key(name) {
            problems.push(format!(
                "the table {table:?} in {ARCHITECTURE} has no row for `{name}`"
            ));
        }
        let (may, does) = (
            allowed.get(name).unwrap_or(&nothing),
            used.get(name).unwrap_or(&nothing),
        );
        for (kind, may, does) in [
            ("module", &may.modules, &does.modules),
            ("crate", &may.crates, &does.crates),
        ] {
            problems.extend(differences(table, name, kind, may, does));
        }
    }
    no_more(&problems);
}

#[test]
fn modules_import_what_the_table_allows_and_nothing_else() {
    only_what_is_allowed(TABLE, &used());
}

#[test]
fn the_parts_of_upnp_import_what_their_table_allows_and_nothing_else() {
    let (module, table) = OF_PARTS;
    only_what_is_allowed(table, &used_inside(module));
}

/// Fails with one line for each member of a circle.
#[track_caller]
fn no_circles(used: &BTreeMap<String, Imports>) {
    // Takes away whoever imports nothing that is left, and whom nobody that is left imports; what remains are circles.
    let mut left: BTreeMap<_, Vec<_>> = used
        .iter()
        .map(|(name, imports)| (name, imports.modules.keys().collect()))
        .collect();
    loop {
        let imported: BTreeSet<_> = left.values().flatten().copied().collect();
        let before = left.len();
        left.retain(|name, imports| !imports.is_empty() && imported.contains(name));
        let names: BTreeSet<_> = left.keys().copied().collect();
        for imports in left.values_mut() {
            imports.retain(|name| names.contains(name));
        }
        if left.len() == before {
            break;
        }
    }
    let circles: Vec<_> = left
        .into_iter()
        .map(|(name, imports)| format!("`{name}` is part of a circle of imports; see {imports:?}"))
        .collect();
    no_more(&circles);
}

#[test]
fn imports_go_one_way() {
    no_circles(&used());
    no_circles(&used_inside(OF_PARTS.0));
}

/// The table could be edited together with the code; these layers are why there is one.
#[test]
fn the_layers_stand() {
    let used = used();
    let mut problems = Vec::new();
    for name in ["cli", "clock", "discovery", "state_dir", "upnp", "view"] {
        for (other, file) in &used[name].modules {
            problems.push(format!(
                "`{name}` is to know nothing of this program, and {file} imports `{other}`"
            ));
        }
    }
    for (name, imports) in &used {
        if imports.modules.contains_key("config") && !["app", "main"].contains(&name.as_str()) {
            problems.push(format!(
                "only `app` and `main` know the config, and `{name}` imports it"
            ));
        }
        if imports.modules.contains_key("app") && name != "main" {
            problems.push(format!("`app` is the top, and `{name}` imports it"));
        }
    }
    let machinery = ["env", "fs", "io", "net", "os", "process", "thread"];
    for file in Crate::read().files {
        let pure = file.path == "src/clock.rs" || file.path.starts_with("src/audio/");
        for path in file.paths.iter().filter(|path| pure && path[0] == "std") {
            if machinery.contains(&path[1].as_str()) {
                problems.push(format!(
                    "{} is sums only, and uses {}",
                    file.path,
                    path.join("::")
                ));
            }
        }
    }
    no_more(&problems);
}

#[test]
fn every_dependency_is_in_the_table() {
    let named: BTreeSet<String> = allowed(TABLE)
        .into_values()
        .flat_map(|imports| imports.crates.into_keys())
        .collect();
    let code = Crate::read();
    let problems: Vec<_> = code
        .dependencies
        .difference(&named)
        .map(|name| {
            format!("Cargo.toml depends on `{name}`, which no module in {ARCHITECTURE} is allowed")
        })
        .collect();
    no_more(&problems);
}

#[test]
fn the_map_names_every_file_and_no_other() {
    let architecture = Document::read(ARCHITECTURE);
    let named: Vec<_> = rows(architecture.section(MAP))
        .filter_map(|cells| backticked(cells.first()?).next().map(str::to_owned))
        .collect();
    let there: BTreeSet<String> = Crate::read()
        .files
        .into_iter()
        .map(|file| file.path)
        .collect();
    let mut problems = Vec::new();
    for (index, name) in named.iter().enumerate() {
        if !there.contains(name) {
            problems.push(format!(
                "the map in {ARCHITECTURE} names {name}, which is not there"
            ));
        }
        if named[..index].contains(name) {
            problems.push(format!("the map in {ARCHITECTURE} names {name} twice"));
        }
    }
    for path in there.iter().filter(|path| !named.contains(path)) {
        problems.push(format!("the map in {ARCHITECTURE} has no line for {path}"));
    }
    no_more(&problems);
}

#[test]
fn files_are_short_and_the_code_is_safe() {
    let mut problems = Vec::new();
    for File {
        path,
        lines,
        words,
        lints,
        ..
    } in Crate::read().files
    {
        if lines > LONGEST {
            problems.push(format!(
                "{path} has {lines} lines; a file that does one thing has no more than {LONGEST}"
            ));
        }
        if words.contains("unsafe") {
            problems.push(format!("{path} has the word `unsafe` in it"));
        }
        let tells = TELL_THE_TIME.contains(&path.as_str());
        if lints.contains("disallowed_methods") != tells {
            problems.push(format!(
                "{path}: what may read the system's time is {TELL_THE_TIME:?}, listed in {}",
                file!()
            ));
        }
    }
    for path in TELL_THE_TIME {
        if !source::root().join(path).is_file() {
            problems.push(format!(
                "{path} has gone: take it off its list in {}",
                file!()
            ));
        }
    }
    let manifest = source::manifest();
    assert_eq!(
        manifest["lints"]["rust"]["unsafe_code"].as_str(),
        Some("forbid")
    );
    no_more(&problems);
}

/// A lock can be neither made nor reached without naming one: the callbacks' files name what is listed, and nothing else.
#[test]
fn a_sound_cards_callback_can_only_name_what_does_not_wait() {
    let code = Crate::read();
    let (mut problems, mut needed) = (Vec::new(), BTreeSet::new());
    for path in CALLBACKS {
        let file = code.files.iter().find(|file| file.path == path);
        let file = file.unwrap_or_else(|| panic!("{path} has moved"));
        for name in file.paths.iter().map(|path| path.join("::")) {
            if !CALLBACK_NAMES.contains(&name.as_str()) {
                problems.push(format!(
                    "{path} names {name}, which is not known to neither wait nor allocate"
                ));
            }
            needed.insert(name);
        }
        for word in CALLBACK_NEVER
            .iter()
            .filter(|word| file.words.contains(**word))
        {
            problems.push(format!(
                "{path} uses `{word}`: not on a sound card's thread"
            ));
        }
    }
    for name in CALLBACK_NAMES
        .iter()
        .filter(|name| !needed.contains(**name))
    {
        problems.push(format!(
            "no callback needs {name} any more: take it off the list in {}",
            file!()
        ));
    }
    no_more(&problems);
}

#[test]
fn no_test_is_ignored() {
    let tests = source::files_below("tests").chain(source::files_below("src"));
    let problems: Vec<_> = tests
        .filter(|file| file.attributes.contains("ignore"))
        .map(|file| {
            format!(
                "{} ignores a test: one that cannot run here makes itself the place where it can",
                file.path
            )
        })
        .collect();
    no_more(&problems);
}

/// What stands between backticks and looks like a path, or like a test in a file, is there.
#[test]
fn what_the_documents_name_is_there() {
    let mut problems = Vec::new();
    for document in Document::all() {
        for name in document.prose().flat_map(backticked) {
            let (path, item) = match name.split_once("::") {
                Some((path, item)) => (path, Some(item)),
                None => (name, None),
            };
            let is_path = path.contains('/') && !path.contains([' ', '*', '<', '~', '$', ':', 'X']);
            let is_ours = [
                "src/",
                "tests/",
                "docs/",
                "config/",
                "examples/",
                "scripts/",
                ".ci/",
            ]
            .iter()
            .any(|folder| path.starts_with(folder));
            if !is_path || !is_ours || path.contains("KIND") {
                continue;
            }
            let Ok(place) = source::root().join(path).canonicalize() else {
                problems.push(format!(
                    "{} names {path}, which is not there",
                    document.path
                ));
                continue;
            };
            if let Some(item) = item {
                let text = std::fs::read_to_string(place).unwrap_or_default();
                if !text.contains(&format!("fn {item}(")) {
                    problems.push(format!(
                        "{} names {item} in {path}, which has no such function",
                        document.path
                    ));
                }
            }
        }
    }
    no_more(&problems);
}

/// A row that begins with `module::CONSTANT` and its value says what the code says.
#[test]
fn constants_are_what_the_documents_say() {
    let code = Crate::read();
    let mut problems = Vec::new();
    let mut checked = 0;
    for document in Document::all() {
        for cells in rows(&document.text) {
            let [name, value, ..] = cells.as_slice() else {
                continue;
            };
            let Some((module, constant)) = backticked(name)
                .next()
                .and_then(|name| name.split_once("::"))
            else {
                continue;
            };
            let is_constant = constant
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            if !is_constant || !code.modules.contains(module) {
                continue;
            }
            checked += 1;
            let stated = backticked(value).next().map(source::normal);
            let files = code
                .files
                .iter()
                .filter(|file| code.module_of(file) == Some(module));
            let there: BTreeSet<_> = files
                .filter_map(|file| file.constants.get(constant))
                .collect();
            if stated.as_ref().is_none_or(|stated| !there.contains(stated)) {
                let says = stated.unwrap_or_default();
                let name = format!("{module}::{constant}");
                let path = &document.path;
                problems.push(if there.is_empty() {
                    format!("{path}: {name} is nowhere in the code")
                } else {
                    format!("{path}: {name} is {says}, says the document; the code says {there:?}")
                });
            }
        }
    }
    assert!(checked > 30, "only {checked} constants are documented");
    no_more(&problems);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut problems = Vec::new();
    for document in Document::all() {
        for link in document.links() {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                document.path.clone()
            } else {
                document.beside(path)
            };
            if !source::root().join(&target).exists() {
                problems.push(format!(
                    "{} links to {link}, which is not there",
                    document.path
                ));
            } else if !anchor.is_empty()
                && !Document::read(&target)
                    .anchors()
                    .any(|known| known == anchor)
            {
                problems.push(format!(
                    "{} links to {link}, and {target} has no such heading",
                    document.path
                ));
            }
        }
    }
    no_more(&problems);
}
