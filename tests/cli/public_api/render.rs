//! Writes the public items of a crate as Rust code without bodies and documentation.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use quote::{ToTokens as _, quote};
use syn::{
    ImplItem, Item, ItemImpl, TraitItem, Type,
    visit::{self, Visit},
};

use super::{
    foreign::Paths,
    parts::{attributes, variant, visible_fields},
    source::{ItemId, Meaning, Module, Source, is_public, name_of, segments},
    surface::{Exports, Surface, find},
};

/// The public items of a crate.
pub struct Api {
    pub code: String,
    /// The paths of items of other crates in public signatures.
    pub foreign: BTreeSet<String>,
}

struct Writer<'s> {
    source: &'s Source,
    public: BTreeSet<ItemId>,
    /// The implementations for each public type, with their modules.
    implementations: BTreeMap<ItemId, Vec<(&'s Module, &'s ItemImpl)>>,
    foreign: BTreeSet<String>,
}

impl Api {
    pub fn of(source: &Source) -> Self {
        let mut surface = Surface::new();
        let mut exports = Exports::new();
        find(
            source,
            &Module::new(),
            &Module::new(),
            &mut surface,
            &mut exports,
        );
        let mut writer = Writer {
            source,
            public: surface
                .values()
                .flat_map(BTreeMap::values)
                .cloned()
                .collect(),
            implementations: BTreeMap::new(),
            foreign: BTreeSet::new(),
        };
        for (module, items) in source.modules() {
            for item in items {
                if let Item::Impl(item) = item
                    && let Some(id) = writer.subject(module, item)
                {
                    let of_type = writer.implementations.entry(id).or_default();
                    of_type.push((module, item));
                }
            }
        }
        let mut code = String::new();
        for (module, names) in &surface {
            for name in module {
                write!(code, "pub mod {name} {{").unwrap();
            }
            for export in exports.get(module).into_iter().flatten() {
                writeln!(code, "pub use {export};").unwrap();
            }
            for (name, id) in names {
                let text = writer.item(id);
                if *name != id.1 {
                    writeln!(code, "// The name `{name}` is public.").unwrap();
                }
                code.push_str(&text);
            }
            code.push_str(&"}".repeat(module.len()));
            code.push('\n');
        }
        Self {
            code,
            foreign: writer.foreign,
        }
    }
}

impl Writer<'_> {
    fn note(&mut self, module: &Module, visit: impl FnOnce(&mut Paths<'_>)) {
        visit(&mut Paths {
            source: self.source,
            module,
            found: &mut self.foreign,
        });
    }

    /// Returns the definition of an item and its implementations.
    fn item(&mut self, id: &ItemId) -> String {
        let (module, name) = id;
        let items = self.source.items(module).iter();
        let mut items = items.filter(|item| name_of(item).as_ref() == Some(name));
        // A variant of the same item for another target or feature may follow.
        let item = items.next().unwrap();
        let mut code = self.definition(module, item);
        code.push_str(&self.implementations(id));
        code
    }

    fn definition(&mut self, module: &Module, item: &Item) -> String {
        match item {
            Item::Struct(item) => {
                let public = item.fields.iter().filter(|field| is_public(&field.vis));
                self.note(module, |paths| {
                    item.attrs
                        .iter()
                        .for_each(|attribute| paths.visit_attribute(attribute));
                    paths.visit_generics(&item.generics);
                    public.for_each(|field| paths.visit_type(&field.ty));
                });
                let (name, generics) = (&item.ident, &item.generics);
                let head = quote!(pub struct #name #generics);
                let fields = visible_fields(&item.fields);
                format!("{}{head} {fields}", attributes(&item.attrs))
            }
            Item::Enum(item) => {
                self.note(module, |paths| paths.visit_item_enum(item));
                let (name, generics) = (&item.ident, &item.generics);
                let variants: String = item.variants.iter().map(variant).collect();
                let head = quote!(pub enum #name #generics);
                format!("{}{head} {{ {variants} }}\n", attributes(&item.attrs))
            }
            Item::Trait(item) => {
                self.note(module, |paths| paths.visit_item_trait(item));
                let mut item = item.clone();
                let shown = attributes(&item.attrs);
                let mut members = String::new();
                for member in &mut item.items {
                    let text = match member {
                        TraitItem::Fn(method) => {
                            let signature = &method.sig;
                            // A method with a default need not be implemented.
                            let body = if method.default.is_some() { "{}" } else { ";" };
                            let kept = attributes(&method.attrs);
                            format!("{kept}{}{body}\n", quote!(#signature))
                        }
                        TraitItem::Type(of) => {
                            of.attrs.clear();
                            of.to_token_stream().to_string()
                        }
                        TraitItem::Const(of) => {
                            of.attrs.clear();
                            of.to_token_stream().to_string()
                        }
                        _ => continue,
                    };
                    members.push_str(&text);
                }
                let (name, generics, colon) = (&item.ident, &item.generics, &item.colon_token);
                let supertraits = &item.supertraits;
                let head = quote!(pub trait #name #generics #colon #supertraits);
                format!("{shown}{head} {{ {members} }}\n")
            }
            Item::Fn(item) => {
                self.note(module, |paths| paths.visit_signature(&item.sig));
                let signature = &item.sig;
                format!(
                    "{}{}{{}}\n",
                    attributes(&item.attrs),
                    quote!(pub #signature)
                )
            }
            Item::Const(item) => {
                self.note(module, |paths| paths.visit_type(&item.ty));
                let (name, kind, value) = (&item.ident, &item.ty, &item.expr);
                format!("{}\n", quote!(pub const #name: #kind = #value;))
            }
            Item::Static(item) => {
                self.note(module, |paths| paths.visit_type(&item.ty));
                let (name, kind) = (&item.ident, &item.ty);
                format!("{}\n", quote!(pub static #name: #kind;))
            }
            Item::Type(item) => {
                self.note(module, |paths| paths.visit_type(&item.ty));
                let (name, generics, kind) = (&item.ident, &item.generics, &item.ty);
                format!("{}\n", quote!(pub type #name #generics = #kind;))
            }
            _ => unreachable!("{module:?}"),
        }
    }

    /// Returns the implementations for a type, in all modules of the crate.
    fn implementations(&mut self, id: &ItemId) -> String {
        let mut methods = BTreeSet::new();
        let mut traits = BTreeSet::new();
        for (module, item) in self.implementations.get(id).cloned().unwrap_or_default() {
            if item.trait_.is_none() {
                methods.insert(self.methods(module, item));
            } else if self.is_reachable(module, item) {
                traits.insert(self.trait_implementation(module, item));
            }
        }
        methods.into_iter().chain(traits).collect()
    }

    /// Returns the public type that an implementation belongs to. An implementation for a type of
    /// another crate belongs to the public type in the arguments of the trait.
    fn subject(&self, module: &Module, item: &ItemImpl) -> Option<ItemId> {
        let of_type = |of: &Type| match of {
            Type::Path(of) => Some(self.source.meaning(module, &segments(&of.path))),
            _ => None,
        };
        match of_type(&item.self_ty)? {
            Meaning::Item(id) => Some(id),
            Meaning::Foreign(_) => self
                .arguments(module, item)
                .find(|id| self.public.contains(id)),
            Meaning::Module(_) => None,
        }
    }

    /// Returns the items of this crate in the arguments of the implemented trait.
    fn arguments(&self, module: &Module, item: &ItemImpl) -> impl Iterator<Item = ItemId> {
        struct Items<'a>(&'a Source, &'a Module, Vec<ItemId>);
        impl<'ast> Visit<'ast> for Items<'_> {
            fn visit_path(&mut self, path: &'ast syn::Path) {
                if let Meaning::Item(id) = self.0.meaning(self.1, &segments(path)) {
                    self.2.push(id);
                }
                visit::visit_path(self, path);
            }
        }
        let mut items = Items(self.source, module, Vec::new());
        if let Some((_, of, _)) = &item.trait_ {
            of.segments
                .iter()
                .for_each(|segment| items.visit_path_segment(segment));
        }
        items.2.into_iter()
    }

    /// Returns true if neither the trait nor one of its arguments is private to this crate.
    fn is_reachable(&self, module: &Module, item: &ItemImpl) -> bool {
        let Some((_, of, _)) = &item.trait_ else {
            return true;
        };
        let is_public = match self.source.meaning(module, &segments(of)) {
            Meaning::Item(id) => self.public.contains(&id),
            _ => true,
        };
        is_public
            && self
                .arguments(module, item)
                .all(|id| self.public.contains(&id))
    }

    fn methods(&mut self, module: &Module, item: &ItemImpl) -> String {
        let mut code = String::new();
        for member in &item.items {
            match member {
                ImplItem::Fn(method) if is_public(&method.vis) => {
                    self.note(module, |paths| paths.visit_signature(&method.sig));
                    let signature = &method.sig;
                    let kept = attributes(&method.attrs);
                    writeln!(code, "{kept}{};", quote!(pub #signature)).unwrap();
                }
                ImplItem::Const(of) if is_public(&of.vis) => {
                    self.note(module, |paths| paths.visit_type(&of.ty));
                    let (name, kind, value) = (&of.ident, &of.ty, &of.expr);
                    writeln!(code, "{}", quote!(pub const #name: #kind = #value;)).unwrap();
                }
                _ => {}
            }
        }
        if code.is_empty() {
            return code;
        }
        let (generics, of) = (&item.generics, &item.self_ty);
        format!(
            "{}{} {{ {code} }}\n",
            attributes(&item.attrs),
            quote!(impl #generics #of)
        )
    }

    fn trait_implementation(&mut self, module: &Module, item: &ItemImpl) -> String {
        let Some((not, path, _)) = &item.trait_ else {
            unreachable!()
        };
        self.note(module, |paths| {
            paths.visit_generics(&item.generics);
            paths.visit_path(path);
            paths.visit_type(&item.self_ty);
        });
        let types = item
            .items
            .iter()
            .filter(|member| matches!(member, ImplItem::Type(_)));
        let types = quote!(#(#types)*);
        let (generics, of) = (&item.generics, &item.self_ty);
        let bounds = &item.generics.where_clause;
        let head = quote!(impl #generics #not #path for #of #bounds);
        format!("{}{head} {{ {types} }}\n", attributes(&item.attrs))
    }
}
