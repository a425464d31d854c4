//! TLS before the servers of a run, and the faults of its certificates.

use shakedown_model::fault::{CertificateTrouble, FaultAction, ServerFault};
use shakedown_model::plan::{Protocol, TlsClients, TlsFrontSpec, TlsPorts};

use super::*;

/// What the base scenario's first fault does.
const DOES: &str = "{ toxic: { link: office, latency: { latency: 200ms } } }";
/// A client of the base scenario.
const CLIENT: &str = "client: { like: nacos-java-2 }";

fn with(tls: &str) -> String {
    changed(SERVER, &format!("server: {{ product: nacos, tls: {{ {tls} }} }}"))
}

fn told(text: &str) -> String {
    load_base(text).expect_err(text).to_string()
}

#[test]
fn tls_before_the_nodes_names_its_ports_and_clients() {
    let plan = |tls: &str| load_base(&with(tls)).unwrap_or_else(|problems| panic!("{problems}")).plan;
    assert_eq!(plan("").server.tls, Some(TlsFrontSpec::default()));
    let grpc = plan("on: grpc, clients: certified");
    let expected = TlsFrontSpec { on: TlsPorts::Grpc, clients: TlsClients::Certified };
    assert_eq!(grpc.server.tls, Some(expected));
    assert!(grpc.server.has_tls(Protocol::NacosGrpc) && !grpc.server.has_tls(Protocol::NacosHttp));
    let explained = explain(&grpc);
    assert!(explained.contains("tls: gRPC alone # terminated before the nodes; clients show"), "{explained}");
}

#[test]
fn certificates_trouble_what_is_before_the_nodes() {
    for (written, trouble, cuts, shown) in [
        ("certificate: { shows: expired }", CertificateTrouble::Expired, false, "an expired certificate"),
        ("certificate: { shows: not_yet_valid }", CertificateTrouble::NotYetValid, false, "not valid yet"),
        ("certificate: { shows: other_name, cuts: true }", CertificateTrouble::OtherName, true, "closed"),
        ("certificate: { shows: unknown_authority }", CertificateTrouble::UnknownAuthority, false, "go on"),
        (
            "clients_untrusted: { cuts: true }",
            CertificateTrouble::ClientsUntrusted,
            true,
            "not trusted until",
        ),
    ] {
        let text = with("clients: certified").replacen(DOES, &format!("{{ {written} }}"), 1);
        let plan = load_base(&text).unwrap_or_else(|problems| panic!("{problems}")).plan;
        let action = FaultAction::Server { fault: ServerFault::Certificate { trouble, cuts } };
        assert_eq!((&plan.faults[0].action, plan.faults[0].action.cuts()), (&action, cuts));
        assert!(written.starts_with(action.kind()), "{written}");
        let explained = explain(&plan);
        assert!(explained.contains(shown), "`{shown}` is not in\n{explained}");
    }
}

#[test]
fn what_does_not_go_together_with_tls_is_refused() {
    let fault = |server: &str, does: &str| server.replacen(DOES, &format!("{{ {does} }}"), 1);
    let expired = "certificate: { shows: expired }";
    let toxiproxy = "{ kind: toxiproxy, place: container }";
    for (text, why) in [
        (fault(&changed(SERVER, SERVER), expired), "`certificate` needs TLS before the nodes"),
        (fault(&with(""), "clients_untrusted: {}"), "needs clients that show certificates"),
        (fault(&with(""), "certificate: {}"), "`shows` is missing"),
        (fault(&with(""), "answers: { groups: all, with: { status: 503 } }"), "these connections speak TLS"),
        (with("").replacen(CLIENT, "client: { driver: go }", 1), "do not speak TLS yet"),
        (
            with("").replacen("proxy: { kind: embedded }", &format!("proxy: {toxiproxy}"), 1),
            "go around the TLS",
        ),
        (
            changed(CLIENT, "client: { like: nacos-java-2, checks-certificates: false }"),
            "nobody shows it a certificate",
        ),
        (
            with("on: http").replacen(
                CLIENT,
                "client: { like: nacos-java-2, checks-certificates: false }",
                1,
            ),
            "nobody shows it a certificate",
        ),
        (with("").replacen("count: 100,", "count: 12001,", 1), "connections of 12000 watchers"),
        (
            with("").replacen(
                "product: nacos",
                "backend: external, external: { nodes: [ { http: \"h:1\" } ] }",
                1,
            ),
            "nothing is put in front",
        ),
    ] {
        let problems = told(&text);
        assert!(problems.contains(why), "`{why}` is not in\n{problems}");
    }
    let careless = "client: { like: nacos-java-2, checks-certificates: false }";
    let plan = load_base(&with("").replacen(CLIENT, careless, 1))
        .unwrap_or_else(|problems| panic!("{problems}"))
        .plan;
    assert!(explain(&plan).contains("checks-certificates: false"));
}
