//! Finds the paths of other crates in public signatures.

use std::collections::BTreeSet;

use syn::{
    Attribute,
    visit::{self, Visit},
};

use super::source::{Meaning, Module, Source, segments};

/// Records the paths of a public signature that belong to other crates.
pub struct Paths<'a> {
    pub source: &'a Source,
    pub module: &'a Module,
    pub found: &'a mut BTreeSet<String>,
}

impl Paths<'_> {
    fn add(&mut self, path: &syn::Path) {
        // A single name that no import explains is from the prelude, or a type parameter.
        if let Meaning::Foreign(foreign) = self.source.meaning(self.module, &segments(path))
            && foreign.len() > 1
            && foreign[0].starts_with(char::is_lowercase)
            && !["std", "core", "alloc", "thiserror"].contains(&foreign[0].as_str())
        {
            self.found.insert(foreign.join("::"));
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(path);
        visit::visit_path(self, path);
    }

    fn visit_block(&mut self, _body: &'ast syn::Block) {}
    fn visit_expr(&mut self, _value: &'ast syn::Expr) {}
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("derive") {
            let _ = attribute.parse_nested_meta(|derived| {
                self.add(&derived.path);
                Ok(())
            });
        }
    }
}
