//! Fills in the variables of the built-in templates.
//!
//! The templates must also work with cargo-generate. So they use only syntax that is the same in
//! minijinja and Liquid: `{{name}}`, names with underscores, no filters.

use mcpo_common::error::{Failure, Outcome};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context, syntax::SyntaxConfig};

use super::{embedded::TemplateFile, name::ProjectName, runtime::RuntimeSource};

/// Renders a file of a template for a project with this name.
pub fn render(file: TemplateFile, name: &ProjectName, runtime: &RuntimeSource) -> Outcome<Vec<u8>> {
    let failed = || Failure::new(format!("failed to render templates/{}", file.source));
    let text = str::from_utf8(file.text).map_err(|error| failed().because(&error))?;
    let variables = context! {
        project_name => name.as_str(),
        crate_name => name.crate_name(),
        runtime_dependency => runtime.dependency(),
    };
    let syntax = SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .build()
        .map_err(|error| failed().because(&error))?;
    let mut engine = Environment::new();
    engine.set_syntax(syntax);
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine
        .render_named_str(file.source, text, variables)
        .map(String::into_bytes)
        .map_err(|error| failed().because(&error))
}
