//! Lines of a stream, with a limit for their length.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// A line of a stream, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Text; bytes that are not UTF-8 are replaced.
    Text(String),
    /// A line with more bytes than the limit; its content is dropped.
    TooLong,
}

/// Returns the next line of at most `limit` bytes, or `None` at the end of the stream.
pub async fn next(
    stream: &mut (impl AsyncBufRead + Unpin),
    limit: usize,
) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut is_too_long = false;
    loop {
        let available = stream.fill_buf().await?;
        if available.is_empty() {
            let is_end = line.is_empty() && !is_too_long;
            return Ok((!is_end).then(|| finished(&line, is_too_long)));
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        if line.len() + part.len() > limit {
            is_too_long = true;
            line = Vec::new();
        } else if !is_too_long {
            line.extend_from_slice(part);
        }
        let used = end.map_or(available.len(), |end| end + 1);
        stream.consume(used);
        if end.is_some() {
            return Ok(Some(finished(&line, is_too_long)));
        }
    }
}

fn finished(line: &[u8], is_too_long: bool) -> Line {
    if is_too_long {
        return Line::TooLong;
    }
    let text = String::from_utf8_lossy(line);
    Line::Text(text.trim_end_matches('\r').to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::{Line, next};

    #[tokio::test]
    async fn long_lines_are_dropped_and_the_next_line_is_read() {
        let input = b"one\r\n\n123456789012345\ntw\xff\nlast";
        let mut stream = BufReader::with_capacity(4, &input[..]);
        let mut lines = Vec::new();
        while let Some(line) = next(&mut stream, 10).await.unwrap() {
            lines.push(line);
        }
        let text = |text: &str| Line::Text(text.to_owned());
        let wanted = [
            text("one"),
            text(""),
            Line::TooLong,
            text("tw\u{fffd}"),
            text("last"),
        ];
        assert_eq!(lines, wanted);
    }
}
