//! The sequence of requests as an inline SVG: who sent them, and what came back.

use std::fmt::Write as _;

use quick_xml::escape::escape;
use url::Url;

use crate::{check::Check, http::Sent, report::Report};

/// The distance between lanes, and between lines.
const LANE: usize = 250;
const LINE: usize = 38;
/// Space for the names of the checks on the left, and for the titles of the lanes at the top.
const LEFT: usize = 170;
const TOP: usize = 54;
/// The most requests that are drawn.
const ROWS: usize = 400;

/// The participants: the client and the browser send requests, origins answer.
struct Lanes {
    browser: bool,
    origins: Vec<String>,
}

impl Lanes {
    fn of(report: &Report) -> Self {
        let own = report
            .target
            .url()
            .map(|url| url.origin().ascii_serialization());
        let mut lanes = Self {
            browser: false,
            origins: own.into_iter().collect(),
        };
        for sent in report.checks.iter().flat_map(|check| &check.sent) {
            lanes.browser |= sent.browser;
            let origin = origin(sent);
            if !lanes.origins.contains(&origin) && lanes.origins.len() < 6 {
                lanes.origins.push(origin);
            }
        }
        lanes
    }

    fn names(&self, client: &str) -> Vec<String> {
        let mut names = vec![client.to_owned()];
        names.extend(self.browser.then(|| "browser".to_owned()));
        names.extend(self.origins.iter().cloned());
        names
    }

    fn asker(&self, sent: &Sent) -> usize {
        x(usize::from(sent.browser && self.browser))
    }

    fn answerer(&self, sent: &Sent) -> usize {
        let origin = origin(sent);
        let place = self.origins.iter().position(|other| *other == origin);
        x(1 + usize::from(self.browser) + place.unwrap_or(self.origins.len().saturating_sub(1)))
    }
}

const fn x(lane: usize) -> usize {
    LEFT + LANE / 2 + lane * LANE
}

fn origin(sent: &Sent) -> String {
    Url::parse(&sent.url).map_or_else(
        |_| {
            if sent.is_stdio() {
                sent.url.clone()
            } else {
                "elsewhere".to_owned()
            }
        },
        |url| url.origin().ascii_serialization(),
    )
}

pub fn write(report: &Report) -> String {
    let lanes = Lanes::of(report);
    let names = lanes.names(&report.profile.title);
    let asked: Vec<(&Check, &Sent)> = report
        .checks
        .iter()
        .flat_map(|check| check.sent.iter().map(move |sent| (check, sent)))
        .take(ROWS)
        .collect();
    let width = LEFT + LANE * names.len();
    let height = TOP + LINE * asked.len() + LINE;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {height}\" style=\"min-width:{}px\" role=\"img\" aria-label=\"sequence of requests\" xmlns=\"http://www.w3.org/2000/svg\">\n",
        width * 3 / 4
    );
    for (lane, name) in names.iter().enumerate() {
        let x = x(lane);
        // Writing to a String cannot fail.
        let _ = writeln!(
            svg,
            "<rect class=\"head\" x=\"{}\" y=\"8\" width=\"{}\" height=\"28\" rx=\"6\"/><text class=\"name\" x=\"{x}\" y=\"27\">{}</text><line class=\"lane\" x1=\"{x}\" y1=\"36\" x2=\"{x}\" y2=\"{height}\"/>",
            x - LANE / 2 + 8,
            LANE - 16,
            escape(shortened(name.trim_start_matches("https://"), 34)),
        );
    }
    let mut last = None;
    for (row, (check, sent)) in asked.iter().enumerate() {
        let y = TOP + LINE * row + LINE / 2;
        let name = (check.rule.id, check.round);
        if last != Some(name) {
            last = Some(name);
            let (verdict, _) = check.verdict.parts();
            let _ = writeln!(
                svg,
                "<line class=\"rule\" x1=\"0\" y1=\"{0}\" x2=\"{width}\" y2=\"{0}\"/><text class=\"check {verdict}\" x=\"8\" y=\"{1}\">{2}</text>",
                y - LINE / 2 + 2,
                y + 4,
                escape(shortened(check.rule.title, 22)),
            );
        }
        svg.push_str(&arrows(&lanes, sent, y));
    }
    svg.push_str("</svg>\n");
    svg
}

/// Draws a request and its response.
fn arrows(lanes: &Lanes, sent: &Sent, y: usize) -> String {
    let (from, to) = (lanes.asker(sent), lanes.answerer(sent));
    let kind = match &sent.outcome {
        Ok(None | Some(200..300)) => "good",
        Ok(Some(500..)) | Err(_) => "bad",
        Ok(Some(_)) => "other",
    };
    let came = sent.came();
    let path = Url::parse(&sent.url).map_or_else(|_| sent.url.clone(), |url| url.path().to_owned());
    let asked = match &sent.purpose {
        Some(purpose) => format!("{} {path} {purpose}", sent.method),
        None => format!("{} {path}", sent.method),
    };
    let back = y + 14;
    let time = sent.elapsed.as_secs_f64() * 1_000.0;
    format!(
        "<g><title>{title}</title>\
         <line class=\"ask\" x1=\"{from}\" y1=\"{y}\" x2=\"{tip}\" y2=\"{y}\"/><path class=\"tip\" d=\"M{to} {y}l-8 -4v8z\"/>\
         <text class=\"label\" x=\"{text}\" y=\"{above}\">{asked}</text>\
         <line class=\"came {kind}\" x1=\"{to}\" y1=\"{back}\" x2=\"{end}\" y2=\"{back}\"/><path class=\"tip {kind}\" d=\"M{from} {back}l8 -4v8z\"/>\
         <text class=\"status {kind}\" x=\"{right}\" y=\"{under}\">{came} · {time:.1} ms</text></g>\n",
        title = escape(sent.to_string()),
        tip = to - 8,
        end = from + 8,
        text = from + 12,
        above = y - 4,
        asked = escape(shortened(&asked, (to - from) / 7)),
        right = to - 12,
        under = back - 3,
        came = escape(shortened(&came, 30)),
    )
}

/// Returns at most `limit` characters and keeps the end, which distinguishes addresses.
fn shortened(text: &str, limit: usize) -> String {
    let length = text.chars().count();
    if length <= limit {
        return text.to_owned();
    }
    let kept = limit.saturating_sub(1);
    let (start, end) = (kept / 3, kept - kept / 3);
    let head: String = text.chars().take(start).collect();
    let tail: String = text.chars().skip(length - end).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_names_are_shortened_in_the_middle() {
        let short = super::shortened("GET /.well-known/oauth-protected-resource/mcp", 20);
        assert_eq!(short, "GET /.…-resource/mcp");
        assert_eq!(super::shortened("short", 20), "short");
    }
}
