//! Tokens of a grant: an instance's own, or, where a refresh token may be good only once, those of all instances together.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::adapter::exchange::oauth2::{GivenToken, read_token, token_request};
use crate::adapter::exchange::{Caller, unavailable};
use crate::adapter::{AdapterError, Call, StashError};
use crate::model::Millis;
use crate::ports::{Clock as _, Ports, Random as _, hex};
use crate::settings::{OAuth2Settings, Secret};
use crate::store::{GrantStore, StoreError};
use crate::vault::Vault;

/// How long is waited before it is looked again whether another instance has the next token.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How often is looked: longer than authorization servers mostly take.
const LOOKS: u32 = 50;

/// How often it is tried to keep a token that was given: nobody else knows it.
const ATTEMPTS_TO_KEEP: u32 = 5;

/// A token, and whether it may have been revoked since.
pub(super) enum Token {
    /// It was given some time ago.
    Known(Secret),
    /// It was given now.
    JustGiven(Secret),
}

impl Token {
    pub(super) fn secret(&self) -> &Secret {
        match self {
            Self::Known(token) | Self::JustGiven(token) => token,
        }
    }
}

/// What is kept of a grant.
#[derive(Serialize, Deserialize)]
struct KeptTokens {
    access: String,
    until: Millis,
    refresh: String,
}

impl<P: Ports> Caller<P> {
    /// Another token than the one that was `refused`.
    pub(super) async fn new_token(
        &self,
        oauth2: &OAuth2Settings,
        refused: Option<&Secret>,
        call: Option<&Call<'_>>,
    ) -> Result<Token, AdapterError> {
        let vault = self.secrets.as_ref();
        let vault = vault.and_then(|secrets| secrets.vault.as_ref());
        if let (Some(first), Some(vault)) = (&oauth2.refresh_token, vault) {
            return self.shared_token(oauth2, first, vault, refused, call).await;
        }
        let asked = self.ports.clock().now();
        let shown = oauth2.refresh_token.as_ref();
        let given = self.ask_for_token(oauth2, shown, call).await?;
        if given.refresh.is_some() && given.refresh.as_ref() != shown {
            tracing::error!(
                "an authorization server gives another refresh token with each token, which cannot be kept: set the variable session_secret"
            );
        }
        self.token.keep(given.access.clone(), given.until(asked));
        Ok(Token::JustGiven(given.access))
    }

    /// A token of all instances. One of them asks for the next, by the refresh token that was given last.
    async fn shared_token(
        &self,
        oauth2: &OAuth2Settings,
        first: &Secret,
        vault: &Vault,
        refused: Option<&Secret>,
        call: Option<&Call<'_>>,
    ) -> Result<Token, AdapterError> {
        let name = name_of(oauth2, first);
        let store = GrantStore::new(self.ports.redis(), &name);
        let lease = self.ports.random().hex::<16>();
        for _ in 0..LOOKS {
            let (kept, _) = read(&store, vault, &name).await?;
            if let Some(token) = self.good(kept.as_ref(), refused) {
                return Ok(Token::Known(token));
            }
            if store.take_turn(&lease).await.map_err(failed)? {
                let next = self.next_token(oauth2, first, &store, vault, refused, call);
                let next = next.await;
                if let Err(error) = store.end_turn(&lease).await {
                    tracing::warn!(%error, "others wait for a token that is there");
                }
                return next;
            }
            self.ports.clock().sleep(LOOK_AGAIN).await;
        }
        Err(unavailable(
            "another instance waits for the authorization server",
        ))
    }

    async fn next_token(
        &self,
        oauth2: &OAuth2Settings,
        first: &Secret,
        store: &GrantStore<'_, P::Redis>,
        vault: &Vault,
        refused: Option<&Secret>,
        call: Option<&Call<'_>>,
    ) -> Result<Token, AdapterError> {
        let name = name_of(oauth2, first);
        // Somebody may have had the turn between the last look and this one.
        let (kept, was) = read(store, vault, &name).await?;
        if let Some(token) = self.good(kept.as_ref(), refused) {
            return Ok(Token::Known(token));
        }
        let shown = kept.map_or_else(|| first.clone(), |kept| Secret::new(kept.refresh));
        let asked = self.ports.clock().now();
        let given = self.ask_for_token(oauth2, Some(&shown), call).await?;
        let tokens = KeptTokens {
            access: given.access.expose().to_owned(),
            until: given.until(asked),
            refresh: given.refresh.as_ref().unwrap_or(&shown).expose().to_owned(),
        };
        let text = serde_json::to_string(&tokens).unwrap_or_default();
        let sealed = vault.seal(self.ports.random(), &name, &text);
        for left in (0..ATTEMPTS_TO_KEEP).rev() {
            match store.keep(&sealed, &was).await {
                Err(error) if left > 0 => {
                    tracing::warn!(%error, "a refresh token cannot be kept yet");
                    self.ports.clock().sleep(LOOK_AGAIN).await;
                }
                kept => {
                    kept.map_err(failed)?;
                    break;
                }
            }
        }
        self.token.keep(given.access.clone(), tokens.until);
        Ok(Token::JustGiven(given.access))
    }

    /// The token that is kept, if it may still be used. The instance keeps it too.
    fn good(&self, kept: Option<&KeptTokens>, refused: Option<&Secret>) -> Option<Secret> {
        let KeptTokens { access, until, .. } = kept?;
        let token = Secret::new(access.as_str());
        if self.ports.clock().now() >= *until || refused == Some(&token) {
            return None;
        }
        self.token.keep(token.clone(), *until);
        Some(token)
    }

    async fn ask_for_token(
        &self,
        oauth2: &OAuth2Settings,
        refresh_token: Option<&Secret>,
        call: Option<&Call<'_>>,
    ) -> Result<GivenToken, AdapterError> {
        let request = token_request(oauth2, refresh_token)?;
        let answer = self.exchange(request, call).await?;
        read_token(&answer)
    }
}

/// What tells a grant from others. Whoever puts another refresh token into the settings begins anew.
fn name_of(oauth2: &OAuth2Settings, first: &Secret) -> String {
    let OAuth2Settings {
        token_url,
        client_id,
        client_secret: _,
        scope,
        refresh_token: _,
        credentials: _,
    } = oauth2;
    let (client, first) = (client_id.expose(), first.expose());
    let text = serde_json::json!([token_url, client, scope, first]).to_string();
    hex(&Sha256::digest(text))
}

/// What is kept, and the text that it was read from. What cannot be opened was sealed with a key that is no more.
async fn read<R: crate::ports::RedisConn>(
    store: &GrantStore<'_, R>,
    vault: &Vault,
    name: &str,
) -> Result<(Option<KeptTokens>, String), AdapterError> {
    let sealed = store.read().await.map_err(failed)?;
    let opened = vault.open(name, &sealed);
    let kept = opened.and_then(|text| serde_json::from_str(&text).ok());
    Ok((kept, sealed))
}

fn failed(error: StoreError) -> AdapterError {
    StashError::from(error).into()
}
