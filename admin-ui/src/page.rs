//! The console's pages and their paths.

/// Where the console is served. The component and the bundler know it too.
pub(crate) const BASE: &str = "/console";

/// A page of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// Whether the server lives and can work.
    Status,
}

impl Page {
    /// The pages in the order of the navigation.
    pub(crate) const ALL: [Self; 1] = [Self::Status];

    /// What the navigation and the page's heading say.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Status => "Status",
        }
    }

    /// The path below [`BASE`], without slashes around it.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Status => "",
        }
    }

    /// The path for links.
    pub(crate) fn href(self) -> String {
        format!("{BASE}/{}", self.path())
    }
}
