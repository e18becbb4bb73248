//! Which copy of a source a device follows: its user's, or that of the part which the device asks for by parameters.

use sync_proto::sync::SourceParameters;

use crate::engine::parameters::check_parameters;
use crate::engine::{Engine, Source, SyncError};
use crate::model::{DocumentId, UserId};
use crate::ports::Ports;

/// What a device follows of a source.
pub(in crate::engine) struct Part {
    pub(in crate::engine) document: DocumentId,
    /// What the back end is asked by for it: nothing for a user's whole copy.
    pub(in crate::engine) parameters: Vec<(String, String)>,
}

impl<P: Ports> Engine<P> {
    /// What a device that states these parameters follows of a source.
    pub(in crate::engine) async fn part_read(
        &self,
        source: Source<'_>,
        user: &UserId,
        stated: &SourceParameters,
    ) -> Result<Part, SyncError> {
        let parameters = parameters_of(stated, source.name.as_str());
        let document = self.copy_asked_for(source, user, &parameters).await?;
        let is_part = document.partition.is_narrowed();
        Ok(Part {
            document,
            // Where they narrow nothing down, they must not decide what others get.
            parameters: parameters.into_iter().filter(|_| is_part).collect(),
        })
    }
}

/// Checks what a device states of all its sources, before anything is done by it.
pub(super) fn check_stated(stated: &SourceParameters) -> Result<(), SyncError> {
    let mut names = stated.keys();
    names.try_for_each(|name| check_parameters(&parameters_of(stated, name)))
}

fn parameters_of(stated: &SourceParameters, source: &str) -> Vec<(String, String)> {
    let parameters = stated.get(source).into_iter().flatten();
    let pairs = parameters.map(|(name, value)| (name.clone(), value.clone()));
    pairs.collect()
}
