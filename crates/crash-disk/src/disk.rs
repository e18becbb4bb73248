//! A disk, and the processes that use it one after another.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::image::{End, Image};
use crate::vfs;

/// What processes of this program use, by number.
static DISKS: Mutex<BTreeMap<u64, Arc<Mutex<State>>>> = Mutex::new(BTreeMap::new());

/// What the system offers beside files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Memory that connections share: SQLite can have a write-ahead log.
    Native,
    /// None: SQLite has a rollback journal.
    Browser,
}

/// A disk. It is gone when this is dropped and nothing has a file of it open any more.
#[derive(Debug)]
pub struct Disk {
    number: u64,
    state: Arc<Mutex<State>>,
}

/// The disk at a step of what was done on it.
#[derive(Debug)]
pub struct Moment {
    image: Image,
    system: System,
}

/// The process has ended.
#[derive(Debug)]
pub(crate) struct Ended;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) image: Image,
    pub(crate) system: System,
    random: fastrand::Rng,
    /// How often the process was started: files that an earlier one had open are of no use.
    pub(crate) process: u64,
    is_ended: bool,
    steps: u64,
    end_at: Option<(u64, End)>,
    moments: Option<Vec<Moment>>,
    /// Who has which lock of a file: files that are open, by number, and levels.
    locks: BTreeMap<u64, BTreeMap<u64, i32>>,
    shared_memory: BTreeMap<u64, Arc<SharedMemory>>,
    last_open: u64,
}

/// What connections of a file share.
#[derive(Debug, Default)]
pub(crate) struct SharedMemory {
    pub(crate) regions: Mutex<Vec<Box<[AtomicU64]>>>,
    /// How many have a lock, or -1 for one that has it alone.
    pub(crate) locks: Mutex<[i32; 8]>,
}

impl Disk {
    /// The name of the virtual file system.
    pub const VFS: &str = "crash-disk";

    /// An empty one. The same seed loses the same.
    pub fn new(system: System, seed: u64) -> Self {
        Self::with(Image::default(), system, seed)
    }

    fn with(image: Image, system: System, seed: u64) -> Self {
        vfs::register();
        let state = State {
            image,
            system,
            random: fastrand::Rng::with_seed(seed),
            process: 0,
            is_ended: false,
            steps: 0,
            end_at: None,
            moments: None,
            locks: BTreeMap::new(),
            shared_memory: BTreeMap::new(),
            last_open: 0,
        };
        let state = Arc::new(Mutex::new(state));
        let mut disks = lock(&DISKS);
        let number = disks.last_key_value().map_or(1, |(last, _)| last + 1);
        disks.insert(number, Arc::clone(&state));
        Self { number, state }
    }

    /// What SQLite opens a file by.
    pub fn path(&self, name: &str) -> String {
        format!("/{}/{name}", self.number)
    }

    /// Records every step from now on.
    pub fn record(&self) {
        lock(&self.state).moments = Some(Vec::new());
    }

    /// The steps that were recorded since this was asked before.
    pub fn moments(&self) -> Vec<Moment> {
        let mut state = lock(&self.state);
        let moments = state.moments.as_mut().map(std::mem::take);
        moments.unwrap_or_default()
    }

    /// Ends the process at a later step: at the next one if `steps` is 1.
    pub fn end_after(&self, steps: u64, end: End) {
        let mut state = lock(&self.state);
        state.end_at = Some((state.steps + steps, end));
    }

    /// Whether the process has ended.
    pub fn is_ended(&self) -> bool {
        lock(&self.state).is_ended
    }

    /// The next process begins. One that has not ended yet is killed.
    pub fn restart(&self) {
        let mut state = lock(&self.state);
        if !state.is_ended {
            state.end(End::Kill);
        }
        state.process += 1;
        (state.is_ended, state.end_at) = (false, None);
    }

    /// Whether some bytes can be read in any of its files.
    pub fn has(&self, bytes: &[u8]) -> bool {
        let state = lock(&self.state);
        let mut contents = state.image.contents();
        contents.any(|content| content.windows(bytes.len()).any(|it| it == bytes))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        lock(&DISKS).remove(&self.number);
    }
}

impl Moment {
    /// The disk if the process had ended then. The same seed loses the same.
    pub fn end(&self, end: End, seed: u64) -> Disk {
        let mut image = self.image.clone();
        image.end(end, &mut fastrand::Rng::with_seed(seed));
        Disk::with(image, self.system, seed)
    }
}

impl State {
    /// Does something that can be seen on the disk.
    pub(crate) fn step<T>(&mut self, work: impl FnOnce(&mut Image) -> T) -> Result<T, Ended> {
        if self.is_ended {
            return Err(Ended);
        }
        self.steps += 1;
        if let Some((at, end)) = self.end_at
            && self.steps >= at
        {
            // Whether the last was done, nobody can tell.
            if self.random.bool() {
                work(&mut self.image);
            }
            self.end(end);
            return Err(Ended);
        }
        let done = work(&mut self.image);
        if let Some(moments) = &mut self.moments {
            moments.push(Moment {
                image: self.image.clone(),
                system: self.system,
            });
        }
        Ok(done)
    }

    fn end(&mut self, end: End) {
        self.image.end(end, &mut self.random);
        self.is_ended = true;
        self.locks.clear();
        self.shared_memory.clear();
    }

    /// Whether a process may use the disk.
    pub(crate) fn is_of(&self, process: u64) -> bool {
        !self.is_ended && self.process == process
    }

    pub(crate) fn next_open(&mut self) -> u64 {
        self.last_open += 1;
        self.last_open
    }

    pub(crate) fn shared_memory(&mut self, file: u64) -> Arc<SharedMemory> {
        Arc::clone(self.shared_memory.entry(file).or_default())
    }

    /// Nobody has the file open any more: its memory goes.
    pub(crate) fn forget_unused_memory(&mut self, file: u64) {
        let memory = self.shared_memory.get(&file);
        if memory.is_some_and(|memory| Arc::strong_count(memory) == 1) {
            self.shared_memory.remove(&file);
        }
    }

    /// Takes a lock of a file, by SQLite's levels: 1 shared, 2 reserved, 3 pending, 4 exclusive. `false` if others are in the way.
    pub(crate) fn lock(&mut self, file: u64, open: u64, level: i32) -> bool {
        let locks = self.locks.entry(file).or_default();
        let others = locks.iter().filter(|(other, _)| **other != open);
        let highest = others.map(|(_, level)| *level).max().unwrap_or(0);
        let is_free = match level {
            1 => highest < 3,
            2 => highest < 2,
            _ => highest < 1,
        };
        let own = locks.entry(open).or_default();
        if is_free {
            *own = (*own).max(level);
        }
        is_free
    }

    pub(crate) fn unlock(&mut self, file: u64, open: u64, level: i32) {
        if let Some(own) = self.locks.get_mut(&file).and_then(|all| all.get_mut(&open)) {
            *own = (*own).min(level);
        }
    }

    pub(crate) fn is_reserved(&self, file: u64) -> bool {
        let locks = self.locks.get(&file);
        locks.is_some_and(|all| all.values().any(|level| *level >= 2))
    }
}

/// The disk of a path, and the name of the file on it.
pub(crate) fn disk_of(path: &str) -> Option<(Arc<Mutex<State>>, &str)> {
    let (number, name) = path.strip_prefix('/')?.split_once('/')?;
    let state = lock(&DISKS).get(&number.parse().ok()?).cloned()?;
    Some((state, name))
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
