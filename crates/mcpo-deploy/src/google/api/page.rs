//! Pages of lists.

use serde::de::DeserializeOwned;

/// The response of a list method.
pub trait Page: DeserializeOwned {
    type Item;

    /// Returns the items and the token of the next page, which is empty on the last page.
    fn into_parts(self) -> (Vec<Self::Item>, String);
}

/// Defines the response of a list method, whose items are in `$field`.
macro_rules! page {
    ($(#[$documentation:meta])* $name:ident, $field:ident: $item:ty) => {
        $(#[$documentation])*
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub struct $name {
            pub $field: Vec<$item>,
            pub next_page_token: String,
        }

        impl $crate::google::api::Page for $name {
            type Item = $item;

            fn into_parts(self) -> (Vec<$item>, String) {
                (self.$field, self.next_page_token)
            }
        }
    };
}

pub(super) use page;
