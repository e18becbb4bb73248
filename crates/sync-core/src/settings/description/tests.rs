use super::*;
use crate::settings::SettingsFile;

/// The manual: the settings, and those of push services and jobs.
const MANUAL: &str = concat!(
    include_str!("../../../../../docs/settings.md"),
    include_str!("../../../../../docs/adapters.md"),
    include_str!("../../../../../docs/pings.md"),
    include_str!("../../../../../docs/jobs.md"),
);

/// A file that has everything that a file may have. A new setting has to come in here.
const EVERYTHING: &str = r#"
        redis_timeout_ms = 1000
        retention_days = 30
        bulk_sync_poll_interval = 60
        image_objects = 100
        instance_memory_bytes = 200000000
        bulk_selections = [["A"]]
        stats = true

        [authentication]
        method = "back-end"
        url = { variable = "accounts", path = "/in" }
        remembered_seconds = 60
        limits = { failures_per_account = 1, failures_per_address = 2, window_seconds = 3 }
        trusted_proxies = ["10.0.0.0/8"]

        [authentication.jwt]
        issuer = "issuer"
        audience = "audience"
        jwks_url = "https://user:secret-0@keys.example/keys?key=secret-1"
        leeway_seconds = 10
        user_claim = "email"
        user_attributes = { region = "area" }

        [ping]
        window_seconds = 5
        [ping.apns]
        team_id = "T"
        key_id = "K"
        key = "secret-2"
        topic = "com.example"
        environment = "sandbox"
        url = "https://push.example"
        [ping.fcm]
        service_account = { variable = "account" }
        notification = true
        url = "https://push.example"
        [ping.web]
        subject = { variable = "subject" }
        private_key = "secret-3"

        [blobs]
        max_bytes = 1
        quota_bytes = 2
        public_url = "https://sync.example"
        [blobs.s3]
        endpoint = "https://s3.example"
        bucket = "b"
        region = "r"
        access_key = "secret-4"
        secret_key = { variable = "s3" }

        [cors]
        origins = ["https://app.example"]

        [devices]
        idle_seconds = 60
        [devices.types.kiosk]
        idle_seconds = 600

        [jobs]
        lease_seconds = 10
        history_hours = 1
        dead_days = 1
        dead_jobs = 1

        [queues."adapter.slow"]
        concurrency = 2
        rate = { starts = 10, per_seconds = 60 }

        [schedules.nightly]
        job = "report"
        queue = "adapter"
        cron = "0 3 * * *"
        payload = { kind = "short" }
        [schedules.often]
        job = "report"
        queue = "adapter"
        every_seconds = 60

        [sources.A]
        adapter = "rest"
        partition = ["app", "user"]
        create_in = "user"
        parameters = "ignore"
        poll_interval = 60
        pull_wait_ms = 100
        push_wait_ms = 100
        conflicts = "server-wins"
        max_page_size = 10
        max_page_bytes = 1000
        queue = "adapter"
        query_queue = "adapter.q"
        cud_queue = "adapter.c"
        background = true
        push_notify = true
        metadata = "m"
        schema = { version = "1" }
        sync_priority = 1
        belongs_to = { a = "B" }
        [sources.A.rest]
        url = { variable = "crm", path = "/a" }
        search_url = "https://crm.example/s"
        records = "/items"
        id = "sku"
        attributes = ["a"]
        types = { price = "number" }
        update_method = "PATCH"
        message = "$.info"
        metadata = "$.notice"
        user_parameter = "u"
        headers = { Accept-Language = "secret-5" }
        authorization = { bearer = "secret-6" }
        paging = { parameter = "p", first = 0, size_parameter = "s", size = 10 }
        timeout_ms = 5000
        format = "json"
        omit = ["b"]
        nested = "flatten"
        retries = 1
        created_id = "$.id"
        list = { method = "POST", path = "/x", query = { q = "1" }, headers = { X-A = "secret-12" }, body = "{}", content_type = "application/json" }
        search = { method = "POST", path = "/x", query = { q = "1" }, headers = { X-A = "secret-12" }, body = "{}", content_type = "application/json" }
        create = { method = "POST", path = "/x", query = { q = "1" }, headers = { X-A = "secret-12" }, body = "{}", content_type = "application/json" }
        update = { method = "POST", path = "/x", query = { q = "1" }, headers = { X-A = "secret-12" }, body = "{}", content_type = "application/json" }
        delete = { method = "POST", path = "/x", query = { q = "1" }, headers = { X-A = "secret-12" }, body = "{}", content_type = "application/json" }
        read = { method = "POST", path = "/x", query = { q = "1" }, headers = { X-A = "secret-12" }, body = "{}", content_type = "application/json" }
        record = "$.it"
        changes = { query = { q = "1" }, mark = "$.m", deleted = "$.d", deleted_if = "$.x", full_every = 60 }
        [sources.A.hook]
        secret = "secret-9"
        signature_header = "X-S"
        timestamp_header = "X-T"
        tolerance_seconds = 60
        event_header = "X-E"
        user = "$.user"
        partition = "$.partition"
        records = "$.items"
        id = "$.id"
        deleted = "$.gone"
        changed = "$.changed"
        [sources.A.hook.subscribe]
        url = "https://crm.example/hooks"
        callback = { variable = "public", path = "/hooks/A" }
        create = { method = "POST", path = "/x", query = { q = "1" }, headers = { X-A = "secret-12" }, body = "{}", content_type = "application/json" }
        renew = { method = "POST", path = "/x", query = { q = "1" }, headers = { X-A = "secret-12" }, body = "{}", content_type = "application/json" }
        delete = { method = "POST", path = "/x", query = { q = "1" }, headers = { X-A = "secret-12" }, body = "{}", content_type = "application/json" }
        id = "$.id"
        lifetime_seconds = 3600
        headers = { Accept-Language = "secret-10" }
        authorization = { bearer = "secret-11" }
        timeout_ms = 5000

        [sources.B]
        adapter = "http"
        pass_through = true
        [sources.B.http]
        url = "https://erp.example"
        methods = ["search"]
        headers = { X-Key = { variable = "x_key" } }
        authorization = { basic = { user = "secret-7", password = "secret-8" } }
        timeout_ms = 5000

        [sources.C]
        adapter = "rust"
        rust = "rates"

        [sources.D]
        adapter = "sql"
        [sources.D.sql]
        url = "postgres://user:secret-10@db.example/shop?password=secret-11"
        table = "a"
        key = "no"
        changed_at = "changed"
        overlap = 10
        full_every = 60
        deleted_if = "gone"
        page_size = 10
        attributes = ["a"]
        omit = ["b"]
        nested = "flatten"
        types = { price = "number" }
        idempotency_key = "operation"
        unless_changed = true
        search = "SELECT 1"
        create = "INSERT 1"
        delete = "DELETE 1"
        timeout_ms = 5000
    "#;

fn describe(text: &str) -> Vec<SettingDescription> {
    let file = SettingsFile::parse("rhosync.toml", text).unwrap().only(&[]);
    let settings = file.resolve(|_| Some("https://variable.example/".to_owned()));
    settings.unwrap().describe()
}

fn find<'a>(described: &'a [SettingDescription], key: &str) -> &'a SettingDescription {
    described
        .iter()
        .find(|setting| setting.key == key)
        .unwrap_or_else(|| panic!("{key} is not there"))
}

/// The keys of what has no value, without their tables' names.
fn missing(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Null => found.push(key.to_owned()),
        Value::Object(fields) => {
            for (name, value) in fields {
                missing(value, &setting_key(key, name), found);
            }
        }
        _ => {}
    }
}

#[test]
fn no_setting_is_forgotten() {
    let values: Value = toml::from_str(EVERYTHING).unwrap();
    let everything = serde_json::to_value(contents(&values).unwrap()).unwrap();
    let mut gaps = Vec::new();
    missing(&everything, "", &mut gaps);
    // One source has no adapter but its own, one kind of paging and one form of answers, and a schedule one rule.
    gaps.retain(|key| {
        let of_another = ["sources.B.", "sources.C.", "sources.D.", "schedules."];
        let is_of_another = of_another.iter().any(|table| key.starts_with(table));
        (!is_of_another || key.starts_with("sources.D.sql."))
            && ![
                "sources.A.http",
                "sources.A.rust",
                "sources.A.soap",
                "sources.A.sql",
                "sources.D.sql.change_log",
                "sources.D.sql.query",
                "sources.D.sql.update",
                "sources.A.rest.children",
                "sources.A.rest.delimiter",
                "sources.A.rest.paging.next",
                "sources.A.rest.changes.changed_at",
                "sources.A.hook.secret_header",
                "sources.A.hook.certificate_header",
            ]
            .contains(&key.as_str())
    });
    assert_eq!(gaps, Vec::<String>::new(), "put them into EVERYTHING");
}

#[test]
fn every_setting_of_the_file_is_described_and_stands_in_the_manual() {
    let described = describe(EVERYTHING);
    for setting in &described {
        // Of the sources, one has everything that does not exclude the rest.
        let is_of_another = [
            "sources.B.",
            "sources.C.",
            "sources.D.",
            "sources.A.pass_through",
            "sources.A.rest.paging.kind",
        ]
        .iter()
        .any(|key| setting.key.starts_with(key));
        let is_written = setting.origin != SettingOrigin::Default;
        assert!(is_written || is_of_another, "{setting:?}");
    }
    let own_names = [
        "queues.",
        "schedules.nightly.payload",
        "headers.",
        "query.",
        "types.",
        "belongs_to.",
        "schema.",
    ];
    for setting in &described {
        if own_names.iter().any(|names| setting.key.contains(names)) {
            continue;
        }
        let name = setting.key.rsplit('.').next().unwrap();
        assert!(MANUAL.contains(name), "the manual does not have {name}");
    }
    let queue = find(&described, "queues.\"adapter.slow\".rate.starts");
    assert_eq!(queue.value, "10");
    assert_eq!(
        find(&described, "cors.origins").value,
        r#"["https://app.example"]"#
    );
}

#[test]
fn what_nobody_has_set_is_described_with_what_holds() {
    let described = describe("[sources.A]\nadapter = \"push-only\"");
    for (key, value) in [
        ("retention_days", "60"),
        ("authentication.remembered_seconds", "300"),
        ("authentication.limits.failures_per_account", "10"),
        ("blobs.max_bytes", "104857600"),
        ("ping.window_seconds", "1"),
        ("jobs.lease_seconds", "30"),
        ("sources.A.poll_interval", "-1"),
        ("sources.A.pull_wait_ms", "2000"),
        ("sources.A.push_wait_ms", "2000"),
        ("sources.A.max_page_size", "2000"),
    ] {
        let setting = find(&described, key);
        assert_eq!(
            (setting.value.as_str(), setting.origin),
            (value, SettingOrigin::Default)
        );
    }
    assert_eq!(
        find(&described, "sources.A.adapter").origin,
        SettingOrigin::File
    );
}

#[test]
fn variables_beside_the_file_are_told_where_they_are_set() {
    let file = SettingsFile::parse("rhosync.toml", "").unwrap();
    let mut settings = file.resolve(|_| None).unwrap();
    settings.note_variable("redis_url", "redis://:secret-1@store:6379", false);
    settings.note_variable("admin_password", "secret-2", true);
    settings.note_variable("session_secret", "", true);
    let described = settings.describe();
    let redis = find(&described, "redis_url");
    assert_eq!(redis.value, r#""redis://***@store:6379""#);
    assert_eq!(redis.variable.as_deref(), Some("redis_url"));
    assert_eq!(find(&described, "admin_password").value, r#""***""#);
    assert!(
        described
            .iter()
            .all(|setting| setting.key != "session_secret")
    );
    assert!(!format!("{settings:?}{described:?}").contains("secret-"));
}

#[test]
fn variables_are_named_and_secrets_are_not_told() {
    let file = SettingsFile::parse("rhosync.toml", EVERYTHING).unwrap();
    let settings = file.resolve(|name| Some(format!("https://u:secret-9@{name}.example/")));
    let described = settings.unwrap().describe();
    let text = format!("{described:?}");
    assert!(!text.contains("secret-"), "{text}");
    let database = find(&described, "sources.D.sql.url");
    assert_eq!(database.value, r#""postgres://***@db.example/shop?***""#);
    let url = find(&described, "sources.A.rest.url");
    assert_eq!(url.value, r#""https://***@crm.example/a""#);
    assert_eq!(url.variable.as_deref(), Some("crm"));
    for key in [
        "blobs.s3.secret_key",
        "ping.apns.key",
        "sources.B.http.headers.X-Key",
    ] {
        assert_eq!(find(&described, key).value, r#""***""#, "{key}");
    }
    assert_eq!(
        find(&described, "blobs.s3.secret_key").origin,
        SettingOrigin::Variable
    );
    let keys = find(&described, "authentication.jwt.jwks_url");
    assert_eq!(keys.value, r#""https://***@keys.example/keys?***""#);
    // A variable that only another component has.
    let other = describe(EVERYTHING);
    let subject = find(&other, "ping.web.subject");
    assert_eq!(subject.value, r#"{ variable = "subject" }"#);
    assert!(!format!("{:?}", subject).contains("variable.example"));
}
