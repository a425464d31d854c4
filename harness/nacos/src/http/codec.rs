//! HTTP/1.1 as a client writes and reads it (RFC 9112), without a socket: a request as bytes, and an answer out of bytes
//! however they fall. Heads and chunk sizes are read by `httparse`. It keeps nothing between an answer and the next request.

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};

/// The largest body that is read, in bytes: Nacos' 10 Mi characters, at three bytes each.
pub const MAX_BODY_BYTES: usize = 30 * 1024 * 1024;

/// The largest head, chunk size or trailer section, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The most headers of one answer.
const MAX_HEADERS: usize = 100;

/// Why bytes are no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the answer's head is not HTTP/1.1: {0}")]
    Head(#[from] httparse::Error),
    #[error("the answer's head is not HTTP/1.1: a header is not one")]
    Header,
    #[error("the answer is of another protocol (status 101)")]
    Upgrade,
    #[error("the answer's head or a chunk's is above {MAX_HEAD_BYTES} bytes")]
    LongHead,
    #[error("the answer's length cannot be told: `{0}`")]
    Length(String),
    #[error("the answer's chunks do not follow one another")]
    Chunk,
    #[error("the answer's body is above {MAX_BODY_BYTES} bytes")]
    LongBody,
}

/// An answer, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: BytesMut,
    /// The server closes the connection after it.
    pub(super) is_last: bool,
}

/// The request as it goes out. A body, or a method that has one, has its length.
pub(super) fn encode(request: &Request<Bytes>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + request.body().len());
    let uri = request.uri().path_and_query().map_or("/", |path| path.as_str());
    out.extend_from_slice(format!("{} {uri} HTTP/1.1\r\n", request.method()).as_bytes());
    for (name, value) in request.headers() {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if !request.body().is_empty() || request.method() == http::Method::POST {
        out.extend_from_slice(format!("content-length: {}\r\n", request.body().len()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(request.body());
    out
}

/// Whether a message with these headers is the last on its connection.
pub(super) fn asks_to_close(headers: &HeaderMap) -> bool {
    has_token(headers, &header::CONNECTION, "close")
}

fn has_token(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(wanted))
}

/// Where in an answer the next byte is.
#[derive(Debug, Default)]
enum Place {
    #[default]
    Head,
    /// This many bytes of the body are to come.
    Length(usize),
    /// Before a chunk's size.
    Size,
    /// In a chunk; this many bytes of it are to come, and the end of the line.
    Chunk(usize),
    /// After the last chunk.
    Trailers,
    UntilTheEnd,
    Done,
}

/// One answer on its way.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// Not looked at yet.
    raw: BytesMut,
    place: Place,
    answer: Option<Answer>,
}

impl Decoder {
    /// Takes what was read; the answer when that completes it.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Option<Answer>, Malformed> {
        self.raw.extend_from_slice(bytes);
        while self.step()? {}
        Ok(if matches!(self.place, Place::Done) { self.answer.take() } else { None })
    }

    /// The connection has ended: the answer, if its end was to be that.
    pub(super) fn finish(&mut self) -> Option<Answer> {
        if matches!(self.place, Place::UntilTheEnd) { self.answer.take() } else { None }
    }

    /// How many bytes came after the answer, which belong to nothing.
    pub(super) fn left_over(&self) -> usize {
        self.raw.len()
    }

    /// Goes on as far as one part; whether to try the next.
    fn step(&mut self) -> Result<bool, Malformed> {
        match self.place {
            Place::Head => self.head(),
            Place::Length(left) => {
                let left = self.take(left)?;
                self.place = if left == 0 { Place::Done } else { Place::Length(left) };
                Ok(left == 0)
            }
            Place::Size => self.size(),
            Place::Chunk(left) => self.chunk(left),
            Place::Trailers => self.trailers(),
            Place::UntilTheEnd => self.take(usize::MAX).map(|_| false),
            Place::Done => Ok(false),
        }
    }

    fn head(&mut self) -> Result<bool, Malformed> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(&self.raw)? else {
            return self.is_short();
        };
        let code = head.code.unwrap_or(0);
        let status = StatusCode::from_u16(code).map_err(|_| Malformed::Header)?;
        let (is_old, headers) = (head.version == Some(0), owned(head.headers)?);
        self.raw.advance(length);
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Malformed::Upgrade);
        }
        if status.is_informational() {
            return Ok(true);
        }
        self.place = body_of(status, &headers)?;
        let stays = if is_old {
            has_token(&headers, &header::CONNECTION, "keep-alive")
        } else {
            !asks_to_close(&headers)
        };
        let is_last = !stays || matches!(self.place, Place::UntilTheEnd);
        self.answer = Some(Answer { status, headers, body: BytesMut::new(), is_last });
        Ok(true)
    }

    fn size(&mut self) -> Result<bool, Malformed> {
        match httparse::parse_chunk_size(&self.raw) {
            Ok(httparse::Status::Partial) => self.is_short(),
            Ok(httparse::Status::Complete((length, size))) => {
                self.raw.advance(length);
                let size = usize::try_from(size).map_err(|_| Malformed::LongBody)?;
                self.place = if size == 0 { Place::Trailers } else { Place::Chunk(size) };
                Ok(true)
            }
            Err(_) => Err(Malformed::Chunk),
        }
    }

    fn chunk(&mut self, left: usize) -> Result<bool, Malformed> {
        let left = self.take(left)?;
        self.place = Place::Chunk(left);
        if left > 0 || self.raw.len() < 2 {
            return Ok(false);
        }
        if !self.raw.starts_with(b"\r\n") {
            return Err(Malformed::Chunk);
        }
        self.raw.advance(2);
        self.place = Place::Size;
        Ok(true)
    }

    /// Lines to an empty one; what they say is of no use to anybody here.
    fn trailers(&mut self) -> Result<bool, Malformed> {
        let Some(end) = self.raw.iter().position(|byte| *byte == b'\n') else { return self.is_short() };
        let is_empty = matches!(&self.raw[..end], b"" | b"\r");
        self.raw.advance(end + 1);
        if is_empty {
            self.place = Place::Done;
        }
        Ok(true)
    }

    /// Moves up to `left` bytes into the body; how many are still to come.
    fn take(&mut self, left: usize) -> Result<usize, Malformed> {
        let Some(answer) = &mut self.answer else { return Ok(left) };
        let taken = self.raw.len().min(left);
        if answer.body.len() + taken > MAX_BODY_BYTES {
            return Err(Malformed::LongBody);
        }
        if answer.body.is_empty() && taken == self.raw.len() {
            std::mem::swap(&mut answer.body, &mut self.raw);
        } else {
            answer.body.extend_from_slice(&self.raw[..taken]);
            self.raw.advance(taken);
        }
        Ok(left - taken)
    }

    /// More bytes are needed, unless there are too many already.
    fn is_short(&self) -> Result<bool, Malformed> {
        if self.raw.len() > MAX_HEAD_BYTES { Err(Malformed::LongHead) } else { Ok(false) }
    }
}

fn owned(headers: &[httparse::Header<'_>]) -> Result<HeaderMap, Malformed> {
    let mut owned = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| Malformed::Header)?;
        owned.append(name, HeaderValue::from_bytes(header.value).map_err(|_| Malformed::Header)?);
    }
    Ok(owned)
}

/// Where the body ends (RFC 9112 §6.3).
fn body_of(status: StatusCode, headers: &HeaderMap) -> Result<Place, Malformed> {
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Ok(Place::Done);
    }
    if headers.contains_key(header::TRANSFER_ENCODING) {
        let is_chunked = has_token(headers, &header::TRANSFER_ENCODING, "chunked");
        return Ok(if is_chunked { Place::Size } else { Place::UntilTheEnd });
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else { return Ok(Place::UntilTheEnd) };
    let wrong = || Malformed::Length(String::from_utf8_lossy(first.as_bytes()).into_owned());
    if lengths.any(|other| other != first) {
        return Err(wrong());
    }
    let digits = first.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|text| text.parse().ok()).ok_or_else(wrong)? {
        0 => Ok(Place::Done),
        length if length > MAX_BODY_BYTES => Err(Malformed::LongBody),
        length => Ok(Place::Length(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer of these bytes, read whole, byte by byte, and in pieces of seven: always the same.
    fn decoded(bytes: &[u8]) -> Result<Option<(u16, String, bool)>, Malformed> {
        let mut found = Vec::new();
        for piece in [bytes.len(), 1, 7] {
            let mut decoder = Decoder::default();
            let mut answer = None;
            for part in bytes.chunks(piece) {
                answer = decoder.feed(part)?.or(answer);
            }
            let answer = answer.or_else(|| decoder.finish());
            found.push(answer.map(|answer| {
                (answer.status.as_u16(), String::from_utf8(answer.body.into()).unwrap(), answer.is_last)
            }));
        }
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{found:?}");
        Ok(found.remove(0))
    }

    fn whole(bytes: &str) -> (u16, String, bool) {
        decoded(bytes.as_bytes()).unwrap().unwrap_or_else(|| panic!("{bytes:?} is no whole answer"))
    }

    #[test]
    fn a_body_ends_by_its_length_in_chunks_or_with_the_connection() {
        assert_eq!(whole("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), (200, "hello".into(), false));
        assert_eq!(
            whole(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n"
            ),
            (200, "abc0123456789".into(), false)
        );
        assert_eq!(whole("HTTP/1.1 200 OK\r\n\r\nall that comes"), (200, "all that comes".into(), true));
        assert_eq!(whole("HTTP/1.1 204 No Content\r\n\r\n"), (204, String::new(), false));
        assert_eq!(whole("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), (200, String::new(), false));
    }

    #[test]
    fn what_comes_before_the_answer_is_passed_over() {
        let told = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
        assert_eq!(whole(told), (404, "no".into(), false));
    }

    #[test]
    fn the_last_answer_says_so() {
        for (head, is_last) in [
            ("HTTP/1.1 200 OK\r\nConnection: close", true),
            ("HTTP/1.1 200 OK\r\nConnection: x, Close", true),
            ("HTTP/1.0 200 OK", true),
            ("HTTP/1.0 200 OK\r\nConnection: keep-alive", false),
            ("HTTP/1.1 200 OK\r\nConnection: keep-alive", false),
        ] {
            let bytes = format!("{head}\r\nContent-Length: 1\r\n\r\nx");
            assert_eq!(whole(&bytes).2, is_last, "{head:?}");
        }
    }

    #[test]
    fn a_part_of_an_answer_is_none() {
        for bytes in [
            "HTTP/1.1 200 O",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        ] {
            assert!(decoded(bytes.as_bytes()).unwrap().is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_answer_is_said() {
        for (bytes, words) in [
            ("\0\0\0\x04 nonsense\r\n\r\n", "not HTTP/1.1"),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "another protocol"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello", "`5x`"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "`5`"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "above 31457280 bytes"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunks"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "chunks"),
        ] {
            let error = decoded(bytes.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(words), "{bytes:?}: {error}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(MAX_HEAD_BYTES));
        assert!(matches!(Decoder::default().feed(endless.as_bytes()), Err(Malformed::LongHead)));
    }

    #[test]
    fn what_follows_an_answer_is_left_over() {
        let mut decoder = Decoder::default();
        let answer = decoder.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore").unwrap().unwrap();
        assert_eq!((&answer.body[..], decoder.left_over()), (&b"ok"[..], 4));
    }

    #[test]
    fn a_request_has_its_length_where_it_may_have_a_body() {
        let get = Request::get("/p?q=1").header("host", "h").body(Bytes::new()).unwrap();
        assert_eq!(encode(&get), b"GET /p?q=1 HTTP/1.1\r\nhost: h\r\n\r\n");
        let post = Request::post("/p").body(Bytes::from_static(b"a=b")).unwrap();
        assert_eq!(encode(&post), b"POST /p HTTP/1.1\r\ncontent-length: 3\r\n\r\na=b");
        let empty = Request::post("/p").body(Bytes::new()).unwrap();
        assert_eq!(encode(&empty), b"POST /p HTTP/1.1\r\ncontent-length: 0\r\n\r\n");
    }
}
