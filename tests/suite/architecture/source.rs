//! The source files as words: which paths they name, which constants they hold.
//! Code that exists in tests only is left out; what a name means is not looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What stands for the program's own files: main.rs and the modules it declares.
const MAIN: &str = "main";

pub(super) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn manifest() -> toml::Table {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    text.parse().expect("TOML")
}

/// An expression in the spelling of the lexer, so that blanks do not count.
pub(super) fn normal(code: &str) -> String {
    code.parse::<TokenStream>()
        .map_or_else(|_| code.to_owned(), |tokens| tokens.to_string())
}

/// The words of one file.
#[derive(Default)]
pub(super) struct File {
    /// From the repository's root.
    pub(super) path: String,
    pub(super) lines: usize,
    /// Paths of two parts or more, and whatever is imported.
    pub(super) paths: BTreeSet<Vec<String>>,
    /// Values of constants.
    pub(super) constants: BTreeMap<String, String>,
    /// Every word.
    pub(super) words: BTreeSet<String>,
    /// First words of attributes, those in tests included.
    pub(super) attributes: BTreeSet<String>,
    /// Words inside of `#[expect(…)]` and `#[allow(…)]`.
    pub(super) lints: BTreeSet<String>,
}

impl File {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a source file in UTF-8");
        let name = path.strip_prefix(root()).expect("a path below the root");
        let mut file = Self {
            path: name.to_str().expect("a path in UTF-8").to_owned(),
            lines: text.lines().count(),
            ..Self::default()
        };
        let tokens = text.parse::<TokenStream>();
        file.look_at(
            tokens.unwrap_or_else(|error| panic!("{}: {error}", file.path)),
            false,
        );
        file
    }

    fn look_at(&mut self, tokens: TokenStream, tests_only: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        let mut in_test = false;
        while let Some(token) = tokens.get(at) {
            let rest = &tokens[at + 1..];
            at += 1;
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    in_test |= self.attribute(rest);
                }
                TokenTree::Group(group) => {
                    self.look_at(group.stream(), tests_only || in_test);
                    in_test &= group.delimiter() != Delimiter::Brace;
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => in_test = false,
                TokenTree::Ident(_) if tests_only || in_test => {}
                TokenTree::Ident(word) => {
                    self.words.insert(word.to_string());
                    if word == "use" {
                        let end = rest.iter().position(|token| is_punct(token, ';'));
                        self.import(&rest[..end.unwrap_or(rest.len())], &[]);
                        at += end.unwrap_or(0);
                    } else if word == "const" {
                        self.constant(rest);
                    } else {
                        at += self.path(word.to_string(), rest);
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// Whether what follows the attribute is there in tests only.
    fn attribute(&mut self, rest: &[TokenTree]) -> bool {
        let Some(TokenTree::Group(group)) = rest.iter().find(|token| !is_punct(token, '!')) else {
            return false;
        };
        let words: Vec<TokenTree> = group.stream().into_iter().collect();
        let Some(TokenTree::Ident(name)) = words.first() else {
            return false;
        };
        self.attributes.insert(name.to_string());
        let inner = words.get(1).map(ToString::to_string).unwrap_or_default();
        if name == "expect" || name == "allow" {
            self.lints.extend(
                inner
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .map(str::to_owned),
            );
        }
        name == "cfg" && inner == "(test)"
    }

    /// Notes a path that begins with `first`; returns how many tokens it took besides.
    fn path(&mut self, first: String, rest: &[TokenTree]) -> usize {
        let mut path = vec![first];
        let mut taken = 0;
        while let [colon, colon_too, TokenTree::Ident(part), ..] = &rest[taken..]
            && is_punct(colon, ':')
            && is_punct(colon_too, ':')
        {
            path.push(part.to_string());
            taken += 3;
        }
        if path.len() > 1 {
            self.paths.insert(path);
        }
        taken
    }

    /// Notes every path of what stands between `use` and its end.
    fn import(&mut self, tree: &[TokenTree], prefix: &[String]) {
        for branch in tree.split(|token| is_punct(token, ',')) {
            let mut path = prefix.to_vec();
            let mut leads_on = false;
            for token in branch {
                match token {
                    TokenTree::Ident(word) if word == "as" => break,
                    TokenTree::Ident(word) => path.push(word.to_string()),
                    TokenTree::Group(group) => {
                        let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                        self.import(&inner, &path);
                        leads_on = true;
                    }
                    TokenTree::Punct(_) | TokenTree::Literal(_) => {}
                }
            }
            if !leads_on && path.len() > prefix.len() {
                self.paths.insert(path);
            }
        }
    }

    fn constant(&mut self, rest: &[TokenTree]) {
        let Some(TokenTree::Ident(name)) = rest.first() else {
            return;
        };
        let end = rest.iter().position(|token| is_punct(token, ';'));
        let definition = &rest[..end.unwrap_or(0)];
        if let Some(equals) = definition.iter().position(|token| is_punct(token, '=')) {
            let value: TokenStream = definition[equals + 1..].iter().cloned().collect();
            self.constants.insert(name.to_string(), value.to_string());
        }
    }

    /// The part of a top-level module that the file belongs to: the folder or file it is in, within the module's own.
    pub(super) fn part_of(&self, module: &str) -> Option<&str> {
        let inner = self.path.strip_prefix("src/")?.strip_prefix(module)?;
        let first = inner.strip_prefix('/')?.split(['/', '.']).next()?;
        (first != "mod").then_some(first)
    }

    /// What a path in the file leads to in the top-level module that the file is in, if it leads there by way of that module.
    pub(super) fn part_named_by<'a>(&self, module: &str, path: &'a [String]) -> Option<&'a str> {
        let supers = path.iter().take_while(|part| *part == "super").count();
        match path.first()?.as_str() {
            "crate" if path.get(1).is_some_and(|name| name == module) => path.get(2),
            "super" if supers + 1 == self.depth() => path.get(supers),
            _ => None,
        }
        .map(String::as_str)
    }

    /// How many `super` lead from the file's module to the crate.
    fn depth(&self) -> usize {
        let path = self.path.trim_start_matches("src/");
        path.trim_end_matches("/mod.rs").split('/').count()
    }
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

/// The source files below a folder.
pub(super) fn files_below(folder: &str) -> impl Iterator<Item = File> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("a folder that stays").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(File::read(&path));
            }
        }
    }
    assert!(files.len() > 10, "{folder} has moved");
    files.into_iter()
}

/// All of `src`.
pub(super) struct Crate {
    pub(super) files: Vec<File>,
    /// The modules of the library, and [`MAIN`].
    pub(super) modules: BTreeSet<String>,
    /// The crates it may name, as code spells them.
    pub(super) dependencies: BTreeSet<String>,
}

impl Crate {
    pub(super) fn read() -> Self {
        let manifest = manifest();
        // Those for one system are named by the code as the others are.
        let systems = manifest["target"].as_table().expect("a table").values();
        let tables = std::iter::once(&manifest["dependencies"])
            .chain(systems.map(|system| &system["dependencies"]));
        let dependencies = tables.flat_map(|table| table.as_table().expect("a table").keys());
        let library = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
        let declared = library
            .lines()
            .filter_map(|line| line.strip_prefix("pub mod ")?.split(';').next());
        let modules: BTreeSet<String> = declared.chain([MAIN]).map(str::to_owned).collect();
        assert!(
            modules.len() > 10,
            "src/lib.rs declares its modules in another way"
        );
        Self {
            files: files_below("src").collect(),
            modules,
            dependencies: dependencies.map(|name| name.replace('-', "_")).collect(),
        }
    }

    /// The top-level module that a file belongs to; lib.rs belongs to none.
    pub(super) fn module_of<'a>(&'a self, file: &'a File) -> Option<&'a str> {
        let first = file.path.strip_prefix("src/")?.split(['/', '.']).next()?;
        match first {
            "lib" => None,
            name if self.modules.contains(name) => Some(name),
            _ => Some(MAIN),
        }
    }

    /// The top-level module that a path in `file` leads to.
    pub(super) fn module_named_by<'a>(
        &'a self,
        file: &File,
        path: &'a [String],
    ) -> Option<&'a str> {
        let supers = path.iter().take_while(|part| *part == "super").count();
        let main = self.module_of(file) == Some(MAIN);
        match path.first()?.as_str() {
            "unisono" if main => path.get(1),
            "crate" if !main => path.get(1),
            "super" if !main && supers == file.depth() => path.get(supers),
            _ => None,
        }
        .map(String::as_str)
    }

    /// The outside crate that a path begins with.
    pub(super) fn crate_named_by<'a>(&self, path: &'a [String]) -> Option<&'a str> {
        let first = path.first()?;
        self.dependencies.contains(first).then_some(first)
    }
}
