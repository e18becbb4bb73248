//! How the content of a bulk data file is kept: deflated, in blocks that can be inflated on their own.
//!
//! Gzip and zip files are the same deflated bytes with something before and after them, so only those are kept.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Bytes of the file in a block; the last may have less.
pub const BLOCK_BYTES: u64 = 1 << 20;

/// What is known of a content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkContent {
    /// Bytes of the file.
    pub size: u64,
    /// Their checksum, CRC-32 as in gzip and zip.
    pub crc32: u32,
    /// Where each block of [`BLOCK_BYTES`] of the file ends in the deflated bytes. Between blocks the compressor is flushed
    /// and forgets what was before.
    pub block_ends: Vec<u64>,
}

impl BulkContent {
    /// Bytes as they are kept.
    pub fn deflated_size(&self) -> u64 {
        self.block_ends.last().copied().unwrap_or(0)
    }

    /// Where a block is in the file, and where in the deflated bytes.
    pub(crate) fn block(&self, number: usize) -> Option<(Range<u64>, Range<u64>)> {
        let end = *self.block_ends.get(number)?;
        let begin = number
            .checked_sub(1)
            .and_then(|before| self.block_ends.get(before).copied())
            .unwrap_or(0);
        let first = number as u64 * BLOCK_BYTES;
        let last = self.size.min(first + BLOCK_BYTES);
        Some((first..last, begin..end))
    }
}

/// A bulk data file as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BulkFile {
    /// Whose copies are in it: as a partition is stored.
    pub(crate) owner: String,
    /// Where its content is.
    pub(crate) place: String,
    /// What its content is like.
    pub(crate) content: BulkContent,
}
