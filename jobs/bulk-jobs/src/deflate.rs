//! Deflating a file in blocks that can be inflated on their own.

use flate2::{Compress, CompressError, Compression, Crc, FlushCompress};
use sync_core::{BLOCK_BYTES, BulkContent};

/// Devices wait for the file: what a higher level would save takes longer to make than to download.
const LEVEL: Compression = Compression::fast();

/// More than a block may grow by, in bytes: five for each 16 KiB that is stored as it is, and what a flush adds.
const GROWTH: usize = 1 << 10;

/// Deflates a file.
pub(crate) struct Deflater {
    compress: Compress,
    crc: Crc,
    content: BulkContent,
    block: Vec<u8>,
}

impl Deflater {
    pub(crate) fn new() -> Self {
        Self {
            compress: Compress::new(LEVEL, false),
            crc: Crc::new(),
            content: BulkContent::default(),
            block: Vec::with_capacity(BLOCK_BYTES as usize),
        }
    }

    /// Takes bytes until there is a block. Then they are deflated, and what is left is to be taken.
    pub(crate) fn fill(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, CompressError> {
        let room = (BLOCK_BYTES as usize).saturating_sub(self.block.len());
        let (now, later) = bytes.split_at(bytes.len().min(room));
        self.block.extend_from_slice(now);
        *bytes = later;
        if self.block.len() < BLOCK_BYTES as usize {
            return Ok(None);
        }
        self.deflate(FlushCompress::Full).map(Some)
    }

    /// Deflates what is left, and says what the content is like.
    pub(crate) fn finish(mut self) -> Result<(Vec<u8>, BulkContent), CompressError> {
        let last = self.deflate(FlushCompress::Finish)?;
        self.content.crc32 = self.crc.sum();
        Ok((last, self.content))
    }

    fn deflate(&mut self, flush: FlushCompress) -> Result<Vec<u8>, CompressError> {
        self.crc.update(&self.block);
        let mut deflated = Vec::with_capacity(self.block.len() + GROWTH);
        let before = self.compress.total_in();
        self.compress
            .compress_vec(&self.block, &mut deflated, flush)?;
        debug_assert_eq!(self.compress.total_in() - before, self.block.len() as u64);
        self.content.size += self.block.len() as u64;
        let end = self.content.deflated_size() + deflated.len() as u64;
        self.content.block_ends.push(end);
        self.block.clear();
        Ok(deflated)
    }
}
