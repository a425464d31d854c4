//! The sources of the drivers, inside the binary: what it builds does not depend on where it lies.

/// A file of a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// Its path within the driver's folder.
    pub(crate) path: &'static str,
    /// Its text.
    pub(crate) text: &'static str,
}

/// The files of one driver; the first is its `driver.toml` (or another `.toml`, where a folder holds two drivers).
pub(crate) type Sources = &'static [SourceFile];

/// A folder, the `.toml` of each driver in it, and the files that these share.
macro_rules! sources {
    ($($folder:literal: [$($toml:literal),+] $files:tt),* $(,)?) => {
        &[$($(files!($folder, $toml, $files)),+),*]
    };
}

macro_rules! files {
    ($folder:literal, $toml:literal, [$($path:literal),+ $(,)?]) => {
        &[file!($folder, $toml), $(file!($folder, $path)),+]
    };
}

macro_rules! file {
    ($folder:literal, $path:literal) => {
        SourceFile { path: $path, text: include_str!(concat!("../", $folder, "/", $path)) }
    };
}

/// Every driver that comes with the harness, in the order in which lists show them.
pub(crate) const SOURCES: &[Sources] = sources![
    "go": ["driver.toml"] ["go.mod", "go.sum", "main.go", "protocol.go", "client.go", "clock.go", "source.go"],
    "java": ["driver.toml", "driver-3.toml"] [
        "pom.xml",
        "src/main/resources/driver.properties",
        "src/main/resources/simplelogger.properties",
        "src/main/java/shakedown/driver/Main.java",
        "src/main/java/shakedown/driver/Command.java",
        "src/main/java/shakedown/driver/EventLog.java",
        "src/main/java/shakedown/driver/Client.java",
        "src/main/java/shakedown/driver/CacheFiles.java",
    ],
    "python": ["driver.toml"] ["requirements.txt", "main.py", "client.py", "protocol.py", "source.py"],
    "node": ["driver.toml"] ["package.json", "package-lock.json", "main.js", "client.js", "protocol.js", "source.js"],
    "rust": ["driver.toml"] ["Cargo.toml", "Cargo.lock", "src/main.rs", "src/client.rs", "src/protocol.rs"],
];
