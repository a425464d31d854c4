//! Why a session did not come about, in words for whoever set it up.

use std::fmt;
use std::io;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// Why a session did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsTrouble {
    /// The server's certificate is over.
    Expired,
    /// The server's certificate has not begun.
    NotYetValid,
    /// The server's certificate is for somebody else.
    WrongName,
    /// Nobody who is trusted signed the server's certificate.
    UnknownAuthority,
    /// The server wants a certificate of the client's, or another one.
    ClientCertificate,
    /// What answers does not speak TLS.
    NoTls,
    /// Anything else.
    Other,
}

impl TlsTrouble {
    /// What an error of the library says.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        use CertificateError as Bad;
        match error {
            Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => Self::Expired,
            Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => Self::NotYetValid,
            Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
                Self::WrongName
            }
            Error::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => Self::UnknownAuthority,
            // Only a server that looked at what the client showed, or missed it, says so.
            Error::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied,
            ) => Self::ClientCertificate,
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NoTls,
            _ => Self::Other,
        }
    }

    /// What is wrong with TLS, where that is among the causes of an error.
    #[must_use]
    pub fn behind(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        std::iter::successors(Some(error), |error| error.source())
            .find_map(|error| Self::within(error.downcast_ref()?).map(Self::of))
    }

    /// The library's error within what a socket gave, if it is one.
    pub(crate) fn within(error: &io::Error) -> Option<&Error> {
        error.get_ref()?.downcast_ref::<Error>()
    }
}

impl fmt::Display for TlsTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the server's certificate has expired: renew it, or set this machine's clock",
            Self::NotYetValid => "the server's certificate is not valid yet: look at this machine's clock",
            Self::WrongName => "the server's certificate is for another name: give one that it bears by `server-name`",
            Self::UnknownAuthority => "no authority that is trusted signed the server's certificate: give the one that did by `ca`",
            Self::ClientCertificate => "the server does not take this client without a certificate that it trusts: give `client-certificate` and `client-key`",
            Self::NoTls => "what answers does not speak TLS: look at the port, and at `on` in `tls`",
            Self::Other => "TLS failed",
        })
    }
}
