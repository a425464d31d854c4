//! Logins, tokens and rights, over HTTP and gRPC.

use serde_json::json;
use shakedown_model::plan::{AccessKey, AuthScope};
use shakedown_model::secrets::Secret;
use shakedown_nacos::grpc::message::{
    ConfigQueryRequest, ConfigQueryResponse, HealthCheckRequest, HealthCheckResponse,
};

use super::api::{Answered, call};
use super::*;

fn locked(generation: Generation, change: impl FnOnce(&mut EmbeddedSettings)) -> RunningServer {
    let login = Login { username: "nacos".to_owned(), password: Secret::new("pw") };
    start_as(generation, Some(login), change)
}

async fn login(server: &RunningServer, path: &str, form: &str) -> Answered {
    call(server, &format!("POST {path}"), "", form).await
}

async fn token(server: &RunningServer, form: &str) -> String {
    let answer = login(server, "/v1/auth/users/login", form).await;
    answer.json()["accessToken"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn without_a_token_every_call_is_403_and_health_is_open() {
    for (generation, words) in
        [(Generation::V2, "user not found!"), (Generation::V3, "Code: 401, Message: User not found!")]
    {
        let server = locked(generation, |_| {});
        for line in
            ["GET /v1/cs/configs?dataId=d&group=g", "POST /v1/cs/configs", "POST /v1/cs/configs/listener"]
        {
            let answer = call(&server, line, "", "dataId=d&group=g&content=x").await;
            assert_eq!(answer.status, 403, "{line}");
            assert!(answer.json()["message"].as_str().unwrap().starts_with(words), "{}", answer.body);
        }
        let health = match generation {
            Generation::V2 => "GET /v1/console/health/readiness",
            Generation::V3 => "GET /v3/admin/core/state/readiness",
        };
        assert_eq!(call(&server, health, "", "").await.status, 200);
    }
}

#[tokio::test]
async fn a_login_answers_a_token_that_opens_everything_wherever_it_stands() {
    let server = locked(Generation::V2, |_| {});
    let answer = login(&server, "/v1/auth/users/login", "username=nacos&password=pw").await;
    let told = answer.json();
    assert_eq!((&told["tokenTtl"], &told["globalAdmin"]), (&json!(18000), &json!(true)));
    let token = told["accessToken"].as_str().unwrap();
    assert!(answer.head.contains("authorization: bearer "), "{}", answer.head);
    let line = "GET /v1/cs/configs?dataId=d&group=g";
    for (line, headers) in [
        (line.to_owned(), format!("accessToken: {token}\r\n")),
        (line.to_owned(), format!("Authorization: Bearer {token}\r\n")),
        (format!("{line}&accessToken={token}"), String::new()),
        (format!("{line}&username=nacos&password=pw"), String::new()),
    ] {
        assert_eq!(call(&server, &line, &headers, "").await.status, 404, "{line} {headers}");
    }
    // nacos 2.6.3 for Node has its login in the form of every poll.
    let poll = "POST /v1/cs/configs/listener";
    let form = "username=nacos&password=pw&Listening-Configs=d%02g%02m%01";
    assert_eq!(call(&server, poll, "Long-Pulling-Timeout: 10\r\n", form).await.body.trim(), "d%02g%01");
    assert_eq!(call(&server, poll, "Long-Pulling-Timeout: 10\r\n", &form[27..]).await.status, 403);
    let bad = call(&server, line, &format!("accessToken: {token}x\r\n"), "").await;
    assert_eq!((bad.status, bad.json()["message"].clone()), (403, json!("Invalid signature")));
    let wrong = login(&server, "/v1/auth/users/login", "username=nacos&password=no").await;
    assert_eq!((wrong.status, wrong.body.as_str()), (403, "user not found!"));
}

#[tokio::test]
async fn a_token_expires() {
    let server = locked(Generation::V2, |settings| settings.token_ttl = Duration::from_secs(1));
    let token = token(&server, "username=nacos&password=pw").await;
    let headers = format!("accessToken: {token}\r\n");
    let line = "GET /v1/cs/configs?dataId=d&group=g";
    soon("the expiry", async {
        while call(&server, line, &headers, "").await.status != 403 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(call(&server, line, &headers, "").await.json()["message"], "token expired!");
}

#[tokio::test]
async fn users_have_the_rights_of_their_roles() {
    for (generation, auth) in [(Generation::V2, "v1/auth"), (Generation::V3, "v3/auth")] {
        let server = locked(generation, |_| {});
        let s = if generation == Generation::V2 { "s" } else { "" };
        let admin = format!("accessToken: {}\r\n", token(&server, "username=nacos&password=pw").await);
        for (path, form) in [
            ("user", "username=bob&password=b"),
            ("role", "role=dev&username=bob"),
            ("permission", "role=dev&resource=:*:*&action=r"),
        ] {
            let made = call(&server, &format!("POST /{auth}/{path}{s}"), &admin, form).await;
            assert_eq!(made.status, 200, "{path}: {}", made.body);
        }
        let bob = format!("accessToken: {}\r\n", token(&server, "username=bob&password=b").await);
        let read = call(&server, "GET /v1/cs/configs?dataId=d&group=g", &bob, "").await;
        assert_eq!(read.status, 404, "it may read, and there is nothing");
        let write = call(&server, "POST /v1/cs/configs", &bob, "dataId=d&group=g&content=x").await;
        assert_eq!(write.status, 403);
        assert!(write.body.contains("authorization failed!"), "{}", write.body);
        let eve = call(&server, &format!("POST /{auth}/user{s}"), &bob, "username=eve&password=e").await;
        assert_eq!(eve.status, 403);
        let own = call(&server, &format!("PUT /{auth}/user{s}"), &bob, "username=bob&newPassword=c").await;
        assert_eq!(own.status, 200);
        token(&server, "username=bob&password=c").await;
    }
}

#[tokio::test]
async fn a_server_without_an_administrator_makes_its_first_one() {
    let server = start();
    let made = call(&server, "POST /v1/auth/users/admin", "", "password=pw1").await;
    assert_eq!(made.json(), json!({ "username": "nacos", "password": "pw1" }));
    let again = call(&server, "POST /v1/auth/users/admin", "", "password=pw2").await.json();
    assert_eq!(again["code"], 409);
    token(&server, "username=nacos&password=pw1").await;
}

#[tokio::test]
async fn in_3_x_the_admin_api_alone_may_need_the_login() {
    let server = locked(Generation::V3, |settings| settings.auth_scope = AuthScope::Admin);
    let client = "GET /v3/client/cs/config?dataId=d&groupName=g";
    assert_eq!(call(&server, client, "", "").await.status, 200);
    let admin = "POST /v3/admin/cs/config";
    let form = "dataId=d&groupName=g&content=x";
    assert_eq!(call(&server, admin, "", form).await.status, 403);
    let answer = login(&server, "/v3/auth/user/login", "username=nacos&password=pw").await;
    let headers = format!("accessToken: {}\r\n", answer.json()["accessToken"].as_str().unwrap());
    assert_eq!(call(&server, admin, &headers, form).await.status, 200);
}

async fn query(client: &mut Client, headers: &[(&str, &str)]) -> ConfigQueryResponse {
    let query = Payload::new(&ConfigQueryRequest::of(&key("d")));
    let query = headers.iter().fold(query, |query, (name, value)| query.with_header(name, value));
    soon("a reply", client.0.unary(&query)).await.unwrap().payload.read().unwrap()
}

#[tokio::test]
async fn grpc_calls_carry_the_token_in_their_headers() {
    let server = locked(Generation::V2, |_| {});
    let token = token(&server, "username=nacos&password=pw").await;
    let mut client = Client::connect(&server).await;
    let _: HealthCheckResponse = client.call(&Payload::new(&HealthCheckRequest::default())).await;
    let refused = query(&mut client, &[]).await;
    assert_eq!((refused.result_code, refused.error_code), (500, 403));
    assert_eq!(refused.message.as_deref(), Some("user not found!"));
    let absent = query(&mut client, &[("accessToken", &token)]).await;
    assert_eq!(absent.error_code, 300);
}

#[tokio::test]
async fn a_wrong_signature_of_an_access_key_is_refused_when_its_secret_is_known() {
    let spas = [("Spas-AccessKey", "ak"), ("Timestamp", "1700000000000")];
    let good = [spas[0], spas[1], ("Spas-Signature", "j6e8xo98pWxGWgrhNTYfhcWEDPQ=")];
    let bad = [spas[0], spas[1], ("Spas-Signature", "x")];
    let unseen = start();
    let mut client = Client::connect(&unseen).await;
    assert_eq!(query(&mut client, &bad).await.error_code, 300, "accepted unseen");
    let access_key = AccessKey { id: "ak".to_owned(), secret: Secret::new("sk") };
    let verifies = start_with(|settings| settings.access_key = Some(access_key));
    let mut client = Client::connect(&verifies).await;
    assert_eq!(query(&mut client, &bad).await.error_code, 403);
    assert_eq!(query(&mut client, &good).await.error_code, 300);
    assert_eq!(query(&mut client, &[]).await.error_code, 300);
}
