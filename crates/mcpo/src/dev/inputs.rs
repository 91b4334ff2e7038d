//! What the last build read, from the dependency file that cargo writes beside the executable.

use std::{
    collections::HashSet,
    fs, io,
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

use crate::package::Package;

/// The files the executable depends on, included ones and those of other local crates too.
#[derive(Clone, Debug)]
pub struct Inputs {
    pub files: HashSet<PathBuf>,
    /// When the build began: what changed later is not in it.
    pub built: SystemTime,
    /// After a failed build any file of the project may be the one that was missing.
    pub failed: bool,
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            files: HashSet::new(),
            built: SystemTime::UNIX_EPOCH,
            failed: false,
        }
    }
}

impl Inputs {
    /// Reads the dependency file of an executable of `package`.
    pub fn of(executable: &Path, package: &Package, built: SystemTime) -> io::Result<Self> {
        Ok(Self {
            files: read(&executable.with_extension("d"), package)?,
            built,
            failed: false,
        })
    }
}

/// Reads a dependency file, by whichever of the two it was written.
pub fn read(list: &Path, package: &Package) -> io::Result<HashSet<PathBuf>> {
    let text = fs::read_to_string(list)?;
    let named = parse(&text).map(|file| package.workspace.join(file));
    // What a build script made is a result of the build, whichever way it was read.
    let is_made =
        |file: &PathBuf| file.starts_with(&package.target) || file.starts_with(&package.build);
    let written = named.filter(|file| !is_made(file));
    let mut files = HashSet::new();
    for file in written {
        // Behind a symbolic link it is another file that is going to be saved.
        let real = dunce::canonicalize(&file);
        // A folder that is watched by two names reports by the later one, so there is to be one.
        let is_roundabout = file.components().any(|part| part == Component::ParentDir);
        if real.is_err() || !is_roundabout {
            files.insert(file);
        }
        files.extend(real);
    }
    Ok(files)
}

/// The prerequisites of the rules in a makefile as rustc and cargo write it.
fn parse(text: &str) -> impl Iterator<Item = PathBuf> {
    text.lines()
        .filter_map(|line| line.split_once(": "))
        .flat_map(|(_, files)| words(files))
        .map(PathBuf::from)
}

/// Splits at spaces that no backslash escapes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' if characters.next_if_eq(&' ').is_some() => push(&mut words, ' '),
            ' ' => words.push(String::new()),
            _ => push(&mut words, c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn push(words: &mut [String], c: char) {
    if let Some(word) = words.last_mut() {
        word.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_escaped_spaces_and_several_rules() {
        let text = "/t/debug/a: /p/src/main.rs /p/my\\ words.txt\n\n/t/debug/b: /p/b.rs\n";
        let files: Vec<_> = parse(text).collect();
        let expected = ["/p/src/main.rs", "/p/my words.txt", "/p/b.rs"];
        assert_eq!(files, expected.map(PathBuf::from));
    }
}
