//! How fast connections of HTTP/2 are read.
//!
//! The h2 crate reads whatever there is, and keeps what it writes until the client takes it: a client that asks for much
//! and takes next to nothing would fill the memory, be it with heads of answers alone. A connection is therefore read one
//! buffer at a time, whose requests begin before the next one is read, and no further while many requests have been
//! accepted since all was written.
//!
//! That ends. h2 writes without reading, and what it has to write becomes no more than a client has announced to take:
//! heads know no flow control, and more of the bodies takes an announcement that would have to be read. So all is written
//! at last, or the client takes nothing, for which its connection is closed.

/// So many requests are accepted before all has to be written.
const MOST_UNWRITTEN: usize = 1024;

/// How far a connection has been read and written.
#[derive(Default)]
pub struct Throttle {
    /// Whether a buffer has been read since the last look.
    has_read: bool,
    /// How many requests had been accepted by then.
    looked: usize,
    /// How many had been accepted when all was written.
    written: usize,
    /// Whether something has been written since the last flush.
    has_written: bool,
    /// Whether reading waits until all is written, and is to be tried again after the next flush.
    is_waiting: bool,
}

/// What is to be done instead of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// To look again, once the requests that were read have begun.
    Pass,
    /// To wait until all is written.
    Wait,
}

impl Throttle {
    /// Returns what is to be done instead of reading, where so many requests have been accepted in all.
    pub fn instead(&mut self, accepted: usize) -> Option<Instead> {
        let has_accepted = std::mem::replace(&mut self.looked, accepted) != accepted;
        if std::mem::take(&mut self.has_read) || has_accepted {
            return Some(Instead::Pass);
        }
        self.is_waiting = accepted.wrapping_sub(self.written) >= MOST_UNWRITTEN;
        self.is_waiting.then_some(Instead::Wait)
    }

    /// Notes that bytes have been read.
    pub fn read(&mut self) {
        self.has_read = true;
    }

    /// Notes that bytes are written.
    pub fn write(&mut self) {
        self.has_written = true;
    }

    /// Notes a flush, and tells whether a look at the connection waits for it. h2 flushes after it has written a part, and
    /// where nothing is left to write: all is written where nothing was since the last flush.
    pub fn flush(&mut self, accepted: usize) -> bool {
        if !std::mem::take(&mut self.has_written) {
            self.written = accepted;
        }
        std::mem::take(&mut self.is_waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_were_read_are_accepted_before_more_is_read() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.instead(0), None);
        throttle.read();
        // Nothing came of that, then three requests one after the other.
        let looks = [(0, Some(Instead::Pass)), (0, None)];
        looks.into_iter().for_each(|(accepted, instead)| assert_eq!(throttle.instead(accepted), instead));
        throttle.read();
        let pass = Some(Instead::Pass);
        for (accepted, instead) in [(0, pass), (1, pass), (2, pass), (3, pass), (3, None)] {
            assert_eq!(throttle.instead(accepted), instead, "{accepted}");
        }
    }

    #[test]
    fn reading_waits_until_all_is_written() {
        let mut throttle = Throttle::default();
        let few = MOST_UNWRITTEN - 1;
        assert_eq!((throttle.instead(few), throttle.instead(few)), (Some(Instead::Pass), None));
        let many = few + 1;
        assert_eq!((throttle.instead(many), throttle.instead(many)), (Some(Instead::Pass), Some(Instead::Wait)));
        // Part of what there is may be flushed before the rest is written.
        for _ in 0..2 {
            throttle.write();
            assert!(throttle.flush(many));
            assert_eq!(throttle.instead(many), Some(Instead::Wait));
        }
        assert!(throttle.flush(many));
        assert_eq!(throttle.instead(many), None);
        assert!(!throttle.flush(many));
    }
}
