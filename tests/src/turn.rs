//! A real TURN server (coturn) of a test's own.

use std::time::{Duration, Instant};

use crate::server::Folder;

/// Ended when dropped.
#[derive(Debug)]
pub struct Turn {
    process: std::process::Child,
    pub port: u16,
}

impl Turn {
    pub const SECRET: &str = "northwest";

    /// Listens on 127.0.0.1 and lends ports of `lends`; `None` where there is no coturn on this machine.
    pub async fn start(folder: &Folder, lends: &str) -> Option<Self> {
        // Another test may take the port between here and there.
        for _ in 0..4 {
            let port = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
            let Ok(turn) = Self::spawn(folder, lends, port.expect("a free port").port()) else {
                eprintln!("skipped: turnserver (coturn) is not installed");
                return None;
            };
            let deadline = Instant::now() + Duration::from_secs(10);
            while Instant::now() < deadline {
                if tokio::net::TcpStream::connect(("127.0.0.1", turn.port)).await.is_ok() {
                    return Some(turn);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        panic!("turnserver does not listen");
    }

    fn spawn(folder: &Folder, lends: &str, port: u16) -> std::io::Result<Self> {
        let process = std::process::Command::new("turnserver")
            .args(["-n", "-L", "127.0.0.1", "-E", lends, "--realm", "test", "--use-auth-secret"])
            .args(["--allow-loopback-peers", "--no-cli", "--no-tls", "--no-dtls", "--log-file", "stdout"])
            .arg(format!("--static-auth-secret={}", Self::SECRET))
            .arg(format!("--listening-port={port}"))
            .arg(format!("--pidfile={}", folder.0.join("turn.pid").display()))
            .arg(format!("--userdb={}", folder.0.join("turn.db").display()))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()?;
        Ok(Self { process, port })
    }

    pub fn url(&self) -> String {
        format!("turn:127.0.0.1:{}?transport=udp", self.port)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
