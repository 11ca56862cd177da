//! Every way the ledger refuses to work, as one table.

use std::fmt;
use std::io;

/// Why a segment could not be made, opened or used.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused (a full disk arrives here, at creation).
    Io(io::Error),
    /// The file does not start as a segment does.
    NotALedger,
    /// Written by another version of this crate.
    Version {
        /// The version found in the file.
        found: u64,
    },
    /// Made before the last boot of this host: its clock readings mean nothing now.
    OtherBoot,
    /// Made with other table sizes than asked for, or its directory is damaged.
    OtherLayout,
    /// The file is shorter than its own directory says.
    Truncated {
        /// Bytes the header asks for.
        expected_bytes: u64,
        /// Bytes the file has.
        found_bytes: u64,
    },
    /// A layout outside the supported sizes; the field is named.
    BadLayout(&'static str),
    /// A table of series has no room; the table is named.
    Full(&'static str),
    /// A series' name is empty or longer than 247 bytes.
    BadName,
    /// An index beyond its table; the table is named.
    OutOfRange(&'static str),
    /// The lock cannot be taken any more (errno of `pthread_mutex_lock`): the segment is lost, make a new one.
    Lock(i32),
}

/// Shorthand of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// True where the answer is to make a new segment: another boot, layout or version, or a damaged file.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        matches!(
            self,
            Self::NotALedger
                | Self::Version { .. }
                | Self::OtherBoot
                | Self::OtherLayout
                | Self::Truncated { .. }
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(out, "ledger file: {error}"),
            Self::NotALedger => out.write_str("not a ledger file"),
            Self::Version { found } => write!(out, "ledger file of version {found}"),
            Self::OtherBoot => out.write_str("ledger file of another boot"),
            Self::OtherLayout => out.write_str("ledger file of another layout"),
            Self::Truncated { expected_bytes, found_bytes } => {
                write!(out, "ledger file of {found_bytes} bytes, {expected_bytes} expected")
            }
            Self::BadLayout(field) => write!(out, "ledger layout: {field} out of range"),
            Self::Full(table) => write!(out, "ledger: no room among the {table}"),
            Self::BadName => out.write_str("ledger: a series' name has 1 to 247 bytes"),
            Self::OutOfRange(table) => write!(out, "ledger: no such entry among the {table}"),
            Self::Lock(errno) => write!(out, "ledger lock: {}", io::Error::from_raw_os_error(*errno)),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
