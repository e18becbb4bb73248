//! The images that sources begin with: what has come of them, and how they are taken in.
//!
//! All of an image is in the file before any of it is believed: only then is it known to be what the server has made.

use std::io::Write as _;

use flate2::write::GzDecoder;
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use sync_device::{ImageOffer, Line, LineReader};

use crate::error::StoreError;
use crate::file::{Store, Write};
use crate::keep::{Kept, NewsOf, clear};
use crate::sources::{self, Source};

/// Bytes that are unpacked at once: they may become a thousand times as many.
const SLICE: usize = 16 * 1024;

/// An image that has not been taken in yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingImage {
    /// Where it is, below the server's address.
    pub url: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: String,
    /// How many have come.
    pub got: u64,
}

/// An image that is being taken in, part by part. The first reading may end anywhere; another begins from the start.
#[derive(Debug)]
pub struct ImageReading {
    source: String,
    at: u64,
    decoder: GzDecoder<Vec<u8>>,
    lines: LineReader,
    has_ended: bool,
}

/// What became of a part of an image.
#[derive(Debug, Clone, PartialEq)]
pub enum ImageStep {
    /// It is taken in, and there is more.
    More(Kept),
    /// It is taken in, and was the last.
    Done(Kept),
    /// The image is not what it should be. Nothing of it is left: the source begins anew.
    Useless,
}

impl ImageReading {
    /// One from the start.
    pub fn of(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            at: 0,
            decoder: GzDecoder::new(Vec::new()),
            lines: LineReader::default(),
            has_ended: false,
        }
    }

    /// The lines that end in a part; `None` if it is no part of an image of this source.
    fn lines_of(&mut self, part: &[u8]) -> Option<Vec<Line>> {
        let mut found = Vec::new();
        for slice in part.chunks(SLICE) {
            self.decoder.write_all(slice).ok()?;
            let unpacked = std::mem::take(self.decoder.get_mut());
            self.add(&unpacked, &mut found)?;
        }
        self.at += part.len() as u64;
        Some(found)
    }

    fn add(&mut self, unpacked: &[u8], found: &mut Vec<Line>) -> Option<()> {
        let lines = self.lines.push(unpacked);
        for line in lines {
            let line = Line::parse(&line).ok()?;
            let Line::News(news) = &line else {
                return None;
            };
            if self.has_ended || news.source != self.source || news.cursor.is_some() {
                return None;
            }
            self.has_ended = !news.more;
            found.push(line);
        }
        (!self.lines.is_too_long()).then_some(())
    }

    /// Whether everything has come that an image has.
    fn is_complete(&mut self) -> Option<Vec<Line>> {
        self.decoder.try_finish().ok()?;
        let mut found = Vec::new();
        let rest = std::mem::take(self.decoder.get_mut());
        self.add(&rest, &mut found)?;
        (self.has_ended && !self.lines.is_broken_off()).then_some(found)
    }
}

impl Store {
    /// The sources that begin with an image.
    ///
    /// # Errors
    /// SQLite's.
    pub fn sources_with_images(&self) -> Result<Vec<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT name FROM _source JOIN _image ON source = n WHERE is_wanted ORDER BY n",
            )?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?)
    }

    /// The image that a source begins with.
    ///
    /// # Errors
    /// SQLite's.
    pub fn image(&self, source: &str) -> Result<Option<PendingImage>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT url, bytes, sha256, coalesce((SELECT max(at + length(content)) FROM _image_part WHERE source = n), 0)
                 FROM _image JOIN _source ON source = n WHERE name = ?1",
            )?
            .query_row([source], |row| {
                Ok(PendingImage {
                    url: row.get(0)?,
                    bytes: row.get::<_, i64>(1)?.cast_unsigned(),
                    sha256: row.get(2)?,
                    got: row.get::<_, i64>(3)?.cast_unsigned(),
                })
            })
            .optional()?)
    }

    /// Keeps a part of an image. One at the begin takes the place of what is there; any other follows what is there, or is none.
    ///
    /// # Errors
    /// SQLite's.
    pub fn keep_image_part(
        &mut self,
        source: &str,
        at: u64,
        content: &[u8],
    ) -> Result<(), StoreError> {
        let got = self.image(source)?.map(|image| image.got);
        if got.is_none() || at > 0 && got != Some(at) {
            return Ok(());
        }
        self.write(|write| {
            let n = sources::load(&write.tx, source)?.n;
            if at == 0 {
                write
                    .tx
                    .execute("DELETE FROM _image_part WHERE source = ?1", [n])?;
            }
            write
                .tx
                .prepare_cached("INSERT INTO _image_part VALUES (?1, ?2, ?3)")?
                .execute(params![n, at.cast_signed(), content])?;
            Ok(())
        })
    }

    /// Whether what has come of an image is what the server has made. If it is, the copy is emptied, to take it in.
    ///
    /// # Errors
    /// SQLite's.
    pub fn begin_image(&mut self, source: &str) -> Result<bool, StoreError> {
        let Some(image) = self.image(source)? else {
            return Ok(false);
        };
        let mut digest = Sha256::new();
        let mut at = 0;
        while let Some(part) = self.image_part(source, at)? {
            at += part.len() as u64;
            digest.update(&part);
        }
        let digest = base16ct::lower::encode_string(&digest.finalize());
        if at != image.bytes || digest != image.sha256 {
            return Ok(false);
        }
        self.write(|write| {
            let mut known = sources::load(&write.tx, source)?;
            // An earlier reading may have been killed.
            clear(&write.tx, &mut known)?;
            known.save(&write.tx)?;
            write.touched.insert(known.name);
            Ok(true)
        })
    }

    /// Takes the next part of an image in: in one transaction, with the source's cursor where it is the last.
    ///
    /// # Errors
    /// SQLite's.
    pub fn take_image_part(&mut self, reading: &mut ImageReading) -> Result<ImageStep, StoreError> {
        let source = reading.source.clone();
        let found = match self.image_part(&source, reading.at)? {
            Some(part) => reading.lines_of(&part).map(|lines| (lines, false)),
            None => reading.is_complete().map(|lines| (lines, true)),
        };
        let Some((lines, is_last)) = found else {
            self.drop_image(&source)?;
            return Ok(ImageStep::Useless);
        };
        let kept = self.write(|write| {
            let mut all = Kept::default();
            for line in &lines {
                if let Line::News(news) = line {
                    let kept = write.take_in(news, NewsOf::Image)?;
                    all.received += kept.received;
                    all.is_news |= kept.is_news;
                }
            }
            if is_last {
                write.end_image(&source)?;
            }
            Ok(all)
        })?;
        Ok(match is_last {
            true => ImageStep::Done(kept),
            false => ImageStep::More(kept),
        })
    }

    /// Gives an image up, with what was taken in of it.
    ///
    /// # Errors
    /// SQLite's.
    pub fn drop_image(&mut self, source: &str) -> Result<(), StoreError> {
        self.write(|write| {
            let Some(mut known) = sources::find(&write.tx, source)? else {
                return Ok(());
            };
            forget(&write.tx, &known)?;
            if known.cursor.is_none() {
                clear(&write.tx, &mut known)?;
                known.save(&write.tx)?;
                write.touched.insert(known.name);
            }
            Ok(())
        })
    }

    fn image_part(&self, source: &str, at: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT content FROM _image_part JOIN _source ON source = n WHERE name = ?1 AND at = ?2",
            )?
            .query_row(params![source, at.cast_signed()], |row| row.get(0))
            .optional()?)
    }
}

impl Write<'_> {
    /// Lets a source that has nothing begin with an image. What has come of the same before is kept.
    pub(crate) fn begin_with(
        &mut self,
        source: &str,
        image: &ImageOffer,
    ) -> Result<bool, StoreError> {
        let known = sources::find(&self.tx, source)?;
        let Some(known) = known.filter(|known| known.cursor.is_none()) else {
            return Ok(false);
        };
        let ImageOffer {
            url,
            // The one that was asked for.
            form: _,
            bytes,
            sha256,
            cursor,
        } = image;
        let is_same: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM _image WHERE source = ?1 AND bytes = ?2 AND sha256 = ?3)",
            params![known.n, bytes.cast_signed(), sha256],
            |row| row.get(0),
        )?;
        if !is_same {
            forget(&self.tx, &known)?;
        }
        self.tx.execute(
            "INSERT OR REPLACE INTO _image VALUES (?1, ?2, ?3, ?4, ?5)",
            params![known.n, url, bytes.cast_signed(), sha256, cursor],
        )?;
        Ok(true)
    }

    /// The source has all of its image.
    fn end_image(&mut self, name: &str) -> Result<(), StoreError> {
        let mut source = sources::load(&self.tx, name)?;
        source.cursor = self
            .tx
            .query_row(
                "SELECT cursor FROM _image WHERE source = ?1",
                [source.n],
                |row| row.get(0),
            )
            .optional()?;
        source.save(&self.tx)?;
        forget(&self.tx, &source)
    }
}

/// Removes what is kept of a source's image.
pub(crate) fn forget(tx: &Connection, source: &Source) -> Result<(), StoreError> {
    for table in ["_image", "_image_part"] {
        tx.execute(
            &format!("DELETE FROM {table} WHERE source = ?1"),
            [source.n],
        )?;
    }
    Ok(())
}
