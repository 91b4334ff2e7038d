//! `--submission`: writes the draft of a submission to a new file.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use mcpo_common::{
    error::{Failure, Outcome},
    ui::Ui,
};
use mcpo_probe::{Report, Submission};
use time::OffsetDateTime;

/// A file that does not exist yet.
#[derive(Debug)]
pub struct SubmissionFile {
    path: PathBuf,
    format: Submission,
}

impl SubmissionFile {
    /// Checks the name before the probe runs. An existing file may contain the owner's edits, so it
    /// is never overwritten.
    pub fn new(path: PathBuf) -> Outcome<Self> {
        let Some(format) = Submission::of_file(&path) else {
            let what = format!("unsupported file name --submission {}", path.display());
            return Err(Failure::new(what).hint("use a name that ends in .md or .json"));
        };
        if path.exists() {
            return Err(exists(&path));
        }
        Ok(Self { path, format })
    }

    pub fn write(&self, report: &Report, ui: &Ui) -> Outcome<()> {
        let path = &self.path;
        let mut file = match File::create_new(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(exists(path));
            }
            Err(error) => return Err(failed(path).because(&error)),
        };
        // Displayed as `2026-11-28`.
        let today = OffsetDateTime::now_utc().date().to_string();
        let text = self.format.write(report, &today);
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all());
        written.map_err(|error| failed(path).because(&error))?;
        ui.say(format_args!("wrote {}", path.display()));
        Ok(())
    }
}

fn failed(path: &Path) -> Failure {
    Failure::new(format!("failed to write --submission {}", path.display()))
}

fn exists(path: &Path) -> Failure {
    failed(path)
        .because(&std::io::Error::from(std::io::ErrorKind::AlreadyExists))
        .hint("delete the file, or choose another name: it may contain your edits")
}

#[cfg(test)]
mod tests {
    use super::SubmissionFile;

    #[test]
    fn only_new_files_with_a_known_ending_are_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        std::fs::write(path("old.md"), "edited").unwrap();
        assert!(SubmissionFile::new(path("new.md")).is_ok());
        assert!(SubmissionFile::new(path("new.json")).is_ok());
        for wrong in ["new.txt", "new", "old.md"] {
            assert!(SubmissionFile::new(path(wrong)).is_err(), "{wrong}");
        }
    }
}
