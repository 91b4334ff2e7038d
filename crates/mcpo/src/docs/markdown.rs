//! Finds code and links in Markdown. Knows only the forms that the pages use.

/// A block of code.
pub struct Block {
    /// The word after the fence; empty for an indented block.
    pub language: String,
    pub text: String,
    /// The number of the first line of code, from 1.
    pub line: usize,
}

/// Returns the blocks of code of a page, with fences or indented by four spaces. Indented text of a
/// list counts as well.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fence: Option<Block> = None;
    let mut was_indented = false;
    for (at, line) in page.lines().enumerate() {
        if let Some(block) = &mut fence {
            if line.trim_start().starts_with("```") {
                blocks.extend(fence.take());
            } else {
                block.text.push_str(line);
                block.text.push('\n');
            }
            continue;
        }
        if let Some(language) = line.trim_start().strip_prefix("```") {
            fence = Some(Block {
                language: language.to_owned(),
                text: String::new(),
                line: at + 2,
            });
        } else if let Some(code) = line.strip_prefix("    ") {
            match blocks.last_mut() {
                Some(block) if was_indented => block.text += &format!("{code}\n"),
                _ => blocks.push(Block {
                    language: String::new(),
                    text: format!("{code}\n"),
                    line: at + 1,
                }),
            }
        }
        was_indented = fence.is_none() && line.starts_with("    ");
    }
    blocks
}

/// Returns the page without its blocks with fences.
pub fn prose(page: &str) -> String {
    let mut is_code = false;
    let is_prose = |line: &&str| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    };
    let lines: Vec<_> = page.lines().filter(is_prose).collect();
    lines.join("\n")
}

/// Returns the code spans of a page.
pub fn spans(page: &str) -> Vec<String> {
    let prose = prose(page);
    let spans = prose.split('`').skip(1).step_by(2);
    // A span may go over the end of a line.
    spans.map(|span| span.replace('\n', " ")).collect()
}

/// Returns the destinations of the links and images of a page.
pub fn links(page: &str) -> Vec<String> {
    let prose = prose(page);
    let without_code: String = prose.split('`').step_by(2).collect();
    let inline = without_code.split("](").skip(1);
    let inline = inline.filter_map(|rest| rest.split_once(')').map(|(link, _)| link.to_owned()));
    let defined = without_code.lines().filter_map(|line| {
        let (_, link) = line.strip_prefix('[')?.split_once("]: ")?;
        Some(link.trim().to_owned())
    });
    inline.chain(defined).collect()
}

/// Returns the ids of the headings of a page, as GitHub and mdBook make them.
pub fn anchors(page: &str) -> Vec<String> {
    let prose = prose(page);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let id = |heading: &str| -> String {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(id).collect()
}
