//! A page in the browser that shows the OAuth flow and the tool calls live, and calls tools.
//!
//! It has its own listener on the loopback interface. The path of every URL begins with a random
//! token, so that only the user's own browser can read it.

mod access;
mod browser;
mod endpoints;
mod page;
mod server;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use mcpo_common::error::{Failure, Outcome};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use self::{access::Access, browser::Redirect, endpoints::Endpoints};
use super::{
    console::feed::Feed,
    messages::{
        command::{BrowserPage, CONNECTORS},
        event::{Event, EventSender},
    },
};

/// The actor behind `--ui` and the keys that open a browser.
pub struct View {
    pub feed: Feed,
    /// One message for each time a page must be opened.
    pub opens: mpsc::UnboundedReceiver<BrowserPage>,
    pub events: EventSender,
    /// The folder for a private file, while the page is served.
    pub folder: PathBuf,
    /// Whether a browser can be opened. Otherwise only the URL is printed.
    pub has_browser: bool,
}

impl View {
    /// Waits until the page is wanted, and serves it until stopped.
    pub async fn run(self, stop: &CancellationToken) {
        self.run_at((Ipv4Addr::LOCALHOST, 0).into(), stop).await;
    }

    async fn run_at(mut self, address: SocketAddr, stop: &CancellationToken) {
        // Without the page, the server is still useful.
        while self.is_wanted(stop).await {
            match self.serve(address, stop).await {
                Ok(()) => return,
                Err(failure) => self.events.send(Event::Warning(failure.to_string())).await,
            }
        }
    }

    async fn serve(&mut self, address: SocketAddr, stop: &CancellationToken) -> Outcome<()> {
        let failed =
            |error: io::Error| Failure::new("failed to serve the browser view").because(&error);
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let access = Access::generate(listener.local_addr().map_err(failed)?)?;
        let endpoints = Endpoints::new(access.clone(), self.feed.clone(), self.events.clone());
        let opening = async {
            // Removed when the page is not served any more.
            let mut redirect = None;
            self.open(&access, &mut redirect).await;
            while self.is_wanted(stop).await {
                self.open(&access, &mut redirect).await;
            }
        };
        tokio::select! {
            () = server::serve(&listener, &endpoints) => {}
            () = opening => {}
        }
        Ok(())
    }

    /// Waits for the next time the page is wanted. Returns false if mcpo stops.
    async fn is_wanted(&mut self, stop: &CancellationToken) -> bool {
        loop {
            let wanted = tokio::select! {
                () = stop.cancelled() => return false,
                wanted = self.opens.recv() => wanted,
            };
            match wanted {
                Some(BrowserPage::View) => return true,
                Some(BrowserPage::Connectors) => self.open_connectors(),
                None => {
                    stop.cancelled().await;
                    return false;
                }
            }
        }
    }

    async fn open(&self, access: &Access, redirect: &mut Option<Redirect>) {
        let url = access.url();
        self.events
            .send(Event::ViewOpened { url: url.clone() })
            .await;
        if !self.has_browser {
            return;
        }
        match self.private_page(&url, redirect) {
            Ok(page) => self.start_browser(page, "the URL above"),
            Err(error) => {
                let warning = format!("failed to open a browser: {error}; open the URL above");
                self.events.send(Event::Warning(warning)).await;
            }
        }
    }

    /// Returns a private file that leads to `url`.
    fn private_page(
        &self,
        url: &str,
        redirect: &mut Option<Redirect>,
    ) -> io::Result<browser::Page> {
        // First removes the file of the last time, which would be removed later otherwise.
        *redirect = None;
        Ok(redirect.insert(Redirect::write(&self.folder, url)?).page())
    }

    fn open_connectors(&self) {
        self.start_browser(browser::Page::Url(CONNECTORS), CONNECTORS);
    }

    /// Opens a page without waiting for the browser. `shown` is what the user can open otherwise.
    fn start_browser(&self, page: browser::Page, shown: &'static str) {
        let events = self.events.clone();
        tokio::spawn(async move {
            if let Err(error) = browser::open(page).await {
                let warning = format!("failed to open a browser: {error}; open {shown}");
                events.send(Event::Warning(warning)).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_in_use_is_only_a_warning() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (opens, inbox) = mpsc::unbounded_channel();
        let (sender, mut events) = EventSender::channel();
        let view = View {
            feed: Feed::default(),
            opens: inbox,
            events: sender,
            folder: PathBuf::new(),
            has_browser: false,
        };
        let stop = CancellationToken::new();
        let run = view.run_at(taken.local_addr().unwrap(), &stop);
        let test = async {
            for _ in 0..2 {
                opens.send(BrowserPage::View).unwrap();
                let Some(Event::Warning(text)) = events.recv().await else {
                    panic!("no warning");
                };
                assert!(
                    text.starts_with("failed to serve the browser view"),
                    "{text}"
                );
            }
            stop.cancel();
        };
        tokio::join!(run, test);
    }
}
