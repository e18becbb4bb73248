//! The adapter in an engine, on a real store.

use std::collections::BTreeMap;

use exchange_rates::adapters;
use test_support::{AdapterTest, local};

const SETTINGS: &str = r#"
    [sources.Rate]
    adapter = "rust"
    rust = "exchange-rates"
    partition = "app"
"#;

#[test]
fn a_device_gets_the_rates() {
    local(async {
        let test = AdapterTest::start(SETTINGS, &adapters(), "Rate", "anna").await;
        test.query().await;
        let rates = test.cd().await;
        assert_eq!(rates.len(), 12);
        let mark = [("name", "German mark"), ("per_euro", "1.95583")];
        let mark = mark.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(rates["DEM"], BTreeMap::from(mark));
        assert_eq!(test.md().await, rates);
    });
}

#[test]
fn a_device_that_changes_a_rate_is_told_and_gets_it_back() {
    local(async {
        let test = AdapterTest::start(SETTINGS, &adapters(), "Rate", "anna").await;
        test.query().await;
        let rates = test.cd().await;
        let refused =
            |id: &str| BTreeMap::from([(id.to_owned(), "these rates are fixed".to_owned())]);

        test.update("DEM", &[("per_euro", "1")]).await;
        assert_eq!(test.errors(), refused("DEM"));
        test.delete("DEM").await;
        assert_eq!(test.errors(), refused("DEM"));
        assert_eq!(test.create(&[("name", "Doubloon")]).await, None);
        assert_eq!(test.errors(), refused("temporary-1"));
        assert_eq!((test.md().await, test.cd().await), (rates.clone(), rates));
    });
}
