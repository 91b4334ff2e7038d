//! Rust code in the documentation, compared with code that is compiled and tested.

use super::{markdown::blocks, pages_below, read};

/// Removes the indentation that all lines have, and empty lines at both ends.
fn dedent(code: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines = code.lines().filter(|line| !line.trim().is_empty());
    let common = lines.map(indent).min().unwrap_or_default();
    let lines: Vec<_> = code
        .lines()
        .map(|line| line.get(common..).unwrap_or_default().trim_end())
        .collect();
    lines.join("\n").trim().to_owned()
}

/// Returns true if the lines of `part` follow each other in `whole`, at any indentation.
fn contains(whole: &str, part: &str) -> bool {
    let part: Vec<_> = part.lines().collect();
    let whole: Vec<_> = whole.lines().map(str::trim_end).collect();
    whole.windows(part.len()).any(|window| {
        let Some(first) = window.first() else {
            return false;
        };
        let indent = &first[..first.len() - first.trim_start().len()];
        let mut pairs = window.iter().zip(&part);
        pairs.all(|(line, expected)| {
            let line = line.strip_prefix(indent).unwrap_or(line.trim_start());
            line == *expected
        })
    })
}

/// Returns the source of a page of the cookbook.
fn source(page: &str) -> String {
    let name = page.rsplit('/').next().unwrap_or_default();
    let name = name.trim_end_matches(".md").replace('-', "_");
    read(&format!("tests/oauth/cookbook/{name}.rs"))
}

#[test]
fn the_code_of_the_cookbook_is_compiled_and_tested() {
    let mut checked = 0;
    for page in pages_below("docs/cookbook") {
        let text = read(&page);
        let rust = blocks(&text);
        // Also blocks that rustdoc would skip.
        let rust = rust
            .iter()
            .filter(|block| block.language.starts_with("rust"));
        for block in rust {
            checked += 1;
            let code = dedent(&block.text);
            assert!(
                contains(&source(&page), &code),
                "{page}:{}: not a part of its file in tests/oauth/cookbook:\n{code}",
                block.line
            );
        }
    }
    assert!(checked > 20, "only {checked} blocks were found");
}

/// A reader who copies the code of a page can compile it.
#[test]
fn pages_with_tools_list_their_imports() {
    for page in pages_below("docs/cookbook") {
        let text = read(&page);
        let code: Vec<_> = blocks(&text)
            .into_iter()
            .filter(|block| block.language == "rust")
            .map(|block| block.text)
            .collect();
        let has_tool = code.iter().any(|code| code.contains("#[tool"));
        let has_imports = code.iter().any(|code| code.starts_with("use "));
        assert!(has_imports || !has_tool, "{page} does not list its imports");
    }
}

/// The notes for coding agents have parts of several pages.
#[test]
fn the_code_in_the_notes_for_agents_is_compiled_and_tested() {
    let folder = super::root().join("tests/oauth/cookbook");
    let files = std::fs::read_dir(folder).unwrap();
    let sources: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    for block in blocks(&read("templates/server/AGENTS.md")) {
        if block.language == "rust" {
            let code = dedent(&block.text);
            assert!(
                sources.iter().any(|source| contains(source, &code)),
                "line {}: not in tests/oauth/cookbook:\n{code}",
                block.line
            );
        }
    }
}

#[test]
fn a_part_is_found_at_any_indentation_and_only_as_a_whole() {
    let whole = "impl A {\n    fn b() {\n        c();\n    }\n}\n";
    assert!(contains(whole, &dedent("  fn b() {\n      c();\n  }\n")));
    assert!(contains(whole, "c();"));
    assert!(!contains(whole, "fn b() {\n    d();\n}"));
    assert!(!contains(whole, "fn b() {\n}"));
}
