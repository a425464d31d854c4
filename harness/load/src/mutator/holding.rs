//! What each item looks like on the server, as far as acks tell, and what a mutation therefore asks for. Pure.

use shakedown_model::ItemId;
use shakedown_model::event::PublishOutcome;
use shakedown_model::schedule::MutationKind;

/// The MD5 of some content.
pub(super) type Md5 = [u8; 16];

/// What the server holds of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Holding {
    /// The content that was there last, as far as is known; `None` is the initial one.
    last: Option<Md5>,
    is_absent: bool,
    /// Whether a gray release may be on.
    is_gray: bool,
}

/// What the server holds of every item.
pub(super) struct Holdings(Vec<Holding>);

/// What a mutation is to do, beside its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Intent {
    pub(super) kind: MutationKind,
    /// The content that a write replaces; `None` is the initial one.
    ///
    /// After a delete it is the content before: the server takes any MD5 where there is nothing, and refuses it where
    /// a delete that was not acked, or a write that was, turned out otherwise.
    pub(super) replaces: Option<Md5>,
    /// Whether the item was there.
    pub(super) was_there: bool,
    /// Whether gray content is taken away after a write for all.
    pub(super) ends_gray: bool,
}

/// What a mutation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Came {
    pub(super) outcome: PublishOutcome,
    /// The content for all that is there now, if the mutation changed it or a read showed it.
    pub(super) content: Option<Md5>,
    /// Whether gray content may be there now, if the mutation touched it.
    pub(super) is_gray: Option<bool>,
}

impl Holdings {
    pub(super) fn new(items: u32) -> Self {
        Self((0..items).map(|_| Holding::default()).collect())
    }

    /// What a mutation of `item` is to do. Every write for all ends a gray release that is still on: a promotion
    /// that failed before leaves one behind.
    pub(super) fn intent(&self, item: ItemId, kind: MutationKind) -> Intent {
        let holding = self.0[item.index()];
        let writes_for_all = matches!(
            kind,
            MutationKind::Write | MutationKind::Promote | MutationKind::Rollback | MutationKind::Invalid
        );
        Intent {
            kind,
            replaces: holding.last,
            was_there: !holding.is_absent,
            ends_gray: writes_for_all && holding.is_gray,
        }
    }

    /// Takes note of what a mutation came to.
    pub(super) fn came(&mut self, item: ItemId, kind: MutationKind, came: Came) {
        let holding = &mut self.0[item.index()];
        if let Some(content) = came.content {
            holding.last = Some(content);
            holding.is_absent = false;
        }
        if kind == MutationKind::Delete
            && matches!(came.outcome, PublishOutcome::Acked | PublishOutcome::Settled)
        {
            holding.is_absent = true;
        }
        if let Some(is_gray) = came.is_gray {
            holding.is_gray = is_gray;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: ItemId = ItemId(0);

    fn acked(content: Option<Md5>, is_gray: Option<bool>) -> Came {
        Came { outcome: PublishOutcome::Acked, content, is_gray }
    }

    #[test]
    fn a_write_replaces_what_was_acked_last() {
        let mut items = Holdings::new(2);
        assert_eq!(items.intent(ITEM, MutationKind::Write).replaces, None, "the initial content");
        items.came(ITEM, MutationKind::Write, acked(Some([2; 16]), None));
        let refused = Came { outcome: PublishOutcome::Refused, content: None, is_gray: None };
        items.came(ITEM, MutationKind::Write, refused);
        assert_eq!(items.intent(ITEM, MutationKind::Write).replaces, Some([2; 16]));
        assert_eq!(items.intent(ItemId(1), MutationKind::Write).replaces, None);
        let shown = Came { content: Some([9; 16]), ..refused };
        items.came(ITEM, MutationKind::Write, shown);
        assert_eq!(items.intent(ITEM, MutationKind::Write).replaces, Some([9; 16]), "as a read showed");
    }

    #[test]
    fn a_deleted_item_is_not_there_until_it_is_written_again() {
        let mut items = Holdings::new(1);
        items.came(ITEM, MutationKind::Write, acked(Some([2; 16]), None));
        items.came(ITEM, MutationKind::Delete, acked(None, None));
        let again = items.intent(ITEM, MutationKind::Write);
        assert_eq!((again.was_there, again.replaces), (false, Some([2; 16])));
        items.came(ITEM, MutationKind::Write, acked(Some([4; 16]), None));
        assert!(items.intent(ITEM, MutationKind::Delete).was_there);
    }

    #[test]
    fn gray_content_is_taken_away_by_the_next_write_for_all_that_works() {
        let mut items = Holdings::new(1);
        items.came(ITEM, MutationKind::Gray, acked(None, Some(true)));
        assert!(!items.intent(ITEM, MutationKind::Delete).ends_gray);
        assert!(items.intent(ITEM, MutationKind::Promote).ends_gray);
        let refused = Came { outcome: PublishOutcome::Refused, content: None, is_gray: None };
        items.came(ITEM, MutationKind::Promote, refused);
        assert!(items.intent(ITEM, MutationKind::Write).ends_gray);
        items.came(ITEM, MutationKind::Write, acked(Some([3; 16]), Some(false)));
        assert!(!items.intent(ITEM, MutationKind::Write).ends_gray);
    }
}
