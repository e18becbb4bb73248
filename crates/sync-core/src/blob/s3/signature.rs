//! AWS Signature Version 4: who sends a request, and that nobody has changed it.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{AUTHORIZATION, HeaderName, HeaderValue, InvalidHeaderValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use crate::model::Millis;
use crate::ports::hex;
use crate::settings::S3Settings;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Signs a request with all the headers it has, its host, and its body. Path and query are in canonical form already.
pub(super) fn sign(
    request: &mut http::Request<Bytes>,
    settings: &S3Settings,
    now: Millis,
) -> Result<(), InvalidHeaderValue> {
    let (day, time) = timestamp(now);
    let content = hex(&Sha256::digest(request.body()));
    let headers = request.headers_mut();
    headers.insert(DATE, HeaderValue::from_str(&time)?);
    headers.insert(CONTENT_DIGEST, HeaderValue::from_str(&content)?);

    let (names, canonical) = canonical(request, &content);
    let scope = format!("{day}/{}/s3/aws4_request", settings.region);
    let digest = hex(&Sha256::digest(canonical));
    let text = format!("{ALGORITHM}\n{time}\n{scope}\n{digest}");
    let first = format!("AWS4{}", settings.secret_key.expose()).into_bytes();
    let key = [&day, settings.region.as_str(), "s3", "aws4_request"]
        .into_iter()
        .fold(first, |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &text));
    let access_key = settings.access_key.expose();
    let mut authorization = HeaderValue::from_str(&format!(
        "{ALGORITHM} Credential={access_key}/{scope},SignedHeaders={names},Signature={signature}"
    ))?;
    authorization.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, authorization);
    Ok(())
}

/// The names of the signed headers, and the request as it is signed.
fn canonical(request: &http::Request<Bytes>, content: &str) -> (String, String) {
    let uri = request.uri();
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let mut headers: Vec<(&str, &[u8])> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .chain([("host", host.as_bytes())])
        .collect();
    headers.sort_unstable();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", String::from_utf8_lossy(value).trim()))
        .collect();
    let (method, path, query) = (
        request.method(),
        uri.path(),
        uri.query().unwrap_or_default(),
    );
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{content}");
    (names, canonical)
}

/// The day and the second, as `20130524` and `20130524T000000Z`.
fn timestamp(now: Millis) -> (String, String) {
    let at = i64::try_from(now.0).unwrap_or(i64::MAX);
    let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX);
    let at = TimeZone::UTC.to_datetime(at);
    let day = format!("{:04}{:02}{:02}", at.year(), at.month(), at.day());
    let time = format!(
        "{day}T{:02}{:02}{:02}Z",
        at.hour(),
        at.minute(),
        at.second()
    );
    (day, time)
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of any length.
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::settings::Secret;

    /// What signs a request of the documentation named above, and which headers it covers.
    fn signed(request: http::request::Builder, body: &'static str) -> (String, String) {
        let settings = S3Settings {
            endpoint: "https://s3.amazonaws.com".to_owned(),
            bucket: "examplebucket".to_owned(),
            region: "us-east-1".to_owned(),
            access_key: Secret::new("AKIAIOSFODNN7EXAMPLE"),
            secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        };
        let mut request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
        sign(&mut request, &settings, Millis(1_369_353_600_000)).unwrap();
        let authorization = request.headers()[AUTHORIZATION].to_str().unwrap();
        let (rest, signature) = authorization.split_once(",Signature=").unwrap();
        let headers = rest.strip_prefix(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=",
        );
        (headers.expect(rest).to_owned(), signature.to_owned())
    }

    fn get(path: &str) -> http::request::Builder {
        Request::get(format!("https://examplebucket.s3.amazonaws.com{path}"))
    }

    fn expected(headers: &str, signature: &str) -> (String, String) {
        (headers.to_owned(), signature.to_owned())
    }

    #[test]
    fn the_published_examples_are_signed_as_published() {
        assert_eq!(
            signed(get("/test.txt").header("Range", "bytes=0-9"), ""),
            expected(
                "host;range;x-amz-content-sha256;x-amz-date",
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
            )
        );
        assert_eq!(
            signed(get("/?lifecycle="), ""),
            expected(
                "host;x-amz-content-sha256;x-amz-date",
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
            )
        );
        assert_eq!(
            signed(get("/?max-keys=2&prefix=J"), ""),
            expected(
                "host;x-amz-content-sha256;x-amz-date",
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
            )
        );
        let put = Request::put("https://examplebucket.s3.amazonaws.com/test%24file.text")
            .header("Date", "Fri, 24 May 2013 00:00:00 GMT")
            .header("x-amz-storage-class", "REDUCED_REDUNDANCY");
        assert_eq!(
            signed(put, "Welcome to Amazon S3."),
            expected(
                "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
            )
        );
    }
}
