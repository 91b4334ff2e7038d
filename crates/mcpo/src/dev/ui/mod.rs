//! A page in the browser that shows the OAuth flow and the tool calls live, and calls tools.
//!
//! It has its own listener on the loopback interface. The path of every URL begins with a random
//! token, so that only the user's own browser can read it.

mod access;
mod endpoints;
mod page;
mod server;

use std::net::Ipv4Addr;

use mcpo_common::error::{Failure, Outcome};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use self::{access::Access, endpoints::Endpoints};
use super::{
    console::feed::Feed,
    messages::event::{Event, EventSender},
};

/// The actor behind `--ui` and the key `u`.
pub struct View {
    pub feed: Feed,
    /// One message for each time the page must be opened.
    pub opens: mpsc::UnboundedReceiver<()>,
    pub events: EventSender,
    /// Whether a browser can be opened. Otherwise only the URL is printed.
    pub has_browser: bool,
}

impl View {
    /// Waits until the page is wanted, and serves it until stopped.
    pub async fn run(mut self, stop: &CancellationToken) -> Outcome<()> {
        if !self.is_wanted(stop).await {
            return Ok(());
        }
        let failed = |error: std::io::Error| {
            Failure::new("failed to serve the browser view").because(&error)
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(failed)?;
        let access = Access::generate(listener.local_addr().map_err(failed)?)?;
        let endpoints = Endpoints::new(access.clone(), self.feed.clone(), self.events.clone());
        self.open(&access).await;
        let opening = async {
            while self.is_wanted(stop).await {
                self.open(&access).await;
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
        tokio::select! {
            () = stop.cancelled() => false,
            wanted = self.opens.recv() => match wanted {
                Some(()) => true,
                None => {
                    stop.cancelled().await;
                    false
                }
            },
        }
    }

    async fn open(&self, access: &Access) {
        let url = access.url();
        let problem = self
            .has_browser
            .then(|| webbrowser::open(&url).err())
            .flatten()
            .map(|error| error.to_string());
        self.events.send(Event::ViewOpened { url, problem }).await;
    }
}
