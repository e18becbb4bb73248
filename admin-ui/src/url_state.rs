//! What a list shows, kept in the page's address: so that it can be linked to, and Back goes back.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use leptos_router::params::ParamsMap;

use crate::api::Query;

/// The parameter that says where a list goes on.
const CURSOR: &str = "cursor";

/// The parameter that says which part of a page is shown: what is said of one part's list means nothing in another.
const PART: &str = "part";

/// Goes to a path.
type Go = Box<dyn Fn(&str, NavigateOptions) + Send + Sync>;

/// The parameters of the address of one page.
#[derive(Clone, Copy)]
pub(crate) struct UrlState {
    /// The page's path below the console's.
    path: StoredValue<String>,
    query: Memo<ParamsMap>,
    go: StoredValue<Go>,
}

impl UrlState {
    pub(crate) fn of(path: impl Into<String>) -> Self {
        let navigate = use_navigate();
        Self {
            path: StoredValue::new(path.into()),
            query: use_query_map(),
            go: StoredValue::new(Box::new(move |path, options| navigate(path, options))),
        }
    }

    /// A parameter; empty where there is none.
    pub(crate) fn get(self, name: &str) -> String {
        self.query.with(|query| query.get(name).unwrap_or_default())
    }

    pub(crate) fn cursor(self) -> String {
        self.get(CURSOR)
    }

    /// The address with a parameter changed. Another choice shows its list from the beginning.
    pub(crate) fn with(self, name: &str, value: &str) -> String {
        let path = self.path.get_value();
        let mut query = Query::of(&path);
        for (known, text) in self.query.get().into_iter() {
            if known != name && known != CURSOR && name != PART {
                query = query.with(&known, &text);
            }
        }
        query.with(name, value).to_owned()
    }

    /// The address of the part of the list that begins there.
    pub(crate) fn at(self, cursor: &str) -> String {
        self.with(CURSOR, cursor)
    }

    /// Changes a parameter; Back does not lead to every letter that was typed.
    pub(crate) fn set(self, name: &str, value: &str) {
        let address = self.with(name, value);
        let options = NavigateOptions {
            replace: true,
            scroll: false,
            ..NavigateOptions::default()
        };
        self.go.with_value(|go| go(&address, options));
    }
}
