//! Links inside the site.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    markdown::{anchors, links},
    pages_below, read, root, site,
};

/// Resolves a link of a page. Returns the path from the root of the repository, and the anchor.
fn resolve(page: &str, link: &str) -> (String, Option<String>) {
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (link, None),
    };
    if path.is_empty() {
        return (page.to_owned(), anchor);
    }
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    (parts.join("/"), anchor)
}

fn is_external(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

#[test]
fn links_inside_the_site_resolve() {
    let pages: BTreeMap<_, _> = site()
        .into_iter()
        .map(|page| (page.clone(), read(&page)))
        .collect();
    let mut broken = Vec::new();
    for (page, text) in &pages {
        for link in links(text).iter().filter(|link| !is_external(link)) {
            let (path, anchor) = resolve(page, link);
            let is_page = path.ends_with(".md");
            let exists = match pages.get(&path) {
                Some(text) => anchor.is_none_or(|anchor| anchors(text).contains(&anchor)),
                // A link to a page that is not part of the site would not work there.
                None => !is_page && path.starts_with("docs/") && root().join(&path).is_file(),
            };
            if !exists {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn links_of_other_pages_to_the_documentation_resolve() {
    let mut broken = Vec::new();
    let pages = [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "README.md",
        "SECURITY.md",
        "tests/README.md",
    ];
    let mut pages: Vec<_> = pages.map(str::to_owned).into();
    pages.extend(pages_below("docs/architecture"));
    for page in &pages {
        for link in links(&read(page)).iter().filter(|link| !is_external(link)) {
            let (path, anchor) = resolve(&format!("./{page}"), link);
            let path = path.trim_start_matches("./").to_owned();
            let is_found = root().join(&path).exists();
            let has_anchor = || {
                anchor.is_none_or(|anchor| {
                    !path.ends_with(".md") || anchors(&read(&path)).contains(&anchor)
                })
            };
            if !is_found || !has_anchor() {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_page_about_a_decision_is_listed() {
    let listed: BTreeSet<_> = links(&read("ARCHITECTURE.md")).into_iter().collect();
    for page in pages_below("docs/architecture") {
        assert!(
            listed.contains(&page),
            "ARCHITECTURE.md does not list {page}"
        );
    }
}

#[test]
fn every_page_is_in_the_table_of_contents_and_in_llms_txt() {
    let summary: BTreeSet<_> = links(&read("docs/SUMMARY.md"))
        .into_iter()
        .map(|link| format!("docs/{link}"))
        .collect();
    let pages: BTreeSet<_> = site().into_iter().collect();
    assert_eq!(summary, pages);
    let for_models = read("docs/llms.txt");
    let listed: BTreeSet<_> = links(&for_models)
        .into_iter()
        .filter(|link| Path::new(link).extension().is_some_and(|end| end == "md"))
        .map(|link| format!("docs/{link}"))
        .filter(|page| page != "docs/AGENTS.md")
        .collect();
    assert_eq!(listed, pages);
}
