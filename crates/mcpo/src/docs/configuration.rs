//! The configuration reference, from the documentation of the runtime and of the tool.

use std::collections::BTreeSet;

use super::{assert_generated, read, root};

/// The documentation of `Config::from_env`, which has a table of all variables.
const SOURCE: &str = "crates/mcpo-runtime/oauth/src/config/environment/mod.rs";
const PAGE: &str = "docs/configuration.md";
/// The variables of the table belong to these sections, by their prefix. The first match counts.
const SECTIONS: [(&str, &[&str]); 7] = [
    (
        "Address",
        &[
            "BASE_URL",
            "MCPO_HOSTS",
            "PORT",
            "HOST",
            "MCPO_TRUSTED_PROXIES",
        ],
    ),
    ("Sign-in with a password", &["ADMIN_"]),
    ("Sign-in with GitHub", &["GITHUB_"]),
    ("Sign-in with OpenID Connect", &["OIDC_"]),
    (
        "An existing authorization server",
        &["MCPO_AUTHORIZATION_SERVER", "MCPO_AUDIENCE", "MCPO_SCOPE_"],
    ),
    (
        "Keys and state",
        &[
            "MCPO_SECRET",
            "MCPO_LEDGER",
            "MCPO_STATE_DIR",
            "MCPO_GRANTS_",
            "MCPO_CA",
        ],
    ),
    ("Access, clients and pages", &["MCPO_"]),
];
/// What the table does not contain: variables that are read elsewhere.
const REST: &str = include_str!("configuration-rest.md");
/// Variables that mcpo sets for its own processes.
const INTERNAL: [&str; 2] = ["MCPO_DEV", "MCPO_NEW_"];

/// Returns the rows of the table in the documentation of the source.
fn rows() -> Vec<Vec<String>> {
    let source = read(SOURCE);
    let rows = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("/// | `"));
    let cells = |row: &str| -> Vec<String> {
        let row = format!("`{row}");
        let cells = row.trim_end_matches('|').split(" | ");
        cells.map(|cell| without_links(cell.trim())).collect()
    };
    rows.map(cells).collect()
}

/// Removes the links to items of the crate, and keeps their texts.
fn without_links(text: &str) -> String {
    let mut parts = text.split("[`");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let Some((name, rest)) = part.split_once("`]") else {
            plain += part;
            continue;
        };
        let rest = match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            Some((_, rest)) => rest,
            None => rest,
        };
        plain += &format!("`{name}`{rest}");
    }
    plain
}

fn page() -> String {
    let mut page = String::from(
        "# Configuration\n\nA server reads its settings from environment variables. For `mcpo dev`, \
         put them into `.env`;\nvariables of the shell take precedence. For `mcpo deploy`, put them \
         into `env` or `secrets` in\n`Cargo.toml`, as described in [Settings](deploy.md#settings). \
         A variable that is set but invalid is\nan error, and the server reports all errors when it \
         starts.\n\nThis page is generated from the code.\n",
    );
    let mut rows = rows();
    assert!(rows.len() > 30, "the table has only {} rows", rows.len());
    for (section, prefixes) in SECTIONS {
        let is_in = |row: &mut Vec<String>| {
            let name = row[0].trim_start_matches('`');
            prefixes.iter().any(|prefix| name.starts_with(prefix))
        };
        page += &format!(
            "\n## {section}\n\n| variable | meaning | if it is not set |\n| --- | --- | --- |\n"
        );
        for row in rows.extract_if(.., is_in) {
            page += &format!("| {} |\n", row.join(" | "));
        }
    }
    assert!(rows.is_empty(), "without a section: {rows:?}");
    page + "\n" + REST
}

#[test]
fn the_configuration_reference_is_up_to_date() {
    assert_generated(PAGE, &page());
}

/// Returns the names of variables in the strings of the shipped code.
fn variables_in_the_code() -> BTreeSet<String> {
    let mut folders = vec![root().join("crates")];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                let is_shipped = !["tests", "examples", "target", "docs"].contains(&name.as_str());
                folders.extend(is_shipped.then_some(path));
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let strings = code.split('"').skip(1).filter(|text| {
                    let is_name = text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
                    let prefixes = ["MCPO_", "ADMIN_", "GITHUB_", "OIDC_"];
                    is_name
                        && !text.ends_with('_')
                        && prefixes.iter().any(|prefix| text.starts_with(prefix))
                });
                found.extend(strings.map(str::to_owned));
            }
        }
    }
    found
}

#[test]
fn the_configuration_reference_has_all_variables_of_the_code() {
    let page = page();
    let variables = variables_in_the_code();
    assert!(variables.len() > 40, "only {variables:?}");
    let missing: Vec<_> = variables
        .iter()
        .filter(|name| !INTERNAL.iter().any(|prefix| name.starts_with(prefix)))
        .filter(|name| !page.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?} are not in {PAGE}");
}

#[test]
fn links_to_items_are_removed() {
    assert_eq!(
        without_links("see [`KeyRing`], or [`A`](crate::A) and `b`"),
        "see `KeyRing`, or `A` and `b`"
    );
}
