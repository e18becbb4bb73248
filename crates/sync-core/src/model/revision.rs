//! What tells the states of something apart that administrators edit.

use crate::model::{Attributes, digest_of};

/// A state of something that is edited. Another edit, whoever made it, is another state; what happens to it beside that is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision(String);

impl Revision {
    /// That of something that begins at some time, after an edit, if there was any.
    pub(crate) fn new(began: &str, edit: Option<&str>) -> Self {
        Self(format!("{began}-{}", edit.unwrap_or(NO_EDIT)))
    }

    /// That of a change that a device has sent: what it says.
    pub fn of_attributes(attributes: &Attributes) -> Self {
        let texts = attributes.iter();
        Self(digest_of(
            texts.flat_map(|(name, value)| [name.as_str(), value.as_str()]),
        ))
    }

    /// The revision as text: letters, digits and hyphens.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands for the edit where there was none.
const NO_EDIT: &str = "0";

/// In which state something has to be, so that it is edited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    /// In any.
    #[default]
    Any,
    /// In one of these.
    OneOf(Vec<String>),
}

impl Expected {
    /// Whether this state will do.
    pub(crate) fn allows(&self, revision: &Revision) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(revisions) => revisions.iter().any(|it| it == revision.as_str()),
        }
    }

    /// What an edit in the store has to follow, now that this edit was found and will do; nothing where that does not matter.
    pub(crate) fn after<'a>(&self, edit: Option<&'a str>) -> Option<&'a str> {
        (*self != Self::Any).then_some(edit.unwrap_or(NO_EDIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_state_that_is_expected_will_do() {
        let now = Revision::new("17", Some("ab"));
        assert!(Expected::Any.allows(&now));
        let expected =
            |texts: &[&str]| Expected::OneOf(texts.iter().map(|text| (*text).to_owned()).collect());
        assert!(expected(&["17-0", "17-ab"]).allows(&now));
        assert!(!expected(&["17-0", "ab"]).allows(&now));
        assert!(!expected(&[]).allows(&now));
        assert_eq!(Revision::new("17", None).as_str(), "17-0");
        let attributes = |pairs: &[(&str, &str)]| -> Attributes {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let one = Revision::of_attributes(&attributes(&[("a", "bc")]));
        assert_ne!(one, Revision::of_attributes(&attributes(&[("ab", "c")])));
    }
}
