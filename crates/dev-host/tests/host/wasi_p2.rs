use crate::world::{Host, manifest};

#[tokio::test]
async fn components_of_wasi_0_2_get_a_fresh_instance_per_request_and_may_call_out() {
    let host = Host::start(
        &manifest(
            "[[trigger.http]]\ncomponent = \"elder\"\nroute = \"/...\"\n\
             [component.elder]\nsource = \"$probe_p2\"\nallowed_outbound_hosts = [\"http://self\"]",
        ),
        &[],
    );
    assert_eq!(host.text("/").await, "1");
    assert_eq!(host.text("/").await, "1");
    assert_eq!(host.text("/fetch/self.alt").await, "200");
    assert!(
        host.text("/fetch/example.com")
            .await
            .contains("HttpRequestDenied")
    );
}
