//! A device, and the network between it and the server.

use std::collections::{BTreeMap, VecDeque};

use serde_json::json;
use sync_client::rhoconnect::{Page, Push, Replica};
use sync_core::{ChangesRequest, ClientId, Files, PullRequest, Session, SyncError, Token};
use test_support::World;

use super::SOURCE;
use super::steps::Loss;

/// A device: its copy, and what it has sent that may still arrive.
pub(super) struct Device {
    pub(super) session: Session,
    pub(super) client: ClientId,
    pub(super) replica: Replica,
    pub(super) under_way: Vec<Request>,
    /// The value that it narrows the source down to.
    pub(super) narrowed: Option<String>,
}

#[derive(Clone)]
pub(super) enum Request {
    Push(Push),
    Pull {
        token: Option<Token>,
        page_size: usize,
    },
}

/// What becomes of an exchange, as the device sees it.
enum Exchange {
    RequestOutcome,
    Failed,
}

impl Device {
    pub(super) async fn push(&self, world: &World, push: &Push) -> Result<(), SyncError> {
        let Push {
            number,
            create,
            update,
            delete,
        } = push;
        let changes = json!({"create": create, "update": update, "delete": delete});
        let request = ChangesRequest {
            client: self.client.as_str(),
            source: SOURCE,
            sequence: Some(*number),
            files: Files::default(),
            changes: serde_json::from_value(changes).expect("changes"),
            trace: None,
        };
        world.engine.accept_changes(&self.session, request).await
    }

    pub(super) async fn pull(
        &self,
        world: &World,
        token: Option<Token>,
        page_size: usize,
    ) -> Result<Page, SyncError> {
        let parameters = self.narrowed.iter();
        let parameters: Vec<_> = parameters
            .map(|value| ("a0".to_owned(), value.clone()))
            .collect();
        let request = PullRequest {
            client: self.client.as_str(),
            source: SOURCE,
            token,
            page_size,
            parameters: &parameters,
            trace: None,
        };
        let page = world.engine.pull(&self.session, request).await?;
        Ok(
            Page::parse(&serde_json::to_vec(&page).expect("a page is JSON"))
                .expect("a page devices can read"),
        )
    }

    /// Everything up, then everything down, until something is lost.
    pub(super) async fn sync(&mut self, world: &World, page_size: usize, losses: &[Loss]) {
        let mut losses: VecDeque<Loss> = losses.iter().copied().collect();
        let push = self.replica.take_push();
        if !push.is_empty() {
            let exchange = match losses.pop_front().unwrap_or(Loss::None) {
                Loss::Request => {
                    self.under_way.push(Request::Push(push.clone()));
                    Exchange::Failed
                }
                Loss::Answer => {
                    self.push(world, &push).await.expect("to push");
                    // A network may deliver twice.
                    self.under_way.push(Request::Push(push.clone()));
                    Exchange::Failed
                }
                Loss::None => {
                    self.push(world, &push).await.expect("to push");
                    Exchange::RequestOutcome
                }
            };
            match exchange {
                Exchange::RequestOutcome => self.replica.accepted(&push),
                Exchange::Failed => return,
            }
        }
        let mut token = None;
        loop {
            match losses.pop_front().unwrap_or(Loss::None) {
                Loss::Request => {
                    self.under_way.push(Request::Pull { token, page_size });
                    return;
                }
                Loss::Answer => {
                    self.pull(world, token, page_size).await.expect("to pull");
                    return;
                }
                Loss::None => {}
            }
            let page = self.pull(world, token, page_size).await.expect("to pull");
            token = page
                .token
                .map(|token| token.to_string().parse().map(Token::new).expect("a number"));
            if self.replica.apply(page).schema_changed {
                self.begin_another_life();
            }
            if token.is_none() {
                return;
            }
        }
    }

    /// What was sent before a device started over and arrives after that would be a change of another life of it.
    pub(super) fn begin_another_life(&mut self) {
        self.under_way
            .retain(|request| matches!(request, Request::Pull { .. }));
    }

    pub(super) fn objects(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.replica
            .objects()
            .map(|(id, attributes)| (id.to_owned(), attributes.into_owned()))
            .collect()
    }

    pub(super) fn pick(&self, index: usize) -> Option<String> {
        let ids: Vec<&str> = self.replica.objects().map(|(id, _)| id).collect();
        (!ids.is_empty()).then(|| ids[index % ids.len()].to_owned())
    }
}
