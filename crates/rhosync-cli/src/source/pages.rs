//! Pages that are smaller than the settings say look like the last one: what comes behind it would never be found.

use std::collections::BTreeSet;

use sync_core::{AdapterSettings, Paging};

use super::problem::Problem;
use super::trial::{Collected, Findings, Trial};

impl Trial<'_> {
    /// Asks for the page behind the last one. Where it has other records, the settings are wrong.
    pub(super) async fn look_behind_last_page(&self, findings: &mut Findings) {
        let AdapterSettings::Rest(settings) = &self.application.source.adapter else {
            return;
        };
        let found = findings.objects.len() + findings.refused.len();
        let (parameter, size_parameter, size, next) = match &settings.paging {
            Some(Paging::Page {
                parameter,
                size_parameter,
                size,
                ..
            }) => {
                let last = self.last_page(parameter);
                (parameter, size_parameter, *size, last.map(|last| last + 1))
            }
            Some(Paging::Offset {
                parameter,
                size_parameter,
                size,
            }) => (parameter, size_parameter, *size, u64::try_from(found).ok()),
            _ => return,
        };
        let (Some(first), true, [] | [_]) = (next, found > 0, &self.question.partitions[..]) else {
            return;
        };
        let mut settings = settings.clone();
        settings.paging = Some(Paging::Page {
            parameter: parameter.clone(),
            first,
            size_parameter: size_parameter.clone(),
            size,
        });
        let Some(adapter) = self.adapter_by(&AdapterSettings::Rest(settings)) else {
            return;
        };
        let said = self.ports.network.said().len();
        let mut behind = Collected::default();
        let call = self.call("", self.question.partitions.first().map(String::as_str));
        // Many back ends answer with an error where there is no such page.
        let _ = adapter.query(&call, None, &mut behind).await;
        self.ports.network.forget_behind(said);
        let known: BTreeSet<_> = findings.objects.keys().collect();
        let others = behind
            .objects
            .keys()
            .filter(|id| !known.contains(id))
            .count();
        if others > 0 {
            let message = format!(
                "{parameter}={first} has {others} more records, though the page before it has fewer than {size}: the back end's pages are smaller than that"
            );
            let problem = Problem::of_adapter(self.application, "paging.size", message);
            findings.problems.push(problem);
        }
    }

    /// The number of the page that was asked for last.
    fn last_page(&self, parameter: &str) -> Option<u64> {
        let said = self.ports.network.said();
        said.iter().rev().find_map(|exchange| {
            let query = exchange.request.uri().query()?;
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            let (_, value) = pairs.find(|(name, _)| name == parameter)?;
            value.parse().ok()
        })
    }
}
