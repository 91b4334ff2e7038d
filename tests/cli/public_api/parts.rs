//! The text of attributes, fields and variants.

use quote::{ToTokens as _, quote};
use syn::{Attribute, Fields};

use super::source::is_public;

/// Attributes that are part of the API.
const ATTRIBUTES: [&str; 6] = [
    "cfg",
    "deprecated",
    "derive",
    "must_use",
    "non_exhaustive",
    "repr",
];

/// Returns the attributes that are part of the API, as code.
pub fn attributes(all: &[Attribute]) -> String {
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

pub fn visible_fields(fields: &Fields) -> String {
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

pub fn variant(variant: &syn::Variant) -> String {
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
