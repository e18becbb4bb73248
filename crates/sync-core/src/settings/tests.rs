use super::*;
use crate::model::{PartitionRule, PollInterval};

fn load(text: &str) -> Result<Settings, SettingsError> {
    SettingsFile::parse("rhosync.toml", text)?
        .resolve(|name| (name == "crm_url").then(|| "http://crm.example:8080".to_owned()))
}

#[test]
fn a_full_file_is_understood() {
    let settings = load(
        r#"
        retention_days = 30

        [blobs]
        quota_bytes = 1000

        [blobs.s3]
        endpoint = { variable = "crm_url" }
        bucket = "rhosync"
        region = "eu-central-1"
        access_key = "key"
        secret_key = { variable = "crm_url" }

        [sources.Product]
        adapter = "rest"
        partition = "app"
        poll_interval = 60
        max_page_size = 1000
        queue = "adapter.slow"
        background = true

        [sources.Product.rest]
        url = { variable = "crm_url", path = "/api/products" }
        records = "/items"
        id = "sku"
        update_method = "PATCH"
        timeout_ms = 5000
        headers = { Accept-Language = "en" }
        authorization = { bearer = { variable = "crm_url" } }
        types = { price = "number", active = "boolean" }
        paging = { parameter = "page", size_parameter = "per_page", size = 200 }

        [sources.Note]
        adapter = "push-only"

        [jobs]
        lease_seconds = 10

        [queues."adapter.slow"]
        concurrency = 2
        rate = { starts = 10, per_seconds = 60 }

        [schedules.nightly]
        job = "report"
        queue = "adapter"
        cron = "0 3 * * *"
        payload = { kind = "short" }
        "#,
    )
    .unwrap();
    let (_, product) = settings.source("Product").unwrap();
    assert_eq!(product.partition, PartitionRule::App);
    assert_eq!(product.poll_interval, PollInterval::Seconds(60));
    let AdapterSettings::Rest(rest) = &product.adapter else {
        panic!("not rest")
    };
    assert_eq!(rest.url, "http://crm.example:8080/api/products");
    assert_eq!(
        (settings.blobs.max_bytes, settings.blobs.quota_bytes),
        (100 << 20, 1000)
    );
    assert_eq!(
        settings.blobs.s3.as_ref().unwrap().endpoint,
        "http://crm.example:8080"
    );
    let (_, note) = settings.source("Note").unwrap();
    assert_eq!(
        (note.partition, note.poll_interval),
        (PartitionRule::User, PollInterval::Never)
    );
    assert!(
        !format!("{settings:?}").contains("bearer\": \"http")
            && !format!("{settings:?}").contains("key: \"http"),
        "secrets print as ***"
    );
}

#[test]
fn a_component_needs_the_variables_of_the_parts_it_uses() {
    let file = SettingsFile::parse(
        "rhosync.toml",
        r#"
        [authentication]
        method = "back-end"
        url = { variable = "accounts" }

        [blobs]
        public_url = { variable = "own" }

        [blobs.s3]
        endpoint = { variable = "s3" }
        bucket = "b"
        region = "r"
        access_key = "a"
        secret_key = { variable = "s3_key" }

        [ping]
        window_seconds = 5

        [ping.web]
        subject = "mailto:a@example.com"
        private_key = { variable = "vapid" }

        [sources.Product]
        adapter = "rest"
        poll_interval = 60
        queue = "adapter"
        background = true

        [sources.Product.rest]
        url = { variable = "crm" }

        [sources.Customer]
        adapter = "http"

        [sources.Customer.http]
        url = { variable = "erp" }
        "#,
    )
    .unwrap();
    for (parts, variables) in [
        (&[SettingsPart::SignIn][..], &["accounts"][..]),
        (&[SettingsPart::BackEnds], &["crm", "erp", "own"]),
        (&[SettingsPart::BlobStore], &["s3", "s3_key"]),
        (&[SettingsPart::PushServices], &["vapid"]),
        (
            &[SettingsPart::SignIn, SettingsPart::BackEnds],
            &["accounts", "crm", "erp", "own"],
        ),
        (&[], &[]),
    ] {
        let file = file.clone().only(parts);
        assert_eq!(Vec::from_iter(file.variables()), variables, "{parts:?}");
    }

    let settings = file.only(&[]).resolve(|_| None).unwrap();
    assert_eq!(settings.ping.window_seconds, 5);
    assert_eq!(
        settings.jobs.schedules.len(),
        3,
        "queries in the background, and what collects"
    );
    let (_, customer) = settings.source("Customer").unwrap();
    assert_eq!(customer.poll_interval, PollInterval::Seconds(300));
}

#[test]
fn mistakes_are_named_with_file_key_and_reason() {
    let cases = [
        (
            "[sources.A]\nadapter = \"rest\"\ncolour = 1",
            "sources.A.colour",
        ),
        (
            "[sources.A]\nadapter = \"carrier-pigeon\"",
            "sources.A.adapter",
        ),
        ("[sources.A]\nadapter = \"rest\"", "sources.A.rest"),
        (
            "[sources.A]\nadapter = \"push-only\"\npoll_interval = 5",
            "sources.A.poll_interval",
        ),
        (
            "[sources.A]\nadapter = \"push-only\"\npoll_interval = -2",
            "sources.A.poll_interval",
        ),
        (
            "[sources.A]\nadapter = \"push-only\"\nmax_page_size = 0",
            "sources.A.max_page_size",
        ),
        (
            "[sources.A]\nadapter = \"push-only\"\npass_through = true",
            "sources.A.pass_through",
        ),
        (
            "[sources.A]\nadapter = \"rust\"\nrust = \"x\"\npass_through = true\nmetadata = \"m\"",
            "sources.A.metadata",
        ),
        (
            "[sources.A]\nadapter = \"push-only\"\nschema = { property = {} }",
            "sources.A.schema",
        ),
        ("[sources.\"a:b\"]\nadapter = \"push-only\"", "sources.a:b"),
        (
            "[sources.A]\nadapter = \"rest\"\n[sources.A.rest]\nurl = \"ftp://x\"",
            "sources.A.rest.url",
        ),
        (
            "[sources.A]\nadapter = \"rest\"\n[sources.A.rest]\nurl = { variable = \"nope\" }",
            "sources.A.rest.url",
        ),
        (
            "[sources.A]\nadapter = \"rest\"\n[sources.A.rest]\nurl = \"http://x\"\nrecords = \"items\"",
            "sources.A.rest.records",
        ),
        // What one user is shown would be everybody's.
        (
            "[sources.A]\nadapter = \"rest\"\npartition = \"app\"\n[sources.A.rest]\nurl = \"http://x\"\nauthorization = { user = \"basic\" }",
            "sources.A.rest.authorization.user",
        ),
        (
            "[sources.A]\nadapter = \"http\"\npartition = \"{{ user.region }}\"\nhttp = { url = \"http://x\", authorization = { user = \"bearer\" } }",
            "sources.A.http.authorization.user",
        ),
        // One partition could have the name of another.
        (
            "[sources.A]\nadapter = \"push-only\"\npartition = [\"user\", \"{{ user.region }}\"]",
            "sources.A.partition",
        ),
        (
            "[sources.A]\nadapter = \"push-only\"\npartition = [\"user\", \"user/{{ user.region }}\"]",
            "sources.A.partition",
        ),
        (
            "[sources.A]\nadapter = \"push-only\"\npartition = [\"r/{{ user.a }}\", \"r/{{ user.b }}\"]",
            "sources.A.partition",
        ),
        // No part of a copy that is made of several is anybody's to ask for.
        (
            "[sources.A]\nadapter = \"push-only\"\npartition = [\"app\", \"user\"]\nparameters = \"own-copy\"",
            "sources.A.parameters",
        ),
        (
            "[sources.A]\nadapter = \"push-only\"\npartition = \"user\"\n[sources.A.hook]\nsecret = \"s\"\nsecret_header = \"X\"\nrecords = \"$\"\npartition = \"$.region\"",
            "sources.A.hook.partition",
        ),
        (
            "[sources.A]\nadapter = \"push-only\"\npartition = [\"user\"]",
            "sources.A.partition",
        ),
        (
            "[sources.A]\nadapter = \"push-only\"\npartition = [\"app\", \"adapter\"]",
            "sources.A.partition",
        ),
        (
            "[sources.A]\nadapter = \"push-only\"\npartition = [\"app\", \"user\"]\ncreate_in = \"region\"",
            "sources.A.create_in",
        ),
        (
            "[sources.A]\nadapter = \"push-only\"\npartition = \"app\"\ncreate_in = \"app\"",
            "sources.A.create_in",
        ),
        (
            "[sources.A]\nadapter = \"rust\"\nrust = \"a\"\npass_through = true\npartition = [\"app\", \"user\"]",
            "sources.A.partition",
        ),
        ("retention_days = 0", "retention_days"),
        ("[blobs]\nmax_bytes = 0", "blobs.max_bytes"),
        ("[blobs]\ncolour = 1", "blobs"),
        ("[cors]\ncolour = 1", "cors"),
        (
            "[authentication]\nmethod = \"guess\"",
            "authentication.method",
        ),
        (
            "[authentication]\nmethod = \"back-end\"",
            "authentication.url",
        ),
        ("[authentication]\nurl = \"http://x\"", "authentication.url"),
        (
            "[authentication]\nmethod = \"back-end\"\nurl = \"x\"",
            "authentication.url",
        ),
        ("[authentication.jwt]\nissuer = \"i\"", "authentication.jwt"),
        (
            "[authentication.jwt]\nissuer = \"i\"\naudience = \"\"\njwks_url = \"http://x\"",
            "authentication.jwt.audience",
        ),
        (
            "[authentication.jwt]\nissuer = \"i\"\naudience = \"a\"\njwks_url = \"http://x\"\nleeway_seconds = 3600",
            "authentication.jwt.leeway_seconds",
        ),
        ("[cors]\norigins = [\"app.example\"]", "cors.origins"),
        ("[devices]\nidle_seconds = 0", "devices.idle_seconds"),
        (
            "[devices.types.kiosk]\nidle_seconds = 86401",
            "devices.types.kiosk.idle_seconds",
        ),
        ("[blobs]\npublic_url = \"sync.example\"", "blobs.public_url"),
        (
            "[blobs.s3]\nendpoint = \"http://x\"\nbucket = \"b\"\nregion = \"r\"\naccess_key = \"a\"\nsecret_key = { variable = \"nope\" }",
            "blobs.s3.secret_key",
        ),
        ("[blobs.s3]\nendpoint = \"http://x\"", "blobs.s3"),
        ("bulk_sync_poll_interval = 5", "bulk_sync_poll_interval"),
        (
            "[sources.A]\nadapter = \"push-only\"\nbelongs_to = { brand = \"a:b\" }",
            "sources.A.belongs_to.brand",
        ),
        ("[jobs]\nlease_seconds = 0", "jobs.lease_seconds"),
        ("[jobs]\ndead_days = 0", "jobs.dead_days"),
        ("[jobs]\ndead_jobs = 0", "jobs.dead_jobs"),
        ("[queues.x]\nconcurrency = 0", "queues.x.concurrency"),
        (
            "[queues.x]\nrate = { starts = 0, per_seconds = 1 }",
            "queues.x.rate",
        ),
        ("[queues.\"a b\"]", "queues.a b"),
        (
            "[schedules.x]\njob = \"j\"\nqueue = \"adapter\"\ncron = \"0 25 * * *\"",
            "schedules.x.cron",
        ),
        (
            "[schedules.x]\njob = \"j\"\nqueue = \"adapter\"\ncron = \"0 0 30 2 *\"",
            "schedules.x.cron",
        ),
        (
            "[schedules.x]\njob = \"j\"\nqueue = \"adapter\"\nevery_seconds = 0",
            "schedules.x.every_seconds",
        ),
        (
            "[schedules.x]\njob = \"j\"\nqueue = \"adapter\"",
            "schedules.x.cron",
        ),
        (
            "[sources.P]\nadapter = \"push-only\"\nqueue = \"adapter\"",
            "sources.P.queue",
        ),
        (
            "[sources.P]\nadapter = \"rust\"\nrust = \"x\"\nqueue = \"slow\"",
            "sources.P.queue",
        ),
        (
            "[sources.P]\nadapter = \"rust\"\nrust = \"x\"\nbackground = true",
            "sources.P.background",
        ),
        ("sources = 3", "sources"),
        ("colour = 1", "colour"),
        (
            "bulk_selections = [[\"A\"], [\"B\", 5]]",
            "bulk_selections[1][1]",
        ),
        (
            "[sources.A]\nadapter = \"push-only\"\ncolour = 1\n[sources.B]\nadapter = \"push-only\"\ncolour = 1",
            "sources.A.colour",
        ),
        (
            "[sources.\"a/~1\"]\nadapter = \"push-only\"\npage_sise = 1",
            "sources.a/~1.page_sise",
        ),
        ("[sources.A]\npoll_interval = 5", "sources.A"),
        ("[[", "(syntax)"),
    ];
    for (text, key) in cases {
        let error = load(text).unwrap_err();
        assert_eq!(error.file, "rhosync.toml");
        assert!(error.key.starts_with(key), "{text}: {error}");
    }
}
