//! The modules of a crate, and what the paths in them mean.

use std::{collections::BTreeMap, fs, path::Path};

use syn::{Item, UseTree, Visibility};

/// The longest chain of imports that is followed.
const MAX_DEPTH: usize = 16;

/// The path of a module without the crate's name.
pub type Module = Vec<String>;

/// An item: the module that defines it, and its name there.
pub type ItemId = (Module, String);

/// The syntax trees of a crate, without its unit tests.
pub struct Source {
    /// The name of the crate that this crate exports items of. It is a module here.
    base: Option<String>,
    modules: BTreeMap<Module, Vec<Item>>,
    imports: BTreeMap<Module, Vec<Import>>,
}

/// A name in a module (`*` for all names), and the path that it was imported from.
type Import = (String, Vec<String>);

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    Item(ItemId),
    Module(Module),
    /// An item of another crate, or of the prelude.
    Foreign(Vec<String>),
}

impl Source {
    /// Reads the crate in this `src` folder.
    pub fn read(folder: &Path) -> Self {
        let mut modules = BTreeMap::new();
        add_crate(folder, &Module::new(), &mut modules);
        Self::new(None, modules)
    }

    /// Reads a crate, and the crate called `base` whose items it exports.
    pub fn read_with(folder: &Path, base: &str, base_folder: &Path) -> Self {
        let mut modules = BTreeMap::new();
        add_crate(folder, &Module::new(), &mut modules);
        add_crate(base_folder, &vec![base.to_owned()], &mut modules);
        Self::new(Some(base.to_owned()), modules)
    }

    /// Parses files by the paths of their modules, such as `a::b`.
    pub fn parse(files: &[(&str, &str)]) -> Self {
        let mut modules = BTreeMap::new();
        let read = |module: &Module| {
            let path = module.join("::");
            let file = files.iter().find(|(name, _)| *name == path);
            file.unwrap_or_else(|| panic!("{path}")).1.to_owned()
        };
        add(Module::new(), None, &read, &mut modules);
        Self::new(None, modules)
    }

    fn new(base: Option<String>, modules: BTreeMap<Module, Vec<Item>>) -> Self {
        let imports = modules.iter();
        let imports = imports.map(|(module, items)| (module.clone(), imports_among(items)));
        Self {
            imports: imports.collect(),
            base,
            modules,
        }
    }

    pub fn modules(&self) -> impl Iterator<Item = (&Module, &[Item])> {
        self.modules
            .iter()
            .map(|(module, items)| (module, &**items))
    }

    pub fn items(&self, module: &Module) -> &[Item] {
        &self.modules[module]
    }

    /// Returns what `path` means in `module`.
    pub fn meaning(&self, module: &Module, path: &[String]) -> Meaning {
        self.resolve(module, path, 0)
            .unwrap_or_else(|| Meaning::Foreign(path.to_vec()))
    }

    fn resolve(&self, module: &Module, path: &[String], depth: usize) -> Option<Meaning> {
        // Imports of everything can lead in a circle.
        if depth > MAX_DEPTH {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" => {
                let is_of_base = self.base.is_some() && module.first() == self.base.as_ref();
                module[..usize::from(is_of_base)].to_vec()
            }
            name if self.base.as_deref() == Some(name) => vec![name.to_owned()],
            "self" => module.clone(),
            "super" => module[..module.len() - 1].to_vec(),
            _ => return self.find(module, path, depth),
        };
        match rest {
            [] => Some(Meaning::Module(start)),
            [next, ..] if next == "super" => self.resolve(&start, rest, depth + 1),
            _ => self.find(&start, rest, depth),
        }
    }

    /// Finds a path that starts with a name in `module`.
    fn find(&self, module: &Module, path: &[String], depth: usize) -> Option<Meaning> {
        let (name, rest) = path.split_first()?;
        let child = child_of(module, name);
        if self.modules.contains_key(&child) {
            return match rest {
                [] => Some(Meaning::Module(child)),
                rest => self.find(&child, rest, depth + 1),
            };
        }
        let items = self.items(module);
        if items
            .iter()
            .any(|item| name_of(item).as_ref() == Some(name))
        {
            return Some(Meaning::Item((module.clone(), name.clone())));
        }
        for (alias, import) in &self.imports[module] {
            if alias == name {
                let full = [import.as_slice(), rest].concat();
                // A crate of the same name as the import.
                if import.first() == Some(name) && import.len() == 1 {
                    return Some(Meaning::Foreign(full));
                }
                let meaning = self.resolve(module, &full, depth + 1);
                return meaning.or(Some(Meaning::Foreign(full)));
            }
            if alias == "*" {
                let full = [import.as_slice(), path].concat();
                if let Some(Meaning::Item(found)) = self.resolve(module, &full, depth + 1) {
                    return Some(Meaning::Item(found));
                }
            }
        }
        None
    }
}

/// Adds the modules of the crate in a `src` folder below `root`.
fn add_crate(folder: &Path, root: &Module, modules: &mut BTreeMap<Module, Vec<Item>>) {
    let read = |module: &Module| {
        let names = &module[root.len()..];
        let path = names
            .iter()
            .fold(folder.to_owned(), |path, name| path.join(name));
        let files = if names.is_empty() {
            vec![folder.join("lib.rs")]
        } else {
            vec![path.with_extension("rs"), path.join("mod.rs")]
        };
        let file = files.iter().find(|file| file.exists());
        fs::read_to_string(file.unwrap_or_else(|| panic!("{files:?}"))).unwrap()
    };
    add(root.clone(), None, &read, modules);
}

fn add(
    module: Module,
    items: Option<Vec<Item>>,
    read: &dyn Fn(&Module) -> String,
    modules: &mut BTreeMap<Module, Vec<Item>>,
) {
    let items = items.unwrap_or_else(|| syn::parse_file(&read(&module)).unwrap().items);
    let items: Vec<_> = items.into_iter().filter(|item| !is_test(item)).collect();
    for item in &items {
        if let Item::Mod(child) = item {
            let path = child_of(&module, &child.ident.to_string());
            let content = child.content.clone().map(|(_, items)| items);
            add(path, content, read, modules);
        }
    }
    modules.insert(module, items);
}

/// Returns the path of a module in `module`.
pub fn child_of(module: &Module, name: &str) -> Module {
    let mut child = module.clone();
    child.push(name.to_owned());
    child
}

fn is_test(item: &Item) -> bool {
    let attributes = match item {
        Item::Mod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        let condition = attribute.meta.require_list();
        attribute.path().is_ident("cfg")
            && condition.is_ok_and(|condition| condition.tokens.to_string() == "test")
    })
}

/// Returns the name that an item defines. Modules and imports are looked up elsewhere.
pub fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Struct(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Const(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn imports_among(items: &[Item]) -> Vec<Import> {
    let mut found = Vec::new();
    for item in items {
        if let Item::Use(item) = item {
            found.extend(paths_of(&item.tree));
        }
    }
    found
}

/// Returns the paths of a tree such as `a::{b, c as d}` with their names.
pub fn paths_of(tree: &UseTree) -> Vec<Import> {
    let below = |name: String, tree: &UseTree| {
        let paths = paths_of(tree).into_iter();
        let paths = paths.map(|(alias, path)| {
            let alias = if alias == "self" { name.clone() } else { alias };
            (alias, [vec![name.clone()], path].concat())
        });
        paths.collect()
    };
    match tree {
        UseTree::Path(tree) => below(tree.ident.to_string(), &tree.tree),
        UseTree::Name(tree) if tree.ident == "self" => vec![("self".to_owned(), Vec::new())],
        UseTree::Name(tree) => vec![(tree.ident.to_string(), vec![tree.ident.to_string()])],
        UseTree::Rename(tree) => vec![(tree.rename.to_string(), vec![tree.ident.to_string()])],
        UseTree::Glob(_) => vec![("*".to_owned(), Vec::new())],
        UseTree::Group(tree) => tree.items.iter().flat_map(paths_of).collect(),
    }
}

pub fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

pub fn segments(path: &syn::Path) -> Vec<String> {
    path.segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect()
}
