//! The console's pages and their paths.

/// Where the console is served. The component and the bundler know it too.
pub(crate) const BASE: &str = "/console";

/// A page of the console that the navigation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    Overview,
    Devices,
    Users,
    Sources,
    Changes,
    Jobs,
    Pings,
    Statistics,
    Settings,
}

impl Page {
    /// The pages in the order of the navigation.
    pub(crate) const ALL: [Self; 9] = [
        Self::Overview,
        Self::Devices,
        Self::Users,
        Self::Sources,
        Self::Changes,
        Self::Jobs,
        Self::Pings,
        Self::Statistics,
        Self::Settings,
    ];

    /// What the navigation and the page's heading say.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Devices => "Devices",
            Self::Users => "Users",
            Self::Sources => "Sources",
            Self::Changes => "Changes",
            Self::Jobs => "Jobs",
            Self::Pings => "Pings",
            Self::Statistics => "Statistics",
            Self::Settings => "Settings",
        }
    }

    /// The path below [`BASE`].
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Devices => "/devices",
            Self::Users => "/users",
            Self::Sources => "/sources",
            Self::Changes => "/changes",
            Self::Jobs => "/jobs",
            Self::Pings => "/pings",
            Self::Statistics => "/statistics",
            Self::Settings => "/settings",
        }
    }

    /// The key that leads here after a `g`.
    pub(crate) const fn key(self) -> char {
        match self {
            Self::Overview => 'o',
            Self::Devices => 'd',
            Self::Users => 'u',
            Self::Sources => 's',
            Self::Changes => 'c',
            Self::Jobs => 'j',
            Self::Pings => 'p',
            Self::Statistics => 't',
            Self::Settings => 'e',
        }
    }

    /// The scope without which there is nothing to see.
    pub(crate) const fn scope(self) -> &'static str {
        match self {
            Self::Overview | Self::Statistics | Self::Settings => "system:read",
            Self::Devices | Self::Pings => "clients:read",
            Self::Users => "users:read",
            Self::Sources => "sources:read",
            Self::Changes | Self::Jobs => "jobs:read",
        }
    }
}

/// The address of a path below [`BASE`], for links.
pub(crate) fn href(path: &str) -> String {
    format!("{BASE}{path}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_page_has_a_path_and_a_key_of_its_own() {
        let paths: BTreeSet<_> = Page::ALL.map(Page::path).into();
        let keys: BTreeSet<_> = Page::ALL.map(Page::key).into();
        assert_eq!(
            (paths.len(), keys.len()),
            (Page::ALL.len(), Page::ALL.len())
        );
        assert_eq!(href(Page::Devices.path()), "/console/devices");
    }
}
