//! What the app says once.

use std::ffi::{c_char, c_void};

use sync_client::{DeviceOptions, Key, Options, SourceOptions, SyncOptions};

use crate::error::Failure;
use crate::listeners::rhosync_progressed;
use crate::transport::rhosync_transport;
use crate::values::{list, optional_text, text, texts};

/// What the app wants of a source.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_source {
    /// Its name.
    pub name: *const c_char,
    /// Attributes that the app knows of, with a NULL behind the last, or NULL: each has a column from the beginning on. The columns of others
    /// come with the schema, or with the first object that has them.
    pub attributes: *const *const c_char,
    /// Attributes that `rhosync_search` looks into, with a NULL behind the last, or NULL.
    pub search: *const *const c_char,
    /// Indexes, each the attributes that it is over with a NULL behind the last; with a NULL behind the last index, or NULL.
    pub indexes: *const *const *const c_char,
}

/// What the server is told of the device, so that it can wake it. All may be NULL.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_device {
    /// Platform: `ios`, `android` or `web`.
    pub kind: *const c_char,
    /// The push service where it is not the platform's own: `apns`, `fcm` or `webpush`.
    pub push_type: *const c_char,
    /// The push service's address of the device.
    pub push_token: *const c_char,
    /// Identifies the physical device.
    pub device_id: *const c_char,
    /// The app.
    pub app_id: *const c_char,
    /// Its version.
    pub app_version: *const c_char,
}

/// How a database is opened.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_options {
    /// The server's address, `https://sync.example.com`.
    pub server: *const c_char,
    /// The sources that the app works with.
    pub sources: *const rhosync_source,
    /// How many these are.
    pub source_count: usize,
    /// What the server is told of the device, or NULL.
    pub device: *const rhosync_device,
    /// What carries requests, or NULL for the library's own.
    pub transport: *const rhosync_transport,
    /// Most bytes that files that objects refer to may have together; 0 for 512 MiB.
    pub file_quota_bytes: u64,
    /// What the database file is encrypted by, or NULL, where the library was built with encryption: 64 hexadecimal digits are a key, any other text
    /// is a passphrase.
    pub key: *const c_char,
}

/// How a sync is done.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rhosync_sync_options {
    /// The sources, with a NULL behind the last; or NULL for all.
    pub sources: *const *const c_char,
    /// When it has to be over, in milliseconds from now; 0 if it need not.
    pub deadline_ms: u64,
    /// Compares the copies with the server's also where nothing seems wrong.
    pub verify: bool,
    /// Is told how far it is, or NULL.
    pub progressed: rhosync_progressed,
    /// What it is told with.
    pub context: *mut c_void,
}

/// # Safety
/// It is as the header says.
pub(crate) unsafe fn options(given: &rhosync_options) -> Result<Options, Failure> {
    // SAFETY: the caller's word, here and below.
    let sources = unsafe { list(given.sources, given.source_count) }?;
    let sources: Result<_, _> = sources
        .iter()
        .map(|source| unsafe { source_options(source) })
        .collect();
    Ok(Options {
        server: unsafe { text(given.server) }?.to_owned(),
        sources: sources?,
        device: match unsafe { given.device.as_ref() } {
            Some(device) => unsafe { device_options(device) }?,
            None => DeviceOptions::default(),
        },
        file_quota_bytes: (given.file_quota_bytes > 0).then_some(given.file_quota_bytes),
        key: unsafe { optional_text(given.key) }?.map(Key::new),
    })
}

unsafe fn source_options(given: &rhosync_source) -> Result<SourceOptions, Failure> {
    let mut indexes = Vec::new();
    let mut next = given.indexes;
    // SAFETY: the caller's word: there is a NULL behind the last.
    while !next.is_null() && !unsafe { *next }.is_null() {
        // SAFETY: the same.
        let (index, behind) = unsafe { (texts(*next)?, next.add(1)) };
        indexes.push(index);
        next = behind;
    }
    // SAFETY: the same.
    unsafe {
        Ok(SourceOptions {
            name: text(given.name)?.to_owned(),
            attributes: texts(given.attributes)?,
            indexes,
            search: texts(given.search)?,
        })
    }
}

unsafe fn device_options(given: &rhosync_device) -> Result<DeviceOptions, Failure> {
    // SAFETY: the caller's word.
    unsafe {
        Ok(DeviceOptions {
            kind: optional_text(given.kind)?,
            push_type: optional_text(given.push_type)?,
            push_token: optional_text(given.push_token)?,
            device_id: optional_text(given.device_id)?,
            app_id: optional_text(given.app_id)?,
            app_version: optional_text(given.app_version)?,
        })
    }
}

/// # Safety
/// It is as the header says.
pub(crate) unsafe fn sync_options(given: &rhosync_sync_options) -> Result<SyncOptions, Failure> {
    Ok(SyncOptions {
        // SAFETY: the caller's word.
        sources: unsafe { texts(given.sources) }?,
        deadline_ms: (given.deadline_ms > 0).then_some(given.deadline_ms),
        verify: given.verify,
    })
}
