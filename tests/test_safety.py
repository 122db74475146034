"""What commands leave behind and show: no secret anywhere, and nothing that text from outside could do.

Commands run as processes of their own, against the simulator where Dropbox behaves and against `Echo` where a server
says back what it was sent. Then everything that is left is searched, also inside archives and tables.
"""

from __future__ import annotations

import base64
import csv
import gzip
import html
import json
import pickle
import re
import runpy
import socketserver
import subprocess
import sys
import threading
import tomllib
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, quote_plus

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from dropbox_audit.cli.common import progress
from dropbox_audit.demo import ACCESS_TOKEN, ALL_SCOPES, APP_KEY, APP_SECRET, FAULTS, REFRESH_TOKEN, SimulatedLog
from dropbox_audit.demo.tour import _cell
from support import GET_EVENTS, Workspace, file_asset, make_event, make_log, person

ISSUED = "sl.u.issued-by-a-server-that-echoes"
SECRETS = (ACCESS_TOKEN, REFRESH_TOKEN, APP_SECRET, "sl.u.")

# -- the search -------------------------------------------------------------------------------------------------------


def pictures(secret: str) -> set[bytes]:
    """A secret as it may look: plain, URL-encoded, JSON, UTF-16, hex, base64 (inside a longer text: less its ends)."""
    plain = secret.encode()
    texts = (quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1])
    found = {plain, *(text.encode() for text in texts), secret.encode("utf-16-le"), plain.hex().encode()}
    if len(plain) > 10:
        for before in range(3):
            inside = base64.b64encode(b"\0" * before + plain)[4:-4]
            found |= {inside, inside.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def contents(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what they hold once unpacked."""
    data = path.read_bytes()
    yield data
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
    if data[:1] == b"\x78":
        with suppress(zlib.error):  # an "x" that begins a text
            yield zlib.decompressobj().decompress(data)
    if data[:4] == b"PAR1":
        yield repr(pq.read_table(path).to_pylist()).encode()
    if data[8:12] == b"DUCK":
        with closing(duckdb.connect(str(path), read_only=True)) as connection:
            relations = connection.execute("select table_schema, table_name from information_schema.tables").fetchall()
            for schema, name in relations:
                rows = connection.execute(f'select cast(t as varchar) from "{schema}"."{name}" as t').fetchall()
                yield "\n".join(str(row[0]) for row in rows).encode()


def find_secrets(*places: Path | str, secrets: tuple[str, ...] = SECRETS) -> list[str]:
    """Where a secret is, of folders, files and texts; the secrets file itself is where they belong."""
    sought = {(secret, picture) for secret in secrets for picture in pictures(secret)}
    found = []
    for place in places:
        if isinstance(place, str):
            found += [f"{secret} in the text {place!r}" for secret, picture in sought if picture in place.encode()]
            continue
        files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
        for file in files:
            if file.parts[-2:] == (".dlt", "secrets.toml"):
                continue
            for content in contents(file):
                found += [f"{secret} in {file}" for secret, picture in sought if picture in content]
    return found


def test_the_search_finds_a_secret_wherever_it_is_planted(tmp_path: Path) -> None:
    secret = "p/q+r s=t&u-planted-secret"  # pragma: allowlist secret
    around = f'{{"form": "client_secret={secret}&x=1"}}'
    packed = [{"number": n, "text": f"harmless {n}" if n != 700 else around} for n in range(1500)]
    with closing(duckdb.connect(str(tmp_path / "planted.duckdb"))) as connection:
        connection.register("packed", pa.Table.from_pylist(packed))
        connection.execute("create schema s; create table s.t as select * from packed; create view s.v as from s.t")
    pq.write_table(pa.Table.from_pylist(packed), tmp_path / "planted.parquet", compression="zstd")
    planted = {
        "plain": around.encode(),
        "url": quote(around).encode(),
        "plus": quote_plus(around).encode(),
        "json": json.dumps(around).encode(),
        "gzip": gzip.compress(around.encode() * 3),
        "zlib": zlib.compress(around.encode() * 3),
        "pickle": pickle.dumps({"resolved": around}),
        "utf-16": around.encode("utf-16"),
        "hex": around.encode().hex().encode(),
        **{f"base64 {n}": base64.b64encode(b"?" * n + around.encode()) for n in range(3)},
        "base64 for addresses": base64.urlsafe_b64encode(around.encode()),
    }
    for name, content in planted.items():
        (tmp_path / name).write_bytes(content)
    for file in tmp_path.iterdir():
        assert find_secrets(file, secrets=(secret,)), f"not found in {file.name}"
        assert not find_secrets(file, secrets=("another-secret",)), file.name
    assert find_secrets(tmp_path, secrets=(secret,))
    assert find_secrets(f"Error: {secret}", secrets=(secret,))


# -- running and watching ---------------------------------------------------------------------------------------------


def command_lines(root: int) -> set[str]:
    """The command lines of a process and all that came from it, as everyone on the machine can read them."""
    parents: dict[int, int] = {}
    lines: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                lines[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (FileNotFoundError, ProcessLookupError):
                continue
    family = {root}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return {lines[number] for number in family if number in lines}


@dataclass
class Watched:
    """What a command said, and how it and its children were called while it ran."""

    code: int
    out: str
    err: str
    command_lines: set[str]

    def shown(self) -> list[str]:
        return [self.out, self.err, *self.command_lines]


def watch(process: subprocess.Popen[str], answer: str = "") -> Watched:
    seen: set[str] = set()
    while True:
        if sys.platform == "linux":
            seen |= command_lines(process.pid)
        try:
            out, err = process.communicate(answer or None, timeout=0.1)
        except subprocess.TimeoutExpired:
            answer = ""
            continue
        return Watched(process.returncode, out, err, seen)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_watch_sees_a_secret_on_a_grandchild_s_command_line() -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()', sys.argv[1]])"
    with subprocess.Popen(
        [sys.executable, "-c", script, "planted-secret"], stdin=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        seen: set[str] = set()
        while not any(line.split()[1:3] == ["-c", "input()"] for line in seen) and process.poll() is None:
            seen |= command_lines(process.pid)
        process.stdin.close()
    grandchild = next(line for line in seen if line.split()[1:3] == ["-c", "input()"])
    assert find_secrets(grandchild, secrets=("planted-secret",))


WAYS = {
    "access token, environment": {"access_token": ACCESS_TOKEN},
    "access token, file": {"access_token": ACCESS_TOKEN},
    "refresh token, environment": {"app_key": APP_KEY, "refresh_token": REFRESH_TOKEN, "app_secret": APP_SECRET},
    "refresh token, file": {"app_key": APP_KEY, "refresh_token": REFRESH_TOKEN, "app_secret": APP_SECRET},
}
"""How credentials are given."""


class Place:
    """A workspace with credentials, where commands run and all that they leave is searched."""

    def __init__(self, workspace: Workspace, url: str, way: str) -> None:
        self.workspace = workspace
        self.temporary = workspace.home / "temporary"
        self.temporary.mkdir()
        self.environment = {
            "TMPDIR": str(self.temporary),
            "SOURCES__DROPBOX_AUDIT__API_URL": url,
            "SOURCES__DROPBOX_AUDIT__GIVE_UP_AFTER": "1s",
        }
        self.done: list[Watched] = []
        if way.endswith("environment"):
            self.environment |= {f"SOURCES__DROPBOX_AUDIT__{key.upper()}": value for key, value in WAYS[way].items()}
        else:
            file = workspace.folder / ".dlt/secrets.toml"
            file.parent.mkdir()
            given = "\n".join(f'{key} = "{value}"' for key, value in WAYS[way].items())
            file.write_text(f"[sources.dropbox_audit]\n{given}\n")
            file.chmod(0o600)

    def run(self, *arguments: str, answer: str = "", **environment: str) -> Watched:
        process = self.workspace.start(*arguments, **{**self.environment, **environment})
        self.done.append(watch(process, answer))
        return self.done[-1]

    def leaks(self) -> list[str]:
        shown = [text for done in self.done for text in done.shown()]
        return find_secrets(self.workspace.folder, self.workspace.home, *shown)


# -- no secret is left behind -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_commands_that_succeed_leave_no_secret_and_talk_to_dropbox_alone(
    way: str, outside: Workspace, serve: Any
) -> None:
    server, url = serve(log=SimulatedLog.of(make_log(30), page_limit=10))
    place = Place(outside, url, way)
    # As talkative as the libraries get.
    options = {"RUNTIME__LOG_LEVEL": "DEBUG", "DBT_LOG_LEVEL": "debug", "DBT_DEBUG": "true"}
    with echoing(lambda *_: whole(200, "{}")) as proxy:
        # A proxy sees whatever is for another machine, and must not see what goes to this one in the clear.
        options |= {"http_proxy": proxy.url, "https_proxy": proxy.url}
        assert place.run("load", "--debug", **options).code == 0
        if way == "refresh token, environment":
            # dbt is given the environment, and takes its time: once is enough.
            for command in (("run",), ("check",), ("status",), ("export", "--output", "events.csv")):
                done = place.run(*command, **options)
                assert done.code == 0, done.err[-2000:]
            if sys.platform == "linux":
                assert any("dbt.cli.main" in line for line in place.done[1].command_lines)
            assert (outside.folder / "target/manifest.json").is_file()
            assert (outside.folder / "logs/dbt.log").is_file()
        assert proxy.routes == []
    assert any(outside.home.rglob("journal.json"))
    assert any(outside.home.rglob("budget-*.json"))
    assert server.requests[-1].status == 200
    assert place.leaks() == []


def test_auth_shows_and_leaves_none_but_in_its_file(outside: Workspace, serve: Any) -> None:
    server, url = serve()
    place = Place(outside, url, "access token, environment")
    process = outside.start("auth", "--app-key", APP_KEY, **place.environment)
    assert process.stderr is not None
    address = next(line.strip() for line in process.stderr if line.startswith(url))
    page = requests.get(address, timeout=10).text
    code = html.unescape(page.partition("<pre id=code>")[2].partition("</pre>")[0])
    done = watch(process, f"{code}\n")
    assert done.code == 0, done.err
    kept = re.search(r'refresh_token = "(.*)"', (outside.folder / ".dlt/secrets.toml").read_text())
    assert kept is not None
    verifier = server.requests[-1].form["code_verifier"]
    everything = (kept[1], code, verifier, *SECRETS)
    assert find_secrets(outside.folder, outside.home, *done.shown(), secrets=everything) == []


class Echo(socketserver.ThreadingTCPServer):
    """A server that answers every request with what `answer` makes of it; `sent` is the request's whole text.

    Raw bytes, because no decent server would send what this one has to.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: Callable[[str, str], bytes | None]) -> None:
        self.answer = answer
        self.routes: list[str] = []
        super().__init__(("127.0.0.1", 0), _EchoRequest)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _EchoRequest(socketserver.StreamRequestHandler):
    server: Echo

    def handle(self) -> None:
        head = b""
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            head += line
        if not head:
            return
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = self.rfile.read(int(length[1])) if length else b""
        route = head.split()[1].decode()
        self.server.routes.append(route)
        sent = (head + body).decode()
        answer = self.server.answer(route, sent)
        if answer is None and route == "/oauth2/token":
            granted = {"access_token": ISSUED, "token_type": "bearer", "expires_in": 14400}
            answer = whole(200, json.dumps(granted), "application/json")
        self.wfile.write(answer or whole(200, '{"events": [], "cursor": "c", "has_more": false}', "application/json"))


def whole(status: int, body: str, kind: str = "text/plain", *headers: str) -> bytes:
    """A complete answer."""
    data = body.encode()
    lines = [f"HTTP/1.1 {status} Told", f"Content-Type: {kind}", f"Content-Length: {len(data)}", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + data


def as_json(value: Any) -> str:
    return json.dumps(value)


def secret_of(sent: str) -> str:
    """What was secret in a request: its token, or the form of the token endpoint."""
    token = re.search(r"(?i)authorization: bearer (\S+)", sent)
    return token[1] if token else sent.rpartition("\r\n")[2]


BROKEN = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ANSWERS: dict[str, Callable[[str], bytes]] = {
    "text": lambda s: whole(400, f"Error: you sent {s} and {quote(s)} and {base64.b64encode(s.encode()).decode()}"),
    "text where it is cut": lambda s: whole(400, "x" * (393 - len("you sent ")) + "you sent " + s),
    "tag": lambda s: whole(401, as_json({"error": {".tag": f"invalid {s}"}}), "application/json"),
    "tag that is a list": lambda s: whole(409, as_json({"error": {".tag": [s]}}), "application/json"),
    "scope": lambda s: whole(401, as_json({"error": {".tag": "missing_scope", "required_scope": s}})),
    "error": lambda s: whole(400, as_json({"error": f"nope: {s}", "error_description": s}), "application/json"),
    "HTML": lambda s: whole(400, f"<!DOCTYPE html><p>{s}</p>", "text/html"),
    "server error": lambda s: whole(503, s, "text/plain", f"Retry-After: {s[:30]}"),
    "header": lambda s: whole(403, as_json({"error": {".tag": "other"}}), "application/json", f"X-Echo: {s}"),
    "redirect": lambda s: whole(307, "", "text/plain", f"Location: /elsewhere?{s}"),
    "redirect to nowhere": lambda s: whole(302, s, "text/plain", f"Location: http://{s}:99999/["),
    "status line": lambda s: f"Bearer {s}\r\n\r\n".encode(),
    "header without a colon": lambda s: f"{BROKEN}{s}\r\nX: y\r\nContent-Length: 2\r\n\r\n{{}}".encode(),
    "length of a chunk": lambda s: f"{BROKEN}Transfer-Encoding: chunked\r\n\r\n{s}\r\n".encode(),
    "not gzip": lambda s: whole(200, s, "application/json", "Content-Encoding: gzip"),
    "broken off": lambda s: f'{BROKEN}Content-Length: 5000\r\n\r\n{{"events": ["{s}"'.encode(),
    "length that is none": lambda s: f"{BROKEN}Content-Length: {s}\r\n\r\n{{}}".encode(),
    "page that is none": lambda s: whole(200, as_json({"events": s, "cursor": "c", "has_more": False})),
    "page without a cursor": lambda s: whole(200, as_json({"events": [], "cursor": {s: s}, "has_more": s})),
}
"""What a server makes of a request's secret."""

COMMANDS = (("load",), ("check",), ("run", "--json"))


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_server_says_back_is_shown_and_kept_nowhere(name: str, outside: Workspace) -> None:
    number = list(ANSWERS).index(name)
    # A token that is cut is known by how it begins, which only issued ones have in common.
    way = "refresh token, environment" if "cut" in name else list(WAYS)[number % 4]
    command = COMMANDS[number % 3]
    with echoing(lambda route, sent: None if route == "/oauth2/token" else ANSWERS[name](secret_of(sent))) as server:
        place = Place(outside, server.url, way)
        # With --debug everything is said that is said without, and the texts of all errors behind it.
        done = place.run(*command, "--debug")
        assert done.code in {1, 2} or command == ("check",), done.err
        assert any(route.startswith("/2/") for route in server.routes)
        assert not any(route.startswith("/elsewhere") for route in server.routes)
    assert place.leaks() == []


@pytest.mark.parametrize("name", ["text", "error", "HTML", "status line", "length of a chunk", "redirect", "not gzip"])
def test_what_a_token_endpoint_says_back_is_shown_and_kept_nowhere(name: str, outside: Workspace) -> None:
    with echoing(lambda _, sent: ANSWERS[name](secret_of(sent))) as server:
        place = Place(outside, server.url, "refresh token, file")
        done = place.run("load", "--debug")
        assert done.code in {1, 2}
        auth = place.run("auth", "--debug", answer="the-code-of-an-admin\n")
        assert auth.code in {1, 2}
        assert set(server.routes) == {"/oauth2/token"}
    assert place.leaks() == []
    assert find_secrets(outside.home, *auth.shown(), secrets=("the-code-of-an-admin",)) == []


@pytest.mark.parametrize("way", ["access token, file", "refresh token, environment"])
def test_commands_that_dropbox_refuses_leave_no_secret(way: str, outside: Workspace, serve: Any) -> None:
    server, url = serve(make_log(5), scopes=ALL_SCOPES - {"events.read"})
    place = Place(outside, url, way)
    place.run("load", "--debug")
    place.run("check")
    server.faults.always(GET_EVENTS, FAULTS["truncated"])
    place.run("load")
    server.faults.clear()
    server.tokens.revoke()
    server.tokens.revoke("")
    place.run("run", "--debug")
    place.run("status", "--debug")
    place.run("export", "--output", "events.csv", "--debug")
    assert [done.code for done in place.done] == [2, 2, 1, 2, 0, 2], [done.err for done in place.done]
    assert place.leaks() == []


@contextmanager
def echoing(answer: Callable[[str, str], bytes | None]) -> Iterator[Echo]:
    with Echo(answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


# -- text from outside ------------------------------------------------------------------------------------------------

HOSTILE = [
    "\x1b[2J\x1b[31mred",
    "\x9b31mred",
    "\x1b]0;title\x07",
    "\x1b]8;;https://evil.example\x1b\\link",
    "\u202egnp.exe",
    "\u2066isolate",
    "\u200bzero width",
    "line\nError: forged",
    "return\rError: forged",
    "separator\u2028Error: forged",
    "next line\x85Error: forged",
    "bell\x07 backspace\x08 delete\x7f",
    "'; drop table events; --",
    '"; select 1; --',
    "quote ' and \" and `",
    "{{ env_var('SOURCES__DROPBOX_AUDIT__REFRESH_TOKEN') }}",
    "{% raw %}{% endraw %}{# no comment #}",
    "{%- set x = 1 -%}{{ x }}",
    "$(id) `id` $HOME ${HOME} %s %(x)s {0} {x}",
    "\\ \\n \\u0000 \\x1b",
    "[bold red]markup[/] [link=https://evil.example]x[/link]",
    "<script>alert(1)</script>&amp;",
    "=cmd|'/c calc'!A1",
    "  padded  ",
    "🙂 Ünïcödé ﷽",
    "x" * 5000,
]
"""What strangers may call a file, a person, a kind of event."""


def shows_only_text(done: Watched) -> None:
    """No control character, escape or override reaches the terminal, and nobody else's text begins a line."""
    for text in (done.out, done.err):
        assert [c for c in text if not c.isprintable() and c != "\n"] == []
        assert "forged" not in [line.partition(": ")[2] for line in text.splitlines()], text


def test_hostile_names_reach_the_views_as_they_were_sent_and_break_out_nowhere(outside: Workspace, serve: Any) -> None:
    events = [
        make_event(
            number,
            assets=[file_asset(text)],
            actor={".tag": "user", "user": person(number, display_name=text, email=f"{text}@acme.example")},
            event_type={".tag": text, "description": text},
            event_category={".tag": text},
            details={".tag": text, text: text},
        )
        for number, text in enumerate(HOSTILE)
    ]
    _, url = serve(events)
    place = Place(outside, url, "refresh token, environment")
    for arguments in (("run",), ("status",), ("export", "--output", "events.csv")):
        done = place.run(*arguments)
        assert done.code == 0, done.err[-2000:]
        shows_only_text(done)
    rows = outside.rows(
        "select event_type, description, event_category, actor_name, actor_email, details, event "
        "from dropbox_audit.events order by occurred_at"
    )
    assert [row[:4] for row in rows] == [(text,) * 4 for text in HOSTILE]
    assert [row[4].lower() for row in rows] == [f"{text}@acme.example".lower() for text in HOSTILE]
    assert [json.loads(row[5]) for row in rows] == [event["details"] for event in events]
    assert [json.loads(row[6]) for row in rows] == events
    names = outside.rows(
        "select assets.name from dropbox_audit.event_assets as assets "
        "inner join dropbox_audit.events using (event_id) order by occurred_at"
    )
    assert [name for (name,) in names] == HOSTILE
    # Chosen by a hostile name: a parameter, so it finds its own event and no other.
    for text in ("'; drop table events; --", "{{ env_var('SOURCES__DROPBOX_AUDIT__REFRESH_TOKEN') }}"):
        done = place.run("export", "--output", "one.jsonl", "--event-type", text)
        assert done.code == 0, done.err
        (line,) = (outside.folder / "one.jsonl").read_text().splitlines()
        assert json.loads(line)["event_type"] == text
    with (outside.folder / "events.csv").open(newline="", encoding="utf-8") as file:
        cells = [row["actor_name"] for row in csv.DictReader(file)]
    assert [cell.removeprefix("'") for cell in cells] == [text.removeprefix("'") for text in HOSTILE]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))]
    assert place.leaks() == []


@pytest.mark.parametrize("name", ["text", "tag", "tag that is a list", "scope", "error", "status line", "redirect"])
def test_an_error_s_text_cannot_drive_the_terminal_or_forge_a_line(name: str, outside: Workspace) -> None:
    hostile = "".join(text for text in HOSTILE if len(text) < 100)
    with echoing(lambda *_: ANSWERS[name](hostile)) as server:
        place = Place(outside, server.url, "access token, environment")
        place.run("check" if name == "scope" else "load")
        if name == "text":
            # The record of the failed run holds the error.
            place.run("status")
    for done in place.done:
        shows_only_text(done)
    assert len(place.done[0].err.splitlines()) <= 2 + 5 * (name == "scope"), place.done[0].err


def test_a_notice_beside_a_progress_bar_cannot_drive_the_terminal(
    outside: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loader = outside.loader("http://127.0.0.1:9")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress(loader, quiet=False):
        loader.notice("waiting for \x1b]0;title\x07[bold]x[/]\x9b31m\u202e\nError: forged")
    shown = capsys.readouterr().err
    assert "[bold]x[/]" in shown
    assert "title" in shown
    assert not {"\x07", "\x9b", "\u202e", "\x1b]"} & set(re.findall(r"\x1b\]|[\x07\x9b\u202e]", shown))
    assert not re.search(r"^Error: forged", shown, re.MULTILINE)


def test_the_demo_s_tables_show_only_text() -> None:
    for text in HOSTILE:
        assert _cell(text).plain.isprintable()


# -- a secrets file that is open --------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("load",), ("check", "--json"), ("export", "--output", "x.csv"), ("auth",)])
def test_a_command_warns_in_one_line_of_a_secrets_file_that_others_can_read(
    command: tuple[str, ...], outside: Workspace, serve: Any
) -> None:
    _, url = serve()
    place = Place(outside, url, "refresh token, file")
    (outside.folder / ".dlt/secrets.toml").chmod(0o644)
    done = place.run(*command, answer="\n")
    (warning,) = [line for line in done.err.splitlines() if "chmod 600 .dlt/secrets.toml" in line]
    assert warning.startswith("Warning: ")
    assert "chmod" not in done.out


def test_no_command_warns_of_a_secrets_file_that_is_closed(outside: Workspace, serve: Any) -> None:
    _, url = serve()
    assert "chmod" not in Place(outside, url, "refresh token, file").run("load").err


# -- the lint ---------------------------------------------------------------------------------------------------------

CI = Path(__file__).parents[1] / ".ci"
RANDOM = "aZ3kQ9vLr7TnXw2cYb5mHd8sJf4gPe6uKi1oRtBq"  # pragma: allowlist secret
PLANTED = {
    "access token": f"url = 1\n# sl.u.{RANDOM}{RANDOM}\n",
    "old access token": f"curl -H 'Authorization: Bearer sl.{RANDOM}{RANDOM}'\n",
    "refresh token in TOML": f'[sources.dropbox_audit]\nrefresh_token = "{RANDOM}"\n',
    "app secret in TOML": 'app_secret = "x8k2m4q9w1e7r5t"\n',  # pragma: allowlist secret
    "refresh token in the environment": f"export SOURCES__DROPBOX_AUDIT__REFRESH_TOKEN={RANDOM}\n",
    "app secret in JSON": '{"app_secret": "x8k2m4q9w1e7r5t"}\n',  # pragma: allowlist secret
    "private key": "-----BEGIN PRIVATE KEY-----\nMIIE\n",  # pragma: allowlist secret
}


def lint_of_secrets(folder: Path) -> subprocess.CompletedProcess[str]:
    lint = f"runpy.run_path({str(CI / 'lint_secrets.py')!r})['main'](pathlib.Path('.'))"
    command = [sys.executable, "-c", f"import pathlib, runpy; raise SystemExit({lint})"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_lint_finds_a_planted_secret_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "harmless.py").write_text("refresh_token: str | None = None\naccess_token = settings.access_token\n")
    (tmp_path / "allowed.py").write_text(f'refresh_token = "{RANDOM}"  # pragma: allowlist secret\n')
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/secrets.toml").write_text(f'refresh_token = "{RANDOM}"\n')
    clean = lint_of_secrets(tmp_path)
    assert (clean.returncode, clean.stdout) == (0, ""), clean.stderr
    for name, text in PLANTED.items():
        (tmp_path / f"{name}.txt").write_text(text)
    found = lint_of_secrets(tmp_path)
    assert found.returncode == 1
    assert set(re.findall(r"Location: +(.*)\.txt:", found.stdout)) == set(PLANTED)
    assert RANDOM not in found.stdout


audit = SimpleNamespace(**runpy.run_path(str(CI / "audit_dependencies.py")))
TODAY = date(2026, 11, 1)
SOUND = {"name": "sound", "version": "1", "vulns": []}
UNKNOWN = {"name": "unknown", "skip_reason": "Dependency not found on PyPI and could not be audited: unknown (1)"}
WEAK = {"name": "weak", "version": "1", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2"]}]}
JUDGED = {"package": "weak", "id": "CVE-1", "reason": "The weak function is not called.", "until": TODAY}


@pytest.mark.parametrize(
    ("packages", "accepted", "code"),
    [
        ([SOUND], [], 0),
        ([SOUND, WEAK], [], 1),
        ([SOUND, WEAK], [JUDGED], 0),
        ([WEAK], [JUDGED | {"id": "PYSEC-1"}], 0),
        ([WEAK], [JUDGED | {"until": TODAY - timedelta(days=1)}], 1),
        ([WEAK], [JUDGED | {"reason": ""}], 1),
        ([WEAK], [JUDGED | {"package": "sound"}], 1),
        ([WEAK], [JUDGED | {"id": "CVE-2"}], 1),
        ([SOUND, UNKNOWN], [], 0),
    ],
)
def test_a_vulnerability_fails_the_lint_unless_it_was_judged(packages: Any, accepted: Any, code: int) -> None:
    judged, said = audit.judge({"dependencies": packages}, accepted, TODAY)
    assert judged == code
    assert any("weak 1: PYSEC-1, fixed in 2" in line for line in said) == (code == 1)
    assert any("NOT CHECKED" in line and "unknown" in line for line in said) == (UNKNOWN in packages)


@pytest.mark.parametrize(
    ("answers", "code", "words"),
    [
        (
            [(None, "requests.exceptions.ConnectionError: no route"), (None, "Could not connect to OSV")],
            0,
            "NOT CHECKED",
        ),
        ([({"dependencies": [UNKNOWN]}, ""), (None, "ConnectionError")], 0, "NOT CHECKED"),
        ([({"dependencies": [UNKNOWN]}, ""), ({"dependencies": [WEAK]}, "")], 1, "PYSEC-1"),
        ([(None, "ConnectionError"), ({"dependencies": [SOUND]}, "")], 0, "1 packages checked, 0 findings"),
        ([(None, "invalid requirements input: requirements.lock")], 1, "invalid requirements"),
    ],
)
def test_a_service_that_does_not_answer_is_never_called_clean(
    answers: Any, code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = iter(answers)
    monkeypatch.setitem(audit.main.__globals__, "ask", lambda _: next(queue))
    assert audit.main() == code
    printed = capsys.readouterr().out
    assert words in printed
    assert ("NOT CHECKED" in printed) != ("packages checked" in printed or code == 1)


def test_every_judged_finding_has_a_reason_and_a_date() -> None:
    for entry in tomllib.loads((CI / "accepted_vulnerabilities.toml").read_text()).get("accepted", []):
        assert entry["reason"]
        assert isinstance(entry["until"], date)
