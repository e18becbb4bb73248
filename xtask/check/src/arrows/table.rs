//! The table itself. What is used stands above what uses it.

use super::{Row, row};

/// The crates of the workspace.
pub(super) const CRATES: &[Row] = &[
    row("admin-ui-component", &[]),
    row("console-bundler", &[]),
    row("dev-host", &[]),
    row("guest-listener", &[]),
    row("guest-probe", &[]),
    row("guest-probe-p2", &[]),
    row("guest-redis-get", &[]),
    row("integration-tests", &[]),
    row("shop", &[]),
    row("sync-proto", &[]),
    row("sync-redis", &[]),
    row("xtask-check", &[]),
    row("admin-ui", &["sync-proto"]),
    row("sync-client", &["sync-proto"]),
    row("sync-jobs", &["sync-redis"]),
    row("xtask", &["sync-proto"]),
    row("rhosync-cli", &["sync-client", "sync-proto"]),
    row("sync-core", &["sync-jobs", "sync-proto", "sync-redis"]),
    row(
        "sync-spin",
        &["sync-core", "sync-jobs", "sync-proto", "sync-redis"],
    ),
    row(
        "test-support",
        &[
            "shop",
            "sync-client",
            "sync-core",
            "sync-jobs",
            "sync-proto",
            "sync-redis",
        ],
    ),
    row("adapter-jobs", &["sync-core", "sync-spin"]),
    row("bench", &["sync-jobs", "sync-proto", "test-support"]),
    row("bulk-jobs", &["sync-core", "sync-jobs", "sync-spin"]),
    row("push-jobs", &["sync-core", "sync-spin"]),
    row("report-jobs", &["sync-core", "sync-jobs", "sync-spin"]),
    row(
        "sync-handler",
        &["sync-core", "sync-jobs", "sync-proto", "sync-spin"],
    ),
    row("exchange-rates", &["sync-core", "sync-handler"]),
];

/// The modules of the crates that have an order inside.
pub(super) const MODULES: &[(&str, &[Row])] = &[
    (
        "sync-proto",
        &[
            row("changes", &[]),
            row("error_code", &[]),
            row("health", &[]),
            row("names", &[]),
            row("admin", &["changes"]),
            row("api", &["changes"]),
            row("page", &["names"]),
            row("search", &["names", "page"]),
        ],
    ),
    (
        "sync-redis",
        &[
            row("args", &[]),
            row("clock", &[]),
            row("conn", &["clock"]),
            row("random", &[]),
            row("error", &["conn"]),
            row("ports", &["clock", "conn", "random"]),
            row("reply", &["conn", "error"]),
            row("script", &["conn", "error", "random", "reply"]),
        ],
    ),
    (
        "sync-client",
        &[
            row("object", &[]),
            row("session", &[]),
            row("transport", &[]),
            row("page", &["object"]),
            row("error", &["page", "transport"]),
            row("replica", &["object", "page"]),
            row(
                "client",
                &["error", "object", "page", "replica", "session", "transport"],
            ),
            row(
                "sync",
                &["client", "error", "page", "replica", "session", "transport"],
            ),
        ],
    ),
    (
        "sync-jobs",
        &[
            row("backoff", &[]),
            row("ids", &[]),
            row("scripts", &[]),
            row("job", &["ids"]),
            row("keys", &["ids", "job"]),
            row("schedule", &["job"]),
            row("settings", &["ids", "schedule"]),
            row("queue", &["ids", "job", "keys", "scripts", "settings"]),
            row("handler", &["queue"]),
            row("sweeper", &["ids", "queue", "schedule", "settings"]),
            row("noop", &["handler"]),
            row(
                "worker",
                &["backoff", "handler", "ids", "queue", "settings", "sweeper"],
            ),
        ],
    ),
    (
        "sync-core",
        &[
            row("memory", &[]),
            row("ports", &["memory"]),
            row("request_id", &[]),
            row("trace", &[]),
            row("model", &["ports"]),
            row("jobs", &["model", "ports"]),
            row("store", &["model", "ports"]),
            row("application_documents", &["ports", "store"]),
            row("idempotency", &["ports", "store"]),
            row("metrics", &["ports", "store"]),
            row("mapping", &["memory", "model"]),
            row("settings", &["jobs", "mapping", "model"]),
            row("blob", &["model", "ports", "settings", "store"]),
            row("ping", &["model", "ports", "settings", "store"]),
            row(
                "adapter",
                &[
                    "blob", "mapping", "memory", "model", "ports", "settings", "store", "trace",
                ],
            ),
            row(
                "account",
                &["adapter", "model", "ports", "settings", "store"],
            ),
            row(
                "engine",
                &[
                    "account", "adapter", "blob", "jobs", "mapping", "memory", "metrics", "model",
                    "ports", "settings", "store", "trace",
                ],
            ),
            row(
                "handlers",
                &[
                    "adapter", "engine", "jobs", "model", "ping", "ports", "settings", "store",
                ],
            ),
        ],
    ),
    (
        "bulk-jobs",
        &[
            row("deflate", &[]),
            row("schema", &[]),
            row("vfs", &[]),
            row("device_database", &["schema"]),
            row("job", &["deflate", "device_database"]),
            row("entry", &["job"]),
        ],
    ),
    (
        "sync-handler",
        &[
            row("error", &[]),
            row("request_id", &[]),
            row("argument", &["error"]),
            row("body", &["error"]),
            row("router", &["error"]),
            row("cors", &["body", "router"]),
            row("request_counter", &["error", "router"]),
            row("download", &["body"]),
            row("form", &["body", "error"]),
            row("respond", &["body", "error"]),
            row("client_address", &[]),
            row("nested", &[]),
            row(
                "request",
                &[
                    "argument",
                    "body",
                    "client_address",
                    "error",
                    "form",
                    "nested",
                    "router",
                ],
            ),
            row(
                "app",
                &[
                    "body",
                    "cors",
                    "request_counter",
                    "error",
                    "form",
                    "request",
                    "request_id",
                    "respond",
                    "router",
                ],
            ),
            row("component", &["app", "body"]),
            row(
                "routes",
                &[
                    "app", "body", "download", "error", "request", "respond", "router",
                ],
            ),
            row("admission", &["body", "error", "request", "router"]),
            row("entry", &["body", "component"]),
        ],
    ),
];
