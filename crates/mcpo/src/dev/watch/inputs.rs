//! Reads the files that a build depends on from the dependency file that cargo writes next to the
//! executable.

use std::{
    collections::HashSet,
    fs, io,
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

use mcpo_common::package::Package;

use crate::dev::messages::inputs::Inputs;

/// Reads the dependency file of an executable of `package`. `built` is when its build began.
pub fn of(executable: &Path, package: &Package, built: SystemTime) -> io::Result<Inputs> {
    Ok(Inputs {
        files: read(&executable.with_extension("d"), package)?,
        built,
        failed: false,
    })
}

/// Reads a dependency file of cargo or rustc.
pub fn read(list: &Path, package: &Package) -> io::Result<HashSet<PathBuf>> {
    let text = fs::read_to_string(list)?;
    let named = parse(&text).map(|file| package.workspace.join(file));
    // Files that a build script made are results of the build.
    let is_made =
        |file: &PathBuf| file.starts_with(&package.target) || file.starts_with(&package.build);
    let written = named.filter(|file| !is_made(file));
    let mut files = HashSet::new();
    for file in written {
        // A symbolic link is resolved, because the save changes the file that it points to.
        let real = dunce::canonicalize(&file);
        // A folder that is watched under two names reports events only under the later one, so it
        // is watched under one name only.
        let is_roundabout = file.components().any(|part| part == Component::ParentDir);
        if real.is_err() || !is_roundabout {
            files.insert(file);
        }
        files.extend(real);
    }
    Ok(files)
}

/// Returns the prerequisites of all rules in a makefile as rustc and cargo write it.
fn parse(text: &str) -> impl Iterator<Item = PathBuf> {
    text.lines()
        .filter_map(|line| line.split_once(": "))
        .flat_map(|(_, files)| words(files))
        .map(PathBuf::from)
}

/// Splits at spaces that are not escaped with a backslash.
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
