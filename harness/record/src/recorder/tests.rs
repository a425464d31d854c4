use shakedown_model::event::{Delivery, Event, Path as DeliveryPath};
use shakedown_model::{ItemId, Offset, Version, WatcherId};

use super::*;
use crate::{DamagedBlock, HistoryError, HistoryReader};

fn delivery(n: u32) -> Event {
    Event::Delivery(Delivery {
        at: Offset(60_000_000_000 + u64::from(n)),
        watcher: WatcherId(n % 1000),
        item: ItemId(n % 20),
        version: Version(n / 1000),
        signal: Some(Offset(59_999_000_000)),
        path: DeliveryPath::Push,
    })
}

fn written(count: u32) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.bin");
    let writer = HistoryWriter::create(&path).unwrap();
    let recorder = writer.recorder();
    for n in 0..count {
        recorder.record(delivery(n));
    }
    writer.finish().unwrap();
    (dir, path)
}

#[test]
fn events_come_back_in_order_over_many_blocks() {
    let (_dir, path) = written(50_000);
    let events: Vec<Event> = HistoryReader::open(&path).unwrap().map(Result::unwrap).collect();
    assert_eq!(events.len(), 50_000);
    assert!(events.iter().zip(0..).all(|(event, n)| *event == delivery(n)));
    let bytes = std::fs::metadata(&path).unwrap().len();
    assert!(bytes < 50_000 * 24, "a delivery takes {} bytes", bytes / 50_000);
}

#[test]
fn an_empty_history_is_whole() {
    let (_dir, path) = written(0);
    assert_eq!(HistoryReader::open(&path).unwrap().count(), 0);
}

#[test]
fn a_cut_history_yields_its_whole_blocks_and_says_where_it_ends() {
    let (_dir, path) = written(50_000);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let mut events = 0;
    let mut end = None;
    for next in HistoryReader::open(&path).unwrap() {
        match next {
            Ok(_) => events += 1,
            Err(error) => end = Some(error),
        }
    }
    assert!(events > 10_000, "{events}");
    assert!(matches!(end, Some(HistoryError::CutShort { block: 1.., .. })), "{end:?}");
}

#[test]
fn a_flipped_bit_is_found() {
    let (_dir, path) = written(50_000);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&path, &bytes).unwrap();
    let end = HistoryReader::open(&path).unwrap().find_map(Result::err);
    assert!(matches!(end, Some(HistoryError::Corrupt { .. })), "{end:?}");
}

#[test]
fn a_foreign_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.bin");
    std::fs::write(&path, "hello, world").unwrap();
    assert!(matches!(HistoryReader::open(&path), Err(HistoryError::Foreign { .. })));
}

#[test]
fn a_full_disk_is_remembered_and_ends_in_an_error() {
    let writer = HistoryWriter::create(Path::new("/dev/full"));
    assert!(matches!(writer, Err(RecorderError::Create { .. })), "{writer:?}");
}

#[test]
fn memory_history_gives_what_was_recorded() {
    let (recorder, history) = Recorder::in_memory();
    recorder.record(delivery(1));
    assert_eq!(history.events(), [delivery(1)]);
    recorder.record(delivery(2));
    assert_eq!(history.events(), [delivery(1), delivery(2)]);
}

#[test]
fn lost_records_leave_what_was_written_and_no_end_marker() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.bin");
    let writer = HistoryWriter::create(&path).unwrap();
    writer.recorder().record(delivery(1));
    writer.recorder.shared.lost.fetch_add(3, Ordering::Relaxed);
    assert!(matches!(writer.finish(), Err(RecorderError::Lost(3))));
    let events: Vec<_> = HistoryReader::open(&path).unwrap().collect();
    assert!(matches!(events[..], [Ok(_), Err(HistoryError::CutShort { .. })]), "{events:?}");
}

/// Keeps blocks as they would be sent.
struct Kept(std::sync::mpsc::Sender<Option<Vec<u8>>>);

impl BlockSink for Kept {
    fn block(&mut self, block: &Block) -> io::Result<()> {
        self.0.send(Some([&block.header(), block.payload()].concat())).map_err(io::Error::other)
    }

    fn end(&mut self, is_whole: bool) -> io::Result<()> {
        assert!(is_whole);
        self.0.send(None).map_err(io::Error::other)
    }
}

#[test]
fn blocks_of_another_process_are_part_of_the_history_and_damaged_ones_are_not() {
    let (sender, sent) = std::sync::mpsc::channel();
    let far = HistoryWriter::into_sink(Kept(sender)).unwrap();
    (0..30_000).for_each(|n| far.recorder().record(delivery(n)));
    far.finish().unwrap();
    let sent: Vec<Vec<u8>> = sent.iter().map_while(|block| block).collect();
    assert!(sent.len() > 1, "{}", sent.len());

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.bin");
    let writer = HistoryWriter::create(&path).unwrap();
    for bytes in &sent {
        writer.recorder().append(Block::from_bytes(bytes).unwrap()).unwrap();
        let mut flipped = bytes.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for damaged in [&flipped[..], &bytes[..bytes.len() - 1], &bytes[..11], &[]] {
            assert_eq!(Block::from_bytes(damaged), Err(DamagedBlock));
        }
    }
    writer.recorder().record(delivery(30_000));
    writer.finish().unwrap();
    let events: Vec<Event> = HistoryReader::open(&path).unwrap().map(Result::unwrap).collect();
    assert!(events.iter().zip(0..).all(|(event, n)| *event == delivery(n)) && events.len() == 30_001);
}
