//! The kit that authors of adapters test with.

use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use sync_core::{
    Adapter, AdapterError, Attributes, Call, Done, ObjectId, QueryEnd, RustAdapters, Stash,
};
use test_support::{AdapterTest, BackEnd, local};

const SETTINGS: &str =
    "[sources.Thing]\nadapter = \"rust\"\nrust = \"things\"\npoll_interval = 0\n";

/// Objects by their ids.
fn objects<const N: usize>(objects: [(&str, &str); N]) -> BTreeMap<String, Attributes> {
    objects
        .map(|(id, name)| {
            let name = Attributes::from([("name".to_owned(), name.to_owned())]);
            (id.to_owned(), name)
        })
        .into()
}

#[test]
fn its_verbs_show_what_the_server_and_the_device_have_and_what_went_wrong() {
    local(async {
        let back_end = Rc::new(BackEnd::default());
        let adapter: Rc<dyn Adapter> = Rc::clone(&back_end) as _;
        let adapters = RustAdapters::from([("things".to_owned(), adapter)]);
        let test = AdapterTest::start(SETTINGS, &adapters, "Thing", "anna").await;
        let id = test.create(&[("name", "a")]).await.expect("an id");
        let links = BTreeMap::from([("temporary-1".to_owned(), id.clone())]);
        assert_eq!(test.links(), links);
        assert_eq!(test.md().await, objects([(&id, "a")]));
        assert_eq!(test.cd().await, objects([(&id, "a")]));
        test.update(&id, &[("name", "b")]).await;
        assert_eq!((test.errors(), test.links()), Default::default());
        assert_eq!(test.md().await, objects([(&id, "b")]));
        test.delete(&id).await;
        assert_eq!((test.md().await, test.cd().await), Default::default());
    });
}

/// Nobody is there.
struct Unreachable;

#[async_trait(?Send)]
impl Adapter for Unreachable {
    async fn query(
        &self,
        _: &Call<'_>,
        _: Option<&str>,
        _: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        Err(AdapterError::BadAnswer {
            message: "nobody is there".to_owned(),
        })
    }

    async fn create(&self, _: &Call<'_>, _: &Attributes) -> Result<Done, AdapterError> {
        Ok(Done::default())
    }

    async fn update(
        &self,
        _: &Call<'_>,
        _: &ObjectId,
        _: &Attributes,
    ) -> Result<Done, AdapterError> {
        Ok(Done::default())
    }

    async fn delete(
        &self,
        _: &Call<'_>,
        _: &ObjectId,
        _: &Attributes,
    ) -> Result<Done, AdapterError> {
        Ok(Done::default())
    }
}

#[test]
fn an_error_of_the_source_is_called_as_devices_know_it() {
    local(async {
        let adapter: Rc<dyn Adapter> = Rc::new(Unreachable);
        let adapters = RustAdapters::from([("things".to_owned(), adapter)]);
        let test = AdapterTest::start(SETTINGS, &adapters, "Thing", "anna").await;
        test.query().await;
        let told = [("query-error".to_owned(), "nobody is there".to_owned())];
        assert_eq!(test.errors(), told.into());
    });
}
