//! A device asks a back end for objects that need not be in its copy of the source.
//!
//! The server keeps nothing of it: the device has what was found beside its copy, until it forgets it. Of a source whose objects the
//! server does not keep, this is the only way to them.

use std::collections::BTreeMap;

use sync_proto::sync::{FoundObjects, Line, SourceFailure};

use crate::account::DeviceSession;
use crate::adapter::{AdapterError, AnswerCollector, Call, StashError, logged_in};
use crate::engine::parameters::check_parameters;
use crate::engine::partitions::{Asked, NO_PARTITION};
use crate::engine::pull::PAGE_COST;
use crate::engine::refresh::{refusal_error, source_error};
use crate::engine::search::{MAX_FOUND, MAX_FOUND_BYTES};
use crate::engine::unknown_source::NamedSource;
use crate::engine::{Engine, Source, SyncError};
use crate::model::{
    AttributeTypes, Attributes, ClientEventKind, ObjectId, ParametersRule, bytes_of, fields,
};
use crate::ports::{Clock as _, Ports};
use crate::trace::TraceContext;

/// Bytes of objects after which a line ends: a device reads one at a time.
const LINE_BYTES: usize = 64 * 1024;

/// What a device asks a back end for.
#[derive(Debug, Clone, Copy)]
pub struct DeviceSearchRequest<'a> {
    /// The source.
    pub source: &'a str,
    /// What is searched for, names and values.
    pub parameters: &'a BTreeMap<String, String>,
    /// What ties it to the calls of back ends it leads to.
    pub trace: Option<&'a TraceContext>,
}

impl<P: Ports> Engine<P> {
    /// Asks a back end for objects by parameters. Where the server keeps none of the source's objects, for all that the back end has,
    /// narrowed down by the parameters.
    ///
    /// # Errors
    /// A session that has ended, [`SyncError::UnknownSource`], [`SyncError::TooManyParameters`], and the store's. What is wrong with
    /// the back end is a line.
    pub async fn search_for_device(
        &self,
        session: &DeviceSession,
        request: DeviceSearchRequest<'_>,
    ) -> Result<Vec<Line>, SyncError> {
        let DeviceSearchRequest {
            source: name,
            parameters,
            trace,
        } = request;
        let pairs = parameters.iter();
        let mut parameters: Vec<(String, String)> = pairs
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        check_parameters(&parameters)?;
        self.accounts.check_device(session).await?;
        let client = session.client();
        let named = self.named_source(&session.session, client.as_str(), name, trace);
        let NamedSource::Known(found) = named.await? else {
            return Err(SyncError::UnknownSource {
                name: name.to_owned(),
            });
        };
        let source = found.as_source().traced(trace);
        if source.settings.pass_through && source.settings.parameters == ParametersRule::Ignore {
            parameters.clear();
        }
        let began = self.ports.clock().monotonic();
        let room = self.memory.share(PAGE_COST * MAX_FOUND_BYTES);
        let mut answer = AnswerCollector::new(MAX_FOUND, room.bytes() / PAGE_COST);
        let document = self.document_for(source, session.user()).await?;
        let mut asked = Ok(());
        // Of an object that is found in several, the first counts: it comes last.
        for copy in document.of_back_end().iter().rev() {
            let user = session.user();
            asked = match self.asked_for(source, user, copy).await? {
                Asked::For(partition) => {
                    let call = self.question(source, user, partition.as_ref(), &parameters);
                    self.ask(source, &call, &mut answer).await
                }
                Asked::NotAtAll => Err(AdapterError::Rejected {
                    message: NO_PARTITION.to_owned(),
                }),
            };
            if asked.is_err() {
                break;
            }
        }
        self.note_event(client, ClientEventKind::Search, Some(source.name), began);
        match asked {
            Ok(()) => {}
            Err(AdapterError::Stash(StashError::Store(error))) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(source.name = %source.name, %error, "a search failed");
                let error = source_error(&error);
                return Ok(vec![Line::Failed {
                    source: name.to_owned(),
                    error: SourceFailure {
                        code: error.kind,
                        message: error.message,
                    },
                }]);
            }
        }
        // What cannot be an object on a device, only the log tells.
        let _ = refusal_error(source.name, &answer.refused);
        let head = self.document(&document).head().await?;
        let schema = self.schema_of(source, &document, &head).await?;
        let types = schema.as_deref().map(AttributeTypes::of_schema);
        Ok(lines_of(source, &types.unwrap_or_default(), answer.objects))
    }

    async fn ask(
        &self,
        source: Source<'_>,
        call: &Call<'_>,
        answer: &mut AnswerCollector,
    ) -> Result<(), AdapterError> {
        let adapter = source.adapter;
        let question = async {
            match source.settings.pass_through {
                true => adapter.query(call, None, answer).await.map(drop),
                false => adapter.search(call, answer).await,
            }
        };
        let question = logged_in(adapter, call, question);
        self.within_wait(source, question).await.map(drop)
    }
}

/// What was found, in lines of a size that devices can bear.
fn lines_of(
    source: Source<'_>,
    types: &AttributeTypes,
    objects: BTreeMap<ObjectId, Attributes>,
) -> Vec<Line> {
    let nothing = || FoundObjects {
        source: source.name.to_string(),
        found: BTreeMap::new(),
        more: true,
        whole: false,
    };
    let (mut lines, mut line, mut bytes) = (Vec::new(), nothing(), 0);
    for (id, attributes) in objects {
        if bytes >= LINE_BYTES {
            lines.push(Line::Found(std::mem::replace(&mut line, nothing())));
            bytes = 0;
        }
        bytes += bytes_of(&id, &attributes);
        line.found
            .insert(id.into_string(), fields(types, attributes));
    }
    (line.more, line.whole) = (false, source.settings.pass_through);
    lines.push(Line::Found(line));
    lines
}
