//! Previews: revisions without requests that are reachable at the address of their tag.
//!
//! A preview has the label [`PREVIEW_LABEL`](crate::labels::PREVIEW_LABEL), its own issuer, key ring,
//! password and ledger records. It must not change what serves users. Google's latest template and
//! latest revision may be those of a preview, so all other modules see the service without them
//! ([`view`]), and no traffic target may follow the latest revision meanwhile ([`follow`]).
//!
//! This module only reads.

mod age;
mod follow;
mod list;
mod removal;
mod seen;
mod settings;
mod tag;
mod view;

pub use self::{
    follow::{pinned, unpinned},
    list::{list, tag_of},
    removal::{Removal, Scope},
    seen::{Seen, of_this_preview},
    settings::{adapt, records_prefix},
    tag::{given_name, tag},
    view::{
        Found, complete, differ_only_in_previews, read, with_previews_of, without_preview_tags,
    },
};
