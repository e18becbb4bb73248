//! Parameters that devices pass to back ends with a query or a search.

use crate::engine::SyncError;

/// Most parameters of one request.
const MAX_PARAMETERS: usize = 100;

/// Most bytes of their names and values: they become part of an address, and back ends take no endless ones.
const MAX_BYTES: usize = 8 * 1024;

/// Checks that no back end is asked more than it can bear.
pub(super) fn check_parameters(parameters: &[(String, String)]) -> Result<(), SyncError> {
    let bytes: usize = parameters
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if parameters.len() > MAX_PARAMETERS || bytes > MAX_BYTES {
        return Err(SyncError::TooManyParameters {
            limit: MAX_PARAMETERS,
            max_bytes: MAX_BYTES,
        });
    }
    Ok(())
}
