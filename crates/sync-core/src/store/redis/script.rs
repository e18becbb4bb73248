//! Lua scripts: what has to happen at once.

use sync_redis::script;
pub(crate) use sync_redis::{Reply, Script, arg, args};

pub(crate) static ACCEPT: Script = script!("accept");
pub(crate) static ADD_SOURCE: Script = script!("add_source");
pub(crate) static ADD_STATS: Script = script!("add_stats");
pub(crate) static BEGIN_REFRESH: Script = script!("begin_refresh");
pub(crate) static BIND: Script = script!("bind");
pub(crate) static CHANGE_USER: Script = script!("change_user");
pub(crate) static COLLECT: Script = script!("collect");
pub(crate) static COLLECT_BLOB: Script = script!("collect_blob");
pub(crate) static COMMIT: Script = script!("commit");
pub(crate) static COUNT: Script = script!("count");
pub(crate) static CREATE_USER: Script = script!("create_user");
pub(crate) static DELETE_FIELD_IF: Script = script!("delete_field_if");
pub(crate) static DESCRIBE: Script = script!("describe");
pub(crate) static END_ABANDONED: Script = script!("end_abandoned");
pub(crate) static END_REFRESH: Script = script!("end_refresh");
pub(crate) static EXTEND_LEASE: Script = script!("extend_lease");
pub(crate) static KEEP_FOUND: Script = script!("keep_found");
pub(crate) static KEEP_PROGRESS: Script = script!("keep_progress");
pub(crate) static MEASURE: Script = script!("measure");
pub(crate) static MOVE_CURSOR: Script = script!("move_cursor");
pub(crate) static PAGE_FOUND: Script = script!("page_found");
pub(crate) static PULL: Script = script!("pull");
pub(crate) static PUT_DOCUMENT: Script = script!("put_document");
pub(crate) static PUT_OFF: Script = script!("put_off");
pub(crate) static RAISE_FLOOR: Script = script!("raise_floor");
pub(crate) static READ_WAITING: Script = script!("read_waiting");
pub(crate) static REFER: Script = script!("refer");
pub(crate) static RELEASE: Script = script!("release");
pub(crate) static RESERVE: Script = script!("reserve");
pub(crate) static RESTART: Script = script!("restart");
pub(crate) static SETTLE: Script = script!("settle");
pub(crate) static SET_FIELD_IF: Script = script!("set_field_if");
pub(crate) static START_FROM: Script = script!("start_from");
pub(crate) static UNBIND: Script = script!("unbind");
