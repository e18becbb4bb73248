//! Administrators.

use crate::model::{Millis, Revision, UserId};
use crate::ports::RedisConn;
use crate::store::redis::keys;
use crate::store::redis::script::{self, Reply, args};
use crate::store::{Edit, EditOutcome, StoreError, UserRecord};

/// Administrators.
pub(crate) struct AdministratorStore<'a, R> {
    redis: &'a R,
}

/// What is kept of an administrator beside the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdministratorRecord {
    /// Changes with password and role.
    pub(crate) generation: String,
    /// Missing for the first one.
    pub(crate) role: Option<String>,
    pub(crate) created_at: Millis,
    pub(crate) seen_at: Option<Millis>,
    /// Whether the password is one that the server has made.
    pub(crate) has_made_password: bool,
    /// The last edit, if there was any.
    pub(crate) edit: Option<String>,
}

impl AdministratorRecord {
    /// The state that administrators have brought the administrator into.
    pub(crate) fn revision(&self) -> Revision {
        Revision::new(&self.created_at.0.to_string(), self.edit.as_deref())
    }
}

impl<'a, R: RedisConn> AdministratorStore<'a, R> {
    pub(crate) fn new(redis: &'a R) -> Self {
        Self { redis }
    }

    /// Reads one; nothing for one that does not exist or is being removed.
    pub(crate) async fn get(
        &self,
        login: &UserId,
    ) -> Result<Option<AdministratorRecord>, StoreError> {
        let fields = ["gen", "role", "at", "seen", "made", "rev"];
        let mut command = args!["HMGET", keys::administrator(login)];
        command.extend(fields.iter().map(|field| field.as_bytes().to_vec()));
        let mut reply = Reply::new("HMGET", self.redis.run(command).await?);
        let (generation, role) = (reply.text()?, reply.text()?);
        let mut time = || {
            let text = reply.text()?;
            Ok::<_, StoreError>(text.and_then(|text| text.parse().ok()).map(Millis))
        };
        let (created_at, seen_at) = (time()?, time()?);
        let (made, edit) = (reply.text()?, reply.text()?);
        Ok(generation.map(|generation| AdministratorRecord {
            generation,
            role,
            created_at: created_at.unwrap_or_default(),
            seen_at,
            has_made_password: made.is_some(),
            edit,
        }))
    }

    /// Creates the first one. `false` if there is one.
    pub(crate) async fn create_first(
        &self,
        login: &UserId,
        record: &UserRecord,
        has_made_password: bool,
        now: Millis,
    ) -> Result<bool, StoreError> {
        // The old protocols know it as a user. Listed first, as users are.
        self.redis
            .run(args!["ZADD", keys::users(), "0", login.as_str()])
            .await?;
        let made = if has_made_password {
            args!["made", "1"]
        } else {
            args![]
        };
        self.create_record(login, record, now, made).await
    }

    /// Creates another. `false` if there is one of that name.
    pub(crate) async fn create(
        &self,
        login: &UserId,
        record: &UserRecord,
        role: &str,
        now: Millis,
    ) -> Result<bool, StoreError> {
        // Listed first: a name without a record is passed over, a record without a name would never be seen.
        self.redis
            .run(args!["ZADD", keys::administrators(), "0", login.as_str()])
            .await?;
        self.create_record(login, record, now, args!["role", role])
            .await
    }

    async fn create_record(
        &self,
        login: &UserId,
        record: &UserRecord,
        now: Millis,
        more: Vec<Vec<u8>>,
    ) -> Result<bool, StoreError> {
        let mut args = args![&record.password_hash, &record.generation, now.0];
        args.extend(more);
        let mut reply = script::CREATE_USER
            .run(self.redis, &[keys::administrator(login)], args)
            .await?;
        Ok(reply.required_text()? == "ok")
    }

    /// Gives one another password, another role, or both; either ends their sessions.
    pub(crate) async fn change(
        &self,
        login: &UserId,
        edit: Edit<'_>,
        record: Option<&UserRecord>,
        role: Option<&str>,
    ) -> Result<EditOutcome, StoreError> {
        let is_another = if record.is_some() { "1" } else { "0" };
        let mut args = args![is_another, &edit.name, edit.after.unwrap_or_default()];
        if let Some(record) = record {
            args.extend(args!["pw", &record.password_hash]);
        }
        if let Some(role) = role {
            args.extend(args!["role", role]);
        }
        // Nobody who logs in meanwhile takes the old state for the new one.
        args.extend(args![
            "gen",
            record.map_or(&edit.name, |record| &record.generation)
        ]);
        let keys = [keys::administrator(login)];
        let changed = script::CHANGE_USER.run(self.redis, &keys, args);
        EditOutcome::read(changed.await?)
    }

    /// Writes down that one has logged in. One that is gone stays gone.
    pub(crate) async fn seen(&self, login: &UserId, now: Millis) -> Result<(), StoreError> {
        script::SET_FIELD_IF
            .run(
                self.redis,
                &[keys::administrator(login)],
                args!["gen", "seen", now.0],
            )
            .await
            .map(drop)
    }

    /// Begins to remove one: from now on nobody gets in by that name. `false` if there is nothing to remove.
    pub(crate) async fn begin_removal(&self, login: &UserId) -> Result<bool, StoreError> {
        let key = keys::administrator(login);
        let exists = self.redis.run(args!["EXISTS", &key]);
        let lock_out = self.redis.run(args!["HDEL", &key, "gen", "pw"]);
        // Sent together on one connection, they run in this order.
        let (exists, lock_out) = futures_util::join!(exists, lock_out);
        lock_out?;
        Ok(Reply::new("EXISTS", exists?).number()? == 1)
    }

    /// Ends the removal. The record goes last: as long as it is there, the removal can be begun again.
    pub(crate) async fn end_removal(&self, login: &UserId) -> Result<(), StoreError> {
        self.redis
            .run(args![
                "UNLINK",
                keys::remembered_administrator_password(login)
            ])
            .await?;
        self.redis
            .run(args!["ZREM", keys::administrators(), login.as_str()])
            .await?;
        self.redis
            .run(args!["UNLINK", keys::administrator(login)])
            .await?;
        Ok(())
    }

    /// How many there are, beside the first.
    pub(crate) async fn count(&self) -> Result<u64, StoreError> {
        let command = args!["ZCARD", keys::administrators()];
        Reply::new("ZCARD", self.redis.run(command).await?).number()
    }

    /// Their names, without the first's.
    pub(crate) async fn list(&self) -> Result<Vec<String>, StoreError> {
        let command = args!["ZRANGE", keys::administrators(), "0", "-1"];
        let mut reply = Reply::new("ZRANGE", self.redis.run(command).await?);
        (0..reply.len()).map(|_| reply.required_text()).collect()
    }
}
