//! Real clients in a scenario: what a plan says of them, and what cannot be asked of them.

use shakedown_model::plan::{Cache, DriverSpec, Protocol};

use super::refusing::check;
use super::*;
use crate::{BUILT_IN_DRIVERS, Sdk};

const LEGACY: &str = "{ like: nacos-node }";

fn client(text: &str) -> shakedown_model::plan::ClientSpec {
    load_base(&changed(LEGACY, text)).unwrap().plan.groups[0].client.clone()
}

#[test]
fn a_driver_of_the_harness_is_expected_to_do_as_its_imitation_does() {
    for (name, sdk) in BUILT_IN_DRIVERS {
        let mut client = client(&format!("{{ driver: {name} }}"));
        let driver = client.driver.take().unwrap();
        assert_eq!(driver, DriverSpec { name: name.to_owned(), command: None, clients_per_process: 1 });
        assert_eq!(client, sdk.client(), "{name}");
    }
    let many = client("{ driver: { name: go, clients-per-process: 100 } }").driver.unwrap();
    assert_eq!((many.command, many.clients_per_process), (None, 100));
}

#[test]
fn a_users_own_client_says_what_it_speaks_or_whom_it_is_like() {
    let own = client("{ driver: { name: mine, command: [python3, my.py, 7], protocol: nacos-http } }");
    assert_eq!((own.like, own.protocol, own.cache), (None, Protocol::NacosHttp, Cache::None));
    let command = ["python3", "my.py", "7"].map(str::to_owned).to_vec();
    assert_eq!(own.driver.unwrap().command, Some(command));
    let own = client("{ driver: { name: mine, command: [./mine], like: nacos-go-2 } }");
    assert_eq!(own.like.as_deref(), Some(Sdk::NacosGo2.name()));
    assert_eq!(own.backoff, Sdk::NacosGo2.client().backoff);
}

#[test]
fn what_cannot_be_asked_of_a_program_is_refused() {
    check(&[
        (LEGACY, "{ driver: gov }", "unknown_driver", "did you mean `go`?"),
        (LEGACY, "{ driver: go, defect: no-backoff }", "conflict", "does as it does"),
        (LEGACY, "{ driver: go, backoff: { constant: { delay: 1s } } }", "conflict", "does as it does"),
        (LEGACY, "{ driver: go, cache: snapshot }", "conflict", "does as it does"),
        (LEGACY, "{ driver: go, like: nacos-go-2 }", "conflict", "`driver` of your own"),
        (LEGACY, "{ driver: { name: go, like: nacos-go-2 } }", "conflict", "`command` of your own"),
        (LEGACY, "{ driver: { name: mine, command: [./mine] } }", "missing_key", "`protocol: nacos-http`"),
        (
            LEGACY,
            "{ driver: { name: mine, command: [], protocol: nacos-http } }",
            "zero",
            "`command: [python3",
        ),
        (
            LEGACY,
            "{ driver: { name: go, command: [./go], protocol: nacos-grpc } }",
            "conflict",
            "another name",
        ),
        (LEGACY, "{ driver: { name: go, clients-per-process: 0 } }", "zero", "clients-per-process"),
        (
            LEGACY,
            "{ driver: { name: mine, command: [./m], like: nacos-go-2, protocol: nacos-http } }",
            "conflict",
            "leave `protocol` out",
        ),
    ]);
    let sourced = "{ driver: go }, source: 127.0.0.9";
    check(&[(LEGACY, sourced, "conflict", "remove `source`")]);
    let text =
        changed(LEGACY, "{ driver: go }").replace("payload: 1KiB", "payload: 1KiB, namespaces: [a, b]");
    let problems = load_base(&text).unwrap_err().render(false);
    assert!(problems.contains("lies in one namespace"), "{problems}");
}

#[test]
fn explain_shows_the_program_and_what_is_expected_of_it() {
    let explained = |text: &str| explain(&load_base(&changed(LEGACY, text)).unwrap().plan);
    let go = explained("{ driver: go }");
    assert!(
        go.contains("driver: go # comes with shakedown") && go.contains("expected-backoff: none, then"),
        "{go}"
    );
    let own = explained("{ driver: { name: mine, command: [./mine, -v], protocol: nacos-grpc } }");
    assert!(own.contains("driver: mine # ./mine -v") && own.contains("expected: nothing"), "{own}");
}

#[test]
fn a_gray_release_never_goes_to_a_real_client() {
    let mut plan = load_base(&changed(LEGACY, "{ driver: go }")).unwrap().plan;
    plan.mutator.gray.cohorts = u8::MAX;
    let watchers = |group: usize| {
        let group = &plan.groups[group];
        (group.first.0..group.first.0 + group.count).map(shakedown_model::WatcherId)
    };
    assert!(watchers(0).all(|watcher| !plan.is_gray(watcher)));
    assert!(watchers(1).all(|watcher| plan.is_gray(watcher)));
}
