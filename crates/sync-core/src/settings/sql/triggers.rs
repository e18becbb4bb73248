//! The script that has a database note which rows of a table change.

use super::{ChangesToldBy, Dialect, Relation, SqlChanges, SqlSettings};

/// What the log is called beside its table, where the settings do not say.
const SUFFIX: &str = "_changes";

impl SqlSettings {
    /// The statements that make the table's change log and the triggers that keep it, in the database's language. None where the
    /// rows come from a query: a database has triggers for tables only.
    pub fn triggers(&self) -> Option<String> {
        let Relation::Table(table) = &self.relation else {
            return None;
        };
        let log = match &self.changes {
            Some(SqlChanges {
                told_by: ChangesToldBy::Log(log),
                ..
            }) => log.clone(),
            _ => beside(table, SUFFIX),
        };
        let name = |names: &[String]| {
            let names = names.iter().map(|name| self.dialect.quoted(name));
            names.collect::<Vec<_>>().join(".")
        };
        let template = match self.dialect {
            Dialect::Postgres => include_str!("postgres_triggers.sql"),
            Dialect::MySql => include_str!("mysql_triggers.sql"),
        };
        // Names come last: whatever is in one is not looked at again.
        let mut script = String::with_capacity(2 * template.len());
        for piece in template.split(['{', '}']) {
            match piece {
                "TABLE" => script.push_str(&name(table)),
                "LOG" => script.push_str(&name(&log)),
                "NOTE" => script.push_str(&name(&beside(&log, "_note"))),
                "INSERT" => script.push_str(&name(&beside(&log, "_insert"))),
                "UPDATE" => script.push_str(&name(&beside(&log, "_update"))),
                "DELETE" => script.push_str(&name(&beside(&log, "_delete"))),
                "KEY" => script.push_str(&self.dialect.quoted(&self.key)),
                "SETTING" => script.push_str(&log.join(".")),
                text => script.push_str(text),
            }
        }
        Some(script)
    }
}

/// Something in the same schema, with a longer name.
fn beside(names: &[String], suffix: &str) -> Vec<String> {
    let mut names = names.to_vec();
    if let Some(name) = names.last_mut() {
        name.push_str(suffix);
    }
    names
}
