//! TLS to servers that somebody else runs.

use shakedown_model::plan::{TlsPorts, TlsSpec};

use crate::problem::Findings;
use crate::raw::RawTls;
use crate::resolve::given;

pub(super) fn spec(raw: &RawTls, found: &mut Findings) -> TlsSpec {
    for (one, other, missing) in [
        (&raw.client_certificate, &raw.client_key, "client-key"),
        (&raw.client_key, &raw.client_certificate, "client-certificate"),
    ] {
        if let (Some(one), None) = (one, other) {
            found
                .error("scenario::missing_key", one.span, "a certificate and its key belong together")
                .help(format!("give `{missing}` too"));
        }
    }
    if let Some(name) = raw.server_name.as_ref().filter(|name| !is_name(&name.value)) {
        found
            .error("scenario::bad_value", name.span, "this is no DNS name")
            .help("write the name that is in the servers' certificates, such as `nacos.example`; without `server-name` the host of each address is expected in them, also where it is a number");
    }
    let verify = raw.verify.as_ref().is_none_or(|verify| verify.value);
    if let (Some(written), Some(_), false) = (&raw.verify, &raw.ca, verify) {
        found
            .error("scenario::conflict", written.span, "nothing is checked, so that `ca` would do nothing")
            .help("remove `verify: false` or `ca`");
    }
    TlsSpec {
        on: given(raw.on.as_ref(), TlsPorts::Both),
        ca: raw.ca.as_ref().map(|file| file.value.clone()),
        client_certificate: raw.client_certificate.as_ref().map(|file| file.value.clone()),
        client_key: raw.client_key.as_ref().map(|file| file.value.clone()),
        server_name: raw.server_name.as_ref().map(|name| name.value.clone()),
        verify,
    }
}

/// Letters, digits, `-` and `_` between dots, and no number in its last place, as an address has.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let ends_in_number = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    text.len() <= 253 && text.split('.').all(is_label) && !ends_in_number
}
