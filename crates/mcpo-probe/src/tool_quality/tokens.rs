//! An estimate of the number of tokens of a text, without the vocabulary of a tokenizer.
//!
//! The text is split into words, numbers, punctuation and white space, as the tokenizer `o200k_base`
//! splits it before it looks pieces up in its vocabulary
//! (<https://github.com/openai/tiktoken/blob/main/tiktoken_ext/openai_public.py>). Most pieces are one
//! token; the costs below are the means of each kind of piece in the tool lists of public servers.
//! `tests/peers/tokens.rs` compares the estimate with the tokenizer.

/// The cost of one token.
const TOKEN: usize = 100;

/// Returns the estimated number of tokens of `text`.
#[must_use]
pub fn estimate_tokens(text: &str) -> usize {
    let characters: Vec<char> = text.chars().collect();
    let mut cost = 0;
    let mut rest = characters.as_slice();
    while let Some((piece, length)) = next(rest) {
        cost += piece.cost();
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    cost.div_ceil(TOKEN)
}

/// A part of a text that the tokenizer looks up as a whole.
enum Piece<'t> {
    /// Letters. `is_joined` means that a sign other than a space is part of the piece.
    Word {
        letters: &'t [char],
        is_joined: bool,
    },
    /// At most three digits, or white space.
    Short,
    /// A number of signs.
    Signs(usize),
}

impl Piece<'_> {
    /// Returns the cost in hundredths of a token.
    fn cost(&self) -> usize {
        match self {
            Self::Short | Self::Signs(0..=3) => TOKEN,
            Self::Signs(4) => 126,
            Self::Signs(5) => 205,
            Self::Signs(count) => count * TOKEN / 2,
            Self::Word { letters, .. } if !letters.iter().all(char::is_ascii) => {
                TOKEN.max(letters.iter().map(|letter| foreign(*letter)).sum())
            }
            Self::Word { letters, is_joined } => {
                let is_upper = letters.iter().all(char::is_ascii_uppercase);
                match (letters.len(), is_joined) {
                    (0..=2, false) => TOKEN,
                    (3..=4, _) if is_upper => 115,
                    (_, _) if is_upper => TOKEN.max(letters.len() * 33),
                    (0..=4, true) => 107,
                    (_, true) => 145,
                    (3..=6, false) => 102,
                    (7..=11, false) => 106,
                    (_, false) => 115,
                }
            }
        }
    }
}

/// Returns the cost of a letter in a word with letters outside ASCII.
fn foreign(letter: char) -> usize {
    match letter {
        '\0'..='\u{24f}' => 30,
        // Greek and Cyrillic.
        '\u{370}'..='\u{52f}' => 24,
        // Korean.
        '\u{ac00}'..='\u{d7af}' => 62,
        // Chinese and Japanese.
        '\u{2e80}'..='\u{9fff}' => 75,
        _ => 50,
    }
}

/// Returns the first piece of a text, and its length in characters.
fn next(text: &[char]) -> Option<(Piece<'_>, usize)> {
    let first = *text.first()?;
    let starts_word = |character: Option<&char>| character.is_some_and(|next| next.is_alphabetic());
    if first.is_alphabetic() {
        let letters = word(text);
        let piece = Piece::Word {
            letters,
            is_joined: false,
        };
        return Some((piece, letters.len()));
    }
    if first.is_numeric() {
        let digits = count(text.get(..3).unwrap_or(text), char::is_numeric);
        return Some((Piece::Short, digits));
    }
    if starts_word(text.get(1)) && !matches!(first, '\r' | '\n') {
        let letters = word(text.get(1..).unwrap_or_default());
        let piece = Piece::Word {
            letters,
            is_joined: !first.is_whitespace(),
        };
        return Some((piece, letters.len() + 1));
    }
    if first.is_whitespace() {
        let run = count(text, char::is_whitespace);
        return match text.get(run) {
            // One space belongs to the signs after it.
            Some(next) if run == 1 && first == ' ' && is_sign(*next) => {
                let signs = count(text.get(1..).unwrap_or_default(), is_sign);
                Some((Piece::Signs(signs), signs + 1))
            }
            // The last space belongs to the next piece.
            Some(_) if run > 1 && text.get(run - 1) == Some(&' ') => Some((Piece::Short, run - 1)),
            _ => Some((Piece::Short, run)),
        };
    }
    let signs = count(text, is_sign);
    let ends = count(text.get(signs..).unwrap_or_default(), |end| {
        matches!(end, '\r' | '\n')
    });
    Some((Piece::Signs(signs), signs + ends))
}

/// Returns the letters of the word at the start of a text: `getUserId` is three words.
fn word(text: &[char]) -> &[char] {
    let upper = count(text, |letter| {
        letter.is_alphabetic() && !letter.is_lowercase()
    });
    let rest = text.get(upper..).unwrap_or_default();
    let lower = count(rest, |letter| {
        letter.is_alphabetic() && !letter.is_uppercase()
    });
    text.get(..upper + lower).unwrap_or_default()
}

fn is_sign(character: char) -> bool {
    !character.is_whitespace() && !character.is_alphanumeric()
}

fn count(text: &[char], is_part: impl Fn(char) -> bool) -> usize {
    text.iter()
        .take_while(|character| is_part(**character))
        .count()
}

#[cfg(test)]
mod tests {
    use super::estimate_tokens;

    #[test]
    fn texts_are_split_as_the_tokenizer_splits_them() {
        assert_eq!(estimate_tokens(""), 0);
        // get User Id
        assert_eq!(estimate_tokens("getUserId"), 4);
        // 123 456 7
        assert_eq!(estimate_tokens("1234567"), 3);
        // {" a ": 1 }
        assert_eq!(estimate_tokens(r#"{"a":1}"#), 5);
        // Two paragraphs.
        assert_eq!(estimate_tokens("an a\n\n  an"), 4);
    }

    /// Each character is read once.
    #[test]
    fn long_texts_end_in_time() {
        assert_eq!(estimate_tokens(&"{".repeat(1_000_000)), 500_000);
        assert!(estimate_tokens(&"é".repeat(1_000_000)) > 100_000);
        assert_eq!(estimate_tokens(&"1".repeat(3_000_000)), 1_000_000);
        assert_eq!(estimate_tokens(&" ".repeat(1_000_000)), 1);
    }
}
