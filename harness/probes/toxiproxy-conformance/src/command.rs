//! `toxiproxy-cli`, Toxiproxy's own command line, as a user types it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::suite::Suite;

pub(crate) fn run(suite: &mut Suite, cli: &Path) {
    println!("toxiproxy-cli");
    let upstream = "127.0.0.1:1";
    let steps: [(&[&str], &str); 14] = [
        (&["create", "--listen", "127.0.0.1:0", "--upstream", upstream, "box"], "Created new proxy box"),
        (&["list"], "box"),
        (
            &[
                "toxic",
                "add",
                "--type",
                "latency",
                "--toxicName",
                "slow",
                "--attribute",
                "latency=100",
                "--attribute",
                "jitter=50",
                "box",
            ],
            "Added downstream latency toxic 'slow' on proxy 'box'",
        ),
        (
            &[
                "toxic",
                "add",
                "--type",
                "bandwidth",
                "--upstream",
                "--toxicity",
                "0.5",
                "--attribute",
                "rate=64",
                "box",
            ],
            "Added upstream bandwidth toxic 'bandwidth_upstream' on proxy 'box'",
        ),
        (
            &[
                "toxic",
                "add",
                "--type",
                "slicer",
                "-a",
                "average_size=64",
                "-a",
                "size_variation=8",
                "-a",
                "delay=10",
                "box",
            ],
            "Added downstream slicer toxic 'slicer_downstream' on proxy 'box'",
        ),
        (
            &["inspect", "box"],
            "bandwidth_upstream\ttype=bandwidth\tstream=upstream\ttoxicity=0.50\tattributes=[\trate=64\t]",
        ),
        (
            &["inspect", "box"],
            "slow\ttype=latency\tstream=downstream\ttoxicity=1.00\tattributes=[\tjitter=50\tlatency=100\t]",
        ),
        (&["inspect", "box"], "attributes=[\taverage_size=64\tdelay=10\tsize_variation=8\t]"),
        (
            &[
                "toxic",
                "update",
                "--toxicName",
                "slow",
                "--attribute",
                "jitter=25",
                "--toxicity",
                "0.25",
                "box",
            ],
            "Updated toxic 'slow' on proxy 'box'",
        ),
        (&["inspect", "box"], "toxicity=0.25\tattributes=[\tjitter=25\tlatency=100\t]"),
        (&["toxic", "remove", "--toxicName", "slow", "box"], "Removed toxic 'slow' on proxy 'box'"),
        (&["toggle", "box"], "Proxy box is now disabled"),
        (&["toggle", "box"], "Proxy box is now enabled"),
        (&["list"], "enabled"),
    ];
    for (arguments, wanted) in steps {
        let got = typed(suite, cli, arguments).and_then(|(code, output)| told(code, &output, 0, wanted));
        suite.holds(arguments.join(" "), got);
    }
    let refusals: [(&[&str], &str); 4] = [
        (
            &["create", "--listen", "127.0.0.1:0", "--upstream", upstream, "box"],
            "HTTP 409: proxy already exists",
        ),
        (&["toxic", "add", "--type", "nope", "box"], "HTTP 400: invalid toxic type"),
        (&["toxic", "remove", "--toxicName", "nope", "box"], "HTTP 404: toxic not found"),
        (&["inspect", "nope"], "HTTP 404: proxy not found"),
    ];
    for (arguments, wanted) in refusals {
        let got = typed(suite, cli, arguments).and_then(|(code, output)| told(code, &output, 1, wanted));
        suite.holds(format!("{} is refused", arguments.join(" ")), got);
    }
    let got =
        suite.call("GET", "/proxies/box", &Value::Null).map(|proxy| proxy["toxics"].as_array().map(Vec::len));
    suite.same("two toxics are left", got, &Some(2));
    let got = typed(suite, cli, &["delete", "box"])
        .and_then(|(code, output)| told(code, &output, 0, "Deleted proxy box"));
    suite.holds("delete box", got);
    let got = suite.call("GET", "/proxies", &Value::Null);
    suite.same("nothing is left", got, &json!({}));
}

fn typed(suite: &Suite, cli: &Path, arguments: &[&str]) -> Result<(Option<i32>, String), String> {
    let mut command = Command::new(cli);
    command.arg("--host").arg(format!("http://{}", suite.api)).args(arguments);
    let output = command.output().map_err(|error| format!("{} cannot be run: {error}", cli.display()))?;
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Ok((output.status.code(), text))
}

fn told(code: Option<i32>, output: &str, wanted_code: i32, wanted: &str) -> Result<(), String> {
    if code == Some(wanted_code) && output.contains(wanted) {
        return Ok(());
    }
    Err(format!("exit code {code:?} and `{output}`, wanted {wanted_code} and `{wanted}`"))
}
