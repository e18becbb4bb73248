//! The pull: what a client acknowledges, and what lies after its cursor.

use crate::model::{ClientId, Millis, ObjectId, Token, UserId, Version};
use crate::ports::RedisConn;
use crate::store::StoreError;
use crate::store::descriptions::{Mark, Marks};
use crate::store::document::{Document, SourceError, parse_stored, stored_object_id};
use crate::store::redis::script::{self, Reply, args};

/// What a pull acknowledges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// Nothing.
    Nothing,
    /// The page that had this token.
    Token(Token),
    /// The page that was given out last, whether it arrived or not.
    Given,
}

impl From<Option<Token>> for Acknowledged {
    fn from(token: Option<Token>) -> Self {
        token.map_or(Self::Nothing, Self::Token)
    }
}

/// How much a page may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageLimit {
    /// Most objects.
    pub(crate) objects: usize,
    /// Most bytes of their records, and of what the client is told beside them; one of each may be larger.
    pub(crate) bytes: usize,
}

/// What a pull's first command says.
#[derive(Debug)]
pub(crate) enum PullStep {
    /// The client has no cursor here that is this user's.
    Unbound,
    /// The token is of this document, but as far as the store knows it was never given out.
    Ahead(Token),
    /// This is what lies after the cursor.
    State(Box<PullState>),
}

/// What lies after a client's cursor.
#[derive(Debug)]
pub(crate) struct PullState {
    pub(crate) cursor: Version,
    /// The version up to which the client surely has every attribute: the last end of the log it acknowledged. Between
    /// that and the cursor it has met the objects that were there, but not those that have moved on since.
    pub(crate) base: Version,
    /// What a version is short of being a token of this client.
    pub(crate) offset: u64,
    pub(crate) since: Version,
    pub(crate) state: CursorState,
    pub(crate) version: Version,
    /// Objects of the whole document.
    pub(crate) live: u64,
    pub(crate) refreshed_at: Option<Millis>,
    /// When the back end is to be asked next, where that was set; then the last refresh does not count.
    pub(crate) refresh_due: Option<Millis>,
    /// How long the last refresh took, or was waited for, in milliseconds.
    pub(crate) refresh_took: u64,
    pub(crate) source_error: Option<SourceError>,
    pub(crate) described: Marks,
    /// Operations of the client that wait for their verdict.
    pub(crate) waiting: u64,
    /// The version this page reaches.
    pub(crate) reached: Version,
    /// Objects the client has already.
    pub(crate) progress: u64,
    pub(crate) has_outbox: bool,
    /// When the client last found something that it holds alone.
    pub(crate) searched_at: Option<Millis>,
    pub(crate) changed: Vec<(ObjectId, Version)>,
    /// Their records, if they are so few that the script read them.
    pub(crate) records: Option<Vec<Option<Vec<u8>>>>,
}

impl PullState {
    /// The token that acknowledges everything up to `version`.
    pub(crate) fn token(&self, version: Version) -> Token {
        Token::new(self.offset + version.0)
    }

    /// Whether the page is to bring the source's metadata.
    pub(crate) fn tells_metadata(&self) -> bool {
        let mark = self.described.metadata;
        mark.is_some_and(|mark| mark.version > self.cursor && mark.version <= self.reached)
    }

    /// Whether a query has ended well since the client searched.
    pub(crate) fn has_outdated_finds(&self) -> bool {
        let searched = self.searched_at;
        searched.is_some_and(|searched| self.refreshed_at > Some(searched))
            && self.source_error.is_none()
    }

    /// Whether the client has objects in the shape of an earlier schema. One that has acknowledged nothing has nothing.
    pub(crate) fn is_outdated(&self) -> bool {
        let mark = self.described.schema;
        self.state == CursorState::Following
            && self.cursor > Version::ZERO
            && mark.is_some_and(|mark| mark.version > self.cursor && mark.version > self.since)
    }
}

/// What a client's cursor is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CursorState {
    /// Bringing changes.
    Following,
    /// The client was silent for so long that it must throw away what it has.
    Restart,
    /// The client moves to another partition: what it may have of this one is taken back. What changes here meanwhile moves to the end
    /// of the log, so it is taken back up to there.
    Leaving,
}

impl CursorState {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "" => Some(Self::Following),
            "restart" => Some(Self::Restart),
            _ => text.strip_prefix("leave:").map(|_offset| Self::Leaving),
        }
    }
}

/// What a pull's first text has after its first word; the last part may have spaces.
const STATE_PARTS: usize = 19;

impl<R: RedisConn> Document<'_, R> {
    /// Acknowledges, and says what lies after the cursor.
    pub(crate) async fn pull(
        &self,
        client: &ClientId,
        user: &UserId,
        acknowledged: Acknowledged,
        limit: PageLimit,
        now: Millis,
    ) -> Result<PullStep, StoreError> {
        let keys = [
            self.keys.head(),
            self.keys.log(),
            self.keys.clients(),
            self.keys.outbox(client),
            self.keys.tombstones(),
            self.keys.operations(client),
            self.keys.records(),
            self.keys.held(client),
        ];
        let wire = match acknowledged {
            Acknowledged::Nothing => String::new(),
            Acknowledged::Token(token) => token.number().to_string(),
            Acknowledged::Given => "given".to_owned(),
        };
        let args = args![
            client.as_str(),
            user.as_str(),
            wire,
            limit.objects,
            now.day(),
            limit.bytes,
        ];
        let mut reply = script::PULL.run(self.redis, &keys, args).await?;
        let outcome = reply.required_text()?;
        match outcome.split_once(' ') {
            Some(("page", state)) => {
                let state = Self::read_state(state, reply)?;
                Ok(PullStep::State(Box::new(state)))
            }
            None if outcome == "unbound" => Ok(PullStep::Unbound),
            None => match acknowledged {
                Acknowledged::Token(token) if outcome == "ahead" => Ok(PullStep::Ahead(token)),
                _ => Err(reply.unknown_outcome(&outcome)),
            },
            _ => Err(reply.unknown_outcome(&outcome)),
        }
    }

    /// Reads what stands in the first text, and the changes in the rest.
    fn read_state(text: &str, mut reply: Reply) -> Result<PullState, StoreError> {
        let mut parts = text.splitn(STATE_PARTS, ' ');
        let unknown = || StoreError::Damaged {
            what: "the state of a pull",
            reason: text.to_owned(),
        };
        let mut part = || parts.next().ok_or_else(unknown);
        let number = |part: &str| part.parse::<u64>().map_err(|_| unknown());
        let time = |part: &str| number(part).map(|at| Some(Millis(at)).filter(|at| at.0 > 0));
        let cursor = Version(number(part()?)?);
        let base = Version(number(part()?)?);
        let offset = number(part()?)?;
        let since = Version(number(part()?)?);
        let state = CursorState::parse(part()?).ok_or_else(unknown)?;
        let version = Version(number(part()?)?);
        let live = number(part()?)?;
        let (refreshed_at, refresh_due) = (time(part()?)?, time(part()?)?);
        let refresh_took = number(part()?)?;
        let described = Marks {
            metadata: Mark::parse(part()?)?,
            schema: Mark::parse(part()?)?,
        };
        let waiting = number(part()?)?;
        let reached = Version(number(part()?)?);
        let before = number(part()?)?;
        let progress = if cursor == version { live } else { before };
        let has_outbox = number(part()?)? > 0;
        let has_records = number(part()?)? > 0;
        let searched_at = time(part()?)?;
        let source_error = match part()? {
            "" => None,
            json => Some(parse_stored("a source error", json.as_bytes())?),
        };
        let mut records = has_records.then(Vec::new);
        let mut changed = Vec::with_capacity(reply.len() / 2);
        while !reply.is_empty() {
            changed.push((
                stored_object_id(reply.required_text()?)?,
                Version(reply.number()?),
            ));
            if let Some(records) = &mut records {
                records.push(reply.bytes()?);
            }
        }
        Ok(PullState {
            cursor,
            base,
            offset,
            since,
            state,
            version,
            live,
            refreshed_at,
            refresh_due,
            refresh_took,
            source_error,
            described,
            waiting,
            reached,
            progress,
            has_outbox,
            searched_at,
            changed,
            records,
        })
    }

    /// Moves a client's cursor past what it needs not be told, to the end of the log or not quite.
    pub(crate) async fn move_cursor(
        &self,
        client: &ClientId,
        user: &UserId,
        version: Version,
        is_end: bool,
    ) -> Result<(), StoreError> {
        let is_end = if is_end { "1" } else { "0" };
        let args = args![client.as_str(), user.as_str(), version.0, is_end];
        script::MOVE_CURSOR
            .run(self.redis, &[self.keys.clients()], args)
            .await
            .map(drop)
    }
}
