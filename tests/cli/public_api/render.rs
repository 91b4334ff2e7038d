//! Writes the public items of a crate as Rust code without bodies and documentation.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use quote::{ToTokens, quote};
use syn::{
    Attribute, Fields, ImplItem, Item, ItemImpl, TraitItem, Type, Visibility,
    visit::{self, Visit},
};

use super::source::{ItemId, Meaning, Module, Source, child_of, name_of, paths_of};

/// Attributes that are part of the API.
const ATTRIBUTES: [&str; 6] = [
    "cfg",
    "deprecated",
    "derive",
    "must_use",
    "non_exhaustive",
    "repr",
];

/// The public items of a crate.
pub struct Api {
    pub code: String,
    /// The paths of items of other crates in public signatures.
    pub foreign: BTreeSet<String>,
}

/// Where users find the items of the crate: by public module, the public names and the items.
type Surface = BTreeMap<Module, BTreeMap<String, ItemId>>;

/// The paths of items of other crates that public modules export.
type Exports = BTreeMap<Module, BTreeSet<String>>;

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

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Adds the public items of `module`, which users know as `shown`.
fn find(
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

/// Records the paths of a public signature that belong to other crates.
struct Paths<'a> {
    source: &'a Source,
    module: &'a Module,
    found: &'a mut BTreeSet<String>,
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect()
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

/// Returns the attributes that are part of the API, as code.
fn attributes(all: &[Attribute]) -> String {
    let kept = all.iter().filter(|attribute| {
        ATTRIBUTES
            .iter()
            .any(|name| attribute.path().is_ident(name))
    });
    // The text of `must_use` is documentation.
    let kept = kept.map(|attribute| {
        if attribute.path().is_ident("must_use") {
            "#[must_use]\n".to_owned()
        } else {
            let text = attribute.to_token_stream().to_string();
            format!("{}\n", text.replace(" :: ", "::"))
        }
    });
    kept.collect()
}

fn visible_fields(fields: &Fields) -> String {
    let is_hidden = |field: &&syn::Field| !is_public(&field.vis);
    let hidden = if fields.iter().any(|field| is_hidden(&field)) {
        "/* private fields */"
    } else {
        ""
    };
    let shown = fields.iter().filter(|field| is_public(&field.vis));
    let shown = shown.map(|field| {
        let (name, kind) = (field.ident.iter(), &field.ty);
        format!("pub {}, ", quote!(#(#name:)* #kind))
    });
    let shown: Vec<_> = shown.collect();
    let shown = shown.concat();
    match fields {
        Fields::Named(_) => format!("{{ {shown}{hidden} }}\n"),
        Fields::Unnamed(_) => format!("({shown}{hidden});\n"),
        Fields::Unit => ";\n".to_owned(),
    }
}

fn variant(variant: &syn::Variant) -> String {
    let fields = variant.fields.iter().map(|field| {
        let (name, kind) = (field.ident.iter(), &field.ty);
        quote!(#(#name:)* #kind)
    });
    let fields = quote!(#(#fields),*);
    let name = &variant.ident;
    let code = match variant.fields {
        Fields::Named(_) => quote!(#name { #fields }),
        Fields::Unnamed(_) => quote!(#name(#fields)),
        Fields::Unit => quote!(#name),
    };
    format!("{}{code},\n", attributes(&variant.attrs))
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
