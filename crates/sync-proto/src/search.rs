//! A search over one source or several, and its answer.

use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::PAGE_VERSION;
use crate::page::{ErrorMessage, Objects};

/// The body of a search.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Search {
    /// Where to search.
    #[serde(default)]
    pub sources: Vec<SearchedSource>,
    /// What to search for; what the names mean is between the application and the back end.
    #[serde(default)]
    pub search: Map<String, Value>,
}

/// One source of a search.
#[derive(Debug, Clone, Deserialize)]
pub struct SearchedSource {
    /// The source's name.
    pub name: String,
    /// The token of the page before, a text or a number; none begins a search.
    pub token: Option<Value>,
}

/// What a search found in one source: one element of the answer.
#[derive(Debug, Clone)]
pub enum SearchPage {
    /// Nothing, or nothing more. Devices stop reading an answer at the first of these.
    Nothing,
    /// A page of objects.
    Found {
        /// What the device sends back to get the next page.
        token: u64,
        /// The source.
        source: String,
        /// The objects.
        objects: Objects,
    },
    /// It could not be searched.
    Failed {
        /// The source.
        source: String,
        /// Why.
        message: String,
    },
}

impl Serialize for SearchPage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
        enum Item<'a> {
            Version(u8),
            Token(String),
            Source(&'a str),
            Count(usize),
            Insert(&'a Objects),
            SearchError { search_error: ErrorMessage },
        }
        let items = match self {
            Self::Nothing => vec![],
            Self::Found {
                token,
                source,
                objects,
            } => vec![
                Item::Version(PAGE_VERSION),
                Item::Token(token.to_string()),
                Item::Source(source),
                Item::Count(objects.len()),
                Item::Insert(objects),
            ],
            Self::Failed { source, message } => {
                let message = message.clone();
                let search_error = ErrorMessage { message };
                vec![
                    Item::Version(PAGE_VERSION),
                    Item::Source(source),
                    Item::SearchError { search_error },
                ]
            }
        };
        let mut sequence = serializer.serialize_seq(Some(items.len()))?;
        for item in &items {
            sequence.serialize_element(item)?;
        }
        sequence.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Fields;

    #[test]
    fn every_kind_of_element_has_the_positions_and_names_devices_read() {
        let fields = Fields::Map([("name".to_owned(), "x".to_owned())].into());
        let pages = [
            SearchPage::Found {
                token: 42,
                source: "A".to_owned(),
                objects: [("1".to_owned(), fields)].into(),
            },
            SearchPage::Failed {
                source: "B".to_owned(),
                message: "no".to_owned(),
            },
            SearchPage::Nothing,
        ];
        insta::assert_snapshot!(serde_json::to_string(&pages).unwrap(), @r#"[[{"version":3},{"token":"42"},{"source":"A"},{"count":1},{"insert":{"1":{"name":"x"}}}],[{"version":3},{"source":"B"},{"search-error":{"search-error":{"message":"no"}}}],[]]"#);
    }
}
