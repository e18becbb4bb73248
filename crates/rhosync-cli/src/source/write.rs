//! One test record that is created, changed and deleted again.

use std::collections::BTreeMap;

use sync_client::rhoconnect::Attributes;
use sync_core::{AdapterError, Done, ObjectId, Random as _, StorePorts as _, logged_in};

use super::problem::{Problem, Stage};
use super::trial::{Findings, Trial};

impl Trial<'_> {
    /// Writes the test record, looks after each step whether the back end has what it should, and adds what came of it.
    pub(super) async fn write(&self, findings: &mut Findings) {
        let partition = self.question.partitions.first().map(String::as_str);
        let mut expected: Attributes = self.question.write.iter().cloned().collect();
        let key = self.ports.random().hex::<16>();
        let call = self.call(&key, partition);
        let created = logged_in(
            self.adapter(),
            &call,
            self.adapter().create(&call, &expected),
        );
        let id = match created.await {
            Err(error) => return findings.problems.push(self.problem(Stage::Create, &error)),
            Ok((Done { id: None, .. }, _)) => {
                let message = "the answer to the create has no id: devices would not know their new object again, and the test record is left at the back end";
                let problem = Problem::of_adapter(self.application, "created_id", message);
                return findings.problems.push(problem);
            }
            Ok((
                Done {
                    id: Some(id),
                    message,
                },
                _,
            )) => {
                findings
                    .written
                    .push(said(format!("created {id}"), message));
                id
            }
        };
        self.expect(findings, Stage::Create, &id, Some(&expected))
            .await;

        let change: Attributes = match self.question.change.is_empty() {
            true => expected.clone(),
            false => self.question.change.iter().cloned().collect(),
        };
        expected.extend(change.clone());
        let key = self.ports.random().hex::<16>();
        let call = self.call(&key, partition);
        let update = self.adapter().update(&call, &id, &change);
        match logged_in(self.adapter(), &call, update).await {
            Err(error) => findings.problems.push(self.problem(Stage::Update, &error)),
            Ok((done, _)) => {
                let line = said(format!("updated {id}"), done.message);
                findings.written.push(line);
                self.expect(findings, Stage::Update, &id, Some(&expected))
                    .await;
            }
        }

        let key = self.ports.random().hex::<16>();
        let call = self.call(&key, partition);
        let delete = self.adapter().delete(&call, &id, &expected);
        match logged_in(self.adapter(), &call, delete).await {
            Ok((Done { message, .. }, _)) => {
                let line = said(format!("deleted {id}"), message);
                findings.written.push(line);
                self.expect(findings, Stage::Delete, &id, None).await;
            }
            Err(AdapterError::NotFound { .. }) => {
                findings.written.push(format!("deleted {id}"));
                self.expect(findings, Stage::Delete, &id, None).await;
            }
            Err(error) => {
                findings.problems.push(self.problem(Stage::Delete, &error));
                findings
                    .written
                    .push(format!("{id} is left at the back end"));
            }
        }
    }

    /// Looks whether a query finds the record as it should be.
    async fn expect(
        &self,
        findings: &mut Findings,
        stage: Stage,
        id: &ObjectId,
        expected: Option<&Attributes>,
    ) {
        let setting = stage.setting();
        let found = self.ask().await.objects.remove(id.as_str());
        let message = match (found, expected) {
            (None, None) => return,
            (Some(_), None) => format!("{id} is there still after it was deleted"),
            (None, Some(_)) => format!("a query does not find {id} afterwards"),
            (Some(found), Some(expected)) => match difference(&found, expected) {
                None => return,
                Some(difference) => format!("{id} is not as it was sent: {difference}"),
            },
        };
        let problem = Problem::of_adapter(self.application, setting, message);
        findings.problems.push(problem);
    }
}

/// What was done, with what the back end says of it.
fn said(done: String, message: Option<String>) -> String {
    match message {
        None => done,
        Some(message) => format!("{done}: {message:?}"),
    }
}

/// The first attribute that is not as it should be.
fn difference(found: &Attributes, expected: &Attributes) -> Option<String> {
    let found: BTreeMap<&str, &str> = found
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let differs = |(name, value): &(&String, &String)| !is_same(found.get(name.as_str()), value);
    let (name, value) = expected.iter().find(differs)?;
    Some(match found.get(name.as_str()) {
        None => format!("it has no {name:?}"),
        Some(other) => format!("{name:?} is {other:?} in place of {value:?}"),
    })
}

/// Numbers may be written in several ways.
fn is_same(found: Option<&&str>, sent: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    match found {
        None => sent.is_empty(),
        Some(found) => *found == sent || number(found).is_some_and(|it| number(sent) == Some(it)),
    }
}
