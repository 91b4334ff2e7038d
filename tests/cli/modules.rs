//! The modules of the tool's crates form layers: none imports itself through others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The path of a module without the crate's name, such as `["dev", "watch"]`.
type Module = Vec<String>;

/// A module, and the modules that it imports.
type Graph = BTreeMap<Module, BTreeSet<Module>>;

/// The source folders of the crates, and the folders whose modules are checked one by one.
const CRATES: &[(&str, &[&str])] = &[
    ("mcpo-common", &[""]),
    ("mcpo-probe", &[""]),
    ("mcpo-deploy", &[""]),
    ("mcpo", &["", "dev", "new", "probe"]),
];

#[test]
fn modules_of_the_tool_have_no_import_cycles() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut cycles = Vec::new();
    for (name, folders) in CRATES {
        let files = sources(&crates.join(name).join("src"));
        for folder in *folders {
            let graph = graph(&files, folder);
            assert!(graph.len() > 2, "no imports in {name}/src/{folder}");
            for cycle in cycles_of(&graph) {
                cycles.push(format!("{name}/src/{folder}: {}", cycle.join(", ")));
            }
        }
    }
    assert!(cycles.is_empty(), "import cycles:\n{}", cycles.join("\n"));
}

#[test]
fn a_cycle_through_every_form_of_import_is_found() {
    let files = [
        ("a", "use crate::{b::{One, self as other}, c};"),
        ("b", "fn f() { crate::c::f() }\nuse std::fmt;"),
        ("c", "mod d;"),
        ("c/d", "use super::super::e::E;"),
        ("e", "// crate::nothing\nuse crate::a;"),
        (
            "f",
            "use crate::a;\n#[cfg(test)]\nmod tests {\n    use crate::g;\n}",
        ),
        ("g", "pub use crate::f::F;"),
    ];
    let files = files.map(|(module, text)| (path(module), text.to_owned()));
    let graph = graph(&files.into(), "");
    assert_eq!(cycles_of(&graph), [["a", "b", "c", "e"]]);
}

fn path(module: &str) -> Module {
    module.split('/').map(str::to_owned).collect()
}

/// Reads all files below `folder`, by module.
fn sources(folder: &Path) -> BTreeMap<Module, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let file = entry.unwrap().path();
            if file.is_dir() {
                folders.push(file);
            } else if file.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&file).unwrap();
                found.insert(module(file.strip_prefix(folder).unwrap()), text);
            }
        }
    }
    found
}

fn module(file: &Path) -> Module {
    let parts: PathBuf = file.with_extension("");
    let mut module: Module = parts
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if matches!(
        module.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        module.pop();
    }
    module
}

/// Returns the imports between the children of `folder`. The folder itself is one of the modules,
/// because children may import what it defines.
fn graph(files: &BTreeMap<Module, String>, folder: &str) -> Graph {
    let folder: Module = if folder.is_empty() {
        Module::new()
    } else {
        path(folder)
    };
    let child = |module: &[String]| {
        let inside = module.strip_prefix(folder.as_slice())?;
        Some(inside.first().cloned().into_iter().collect::<Module>())
    };
    let mut graph = Graph::new();
    for (module, text) in files {
        let Some(from) = child(module) else { continue };
        let to = imports(module, text).into_iter().map(|mut import| {
            // The rest of the path names an item.
            while !files.contains_key(&import) && !import.is_empty() {
                import.pop();
            }
            import
        });
        let to = to.filter_map(|import| child(&import));
        let to: Vec<_> = to.filter(|to| *to != from).collect();
        graph.entry(from).or_default().extend(to);
    }
    graph
}

/// Returns the paths that start with `crate` or `super`, in imports and in code. Comments and unit
/// tests do not count.
fn imports(module: &[String], text: &str) -> Vec<Module> {
    let text = text.split("\nmod tests {").next().unwrap_or_default();
    let code: Vec<_> = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        if is_start(&code, start) {
            read_tree(&code[start + "crate::".len()..], &[], &mut found);
        }
    }
    for (start, _) in code.match_indices("super::") {
        if is_start(&code, start) {
            let parent = module.split_last().map_or(module, |(_, parent)| parent);
            read_tree(&code[start + "super::".len()..], parent, &mut found);
        }
    }
    found
}

fn is_start(code: &str, at: usize) -> bool {
    let before = code[..at].chars().next_back();
    before.is_none_or(|before| !before.is_alphanumeric() && !matches!(before, '_' | ':'))
}

/// Adds the paths of a tree such as `a::{b, c::D}` to `found`, each below `base`. Returns the rest
/// of the text.
fn read_tree<'t>(text: &'t str, base: &[String], found: &mut Vec<Module>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = read_tree(rest, base, found).trim_start();
            // An alias.
            rest = rest.trim_start_matches(|c: char| c.is_alphanumeric() || "_ ".contains(c));
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    let mut path = base.to_vec();
    match name {
        "super" => {
            path.pop();
        }
        "self" | "" => {}
        name => path.push(name.to_owned()),
    }
    match rest.strip_prefix("::") {
        Some(rest) => read_tree(rest, &path, found),
        None => {
            found.push(path);
            rest
        }
    }
}

/// Returns the groups of modules that import each other, directly or through others.
fn cycles_of(graph: &Graph) -> Vec<Vec<String>> {
    let reachable = |from: &Module| {
        let mut seen = BTreeSet::new();
        let mut next = vec![from];
        while let Some(module) = next.pop() {
            for to in graph.get(module).into_iter().flatten() {
                if seen.insert(to) {
                    next.push(to);
                }
            }
        }
        seen
    };
    let reachable: BTreeMap<_, _> = graph.keys().map(|from| (from, reachable(from))).collect();
    let mut cycles = BTreeSet::new();
    for (from, to) in &reachable {
        let cycle = to.iter().filter(|to| {
            let back = reachable.get(*to);
            back.is_some_and(|back| back.contains(from))
        });
        let cycle: Vec<_> = cycle.map(|module| module.join("::")).collect();
        if cycle.len() > 1 {
            cycles.insert(cycle);
        }
    }
    cycles.into_iter().collect()
}
