//! Where the service listens: ports of this machine, and Unix sockets.

use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use socket2::{Domain, SockAddr, Socket, Type};

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A port of each address of a host.
    Tcp {
        /// The name or address of the host.
        host: String,
        /// The port; 0 takes any that is free.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
    /// A socket beside the place of this one, where another service may listen.
    Beside(PathBuf),
}

/// A text that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address is written `HOST:PORT`, such as `127.0.0.1:5000` or `[::1]:5000`, or `unix:PATH`")]
pub struct NoAddress;

const UNIX: &str = "unix:";

impl FromStr for Listen {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Listen, NoAddress> {
        if let Some(path) = text.strip_prefix(UNIX) {
            return if path.is_empty() { Err(NoAddress) } else { Ok(Listen::Unix(PathBuf::from(path))) };
        }
        let (host, port) = text.rsplit_once(':').ok_or(NoAddress)?;
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = if is_number { port.parse().map_err(|_| NoAddress)? } else { return Err(NoAddress) };
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner.parse::<Ipv6Addr>().map_err(|_| NoAddress)?.to_string(),
            None if host.is_empty() || host.contains([':', '/', '[', ']', ' ']) => return Err(NoAddress),
            None => host.to_owned(),
        };
        Ok(Listen::Tcp { host, port })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp { host, port } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Listen::Tcp { host, port } => write!(formatter, "{host}:{port}"),
            Listen::Unix(path) | Listen::Beside(path) => write!(formatter, "{UNIX}{}", path.display()),
        }
    }
}

impl Listen {
    /// Makes it an address that is free beside a service which listens on this one.
    pub fn make_trial(&mut self) {
        match self {
            Listen::Tcp { port, .. } => *port = 0,
            Listen::Unix(path) => *self = Listen::Beside(std::mem::take(path)),
            Listen::Beside(_) => {}
        }
    }

    /// Tells whether other machines reach it, as far as that can be known without looking up a name.
    pub fn is_reached(&self) -> bool {
        match self {
            Listen::Tcp { host, .. } => host.parse::<IpAddr>().is_ok_and(|host| !host.to_canonical().is_loopback()),
            Listen::Unix(_) | Listen::Beside(_) => false,
        }
    }

    /// Returns the addresses of the host, of which there is at least one; there are none in the file system.
    ///
    /// # Errors
    /// The name has no address.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let Listen::Tcp { host, port } = self else { return Ok(Vec::new()) };
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in (host.as_str(), *port).to_socket_addrs()? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        match addresses.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
            false => Ok(addresses),
        }
    }
}

/// Listens on the addresses of a host, all on the port that the first one gets.
///
/// # Errors
/// The address that cannot be listened on, and what the system says.
pub fn tcp(addresses: &[SocketAddr], backlog: u32) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    for address in addresses {
        let mut address = *address;
        if let Some(first) = listeners.first() {
            address.set_port(first.local_addr().map_err(|error| (address, error))?.port());
        }
        match listen_on(&address, backlog) {
            // `localhost` has addresses of protocols that a machine may lack.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable && !listeners.is_empty() => {}
            Err(error) => return Err((address, error)),
            Ok(listener) => listeners.push(listener),
        }
    }
    Ok(listeners)
}

fn listen_on(address: &SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(*address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(*address))?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// Tells whether this machine alone reaches addresses.
pub fn is_local(addresses: &[SocketAddr]) -> bool {
    addresses.iter().all(|address| address.ip().to_canonical().is_loopback())
}

/// Listens on a socket in the file system. Nobody connects before its permissions are those.
///
/// # Errors
/// A process that listens there already, a file that is no socket, what the system says.
pub fn unix(path: &Path, mode: u32, backlog: u32) -> io::Result<(UnixListener, SocketFile)> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::of(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok((socket.into(), file))
}

/// Listens on a socket in the folder of another one, if one could be there.
///
/// # Errors
/// A file that is no socket where the other one would be, a path that is too long, what the system says.
pub fn unix_beside(path: &Path, mode: u32, backlog: u32) -> io::Result<(UnixListener, SocketFile)> {
    SockAddr::unix(path)?;
    if fs::symlink_metadata(path).is_ok_and(|found| !found.file_type().is_socket()) {
        return Err(no_socket());
    }
    // Names that are short, since the path may be as long as it can be.
    let mut names = (0..).map(|number: u32| path.with_file_name(format!(".{:x}{number:x}", std::process::id())));
    let free = names.find(|name| fs::symlink_metadata(name).is_err()).unwrap_or_default();
    unix(&free, mode, backlog)
}

fn no_socket() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is there")
}

/// Removes a socket that no process listens on any more; anything else stays.
fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(no_socket());
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

/// The file of a Unix socket; it is removed in the end, unless another process has put its own there.
pub struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<SocketFile> {
        Ok(SocketFile { path: path.to_owned(), identity: SocketFile::identity(path)? })
    }

    fn identity(path: &Path) -> io::Result<(u64, u64)> {
        fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = SocketFile::identity(&self.path).is_ok_and(|identity| identity == self.identity);
        if let Some(error) = is_ours.then(|| fs::remove_file(&self.path).err()).flatten() {
            tracing::warn!(target: "palladium::server", "the socket `{}` stays: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        let tcp = |host: &str, port| Ok(Listen::Tcp { host: host.to_owned(), port });
        let cases = [
            ("127.0.0.1:5000", tcp("127.0.0.1", 5000)),
            ("localhost:0", tcp("localhost", 0)),
            ("[::1]:80", tcp("::1", 80)),
            ("unix:/run/p.sock", Ok(Listen::Unix("/run/p.sock".into()))),
            ("unix:p.sock", Ok(Listen::Unix("p.sock".into()))),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Listen>(), expected, "{text}");
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "5000",
            ":5000",
            "a",
            "a:",
            "a:b",
            "a:+1",
            "a:65536",
            "::1:80",
            "[a]:1",
            "http://a:1",
            "unix:",
            "a b:1",
        ] {
            assert_eq!(text.parse::<Listen>(), Err(NoAddress), "{text}");
        }
    }

    #[test]
    fn the_backlog_is_the_connections_that_wait() {
        let folder = tempfile::tempdir().unwrap();
        for (backlog, waiting) in [(1, 2), (4, 5)] {
            let path = folder.path().join(backlog.to_string());
            let (_listener, _file) = unix(&path, 0o600, backlog).unwrap();
            let connect = |_: &i32| {
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                socket.connect(&SockAddr::unix(&path).unwrap()).ok().map(|()| socket)
            };
            let connected: Vec<Socket> = (0..20).filter_map(|index| connect(&index)).collect();
            assert_eq!(connected.len(), waiting);
        }
    }

    #[test]
    fn stale_sockets_are_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.sock");
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
        // A listener that is dropped leaves its file behind.
        drop(UnixListener::bind(&path).unwrap());
        let (listener, file) = unix(&path, 0o600, 8).unwrap();
        assert_eq!(mode(&path), 0o600);
        let error = unix(&path, 0o600, 8).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}");
        drop((listener, file));
        assert!(!path.exists());

        let (_listener, file) = unix(&path, 0o666, 8).unwrap();
        assert_eq!(mode(&path), 0o666);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        drop(file);
        let error = unix(&path, 0o660, 8).err().unwrap();
        assert!(error.to_string().contains("no socket"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert!(unix(&path, 0o660, 8).is_err(), "a link is no socket, wherever it leads");
    }

    #[test]
    fn a_socket_beside_is_there_where_the_other_could_be() {
        let folder = tempfile::tempdir().unwrap();
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let path = folder.path().join("p.sock");
        let first = unix_beside(&path, 0o600, 8).unwrap();
        let second = unix_beside(&path, 0o600, 8).unwrap();
        assert_eq!((names(), path.exists()), (2, false));
        drop((first, second));
        assert_eq!(names(), 0);
        // 107 bytes are the longest path.
        let length = 107 - folder.path().as_os_str().len() - 1;
        drop(unix_beside(&folder.path().join("x".repeat(length)), 0o600, 8).unwrap());
        assert!(unix_beside(&folder.path().join("x".repeat(length + 1)), 0o600, 8).is_err());
        fs::write(&path, "mine").unwrap();
        let error = unix_beside(&path, 0o600, 8).err().unwrap();
        assert!(error.to_string().contains("no socket"), "{error}");
        assert!(unix_beside(&folder.path().join("no/p.sock"), 0o600, 8).is_err());
    }
}
