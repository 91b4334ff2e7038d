//! Finds where users find the items of a crate.

use std::collections::{BTreeMap, BTreeSet};

use syn::Item;

use super::source::{ItemId, Meaning, Module, Source, child_of, is_public, name_of, paths_of};

/// Where users find the items of the crate: by public module, the public names and the items.
pub type Surface = BTreeMap<Module, BTreeMap<String, ItemId>>;

/// The paths of items of other crates that public modules export.
pub type Exports = BTreeMap<Module, BTreeSet<String>>;

/// Adds the public items of `module`, which users know as `shown`.
pub fn find(
    source: &Source,
    module: &Module,
    shown: &Module,
    surface: &mut Surface,
    exports: &mut Exports,
) {
    for item in source.items(module) {
        let visibility = match item {
            Item::Struct(item) => &item.vis,
            Item::Enum(item) => &item.vis,
            Item::Trait(item) => &item.vis,
            Item::Type(item) => &item.vis,
            Item::Const(item) => &item.vis,
            Item::Static(item) => &item.vis,
            Item::Fn(item) => &item.vis,
            Item::Use(item) => &item.vis,
            Item::Mod(item) => &item.vis,
            _ => continue,
        };
        if !is_public(visibility) {
            continue;
        }
        let add_module =
            |name: String, of: &Module, surface: &mut Surface, exports: &mut Exports| {
                let shown = child_of(shown, &name);
                find(source, of, &shown, surface, exports);
            };
        match item {
            Item::Mod(item) => {
                let name = item.ident.to_string();
                let child = child_of(module, &name);
                add_module(name, &child, surface, exports);
            }
            Item::Use(item) => {
                for (alias, path) in paths_of(&item.tree) {
                    match source.meaning(module, &path) {
                        Meaning::Item(id) => {
                            let names = surface.entry(shown.clone()).or_default();
                            names.insert(alias, id);
                        }
                        Meaning::Module(of) => add_module(alias, &of, surface, exports),
                        Meaning::Foreign(path) => {
                            surface.entry(shown.clone()).or_default();
                            let exports = exports.entry(shown.clone()).or_default();
                            exports.insert(path.join("::"));
                        }
                    }
                }
            }
            item => {
                let name = name_of(item).unwrap();
                let names = surface.entry(shown.clone()).or_default();
                names.insert(name.clone(), (module.clone(), name));
            }
        }
    }
}
