//! Opens pages in the user's browser.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
};

use mcpo_common::private_file;
use tokio::sync::oneshot;

const FILE: &str = "view.html";

/// A page that can be opened.
#[derive(Debug)]
pub enum Page {
    Url(&'static str),
    /// A file with HTML.
    File(PathBuf),
}

/// Opens a page, and returns once that has worked.
///
/// A browser in the terminal runs until the user quits it. A thread can be left behind then, while
/// the tasks of `spawn_blocking` keep the runtime from ending.
pub async fn open(page: Page) -> io::Result<()> {
    let (reply, opened) = oneshot::channel();
    let open = move || {
        let result = match page {
            Page::Url(url) => webbrowser::open(url),
            // `webbrowser` opens no files: a server that is probed chooses its URLs.
            Page::File(path) => open::that(path),
        };
        // Nothing waits for the result if mcpo stops.
        let _ = reply.send(result);
    };
    thread::Builder::new()
        .name("browser".to_owned())
        .spawn(open)?;
    opened.await.map_err(io::Error::other)?
}

/// A private file that leads a browser to a URL with a secret. All users of this machine can see
/// the arguments of the browser, so the arguments must not contain the URL itself. The file is
/// removed when this value is dropped.
#[derive(Debug)]
pub struct Redirect {
    path: PathBuf,
}

impl Redirect {
    /// Writes the file in a folder. `url` must not contain characters with a meaning in HTML.
    pub fn write(folder: &Path, url: &str) -> io::Result<Self> {
        let path = std::path::absolute(folder.join(FILE))?;
        let page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>mcpo dev</title>\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta http-equiv=\"refresh\" content=\"0; url={url}\">\n\
             <p><a href=\"{url}\">Open the browser view</a></p>\n"
        );
        private_file::write(&path, &page)?;
        Ok(Self { path })
    }

    /// Returns the file.
    pub fn page(&self) -> Page {
        Page::File(self.path.clone())
    }
}

impl Drop for Redirect {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_can_read_the_file_with_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let secret = "http://127.0.0.1:9/sesame/";
        let redirect = Redirect::write(folder.path(), secret).unwrap();
        let Page::File(path) = redirect.page() else {
            panic!("the secret is an argument of the browser");
        };
        assert!(fs::read_to_string(&path).unwrap().contains(secret));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        drop(redirect);
        assert!(!path.exists());
    }
}
