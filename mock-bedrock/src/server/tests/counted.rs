//! Statuses of all exceptions, and what counts as a call that was served: two of the points that mocks get wrong.

use serde_json::json;

use super::{
    live::{MESSAGE, admin, settings, state},
    *,
};

/// Each exception of the service model with the status that it declares.
const STATUSES: [(&str, u16); 12] = [
    ("AccessDeniedException", 403),
    ("ConflictException", 400),
    ("InternalServerException", 500),
    ("ModelErrorException", 424),
    ("ModelNotReadyException", 429),
    ("ModelStreamErrorException", 424),
    ("ModelTimeoutException", 408),
    ("ResourceNotFoundException", 404),
    ("ServiceQuotaExceededException", 400),
    ("ServiceUnavailableException", 503),
    ("ThrottlingException", 429),
    ("ValidationException", 400),
];

#[test]
fn point_09_every_exception_has_the_status_of_the_service_model() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        for (name, status) in STATUSES {
            let fault = json!({ "error_burst": { "errors": { name: "100%" } } });
            let (done, said) = admin(&server, "POST", "faults", json!({ "name": "f", "fault": fault })).await;
            assert_eq!(done, 200, "{said}");
            let response = ask(server.addr(), post("/model/m/converse", MESSAGE)).await;
            let kind = response.headers()[reply::ERROR_TYPE].to_str().expect("text");
            assert_eq!((response.status().as_u16(), kind.split(':').next()), (status, Some(name)));
        }
        server.stop().await;
    });
}

/// `Invocations` of the service counts successes, and throttles are neither in it nor among its errors.
#[test]
fn point_27_answers_throttles_and_errors_are_counted_apart() {
    on_runtime(async {
        let quotas = json!({ "quotas": { "on_demand": { "us-east-1": { "requests": "3/min" } } } });
        let server = start(settings(quotas, "0ms")).await.expect("it starts");
        for _ in 0..5 {
            ask(server.addr(), post("/model/m/converse", MESSAGE)).await;
        }
        ask(server.addr(), post("/model/m/converse", "{}")).await;
        let state = state(&server).await;
        assert_eq!(
            state["counts"],
            json!([
                { "operation": "Converse", "outcome": "ThrottlingException", "count": 2 },
                { "operation": "Converse", "outcome": "answered", "count": 3 },
            ])
        );
        let pool = &state["pools"][0];
        assert_eq!((&pool["admitted"], &pool["throttled"]), (&json!(3), &json!(2)), "{pool}");
        server.stop().await;
    });
}
