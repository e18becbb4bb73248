//! Copies that are damaged are found and mended.

use sync_client::SyncOptions;

use super::{App, deployment};

#[test]
fn a_damaged_a_lost_and_an_extra_row_are_mended() {
    let deployment = deployment(600);
    let anna = App::of(&deployment, "anna");
    anna.sync();
    let before = anna.database.list("Product", 10_000, 0).unwrap();
    let connection = rusqlite::Connection::open(anna.path()).unwrap();
    connection
        .execute_batch(
            r#"UPDATE _object_1 SET shown = '{"name":"Lump"}' WHERE row = 5; DELETE FROM _object_1 WHERE row = 6;
               UPDATE _object_1 SET shown = x'00' WHERE row = 7; INSERT INTO _object_1 (id, shown) VALUES ('extra', '{}')"#,
        )
        .unwrap();
    let verify = SyncOptions {
        verify: true,
        ..SyncOptions::default()
    };
    let report = anna.database.sync_with(verify, None).unwrap();
    assert_eq!(report.mended, 4, "{report:?}");
    assert_eq!(anna.database.list("Product", 10_000, 0).unwrap(), before);
    // A check that differs is enough.
    connection
        .execute_batch(
            "DELETE FROM _object_1 WHERE row = 9; UPDATE _source SET count = count - 1 WHERE n = 1",
        )
        .unwrap();
    assert_eq!(anna.sync().mended, 1);
    assert_eq!(anna.database.list("Product", 10_000, 0).unwrap(), before);
    // So is the day on which it is counted.
    connection
        .execute_batch("DELETE FROM _object_1 WHERE row = 10; UPDATE _source SET counted_at = 0")
        .unwrap();
    assert_eq!(anna.sync().mended, 1);
    assert_eq!(anna.sync().mended, 0);
}
