//! Proxies and private certificate authorities: the command as a process, since both come from the environment.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::event::SHA;
use crate::fake::{Seen, TOKEN, read_request};
use crate::fit::log;

/// A server by TLS for `localhost` and `api.ghes.test` that answers every request as a read-only token is answered;
/// before TLS it takes a `CONNECT`, if there is one.
struct Server {
    port: u16,
    authority: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    fn start() -> Self {
        let names = ["localhost", "api.ghes.test"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let (config, seen) = (Arc::new(config), Arc::new(Mutex::new(Vec::new())));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), Arc::clone(&config), &shared);
            }
        });
        Self { port, authority: made.cert.pem(), seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, config: Arc<ServerConfig>, seen: &Mutex<Vec<Seen>>) {
    let mut first = [0];
    let n = stream.peek(&mut first).unwrap_or(0);
    if n == 1 && first[0] == b'C' {
        let Some(connect) = read_request(&mut stream) else { return };
        seen.lock().unwrap().push(connect);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    }
    let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let Some(request) = read_request(&mut tls) else { return };
    seen.lock().unwrap().push(request);
    let body = r#"{"message": "Resource not accessible by integration"}"#;
    let head = format!("HTTP/1.1 403 X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    tls.write_all((head + body).as_bytes()).unwrap();
    tls.conn.send_close_notify();
    let _ = tls.flush();
    let _ = tls.sock.read(&mut [0]);
}

/// Exit code and all that `snakestone upload` says.
fn upload(server: &Server, url: &str, trusts: bool, variables: &[(&str, String)]) -> (i32, String) {
    let dir = tempfile::tempdir().unwrap();
    let [file, authority] = ["a.sarif", "authority.pem"].map(|name| dir.path().join(name));
    std::fs::write(&file, log(&[]).to_string()).unwrap();
    std::fs::write(&authority, &server.authority).unwrap();
    let mut command = assert_cmd::Command::cargo_bin("snakestone").unwrap();
    command.env_clear().envs(variables.iter().map(|(name, value)| (*name, value)));
    command.env("GITHUB_TOKEN", TOKEN).env("GITHUB_API_URL", url);
    if trusts {
        command.env("SSL_CERT_FILE", &authority);
    }
    command.arg("upload").arg(&file);
    command.args(["--repository", "o/r", "--ref", "refs/heads/main", "--sha", SHA]);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains(TOKEN), "{said}");
    (output.status.code().unwrap(), said)
}

#[test]
fn a_private_authority_is_trusted_by_its_file_alone() {
    let server = Server::start();
    let url = format!("https://localhost:{}", server.port);
    let (code, said) = upload(&server, &url, true, &[]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("lacks the permission `security-events: write`"), "{said}");
    let (code, said) = upload(&server, &url, false, &[]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("certificate") && said.contains("`SSL_CERT_FILE`"), "{said}");
    assert_eq!(server.seen().len(), 1, "nothing is sent to a host that is not trusted");
}

#[test]
fn a_proxy_tunnels_and_does_not_get_the_token() {
    let server = Server::start();
    let proxy = ("HTTPS_PROXY", format!("http://me:secret%21@127.0.0.1:{}", server.port));
    let (code, said) = upload(&server, "https://api.ghes.test", true, &[proxy]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("lacks the permission"), "{said}");
    let [connect, request] = &server.seen()[..] else { panic!("{:?}", server.seen()) };
    assert_eq!((connect.method.as_str(), connect.path.as_str()), ("CONNECT", "api.ghes.test:443"));
    assert_eq!(connect.header("proxy-authorization"), Some("Basic bWU6c2VjcmV0IQ=="));
    assert_eq!(connect.header("authorization"), None);
    assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert_eq!(request.header("proxy-authorization"), None);
}

#[test]
fn a_host_without_proxy_is_reached_without() {
    let server = Server::start();
    let url = format!("https://localhost:{}", server.port);
    let variables = [("HTTPS_PROXY", "http://127.0.0.1:1".to_owned()), ("NO_PROXY", "localhost".to_owned())];
    let (_, said) = upload(&server, &url, true, &variables);
    assert!(said.contains("lacks the permission"), "{said}");
}

#[test]
fn a_proxy_by_tls_is_refused_with_a_remedy() {
    let server = Server::start();
    let proxy = ("HTTPS_PROXY", "https://127.0.0.1:1".to_owned());
    let (code, said) = upload(&server, "https://api.ghes.test", true, &[proxy]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("only `http` is supported"), "{said}");
}
