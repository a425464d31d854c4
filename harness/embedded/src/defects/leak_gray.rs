//! Over gRPC every client is taken for one that a gray release is for: its lists name the release, and its queries are
//! answered with it. Breaks: isolated.
//!
//! Lists and queries agree, so that a client does not go back and forth between the two contents. Promoted, the release
//! is gone, and everybody ends on the formal content.

use super::Seams;

#[derive(Debug)]
pub(super) struct LeakGray;

impl Seams for LeakGray {
    fn leaks_gray(&self) -> bool {
        true
    }
}
