//! Reading the file of a database that is in memory, page by page, as it would be on a disk.

use rusqlite::Connection;

/// How many pages the file has.
pub(crate) fn count(connection: &Connection) -> rusqlite::Result<u32> {
    let count = "SELECT count(*) FROM sqlite_dbpage";
    connection.query_row(count, [], |row| row.get(0))
}

/// Reads a page; the first is 1.
pub(crate) fn read<T>(
    connection: &Connection,
    number: u32,
    read: impl FnOnce(&[u8]) -> T,
) -> rusqlite::Result<T> {
    let mut page = connection.prepare_cached("SELECT data FROM sqlite_dbpage WHERE pgno = ?")?;
    page.query_row([number], |row| {
        let data = row.get_ref(0)?;
        Ok(read(data.as_blob()?))
    })
}
