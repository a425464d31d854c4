//! The rest of HTTP: gray releases, history and searches of v1, v2 and v3, namespaces, and what 3.x switched off.

use serde_json::{Value, json};
use shakedown_nacos::md5_hex;

use super::*;

/// An answer's status, its head in lower case and its body.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answered {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Calls `method path`, with a form as its body unless it is a GET; `headers` are whole lines.
pub(super) async fn call(server: &RunningServer, line: &str, headers: &str, form: &str) -> Answered {
    let request = format!(
        "{} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        line.replacen(' ', " /nacos", 1),
        form.len()
    );
    let answer = http::raw(server, &request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answered { status: head[9..12].parse().unwrap(), head: head.to_lowercase(), body: body.to_owned() }
}

async fn get(server: &RunningServer, target: &str) -> Answered {
    call(server, &format!("GET {target}"), "", "").await
}

/// Waits until a write that came before this is visible.
async fn settle(server: &RunningServer) {
    publish_visibly(server, "settled", &format!("{:?}", tokio::time::Instant::now())).await;
}

async fn start_v3(change: impl FnOnce(&mut EmbeddedSettings)) -> RunningServer {
    start_as(Generation::V3, None, change)
}

#[tokio::test]
async fn v1_releases_to_some_and_takes_it_back() {
    let server = start();
    let configs = "/v1/cs/configs?dataId=d&group=g";
    let form = "dataId=d&group=g&content=";
    call(&server, "POST /v1/cs/configs", "", &format!("{form}formal&type=yaml")).await;
    let beta = call(&server, "POST /v1/cs/configs", "betaIps: 10.0.0.1\r\n", &format!("{form}beta")).await;
    assert_eq!((beta.status, beta.body.as_str()), (200, "true"));
    call(&server, "POST /v1/cs/configs", "", &format!("{form}tagged&tag=v2")).await;
    settle(&server).await;
    let line = format!("GET {configs}");
    for (headers, content, mark) in [
        ("", "formal", "encrypted-data-key: "),
        ("X-Forwarded-For: 10.0.0.1, 10.9.9.9\r\n", "beta", "isbeta: true"),
        ("X-Real-IP: 10.0.0.1\r\n", "beta", "isbeta: true"),
        ("Vipserver-Tag: v2\r\n", "tagged", "tag: v2"),
        ("Vipserver-Tag: v3\r\n", "formal", "config-type: yaml"),
    ] {
        let found = call(&server, &line, headers, "").await;
        assert_eq!(found.body, content, "{headers}");
        assert!(found.head.contains(mark), "{headers}: {}", found.head);
        assert!(found.head.contains(&format!("content-md5: {}", md5_hex(content))));
        assert!(found.head.contains("config-type: yaml"));
    }
    assert_eq!(get(&server, &format!("{configs}&tag=v2")).await.body, "tagged");
    assert_eq!(get(&server, &format!("{configs}&tag=v3")).await.status, 404);
    let shown = get(&server, &format!("{configs}&beta=true")).await.json();
    assert_eq!(shown["message"], "query beta ok");
    assert_eq!(shown["data"]["betaIps"], "10.0.0.1");
    let stop = format!("DELETE {configs}&beta=true");
    let stopped = call(&server, &stop, "", "").await.json();
    assert_eq!(stopped, json!({ "code": 200, "message": "stop beta ok", "data": true }));
    let absent = call(&server, &stop, "", "").await.json();
    assert_eq!(absent, json!({ "code": 500, "message": "remove beta data error", "data": false }));
    settle(&server).await;
    assert_eq!(call(&server, &line, "X-Real-IP: 10.0.0.1\r\n", "").await.body, "formal");
}

#[tokio::test]
async fn v1_searches_shows_and_deletes_by_number() {
    let server = start();
    for id in ["app.a", "app.b", "other"] {
        let form = format!("dataId={id}&group=g&content=x&desc=words&appName=app&config_tags=t1,t2");
        call(&server, "POST /v1/cs/configs", "", &form).await;
    }
    let search = |kind: &str, id: &str| {
        format!("/v1/cs/configs?search={kind}&dataId={id}&group=&pageNo=1&pageSize=10")
    };
    let blurred = get(&server, &search("blur", "app*")).await.json();
    assert_eq!((&blurred["totalCount"], &blurred["pagesAvailable"]), (&json!(2), &json!(1)));
    assert_eq!(blurred["pageItems"][1]["dataId"], "app.b");
    assert_eq!(get(&server, &search("accurate", "app*")).await.status, 400);
    assert_eq!(get(&server, &search("accurate", "other")).await.json()["totalCount"], 1);
    assert_eq!(get(&server, "/v1/cs/configs?search=blur&dataId=d&group=g").await.status, 400);
    let shown = get(&server, "/v1/cs/configs?dataId=other&group=g&show=all").await.json();
    assert_eq!((&shown["desc"], &shown["configTags"]), (&json!("words"), &json!("t1,t2")));
    assert_eq!(shown["md5"], md5_hex("x"));
    let nothing = get(&server, "/v1/cs/configs?dataId=no&group=g&show=all").await;
    assert_eq!((nothing.status, nothing.body.as_str()), (200, ""));
    let id = shown["id"].as_str().unwrap().to_owned();
    let gone = call(&server, &format!("DELETE /v1/cs/configs?delType=ids&ids={id},999"), "", "").await.json();
    assert_eq!((&gone["code"], &gone["data"]), (&json!(200), &json!(true)));
    assert_eq!(get(&server, &search("accurate", "other")).await.json()["totalCount"], 0);
}

#[tokio::test]
async fn v1_tells_history_and_who_listens() {
    let server = start();
    for content in ["one", "two"] {
        let form = format!("dataId=d&group=g&content={content}&src_user=me");
        call(&server, "POST /v1/cs/configs", "", &form).await;
    }
    let list = get(&server, "/v1/cs/history?search=accurate&dataId=d&group=g").await.json();
    assert_eq!(list["totalCount"], 2);
    let newest = &list["pageItems"][0];
    assert_eq!((&newest["opType"], &newest["content"]), (&json!("U         "), &Value::Null));
    assert!(newest["extInfo"].as_str().unwrap().contains("\"src_user\":\"me\""), "{newest}");
    let nid = newest["id"].as_str().unwrap();
    let item = get(&server, &format!("/v1/cs/history?dataId=d&group=g&nid={nid}")).await.json();
    assert_eq!(item["content"], "one", "what was replaced");
    let foreign = get(&server, &format!("/v1/cs/history?dataId=e&group=g&nid={nid}")).await;
    assert_eq!(foreign.status, 403);
    assert_eq!(get(&server, "/v1/cs/history?dataId=d&group=g&nid=99").await.body, "");
    let row = get(&server, "/v1/cs/configs?dataId=d&group=g&show=all").await.json();
    let id = row["id"].as_str().unwrap();
    let previous = get(&server, &format!("/v1/cs/history/previous?dataId=d&group=g&id={id}")).await.json();
    assert_eq!(previous["content"], "one");

    settle(&server).await;
    let mut client = Client::connect(&server).await;
    client.listen(&[("d", &md5_hex("two"))]).await;
    let of_config = get(&server, "/v1/cs/configs/listener?dataId=d&group=g").await.json();
    assert_eq!(of_config["lisentersGroupkeyStatus"], json!({ "127.0.0.1": md5_hex("two") }));
    let of_ip = get(&server, "/v1/cs/listener?ip=127.0.0.1").await.json();
    assert_eq!(of_ip["lisentersGroupkeyStatus"], json!({ "d+g": md5_hex("two") }));
}

#[tokio::test]
async fn v2_wraps_everything() {
    let server = start();
    let config = "/v2/cs/config?dataId=d&group=g";
    let absent = get(&server, config).await;
    let words = json!({ "code": 20004, "message": "resource not found", "data": "config data not exist" });
    assert_eq!((absent.status, absent.json()), (404, words));
    let form = "dataId=d&group=g&content=one&type=json&namespaceId=public";
    let done = call(&server, "POST /v2/cs/config", "", form).await;
    assert_eq!(done.json(), json!({ "code": 0, "message": "success", "data": true }));
    settle(&server).await;
    let found = get(&server, config).await;
    assert_eq!(found.json()["data"], "one");
    assert!(found.head.contains(&format!("content-md5: {}", md5_hex("one"))), "{}", found.head);
    let refusal = |answer: &Answered| (answer.status, answer.json()["code"].as_i64().unwrap());
    let post = async |headers: &str, form: &str| call(&server, "POST /v2/cs/config", headers, form).await;
    assert_eq!(refusal(&post("", "dataId=d&group=g&content=+").await), (400, 10000));
    assert_eq!(refusal(&post("", "dataId=d&content=x").await), (400, 10000));
    assert_eq!(refusal(&post("casMd5: 0\r\n", "dataId=d&group=g&content=x").await), (500, 20005));
    let list = get(&server, "/v2/cs/history/list?dataId=d&group=g&namespaceId=").await.json();
    assert_eq!(list["data"]["totalCount"], 1);
    let search = "/v2/cs/config/searchDetail?dataId=d*&group=&config_detail=on*&pageNo=1&pageSize=9";
    assert_eq!(get(&server, search).await.json()["data"]["totalCount"], 1);
    assert_eq!(call(&server, &format!("DELETE {config}"), "", "").await.json()["data"], true);
    let put = call(&server, &format!("PUT {config}"), "", "").await;
    assert!(put.status == 405 && put.head.contains("allow: delete, get, post"), "{}", put.head);
    assert_eq!(get(&server, "/v3/client/cs/config?dataId=d&groupName=g").await.status, 404);
}

#[tokio::test]
async fn v3_serves_clients_and_operators() {
    let server = start_v3(|_| {}).await;
    let (client, admin) = ("/v3/client/cs/config", "/v3/admin/cs/config");
    let key = "dataId=d&groupName=g";
    let absent = get(&server, &format!("{client}?{key}")).await;
    assert_eq!((absent.status, absent.json()["code"].clone()), (200, json!(20004)));
    assert_eq!(get(&server, &format!("{admin}?{key}")).await.status, 404);
    let form = format!("{key}&content=one&type=json&desc=words&configTags=x,y&namespaceId=public");
    assert_eq!(call(&server, &format!("POST {admin}"), "", &form).await.json()["data"], true);
    let beta = format!("{key}&content=beta");
    call(&server, &format!("POST {admin}"), "betaIps: 10.0.0.1\r\n", &beta).await;
    settle_v3(&server).await;
    let found = get(&server, &format!("{client}?{key}")).await.json();
    let data = &found["data"];
    assert_eq!((&data["content"], &data["md5"]), (&json!("one"), &json!(md5_hex("one"))));
    assert_eq!((&data["beta"], &data["success"]), (&json!(false), &json!(true)));
    let line = format!("GET {client}?{key}&namespaceId=public");
    let released = call(&server, &line, "X-Real-IP: 10.0.0.1\r\n", "").await.json();
    assert_eq!((&released["data"]["content"], &released["data"]["beta"]), (&json!("beta"), &json!(true)));
    let whole = get(&server, &format!("{admin}?{key}")).await.json();
    assert_eq!((&whole["data"]["namespaceId"], &whole["data"]["desc"]), (&json!("public"), &json!("words")));
    let in_beta = get(&server, &format!("{admin}/beta?{key}")).await.json();
    assert_eq!(in_beta["data"]["grayName"], "beta");
    let stop = format!("DELETE {admin}/beta?{key}");
    assert_eq!(call(&server, &stop, "", "").await.json()["data"], true);
    assert_eq!(call(&server, &stop, "", "").await.json()["code"], 30000);
    let put = format!("PUT {admin}/metadata");
    let words = format!("{key}&desc=new");
    assert_eq!(call(&server, &put, "", &words).await.json()["data"], true);
    assert_eq!(get(&server, &format!("{admin}?{key}")).await.json()["data"]["desc"], "new");
    let list = get(&server, &format!("{admin}/list?pageNo=1&pageSize=1")).await.json();
    assert_eq!((&list["data"]["totalCount"], &list["data"]["pagesAvailable"]), (&json!(2), &json!(2)));
    let history = get(&server, &format!("/v3/admin/cs/history/list?{key}")).await.json();
    let items = history["data"]["pageItems"].as_array().unwrap();
    let kinds: Vec<_> = items.iter().map(|item| item["publishType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["formal", "gray", "gray", "formal"]);
    assert_eq!(get(&server, &format!("{client}?dataId=d")).await.status, 400);
    assert_eq!(get(&server, &format!("{admin}?dataId=d")).await.json()["code"], 10000);
    assert_eq!(get(&server, "/v3/admin/core/state/readiness").await.json()["data"], "ok");
}

/// Waits until a write that came before this is visible to v3.
async fn settle_v3(server: &RunningServer) {
    let form = "dataId=settled&groupName=g&content=x";
    call(server, "POST /v3/admin/cs/config", "", form).await;
    soon("the dump", async {
        while get(server, "/v3/client/cs/config?dataId=settled&groupName=g").await.json()["code"] != 0 {}
    })
    .await;
}

#[tokio::test]
async fn what_3_x_switched_off_is_gone_unless_switched_on() {
    let server = start_v3(|_| {}).await;
    let publish = call(&server, "POST /v1/cs/configs", "", "dataId=d&group=g&content=x").await;
    assert_eq!((publish.status, publish.body.as_str()), (200, "true"));
    let gone = get(&server, "/v1/cs/configs?dataId=d&group=g&show=all").await;
    assert_eq!((gone.status, gone.json()["error"].clone()), (410, json!("Gone")));
    assert!(gone.body.contains("nacos.core.api.compatibility.console.enabled=true"), "{}", gone.body);
    for target in ["/v2/cs/config?dataId=d&group=g", "/v1/cs/history?search=accurate&dataId=d&group=g"] {
        assert_eq!(get(&server, target).await.status, 410, "{target}");
    }
    assert_eq!(get(&server, "/v1/console/health/readiness").await.status, 404);
    let blank = call(&server, "POST /v1/cs/configs", "casMd5: 0\r\n", "dataId=d&group=g&content=y").await;
    assert_eq!((blank.status, blank.body.as_str()), (500, "false"), "as a running 3.1.0 says");
    let open = start_v3(|settings| settings.old_apis.console = true).await;
    assert_eq!(get(&open, "/v1/cs/history?search=accurate&dataId=d&group=g").await.status, 200);
    let closed = start_v3(|settings| settings.old_apis.client = false).await;
    assert_eq!(get(&closed, "/v1/cs/configs?dataId=d&group=g").await.status, 410);
}

#[tokio::test]
async fn local_caches_are_dumped_again_on_request() {
    // The second dump fails, and would be tried again only after a second.
    let server = start_with(|settings| settings.dump_fails_every = 2);
    publish_visibly(&server, "first", "x").await;
    publish(&server, "d", "one").await;
    let dumped = call(&server, "POST /v1/cs/ops/localCache", "", "").await;
    assert_eq!((dumped.status, dumped.body.as_str()), (200, "200"));
    soon("the dump", async { while get(&server, "/v1/cs/configs?dataId=d&group=g").await.status != 200 {} })
        .await;
    assert_eq!(get(&server, "/v1/cs/ops/localCache").await.status, 405);
    let three = start_v3(|_| {}).await;
    assert_eq!(call(&three, "POST /v1/cs/ops/localCache", "", "").await.status, 410);
    let words = "Local cache updated from store successfully!";
    let dumped = call(&three, "POST /v3/admin/cs/ops/localCache", "", "").await;
    assert_eq!(dumped.json(), json!({ "code": 0, "message": "success", "data": words }));
}

#[tokio::test]
async fn json_is_named_as_the_real_servers_name_it() {
    let with_charset = "content-type: application/json;charset=utf-8";
    let bare = "content-type: application/json\r\n";
    let two = start();
    let three = start_v3(|_| {}).await;
    let of =
        async |server, line: &str, form: &str| format!("{}\r\n", call(server, line, "", form).await.head);
    for line in ["GET /v1/cs/configs?dataId=d&group=g", "GET /v1/cs/history?search=accurate&dataId=d&group=g"]
    {
        let head = of(&two, line, "").await;
        assert!(head.contains(with_charset), "{head}");
    }
    for line in ["GET /v2/cs/config?dataId=d&group=g", "GET /v1/console/namespaces", "GET /no/where"] {
        let head = of(&two, line, "").await;
        assert!(head.contains(bare), "{line}: {head}");
    }
    let blank = "dataId=d&group=g&content=+";
    assert!(of(&two, "POST /v1/cs/configs", blank).await.contains("content-type: text/plain"));
    assert!(of(&three, "POST /v1/cs/configs", blank).await.contains(with_charset));
}

#[tokio::test]
async fn namespaces_are_made_listed_renamed_and_removed() {
    let two = start();
    let old = "/v1/console/namespaces";
    let form = "customNamespaceId=dev&namespaceName=Dev&namespaceDesc=";
    assert_eq!(call(&two, &format!("POST {old}"), "", form).await.body, "true");
    assert_eq!(call(&two, &format!("POST {old}"), "", form).await.body, "false");
    call(&two, "POST /v1/cs/configs", "", "dataId=d&group=g&content=x&tenant=dev").await;
    let list = get(&two, old).await.json();
    assert_eq!(list["data"][0]["namespace"], "");
    assert_eq!(
        list["data"][1],
        json!({
            "namespace": "dev", "namespaceShowName": "Dev", "namespaceDesc": "",
            "quota": 200, "configCount": 1, "type": 2
        })
    );
    let three = start_v3(|_| {}).await;
    let new = "/v3/admin/core/namespace";
    let form = "namespaceId=dev&namespaceName=Dev";
    let code = |answer: &Answered| (answer.status, answer.json()["code"].as_i64().unwrap());
    let post = async |form: &str| call(&three, &format!("POST {new}"), "", form).await;
    assert_eq!(code(&post(form).await), (200, 0));
    assert_eq!(code(&post(form).await), (400, 22002));
    assert_eq!(code(&post("namespaceId=d.v&namespaceName=Dev").await), (400, 22000));
    assert_eq!(code(&post("namespaceId=no-name").await), (400, 10000));
    call(&three, &format!("PUT {new}"), "", "namespaceId=dev&namespaceName=Other").await;
    let list = get(&three, &format!("{new}/list")).await.json();
    assert_eq!(list["data"][0]["namespace"], "public");
    assert_eq!(list["data"][1]["namespaceShowName"], "Other");
    assert_eq!(code(&get(&three, &format!("{new}?namespaceId=no")).await), (404, 22001));
    call(&three, &format!("DELETE {new}?namespaceId=dev"), "", "").await;
    assert_eq!(get(&three, &format!("{new}/list")).await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_config_that_is_being_dumped_is_409() {
    let server = start_with(|settings| {
        settings.dump_tick = Duration::from_millis(1);
        settings.dump_time = Duration::from_secs(60);
    });
    // Visible at a start, and locked from its next dump on.
    let data = tempfile::tempdir().unwrap();
    drop(server);
    let mut settings =
        EmbeddedSettings { dump_tick: Duration::from_millis(1), ..EmbeddedSettings::default() };
    let start = |settings: &EmbeddedSettings| {
        EmbeddedServer::start(ServerConfig {
            http: ANY_PORT,
            grpc: ANY_PORT,
            data: Some(data.path().to_owned()),
            generation: Generation::V2,
            login: None,
            settings: settings.clone(),
        })
        .unwrap()
    };
    let first = start(&settings);
    publish_visibly(&first, "d", "one").await;
    first.stop();
    settings.dump_time = Duration::from_secs(60);
    let second = start(&settings);
    publish(&second, "d", "two").await;
    soon("the dump's begin", async {
        while get(&second, "/v1/cs/configs?dataId=d&group=g").await.status != 409 {}
    })
    .await;
    let busy = get(&second, "/v1/cs/configs?dataId=d&group=g").await;
    assert_eq!(busy.body, "requested file is being modified, please try later.\n");
    let mut client = Client::connect(&second).await;
    let query = shakedown_nacos::grpc::message::ConfigQueryRequest::of(&key("d"));
    let reply = soon("a reply", client.0.unary(&Payload::new(&query))).await.unwrap();
    let reply: shakedown_nacos::grpc::message::ConfigQueryResponse = reply.payload.read().unwrap();
    assert_eq!((reply.result_code, reply.error_code), (500, 400));
}
