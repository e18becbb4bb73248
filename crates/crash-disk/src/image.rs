//! What is on a disk, and what becomes of it when the power goes.

use std::collections::{BTreeMap, BTreeSet};

/// What the disk writes at once, if nothing happens meanwhile.
const SECTOR: usize = 512;

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is killed. What it has given to the system is not lost by that.
    Kill,
    /// The power goes. Of what was not synced a random part is on the disk.
    PowerCut,
}

/// Files and their names: as the system shows them, and as they are on the disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    files: BTreeMap<u64, File>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    last: u64,
}

#[derive(Debug, Clone, Default)]
struct File {
    content: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Unsynced>,
}

#[derive(Debug, Clone)]
enum Unsynced {
    Write { at: usize, bytes: Vec<u8> },
    Resize(usize),
}

impl Image {
    pub(crate) fn find(&self, name: &str) -> Option<u64> {
        self.names.get(name).copied()
    }

    pub(crate) fn create(&mut self, name: Option<&str>) -> u64 {
        self.last += 1;
        self.files.insert(self.last, File::default());
        if let Some(name) = name {
            self.names.insert(name.to_owned(), self.last);
        }
        self.last
    }

    pub(crate) fn content(&self, file: u64) -> &[u8] {
        self.files.get(&file).map_or(&[], |file| &file.content)
    }

    /// All that can be read of the files that have a name.
    pub(crate) fn contents(&self) -> impl Iterator<Item = &[u8]> {
        self.names.values().map(|file| self.content(*file))
    }

    pub(crate) fn write(&mut self, file: u64, at: usize, bytes: &[u8]) {
        let file = self.files.entry(file).or_default();
        put(&mut file.content, at, bytes);
        let bytes = bytes.to_vec();
        file.unsynced.push(Unsynced::Write { at, bytes });
    }

    pub(crate) fn resize(&mut self, file: u64, length: usize) {
        let file = self.files.entry(file).or_default();
        file.content.resize(length, 0);
        file.unsynced.push(Unsynced::Resize(length));
    }

    /// After it the file is on the disk, under its name.
    pub(crate) fn sync(&mut self, file: u64) {
        for (name, named) in &self.names {
            if *named == file {
                self.durable_names.insert(name.clone(), file);
            }
        }
        if let Some(file) = self.files.get_mut(&file) {
            // Only what was written since: a file of megabytes is synced after every few pages.
            for unsynced in file.unsynced.drain(..) {
                match unsynced {
                    Unsynced::Resize(length) => file.synced.resize(length, 0),
                    Unsynced::Write { at, bytes } => put(&mut file.synced, at, &bytes),
                }
            }
        }
    }

    pub(crate) fn delete(&mut self, name: &str) {
        self.names.remove(name);
    }

    /// After it a name that was deleted does not come back.
    pub(crate) fn sync_folder(&mut self) {
        self.durable_names
            .retain(|name, _| self.names.contains_key(name));
    }

    /// The disk after the end of the process.
    pub(crate) fn end(&mut self, end: End, random: &mut fastrand::Rng) {
        if end == End::PowerCut {
            self.cut_power(random);
        }
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        let durable: BTreeSet<u64> = self.durable_names.values().copied().collect();
        self.files
            .retain(|file, _| named.contains(file) || durable.contains(file));
    }

    fn cut_power(&mut self, random: &mut fastrand::Rng) {
        let names: BTreeSet<String> = self
            .names
            .keys()
            .chain(self.durable_names.keys())
            .cloned()
            .collect();
        for name in names {
            let (shown, durable) = (self.names.get(&name), self.durable_names.get(&name));
            if shown != durable && random.bool() {
                match durable.copied() {
                    Some(file) => self.names.insert(name, file),
                    None => self.names.remove(&name),
                };
            }
        }
        self.durable_names.clone_from(&self.names);
        // Often all or nothing of it was written.
        let share = [0, 30, 70, 100][random.usize(..4)];
        for file in self.files.values_mut() {
            for unsynced in std::mem::take(&mut file.unsynced) {
                match unsynced {
                    Unsynced::Resize(length) => {
                        if random.u8(..100) < share {
                            file.synced.resize(length, 0);
                        }
                    }
                    Unsynced::Write { at, bytes } => {
                        for (at, sector) in sectors(at, &bytes) {
                            if random.u8(..100) < share {
                                put(&mut file.synced, at, torn(sector, random));
                            }
                        }
                    }
                }
            }
            file.content.clone_from(&file.synced);
        }
    }
}

/// The pieces of a write that are in one sector each.
fn sectors(at: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = at;
    let mut left = bytes;
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let (sector, after) = left.split_at((SECTOR - at % SECTOR).min(left.len()));
        let found = (at, sector);
        at += sector.len();
        left = after;
        Some(found)
    })
}

/// What of a sector was written: seldom only the begin.
fn torn<'a>(sector: &'a [u8], random: &mut fastrand::Rng) -> &'a [u8] {
    match random.u8(..20) {
        0 => &sector[..random.usize(..=sector.len())],
        _ => sector,
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    content.resize(content.len().max(at), 0);
    let (over, beyond) = bytes.split_at(bytes.len().min(content.len() - at));
    content[at..at + over.len()].copy_from_slice(over);
    content.extend_from_slice(beyond);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(image: &Image, seed: u64) -> Image {
        let mut cut = image.clone();
        cut.end(End::PowerCut, &mut fastrand::Rng::with_seed(seed));
        cut
    }

    #[test]
    fn what_was_synced_survives_and_what_was_not_may_be_lost_in_parts() {
        let mut image = Image::default();
        let file = image.create(Some("a"));
        image.write(file, 0, b"synced");
        image.sync(file);
        image.write(file, 600, &[7; 2_000]);
        let mut found = BTreeSet::new();
        for seed in 0..200 {
            let after = cut(&image, seed);
            let content = after.content(after.find("a").expect("it was synced"));
            assert_eq!(&content[..6], b"synced");
            found.insert(content.to_vec());
        }
        assert!(found.contains(image.content(file)), "all of it");
        assert!(found.iter().any(|it| it.len() == 6), "nothing of it");
        assert!(found.len() > 10, "parts of it");
        let mut killed = image.clone();
        killed.end(End::Kill, &mut fastrand::Rng::with_seed(1));
        assert_eq!(killed.content(file), image.content(file));
    }

    #[test]
    fn a_name_is_lost_or_comes_back_until_its_folder_is_synced() {
        let mut image = Image::default();
        let file = image.create(Some("a"));
        let is_there = |image: &Image| {
            let found = (0..50).map(|seed| cut(image, seed).find("a").is_some());
            found.collect::<BTreeSet<_>>()
        };
        assert_eq!(is_there(&image), [false, true].into());
        image.sync(file);
        assert_eq!(is_there(&image), [true].into());
        image.delete("a");
        assert_eq!(is_there(&image), [false, true].into());
        image.sync_folder();
        assert_eq!(is_there(&image), [false].into());
    }
}
