//! What a scenario says of the embedded server.

use std::time::Duration;

use shakedown_model::plan::{AuthScope, EmbeddedSettings, Generation, OldApis, ServerSpec};

use super::*;

fn server(server: &str) -> (ServerSpec, String) {
    let text = changed("server: { backend: embedded, embedded: { dump-tick: 50ms } }", server);
    let plan = load_base(&text).unwrap().plan;
    let explained = explain(&plan);
    (plan.server, explained)
}

#[test]
fn nothing_said_is_the_real_servers_behaviour() {
    let (spec, explained) = server("server: {}");
    assert_eq!((spec.generation(), spec.login), (Generation::V2, None));
    assert_eq!(spec.embedded, EmbeddedSettings::default());
    for line in
        ["login: none", "dump-ignores-outdated: true", "publish-awaits-dump: false", "access-key: none"]
    {
        assert!(explained.contains(line), "no `{line}` in\n{explained}");
    }
}

#[test]
fn without_its_tick_a_write_is_visible_at_once() {
    let (spec, explained) = server("server: { embedded: { dump-tick: none } }");
    assert_eq!(spec.embedded.dump_tick, Duration::ZERO);
    assert!(explained.contains("\n    dump-tick: none\n"), "{explained}");
}

#[test]
fn a_long_poll_registers_late_by_as_much_as_is_said() {
    for (said, late, gap, shown) in [
        ("true", true, 0, "true"),
        ("false", false, 0, "false"),
        ("150ms", true, 150, "150ms"),
        ("0s", true, 0, "true"),
    ] {
        let (spec, explained) = server(&format!("server: {{ embedded: {{ poll-registers-late: {said} }} }}"));
        let settings = spec.embedded;
        let expected = (late, Duration::from_millis(gap));
        assert_eq!((settings.poll_registers_late, settings.poll_gap), expected, "{said}");
        assert!(explained.contains(&format!("\n    poll-registers-late: {shown}\n")), "{explained}");
    }
    let with = |late: &str| {
        let text = format!("server: {{ embedded: {{ poll-min-hang: 2s, poll-registers-late: {late} }} }}");
        changed("server: { backend: embedded, embedded: { dump-tick: 50ms } }", &text)
    };
    refused_once(&with("2100ms"), "out_of_range", "poll-min-hang");
    refused_once(&with("late"), "wrong_unit", "250ms");
}

#[test]
fn a_3_x_server_with_a_login_and_every_race() {
    let (spec, explained) = server(
        "server:
  version: 3.1.0
  login: { username: nacos, password: \"${env:SECRET}\" }
  embedded:
    dump-time: 20ms
    dump-fails-every: 7
    dump-ignores-outdated: false
    late-clock-every: 9
    time-step: 1s
    publish-awaits-dump: true
    history-retention: 60m
    history-max-items: 10
    token-ttl: 60s
    auth-scope: admin
    access-key: { id: ak, secret: sk }
    old-apis: { console: true }",
    );
    assert_eq!(spec.generation(), Generation::V3);
    let login = spec.login.unwrap();
    assert_eq!((login.username.as_str(), login.password.reveal()), ("nacos", "s3cr3t"));
    let settings = spec.embedded;
    assert_eq!(settings.dump_time, Duration::from_millis(20));
    assert_eq!((settings.dump_fails_every, settings.late_clock_every), (7, 9));
    assert_eq!((settings.dump_ignores_outdated, settings.publish_awaits_dump), (false, true));
    assert_eq!(settings.time_step, Duration::from_secs(1));
    assert_eq!((settings.history_retention, settings.history_max_items), (Duration::from_secs(3600), 10));
    assert_eq!((settings.token_ttl, settings.auth_scope), (Duration::from_secs(60), AuthScope::Admin));
    assert_eq!(settings.access_key.unwrap().secret.reveal(), "sk");
    assert_eq!(settings.old_apis, OldApis { client: true, admin: false, console: true });
    for line in ["login: nacos", "auth-scope: admin", "access-key: ak", "console: true"] {
        assert!(explained.contains(line), "no `{line}` in\n{explained}");
    }
    assert!(!explained.contains("s3cr3t") && !explained.contains("sk\n"), "{explained}");
}
