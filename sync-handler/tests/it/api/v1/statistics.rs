//! `/statistics`.

use serde_json::json;
use test_support::local;

use crate::console::Console;

#[test]
fn a_metric_is_told_step_by_step_and_by_a_label() {
    local(async {
        let console = Console::start().await;
        let device = console.device("anna").await;
        for _ in 0..3 {
            assert_eq!(console.pull(&device, "Shared", "").await.0, 200);
        }
        console.flush().await;
        console.pass(60);
        assert_eq!(console.pull(&device, "Pushed", "").await.0, 200);
        console.flush().await;
        console.pass(60);

        let pulls = console.see("/statistics?metric=pulls&minutes=4").await;
        assert_eq!(pulls["unit"], "pages");
        assert_eq!(pulls["step_seconds"], 60);
        let all = json!([{"labels": {}, "values": [0.0, 3.0, 1.0, 0.0]}]);
        assert_eq!(pulls["series"], all, "{pulls}");

        let path = "/statistics?metric=pulls&by=source&minutes=3";
        let by_source = console.see(path).await;
        assert_eq!(
            by_source["series"],
            json!([
                {"labels": {"source": "Shared"}, "values": [3.0, 0.0, 0.0]},
                {"labels": {"source": "Pushed"}, "values": [0.0, 1.0, 0.0]},
            ]),
        );
        let hours = console
            .see("/statistics?metric=requests&by=route&hours=2")
            .await;
        let of_devices = &hours["series"][0];
        assert_eq!(of_devices["labels"]["route"], "/app/v1/{source}");
        assert_eq!(of_devices["values"][1], 4.0, "{hours}");
        // What took no time is no number.
        let latency = console
            .see("/statistics?metric=latency-p95&minutes=4")
            .await;
        assert_eq!(latency["series"][0]["values"][0], json!(null), "{latency}");
        assert!(latency["series"][0]["values"][1].is_number(), "{latency}");
    });
}

#[test]
fn what_is_measured_is_listed_and_what_is_not_is_said() {
    local(async {
        let console = Console::start().await;
        let metrics = console.see("/statistics/metrics").await;
        for metric in metrics["items"].as_array().unwrap() {
            let name = metric["name"].as_str().unwrap();
            for label in metric["labels"].as_array().unwrap() {
                let label = label.as_str().unwrap();
                let path = format!("/statistics?metric={name}&by={label}&minutes=1");
                assert_eq!(console.see(&path).await["series"], json!([]));
            }
        }
        for path in [
            "/statistics",
            "/statistics?metric=nothing",
            "/statistics?metric=pulls&by=status",
            "/statistics?metric=pulls&minutes=181",
            "/statistics?metric=pulls&hours=2161",
            "/statistics?metric=pulls&hours=0",
            "/statistics?metric=pulls&hours=1&minutes=1",
        ] {
            let (status, body) = console.call("GET", path, "").await;
            assert_eq!(status, 400, "{path}: {body}");
        }
    });
}

#[test]
fn minutes_end_after_three_hours_and_hours_after_ninety_days() {
    local(async {
        let console = Console::start().await;
        let device = console.device("anna").await;
        assert_eq!(console.pull(&device, "Shared", "").await.0, 200);
        console.flush().await;
        let kept = async |kind: &str| {
            let keys = console.world().keys().await.into_iter();
            keys.filter(|key| key.contains(kind)).count()
        };
        let redis = &console.world().engine.ports().redis;
        assert_eq!((kept(":minute:").await, kept(":hour:").await), (1, 1));
        let pass = async |seconds| {
            let time = std::time::Duration::from_secs(seconds);
            redis.let_keys_expire(time).await;
        };
        pass(3 * 3_600 + 60).await;
        assert_eq!((kept(":minute:").await, kept(":hour:").await), (0, 1));
        pass(90 * 86_400).await;
        assert_eq!(kept(":hour:").await, 0);
    });
}
