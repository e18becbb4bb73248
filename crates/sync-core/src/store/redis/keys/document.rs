//! The keys of one partition of one source, which are all in one slot.

use sync_redis::KEY_PREFIX as PREFIX;

use super::encoded;
use crate::model::{ClientId, DocumentId, ImageForm, Partition};

/// The keys of one partition of one source.
#[derive(Debug, Clone)]
pub(crate) struct DocumentKeys {
    prefix: String,
}

impl DocumentKeys {
    pub(crate) fn new(document: &DocumentId) -> Self {
        let source = encoded(document.source.as_str());
        let partition = path_of(&document.partition);
        Self {
            prefix: format!("{PREFIX}:{{{source}/{partition}}}:"),
        }
    }

    fn part(&self, part: &str) -> String {
        [self.prefix.as_str(), part].concat()
    }

    fn of_client(&self, part: &str, client: &ClientId) -> String {
        format!("{}{part}:{}", self.prefix, encoded(client.as_str()))
    }

    pub(crate) fn head(&self) -> String {
        self.part("head")
    }

    pub(crate) fn log(&self) -> String {
        self.part("log")
    }

    pub(crate) fn records(&self) -> String {
        self.part("rec")
    }

    pub(crate) fn blobs(&self) -> String {
        self.part("blobs")
    }

    pub(crate) fn image(&self, form: ImageForm) -> String {
        self.part(match form {
            ImageForm::Ndjson => "image",
            ImageForm::Sqlite => "image-sqlite",
        })
    }

    pub(crate) fn tombstones(&self) -> String {
        self.part("tomb")
    }

    pub(crate) fn clients(&self) -> String {
        self.part("clients")
    }

    pub(crate) fn refresh_lease(&self) -> String {
        self.part("lease")
    }

    pub(crate) fn progress(&self) -> String {
        self.part("progress")
    }

    pub(crate) fn seen(&self) -> String {
        self.part("seen")
    }

    pub(crate) fn outbox(&self, client: &ClientId) -> String {
        self.of_client("out", client)
    }

    pub(crate) fn operations(&self, client: &ClientId) -> String {
        self.of_client("cud", client)
    }

    pub(crate) fn operations_lease(&self, client: &ClientId) -> String {
        self.of_client("cudlease", client)
    }

    pub(crate) fn found(&self, client: &ClientId) -> String {
        self.of_client("found", client)
    }

    pub(crate) fn held(&self, client: &ClientId) -> String {
        self.of_client("held", client)
    }

    pub(crate) fn held_names(&self) -> String {
        self.part("held-names")
    }

    pub(crate) fn creates(&self, client: &ClientId) -> String {
        self.of_client("made", client)
    }

    pub(crate) fn sent(&self, client: &ClientId) -> String {
        self.of_client("sent", client)
    }

    pub(crate) fn sent_by_time(&self, client: &ClientId) -> String {
        self.of_client("sent-at", client)
    }

    pub(crate) fn creates_by_time(&self, client: &ClientId) -> String {
        self.of_client("made-at", client)
    }
}

/// A partition as it stands in keys.
fn path_of(partition: &Partition) -> String {
    match partition {
        Partition::App => "app".to_owned(),
        Partition::User(user) => format!("user/{}", encoded(user.as_str())),
        Partition::Named(name) => format!("named/{}", encoded(name.as_str())),
        Partition::Narrowed(user, narrowing) => {
            format!("narrowed/{}/{narrowing}", encoded(user.as_str()))
        }
        // No encoded part has a comma.
        Partition::Combined(members) => {
            let members: Vec<String> = members.iter().map(path_of).collect();
            format!("combined/{}", members.join(","))
        }
    }
}
