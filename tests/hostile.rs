//! Hostile input: every file is accounted for, the others' findings are complete, and the bytes are the same on any
//! number of threads and in any order of input.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;

const DEFECT: &str = "def f(x):\n    try:\n        x.send()\n    except:\n        x.failed()\n";

/// What is made of itself, in each way that rules follow.
const ENDLESS: &str = "
import asyncio, contextlib, pickle, subprocess
import paramiko, requests


def status(command):
    x = subprocess.call(command)
    while command:
        x = x == 0
    return x


def command_line(c, d):
    while c:
        c = d
        d = c
    subprocess.run(c)


class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        while module:
            a = b
            b = a
        return a


async def waits(c):
    process = await asyncio.create_subprocess_exec(c)
    pair = process.communicate()
    while c:
        pair = await pair


def streams(c, stderr=None):
    stderr = stderr or subprocess.PIPE
    process = subprocess.Popen(c, stderr=stderr)
    stdout, stderr = process.communicate()


def remote(host, c):
    client = paramiko.SSHClient()
    client.connect(host)
    stdin, out, err = client.exec_command(c)
    while c:
        out = err
        err = out


def unreachable(a):
    while True:
        pass
    requests.get(a, verify=False)


@contextlib.contextmanager
def quiet():
    with quiet():
        yield


def teardown(path):
    try:
        work(path)
    finally:
        with quiet():
            os.remove(path)
        os.rmdir(path)
";

fn scan(dir: &Path, args: &[&str]) -> (i32, String) {
    let output =
        Command::cargo_bin("snakestone").unwrap().current_dir(dir).arg("scan").args(args).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn hostile() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    let n = 100_000;
    write("deep_brackets.py", "[".repeat(n).as_bytes());
    write("deep_not.py", format!("x = {}1\n", "not ".repeat(n)).as_bytes());
    write("deep_sum.py", format!("x = 1{}\n", " + 1".repeat(n)).as_bytes());
    write("deep_calls.py", format!("x = a{}\n", "()".repeat(n)).as_bytes());
    write("deep_attributes.py", format!("x = a{}\n", ".b".repeat(n)).as_bytes());
    write("deep_lambda.py", format!("x = {}1\n", "lambda: ".repeat(n)).as_bytes());
    write(
        "below_the_limit.py",
        format!("x = 1{}\ny = {}1{}\n", " + 1".repeat(19_000), "(".repeat(900), ")".repeat(900)).as_bytes(),
    );
    write("long_line.py", format!("x = [{}]\n", "1, ".repeat(1_000_000)).as_bytes());
    write("nul.py", format!("x = '\0'\n{DEFECT}").as_bytes());
    write("latin.py", b"# caf\xe9\nx = '\xff\xfe'\n");
    write("broken.py", format!("def (:\n{DEFECT}").as_bytes());
    write("python2.py", b"print 'hello'\n");
    write("empty.py", b"");
    write("bad.ipynb", b"{\"cells\": 1");
    write("endless.py", ENDLESS.as_bytes());
    // What doubles with each line, or branches at each.
    write("texts.py", format!("A = 'aaaa'\n{}", "A = A + A\n".repeat(40)).as_bytes());
    let lists = "    a = [a, a]\n".repeat(40);
    let head = "import os\nfrom flask import request\n\n\ndef f():\n    a = [request.args['x']]\n";
    write("lists.py", format!("{head}{lists}    os.system(a)\n").as_bytes());
    let called = "    a = pair(a, a)\n".repeat(40);
    let pair = "\n\ndef pair(x, y):\n    return [x, y]\n";
    write("calls.py", format!("{head}{called}    os.system(a)\n{pair}").as_bytes());
    let branches = "    if c.a:\n        x = x['a']\n".repeat(60);
    let ip = "import subprocess\n\n\ndef f(c, x):\n";
    write("branches.py", format!("{ip}{branches}    subprocess.run(['ip', 'addr', x])\n").as_bytes());
    let words = "    if c:\n        c += ['x']\n".repeat(100);
    write("words.py", format!("{ip}    c = ['ip']\n{words}    subprocess.run(c)\n").as_bytes());
    fs::create_dir(dir.path().join("stars")).unwrap();
    let all: String = (0..20).map(|n| format!("from stars.m{n} import *\n")).collect();
    write("stars/__init__.py", all.as_bytes());
    for n in 0..20 {
        write(&format!("stars/m{n}.py"), format!("from stars import *\nunknown.f{n}()\n").as_bytes());
    }
    write("good.py", DEFECT.as_bytes());
    dir
}

#[test]
fn every_hostile_file_is_accounted_for() {
    let dir = hostile();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("outside.py")).unwrap();
    }
    let (code, found) = scan(dir.path(), &["-o", "jsonl"]);
    assert_eq!(code, 1);
    let paths: Vec<String> = found
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|finding| finding["rule"] == "bare-except")
        .map(|finding| finding["path"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(paths, ["broken.py", "good.py", "nul.py"]);
    let (_, said) = scan(dir.path(), &["-o", "terminal"]);
    for name in [
        "deep_brackets.py",
        "deep_not.py",
        "deep_sum.py",
        "deep_calls.py",
        "deep_attributes.py",
        "deep_lambda.py",
        "nul.py",
        "latin.py",
        "broken.py",
        "python2.py",
        "bad.ipynb",
        "loop",
        "outside.py",
    ] {
        assert!(said.contains(name), "{name} is not mentioned:\n{said}");
    }
    assert!(!said.contains("please report"), "{said}");
}

/// A test of what a setting decides, beside a test for `None`: what stands for a debug mode is no origin.
#[test]
fn a_setting_among_what_is_shown_costs_no_data_flow() {
    let dir = tempfile::tempdir().unwrap();
    let source = "
import os


def chosen(model):
    found = os.getenv('DEBUG') if os.getenv('DEBUG', None) else 'default'
    if model is not None:
        pass
    elif found is not None and found != 'default':
        model = found
    if isinstance(model, Model):
        return model


class Canvas:
    debug = False

    def __init__(self, model=None):
        if model is None:
            pass
        else:
            self.model = chosen(model) if isinstance(model, str) else model
        if (self.debug is None) == self.debug:
            self.model = None


def f(name):
    try:
        name.send()
    except:
        name.failed()
";
    fs::write(dir.path().join("a.py"), source).unwrap();
    let (_, report) = scan(dir.path(), &[]);
    assert!(!report.contains("please report"), "{report}");
    assert!(report.contains("a.py"), "{report}");
}

#[test]
fn bytes_do_not_depend_on_threads_or_order() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..40).map(|i| format!("m{i}.py")).collect();
    for (i, name) in names.iter().enumerate() {
        fs::write(dir.path().join(name), DEFECT.repeat(i % 5 + 1)).unwrap();
    }
    let formats = ["-o", "sarif", "-o", "jsonl", "-o", "markdown"];
    let one = scan(dir.path(), &[&formats[..], &["--threads", "1"]].concat());
    let two = scan(dir.path(), &[&formats[..], &["--threads", "2"]].concat());
    assert_eq!(one, two);
    let mut shuffled: Vec<&str> = names.iter().map(String::as_str).collect();
    shuffled.sort_by_key(|name| name.bytes().rev().collect::<Vec<_>>());
    let named = scan(dir.path(), &[&formats[..], &shuffled].concat());
    assert_eq!(one, named);
}
