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
        // Whoever takes the port between here and there makes the test fail, not pass.
        let port = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = port.expect("a free port").port();
        let process = std::process::Command::new("turnserver")
            .args(["-n", "-L", "127.0.0.1", "-E", lends, "--realm", "test", "--use-auth-secret"])
            .args(["--allow-loopback-peers", "--no-cli", "--no-tls", "--no-dtls", "--log-file", "stdout"])
            .arg(format!("--static-auth-secret={}", Self::SECRET))
            .arg(format!("--listening-port={port}"))
            .arg(format!("--pidfile={}", folder.0.join("turn.pid").display()))
            .arg(format!("--userdb={}", folder.0.join("turn.db").display()))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn();
        let Ok(process) = process else {
            eprintln!("skipped: turnserver (coturn) is not installed");
            return None;
        };
        let turn = Self { process, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < deadline, "turnserver does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(turn)
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
