//! The runtime in layers: no file imports from a layer above its own, and import cycles stay small.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A crate of the runtime.
struct Crate {
    /// The folder with its source, relative to the root of the repository.
    source: &'static str,
    /// From the lowest layer to the highest. A file imports from its own layer and from those before
    /// it. `lib.rs` and the fixtures of sealed texts may import from all of them.
    layers: &'static [&'static str],
    /// The number of files that the crate has at least.
    min_files: usize,
}

const OAUTH: Crate = Crate {
    source: "crates/mcpo-runtime/oauth/src",
    layers: &OAUTH_LAYERS,
    min_files: 100,
};
const RUNTIME: Crate = Crate {
    source: "crates/mcpo-runtime/src",
    layers: &[
        "login",
        "store",
        "upstream_error",
        "caller",
        "mcp",
        "server",
    ],
    min_files: 20,
};
const OAUTH_LAYERS: [&str; 15] = [
    "base",
    "logging",
    "net",
    "store",
    "jwt",
    "login",
    "oauth",
    "upstream",
    "pages",
    "state",
    "resource_server",
    "endpoints",
    "config",
    "assembly",
    "fixtures",
];
const LARGEST_CYCLE: usize = 4;

/// Texts of files by their modules: `["store", "memory"]`; `lib.rs` is the empty one.
type Files = BTreeMap<Vec<String>, String>;
type Imports = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

fn module_of(path: &Path) -> Vec<String> {
    let path = path.with_extension("");
    let names = path.components();
    let mut names: Vec<_> = names
        .map(|name| name.as_os_str().to_str().unwrap().to_owned())
        .collect();
    if names == ["lib"] || names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

fn read(folder: &Path, root: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, root, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            files.insert(module_of(path.strip_prefix(root).unwrap()), text);
        }
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Adds every path of a use tree or an expression after `before`: `a::{b, c::d}` is two paths.
/// Returns what follows.
fn add_paths<'a>(mut tree: &'a str, before: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = before.to_vec();
    loop {
        tree = tree.trim_start();
        if let Some(inner) = tree.strip_prefix('{') {
            tree = inner.trim_start();
            while !tree.is_empty() && !tree.starts_with('}') {
                tree = add_paths(tree, &path, found);
                // Past `as name` too.
                tree = tree.trim_start_matches(|c| c != ',' && c != '}');
                tree = tree.trim_start_matches(',').trim_start();
            }
            return tree.strip_prefix('}').unwrap_or(tree);
        }
        let (word, rest) = tree.split_at(tree.find(|c| !is_word(c)).unwrap_or(tree.len()));
        match word {
            "" | "self" => {}
            "super" => drop(path.pop()),
            name => path.push(name.to_owned()),
        }
        match rest.strip_prefix("::") {
            Some(rest) if !word.is_empty() => tree = rest,
            _ => {
                found.push(path);
                return rest;
            }
        }
    }
}

/// What comes after each `word` that begins a path.
fn after_each<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(word).filter_map(move |(at, _)| {
        let before = text[..at].chars().next_back();
        let begins = before.is_none_or(|c| !is_word(c) && c != ':');
        begins.then(|| &text[at + word.len()..])
    })
}

/// The modules that a file names. `depth` is how many modules the text is inside of the file's own.
fn named(module: &[String], text: &str, depth: usize) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for path in after_each(text, "crate::") {
        add_paths(path, &[], &mut found);
    }
    for mut path in after_each(text, "super::") {
        let mut up = 1;
        while let Some(rest) = path.strip_prefix("super::") {
            (path, up) = (rest, up + 1);
        }
        if let Some(len) = (module.len() + depth).checked_sub(up) {
            add_paths(path, &module[..len], &mut found);
        }
    }
    for path in after_each(text, "self::") {
        add_paths(path, module, &mut found);
    }
    let children = after_each(text, "mod ").filter_map(|rest| rest.split_once(';'));
    let children: Vec<_> = children
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(is_word))
        .collect();
    for child in children {
        for path in after_each(text, &format!("{child}::")) {
            let base = [module, &[child.to_owned()]].concat();
            add_paths(path, &base, &mut found);
        }
    }
    found
}

fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next());
    lines.map(Option::unwrap_or_default).fold(
        String::with_capacity(text.len()),
        |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        },
    )
}

/// Which files each file imports from.
fn imports(files: &Files) -> Imports {
    let mut all = Imports::new();
    for (module, text) in files {
        let text = without_comments(text);
        let (text, tests) = text.split_once("\nmod tests {").unwrap_or((&text, ""));
        let paths = [named(module, text, 0), named(module, tests, 1)].concat();
        let found = paths.into_iter().map(|mut path| {
            while !files.contains_key(&path) {
                path.pop();
            }
            path
        });
        let found = found.filter(|path| path != module).collect();
        all.insert(module.clone(), found);
    }
    all
}

fn layer(layers: &[&str], module: &[String]) -> usize {
    let name = module.first().map_or("lib", String::as_str);
    let layer = layers.iter().position(|layer| *layer == name);
    match (layer, name) {
        (Some(layer), _) => layer,
        (None, "lib") => layers.len(),
        (None, other) => panic!("{other} is in no layer"),
    }
}

fn upward(layers: &[&str], imports: &Imports) -> Vec<String> {
    let mut found = Vec::new();
    for (module, others) in imports {
        for other in others {
            if layer(layers, other) > layer(layers, module) {
                found.push(format!("{} -> {}", module.join("/"), other.join("/")));
            }
        }
    }
    found
}

/// The files that lead back to themselves, with those that are on the way.
fn cycles(imports: &Imports) -> BTreeSet<BTreeSet<Vec<String>>> {
    let reachable = |from: &Vec<String>| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = open.pop() {
            for other in &imports[&module] {
                if seen.insert(other.clone()) {
                    open.push(other.clone());
                }
            }
        }
        seen
    };
    let reachable: BTreeMap<_, _> = imports.keys().map(|key| (key, reachable(key))).collect();
    let cycles = imports.keys().map(|module| {
        let leads_back = |other: &&Vec<String>| reachable[*other].contains(module);
        let cycle = reachable[module].iter().filter(leads_back).cloned();
        cycle.collect::<BTreeSet<_>>()
    });
    cycles.filter(|cycle| cycle.len() > 1).collect()
}

fn bad_cycles(files: &Files, imports: &Imports) -> Vec<String> {
    // A folder's own file is `mod.rs` in it.
    let is_folder = |module: &Vec<String>| {
        let inside = |other: &Vec<String>| other.len() > module.len() && other.starts_with(module);
        files.keys().any(inside)
    };
    let folder = |module: &Vec<String>| match module.split_last() {
        Some((_, folder)) if !is_folder(module) => folder.to_vec(),
        _ => module.clone(),
    };
    let is_bad = |cycle: &BTreeSet<Vec<String>>| {
        let folders: BTreeSet<_> = cycle.iter().map(folder).collect();
        cycle.len() > LARGEST_CYCLE || folders.len() > 1
    };
    let bad = cycles(imports).into_iter().filter(is_bad);
    bad.map(|cycle| {
        let files = cycle.iter().map(|module| module.join("/"));
        files.collect::<Vec<_>>().join(", ")
    })
    .collect()
}

fn files_of(of_crate: &Crate) -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let source = root.join(of_crate.source);
    let mut files = Files::new();
    read(&source, &source, &mut files);
    assert!(files.len() >= of_crate.min_files, "{}", files.len());
    files
}

#[test]
fn runtime_files_do_not_import_from_higher_layers() {
    for of_crate in [OAUTH, RUNTIME] {
        let found = upward(of_crate.layers, &imports(&files_of(&of_crate)));
        assert!(found.is_empty(), "{found:#?}");
    }
}

#[test]
fn import_cycles_of_the_runtime_are_small_and_in_one_folder() {
    for of_crate in [OAUTH, RUNTIME] {
        let files = files_of(&of_crate);
        let found = bad_cycles(&files, &imports(&files));
        assert!(found.is_empty(), "{found:#?}");
    }
}

fn files(texts: &[(&str, &str)]) -> Files {
    let files = texts
        .iter()
        .map(|(path, text)| (module_of(Path::new(path)), (*text).to_owned()));
    files.chain([(Vec::new(), String::new())]).collect()
}

#[test]
fn upward_imports_are_detected_in_every_syntax() {
    for text in [
        "use crate::store::memory;",
        "use crate::{\n    base::clock::Timestamp,\n    store::{\n        self, memory::Memory,\n    },\n};",
        "fn f() {\n    crate::store::memory::open();\n}",
        "use super::super::store::memory::Memory;",
        "use crate::Error;",
        "\nmod tests {\n    use super::super::super::store::memory;\n}",
    ] {
        let files = files(&[
            ("base/clock.rs", ""),
            ("net/tls.rs", text),
            ("store/mod.rs", ""),
            ("store/memory.rs", "use crate::net::tls;"),
        ]);
        assert!(
            !upward(&OAUTH_LAYERS, &imports(&files)).is_empty(),
            "{text}"
        );
    }
    let allowed = "// use crate::store::memory;\nuse super::tls;\nuse crate::base::clock::Clock;";
    let files = files(&[
        ("base/clock.rs", ""),
        ("net/tls.rs", ""),
        ("net/http.rs", allowed),
        ("store/memory.rs", ""),
    ]);
    assert!(upward(&OAUTH_LAYERS, &imports(&files)).is_empty());
}

#[test]
fn large_cycles_and_cycles_across_folders_are_detected() {
    let bad_cycles_of_ring = |count: usize| {
        let text = |number: usize| format!("use super::f{}::X;", (number + 1) % count);
        let names: Vec<_> = (0..count).map(|n| format!("net/f{n}.rs")).collect();
        let texts: Vec<_> = (0..count).map(text).collect();
        let ring: Vec<_> = names.iter().map(String::as_str).zip(&texts).collect();
        let ring: Vec<_> = ring
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let files = files(&ring);
        bad_cycles(&files, &imports(&files)).len()
    };
    assert_eq!((bad_cycles_of_ring(4), bad_cycles_of_ring(5)), (0, 1));
    let across = files(&[
        ("store/mod.rs", "mod redis;\npub use self::redis::Redis;"),
        ("store/redis/mod.rs", "use super::Id;"),
        ("store/redis/link.rs", ""),
    ]);
    assert_eq!(bad_cycles(&across, &imports(&across)).len(), 1);
}
