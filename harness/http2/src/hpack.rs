//! HPACK (RFC 7541): fields to bytes and back.

mod decoder;
mod encoder;
mod fields;
mod huffman;
mod integer;
mod static_table;
mod table;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::encode;
pub use fields::Fields;

#[cfg(test)]
mod tests;
