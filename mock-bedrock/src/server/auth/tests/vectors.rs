//! AWS's published vectors.

use super::*;

/// `service` of AWS's published suite is a service of its own; the arithmetic is the same.
#[test]
fn the_published_test_vectors_come_out() {
    let scope = crate::server::caller::Scope {
        access_key: KEY,
        date: "20150830",
        region: "us-east-1",
        service: "service",
    };
    let form = "content-type;host;x-amz-date";
    // (name, method, path and query, headers, signed, body, signature)
    #[expect(clippy::type_complexity, reason = "a row of the table below")]
    let table: [(&str, &str, &str, &[(&str, &str)], &str, &str, &str); 10] = [
        (
            "get-vanilla",
            "GET",
            "/",
            &[],
            "host;x-amz-date",
            "",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "get-relative",
            "GET",
            "/example/..",
            &[],
            "host;x-amz-date",
            "",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "get-slash-dot-slash",
            "GET",
            "/./",
            &[],
            "host;x-amz-date",
            "",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "get-slashes",
            "GET",
            "//example//",
            &[],
            "host;x-amz-date",
            "",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            &[],
            "host;x-amz-date",
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-empty-query-key",
            "GET",
            "/?Param1=value1",
            &[],
            "host;x-amz-date",
            "",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "get-header-key-duplicate",
            "GET",
            "/",
            &[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
            "host;my-header1;x-amz-date",
            "",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "get-header-value-trim",
            "GET",
            "/",
            &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            "host;my-header1;my-header2;x-amz-date",
            "",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "post-vanilla",
            "POST",
            "/",
            &[],
            "host;x-amz-date",
            "",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "post-x-www-form-urlencoded",
            "POST",
            "/",
            &[("content-type", "application/x-www-form-urlencoded")],
            form,
            "Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ];
    for (name, method, target, headers, names, body, signature) in table {
        let mut request =
            Request::builder().method(method).uri(target).header("host", "example.amazonaws.com");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request =
            request.header("x-amz-date", "20150830T123600Z").body(Bytes::from(body)).expect("a request");
        let claim = Claim {
            scope,
            signed_headers: names.split(';').collect(),
            signature: String::new(),
            stamp: NOW,
            token: None,
            expires_s: None,
        };
        let canonical = canonical::request(&request, &claim).expect("every header is there");
        assert_eq!(
            signature::of(&Secret::new(SECRET), &scope, NOW, &canonical),
            signature,
            "{name}\n{canonical}"
        );
    }
}
