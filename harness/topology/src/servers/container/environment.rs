//! What a node's container is told by its environment (the image's own variables; nacos-facts.md §5.4, §1.8).

use std::collections::BTreeMap;

use shakedown_model::Seed;
use shakedown_model::plan::{Generation, ServerSpec};
use shakedown_model::secrets::Secret;
use shakedown_nacos::admin::METRICS_ENV;

/// The heap of a node: three nodes fit a laptop with 4 GiB to spare, and one holds some thousand watchers. The image's
/// own default is 1 GiB. `server.container.env` changes it.
const HEAP: [(&str, &str); 3] = [("JVM_XMS", "256m"), ("JVM_XMX", "512m"), ("JVM_XMN", "128m")];

/// The environment of any node; what the scenario sets wins. `members` are all nodes, as they find each other.
pub(super) fn environment(spec: &ServerSpec, members: &[String], seed: Seed) -> BTreeMap<String, Secret> {
    let mut env = BTreeMap::new();
    let mut set = |name: &str, value: &str| drop(env.insert(name.to_owned(), Secret::new(value)));
    for (name, value) in HEAP {
        set(name, value);
    }
    set(METRICS_ENV.0, METRICS_ENV.1);
    // Nodes are known by their names in the network: addresses may change when one comes back.
    set("PREFER_HOST_MODE", "hostname");
    if spec.nodes == 1 {
        set("MODE", "standalone");
    } else {
        set("MODE", "cluster");
        set("EMBEDDED_STORAGE", "embedded");
        set("NACOS_SERVERS", &members.join(" "));
    }
    // Images of 3.x do not start without these three, whether a login is asked for or not.
    let secret =
        |name: &str| (0..4).map(|n| format!("{:016x}", seed.child(name).draw(n))).collect::<String>();
    // 64 digits are Base64 as well, of 48 bytes; 32 are the least.
    set("NACOS_AUTH_TOKEN", &secret("auth-token"));
    set("NACOS_AUTH_IDENTITY_KEY", "shakedown");
    set("NACOS_AUTH_IDENTITY_VALUE", &secret("auth-identity"));
    let asks = spec.login.is_some();
    set("NACOS_AUTH_ENABLE", if asks { "true" } else { "false" });
    if spec.generation() == Generation::V3 && !asks {
        // 3.x asks for a login at its admin API unless it is told not to (nacos-facts.md §1.8).
        set("NACOS_AUTH_ADMIN_ENABLE", "false");
        set("NACOS_AUTH_CONSOLE_ENABLE", "false");
    }
    env.extend(spec.container.env.clone());
    env
}

#[cfg(test)]
mod tests {
    use shakedown_model::plan::Login;

    use super::*;

    fn of(spec: &ServerSpec) -> BTreeMap<String, String> {
        let env = environment(spec, &["a:8848".to_owned(), "b:8848".to_owned()], Seed(7));
        env.into_iter().map(|(name, value)| (name, value.reveal().to_owned())).collect()
    }

    #[test]
    fn a_single_node_stands_alone_and_several_name_each_other() {
        let env = of(&ServerSpec::default());
        assert_eq!(env["MODE"], "standalone");
        assert_eq!(env["NACOS_AUTH_ENABLE"], "false");
        assert!(!env.contains_key("NACOS_SERVERS") && !env.contains_key("NACOS_AUTH_ADMIN_ENABLE"));
        let env = of(&ServerSpec { nodes: 3, ..ServerSpec::default() });
        assert_eq!((env["MODE"].as_str(), env["EMBEDDED_STORAGE"].as_str()), ("cluster", "embedded"));
        assert_eq!(env["NACOS_SERVERS"], "a:8848 b:8848");
    }

    #[test]
    fn a_login_is_asked_for_by_every_generation_and_3_x_is_told_when_it_is_not() {
        let v3 = ServerSpec { version: "3.1.0".into(), ..ServerSpec::default() };
        let env = of(&v3);
        assert_eq!(env["NACOS_AUTH_ADMIN_ENABLE"], "false");
        assert!(
            env["NACOS_AUTH_TOKEN"].len() == 64
                && env["NACOS_AUTH_TOKEN"].bytes().all(|b| b.is_ascii_hexdigit())
        );
        let login = Some(Login { username: "nacos".into(), password: Secret::new("hunter2") });
        let env = of(&ServerSpec { login, ..v3 });
        assert_eq!(env["NACOS_AUTH_ENABLE"], "true");
        assert!(!env.contains_key("NACOS_AUTH_ADMIN_ENABLE"));
    }

    #[test]
    fn what_the_scenario_sets_wins() {
        let mut spec = ServerSpec::default();
        spec.container.env.insert("JVM_XMX".into(), Secret::new("2g"));
        assert_eq!(of(&spec)["JVM_XMX"], "2g");
        assert_eq!(of(&spec)["JVM_XMS"], "256m");
    }
}
