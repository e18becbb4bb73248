//! Scripts on a real server.

use sync_redis::{RedisConn as _, RedisError, Script, StoreError, args};
use test_support::{NativeRedis, TestRedis};

static ECHO: Script = Script::new("echo", "return {KEYS[1], ARGV[1], false, 7}");
static WRONG: Script = Script::new("wrong", "return redis.call('INCR', KEYS[1], 'too', 'many')");

#[tokio::test(flavor = "current_thread")]
async fn a_script_runs_whether_the_server_knows_it_or_not() {
    let server = TestRedis::start();
    let redis = NativeRedis::connect(&server.url()).await;
    for flush in [false, false, true] {
        if flush {
            redis.run(args!["SCRIPT", "FLUSH"]).await.unwrap();
        }
        let keys = ["key".to_owned()];
        let mut reply = ECHO.run(&redis, &keys, args!["said"]).await.unwrap();
        assert_eq!(reply.required_text().unwrap(), "key");
        assert_eq!(reply.required_text().unwrap(), "said");
        assert_eq!(reply.text().unwrap(), None);
        assert_eq!(reply.number().unwrap(), 7);
        assert!(reply.is_empty());
        assert_eq!(
            reply.text(),
            Err(StoreError::UnexpectedReply {
                command: "echo",
                found: "\"the end of the reply\"".to_owned()
            })
        );
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_a_script_raises_is_told() {
    let server = TestRedis::start();
    let redis = NativeRedis::connect(&server.url()).await;
    let answer = WRONG.run(&redis, &["key".to_owned()], args![]).await;
    let error = answer.unwrap_err();
    assert!(
        matches!(error, StoreError::Redis(RedisError::Refused(_))),
        "{error}"
    );
}
