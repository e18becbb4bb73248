//! Databases as back ends: rows of a table or a query, and statements that change them.
//!
//! Statements get and give texts only. The database casts them and writes rows as JSON, so that its types are its own affair and
//! rows are mapped like the records of every other back end.

mod address;
mod listing;
mod refusal;
mod rows;
mod shape;
mod text;
mod writes;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use async_trait::async_trait;

pub use address::hide_password;

use crate::adapter::sql::refusal::to_adapter_error;
use crate::adapter::sql::shape::Shape;
use crate::adapter::sql::text::{Sql, Values};
use crate::adapter::{Adapter, AdapterError, Call, Done, QueryEnd, Stash};
use crate::memory::Reservation;
use crate::model::{Attributes, ObjectId};
use crate::ports::{Ports, SqlClient as _, SqlRow, SqlStatement};
use crate::settings::SqlSettings;

/// What a byte of a row takes at most while it is read: the text, and the tree that is made of it.
const WEIGHT_OF_BYTE: usize = 4;

/// What a row takes beside its bytes.
const WEIGHT_OF_ROW: usize = 256;

/// Speaks to a database as the settings declare.
pub(crate) struct SqlAdapter<P> {
    ports: Rc<P>,
    settings: SqlSettings,
    /// What the database says of the columns, once it was asked.
    shape: RefCell<Option<Rc<Shape>>>,
}

impl<P: Ports> SqlAdapter<P> {
    pub(crate) fn new(ports: Rc<P>, settings: SqlSettings) -> Self {
        Self {
            ports,
            settings,
            shape: RefCell::new(None),
        }
    }

    fn sql<'a>(&'a self, values: &'a Values<'a>) -> Sql<'a> {
        Sql::new(&self.settings, values)
    }

    /// Asks for rows. What they take is counted until they are gone.
    async fn rows(
        &self,
        call: &Call<'_>,
        statement: SqlStatement,
    ) -> Result<(Vec<SqlRow>, Reservation), AdapterError> {
        let mut held = call.memory.nothing();
        let mut rows = Vec::new();
        let mut take = |row: SqlRow| {
            let bytes: usize = row.iter().flatten().map(String::len).sum();
            held.grow(WEIGHT_OF_ROW + WEIGHT_OF_BYTE * bytes)?;
            rows.push(row);
            Ok(())
        };
        let url = self.settings.url.expose();
        let asked = self.ports.sql();
        let asked = asked.query(url, statement, self.timeout(), &mut take);
        asked.await.map_err(to_adapter_error)?;
        Ok((rows, held))
    }

    /// The first value of the first row.
    async fn value(
        &self,
        call: &Call<'_>,
        statement: SqlStatement,
    ) -> Result<Option<String>, AdapterError> {
        let (rows, _) = self.rows(call, statement).await?;
        Ok(rows.into_iter().next().and_then(first_of))
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.settings.timeout_ms)
    }
}

/// The first value of a row.
fn first_of(row: SqlRow) -> Option<String> {
    row.into_iter().next().flatten()
}

#[async_trait(?Send)]
impl<P: Ports> Adapter for SqlAdapter<P> {
    async fn query(
        &self,
        call: &Call<'_>,
        _: Option<&str>,
        stash: &mut dyn Stash,
    ) -> Result<QueryEnd, AdapterError> {
        self.list(call, stash).await
    }

    async fn search(&self, call: &Call<'_>, stash: &mut dyn Stash) -> Result<(), AdapterError> {
        self.find(call, stash).await
    }

    async fn create(&self, call: &Call<'_>, attributes: &Attributes) -> Result<Done, AdapterError> {
        let id = self.insert(call, attributes).await?;
        Ok(Done { id, message: None })
    }

    async fn update(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError> {
        self.change(call, id, attributes).await?;
        Ok(Done::default())
    }

    async fn delete(
        &self,
        call: &Call<'_>,
        id: &ObjectId,
        attributes: &Attributes,
    ) -> Result<Done, AdapterError> {
        self.remove(call, id, attributes).await?;
        Ok(Done::default())
    }
}
