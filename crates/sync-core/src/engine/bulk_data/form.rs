//! The forms in which a bulk data file is served: bare, as a gzip file, and as a zip file with it as the only entry.
//!
//! Written by hand, since libraries for these formats deflate on their own: here the deflated bytes are there already, and
//! what is around them is of fixed form (RFC 1952; PKWARE's APPNOTE.TXT, 4.3).

use std::ops::Range;

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress};
use futures_util::stream::{LocalBoxStream, StreamExt as _, TryStreamExt as _, iter, once, unfold};

use crate::blob::{Blob, ContentError};
use crate::model::{BLOCK_BYTES, BulkContent};

/// The 1st of January 1980 in the form of DOS: when files of a zip archive were changed that do not say.
const DOS_EPOCH: [u8; 4] = [0, 0, 0x21, 0];

/// How a file is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkForm {
    /// The SQLite file itself.
    Plain,
    /// Compressed by gzip.
    Gzip,
    /// As the only entry of a zip archive, which is what devices ask for.
    Zip,
}

impl BulkForm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Gzip, Self::Zip];

    /// What stands behind the file's name where it is asked for in this form.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => ".gzip",
            Self::Zip => ".rzip",
        }
    }

    /// Its media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "application/vnd.sqlite3",
            Self::Gzip => "application/gzip",
            Self::Zip => "application/zip",
        }
    }

    /// How long a file is in this form, in bytes. `name` is that of the file.
    pub(super) fn size(self, content: &BulkContent, name: &str) -> u64 {
        match self {
            Self::Plain => content.size,
            Self::Gzip | Self::Zip => {
                let [before, after] = self.frame(content, name);
                before.len() as u64 + content.deflated_size() + after.len() as u64
            }
        }
    }

    /// Reads a range of a file in this form. No more than a block of it is held at a time.
    pub(super) fn read(
        self,
        content: &BulkContent,
        name: &str,
        deflated: &Blob,
        range: Range<u64>,
    ) -> LocalBoxStream<'static, Result<Bytes, ContentError>> {
        match self {
            Self::Plain => inflated(content.clone(), deflated.clone(), range),
            Self::Gzip | Self::Zip => framed(self.frame(content, name), deflated, range),
        }
    }

    /// What is before and after the deflated bytes.
    fn frame(self, content: &BulkContent, name: &str) -> [Bytes; 2] {
        // Files are made in a component's memory, so their lengths fit into 32 bits.
        let [size, deflated] = [content.size, content.deflated_size()].map(|size| size as u32);
        let crc32 = content.crc32;
        match self {
            Self::Plain => [Bytes::new(), Bytes::new()],
            Self::Gzip => {
                // Deflated, without a name and a time, by nobody in particular.
                let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
                let trailer = [crc32.to_le_bytes(), size.to_le_bytes()].concat();
                [Bytes::copy_from_slice(&header), trailer.into()]
            }
            Self::Zip => {
                let name = name.as_bytes();
                // What both headers of an entry have: version 2.0, no flags, deflated.
                let entry = [
                    &[20, 0, 0, 0, 8, 0][..],
                    &DOS_EPOCH,
                    &crc32.to_le_bytes(),
                    &deflated.to_le_bytes(),
                    &size.to_le_bytes(),
                    &(name.len() as u16).to_le_bytes(),
                    &[0, 0],
                ]
                .concat();
                let header = [b"PK\x03\x04", &entry[..], name].concat();
                // Made by version 2.0; no comment, on the first disk, without attributes, at the begin.
                let directory = [b"PK\x01\x02\x14\x00", &entry[..], &[0; 14], name].concat();
                let directory_at = header.len() as u32 + deflated;
                let end = [
                    &b"PK\x05\x06\0\0\0\0\x01\0\x01\0"[..],
                    &(directory.len() as u32).to_le_bytes(),
                    &directory_at.to_le_bytes(),
                    &[0, 0],
                ]
                .concat();
                [header.into(), [directory, end].concat().into()]
            }
        }
    }
}

/// A range of the deflated bytes with their frame.
fn framed(
    [before, after]: [Bytes; 2],
    deflated: &Blob,
    range: Range<u64>,
) -> LocalBoxStream<'static, Result<Bytes, ContentError>> {
    let inner = before.len() as u64;
    let outer = inner + deflated.size;
    let part = |bytes: &Bytes, at: u64| {
        let [first, last] = [range.start, range.end].map(|place| {
            let place = place.saturating_sub(at).min(bytes.len() as u64);
            usize::try_from(place).unwrap_or(bytes.len())
        });
        bytes.slice(first..last.max(first))
    };
    let (before, after) = (part(&before, 0), part(&after, outer));
    let [first, last] =
        [range.start, range.end].map(|place| place.saturating_sub(inner).min(deflated.size));
    let ends = |bytes: Bytes| iter((!bytes.is_empty()).then_some(Ok(bytes)));
    ends(before)
        .chain(deflated.read(first..last.max(first)))
        .chain(ends(after))
        .boxed_local()
}

/// A range of the file, inflated block by block.
fn inflated(
    content: BulkContent,
    deflated: Blob,
    range: Range<u64>,
) -> LocalBoxStream<'static, Result<Bytes, ContentError>> {
    let first = usize::try_from(range.start / BLOCK_BYTES).unwrap_or(usize::MAX);
    unfold(first, move |number| {
        let block = content.block(number);
        let (deflated, range) = (deflated.clone(), range.clone());
        async move {
            let (raw, kept) = block.filter(|(raw, _)| raw.start < range.end)?;
            Some((once(inflate(deflated, raw, kept, range)), number + 1))
        }
    })
    .flatten()
    .try_filter(|bytes| std::future::ready(!bytes.is_empty()))
    .boxed_local()
}

/// What a range has of one block.
async fn inflate(
    deflated: Blob,
    raw: Range<u64>,
    kept: Range<u64>,
    range: Range<u64>,
) -> Result<Bytes, ContentError> {
    let incomplete = ContentError::Incomplete { at: kept.start };
    let length = |range: &Range<u64>| usize::try_from(range.end - range.start);
    let (Ok(raw_length), Ok(kept_length)) = (length(&raw), length(&kept)) else {
        return Err(incomplete);
    };
    let mut pieces = deflated.read(kept);
    let mut bytes = Vec::with_capacity(kept_length);
    while let Some(piece) = pieces.try_next().await? {
        bytes.extend_from_slice(&piece);
    }
    let mut block = Vec::with_capacity(raw_length);
    Decompress::new(false)
        .decompress_vec(&bytes, &mut block, FlushDecompress::Sync)
        .map_err(|_| incomplete.clone())?;
    if block.len() != raw_length {
        return Err(incomplete);
    }
    let [first, last] = [range.start, range.end].map(|place| {
        let place = place.saturating_sub(raw.start).min(raw.end - raw.start);
        usize::try_from(place).unwrap_or(raw_length)
    });
    Ok(Bytes::from(block).slice(first..last.max(first)))
}
