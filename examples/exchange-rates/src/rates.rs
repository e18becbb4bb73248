//! The adapter.

use std::rc::Rc;

use async_trait::async_trait;
use sync_core::{
    Adapter, AdapterError, Attributes, Call, Done, ObjectId, QueryEnd, RustAdapters, Stash,
};

/// Currency, name, and how many of it are one euro: Council Regulation (EC) No 2866/98 and, for the drachma, No 1478/2000.
const RATES: [(&str, &str, &str); 12] = [
    ("ATS", "Austrian schilling", "13.7603"),
    ("BEF", "Belgian franc", "40.3399"),
    ("DEM", "German mark", "1.95583"),
    ("ESP", "Spanish peseta", "166.386"),
    ("FIM", "Finnish markka", "5.94573"),
    ("FRF", "French franc", "6.55957"),
    ("GRD", "Greek drachma", "340.750"),
    ("IEP", "Irish pound", "0.787564"),
    ("ITL", "Italian lira", "1936.27"),
    ("LUF", "Luxembourg franc", "40.3399"),
    ("NLG", "Dutch guilder", "2.20371"),
    ("PTE", "Portuguese escudo", "200.482"),
];

/// The rates never change: whoever has seen this tag has them.
const TAG: &str = "fixed";

/// The adapters of this application, by the names that its settings call them.
pub fn adapters() -> RustAdapters {
    let rates: Rc<dyn Adapter> = Rc::new(ExchangeRates);
    RustAdapters::from([("exchange-rates".to_owned(), rates)])
}

/// The fixed rates of the currencies that became the euro, one object each, with `name` and `per_euro`. Nobody can change
/// them.
#[derive(Debug, Clone, Copy)]
pub struct ExchangeRates;

impl ExchangeRates {
    fn refuse() -> Result<Done, AdapterError> {
        Err(AdapterError::Rejected {
            message: "these rates are fixed".to_owned(),
        })
    }
}

#[async_trait(?Send)]
impl Adapter for ExchangeRates {
    async fn query(
        &self,
        _: &Call<'_>,
        etag: Option<&str>,
        stash: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        if etag == Some(TAG) {
            return Ok(QueryEnd::NotModified);
        }
        let objects = RATES.iter().map(|(currency, name, per_euro)| {
            let attributes = [("name", name), ("per_euro", per_euro)]
                .map(|(name, value)| (name.to_owned(), (*value).to_owned()));
            let id = ObjectId::parse(*currency).map_err(|error| AdapterError::BadAnswer {
                message: error.to_string(),
            })?;
            Ok((id, Attributes::from(attributes)))
        });
        stash
            .stash(objects.collect::<Result<_, AdapterError>>()?)
            .await?;
        Ok(QueryEnd::Complete {
            etag: Some(TAG.to_owned()),
        })
    }

    async fn create(&self, _: &Call<'_>, _: &Attributes) -> Result<Done, AdapterError> {
        Self::refuse()
    }

    async fn update(
        &self,
        _: &Call<'_>,
        _: &ObjectId,
        _: &Attributes,
    ) -> Result<Done, AdapterError> {
        Self::refuse()
    }

    async fn delete(
        &self,
        _: &Call<'_>,
        _: &ObjectId,
        _: &Attributes,
    ) -> Result<Done, AdapterError> {
        Self::refuse()
    }
}
