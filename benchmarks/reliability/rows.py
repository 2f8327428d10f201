"""The promises in a table: what is promised, how it is put to the proof, and what counts as kept."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

from backend.protocol.installation import Installation
from benchmarks.reliability import (
    access,
    bridge,
    cancels,
    deaths,
    endings,
    links,
    malformed,
    orphans,
    overhead,
    queueing,
    slowdown,
)
from benchmarks.reliability.figures import Figures, mib, ms, s
from benchmarks.reliability.home import new_home


@dataclass(frozen=True)
class Row:
    """A promise. `measure` is told if it has to be quick; `tell` and `keeps` are given what it found."""

    name: str
    target: str
    how: str
    measure: Callable[[Installation, bool], Figures]
    tell: Callable[[Figures], str]
    keeps: Callable[[Figures], bool]
    timed: bool = True
    """Whether milliseconds count in it, so that nothing else may run meanwhile."""
    seconds: float = 120.0
    """When it is given up."""


def _cancel(home: Installation, quick: bool) -> Figures:
    return {
        "heard": cancels.acknowledged(home, 10 if quick else 50),
        "ignored": cancels.ignored(home),
        "racing": cancels.racing(home, 100 if quick else 1000),
    }


def _cancelled(f: Figures) -> str:
    heard, ignored, racing = f["heard"], f["ignored"], f["racing"]
    return (
        f"acknowledged in {ms(heard['heard_p99'])} (p99 of {heard['rounds']}); ended {ms(heard['over_p99'])} after a "
        f"step of {ms(heard['step'])} (p99); ignored: killed after {s(ignored['seconds'])}, the next job "
        f"{'was' if ignored['next_done'] else 'was not'} painted; {racing['cancels']} racing ones: {racing['wrong']} "
        f"of {racing['jobs']} jobs wrongly ended"
    )


def _cancel_kept(f: Figures) -> bool:
    heard, ignored, racing = f["heard"], f["ignored"], f["racing"]
    return bool(
        heard["heard_p99"] < 0.05
        and heard["over_p99"] < 0.1
        and ignored["seconds"] < 6
        and ignored["next_done"]
        and racing["wrong"] == racing["not_once"] == 0
    )


def _access(home: Installation, quick: bool) -> Figures:
    with new_home() as second, new_home() as third:
        return {
            "refused": access.refused(home, 1 if quick else 3),
            "revoked": access.revoked(second),
            "user": access.another_user(third),
        }


def _clients(home: Installation, quick: bool) -> Figures:
    rounds = 1 if quick else 3
    return {
        "killed": deaths.clients(home, signal.SIGKILL, rounds),
        "frozen": deaths.clients(home, signal.SIGSTOP, rounds),
    }


def _workers(home: Installation, quick: bool) -> Figures:
    return {
        "killed": deaths.worker(home, signal.SIGKILL),
        "crashed": deaths.worker(home, signal.SIGSEGV),
        "memory": deaths.memory(home),
    }


def _worker_kept(f: Figures) -> bool:
    told = [f["killed"], f["crashed"]]
    return (
        all(one["seconds"] < 1 and one["code"] == "worker-died" and one["next_done"] for one in told)
        and f["memory"]["code"] == "out-of-memory"
        and bool(f["memory"]["next_done"])
    )


def _bridge_kept(f: Figures) -> bool:
    return bool(
        f["client_killed"]["seconds"] < 2
        and f["client_frozen"]["seconds"] < 6
        and f["client_killed"]["others_served"] == f["client_killed"]["rounds"]
        and f["client_frozen"]["others_served"] == f["client_frozen"]["rounds"]
        and f["backend_killed"]["seconds"] < 1
        and f["backend_killed"]["restarted"] == f["backend_killed"]["rounds"]
        and f["killed"]["told"] < 1
        and f["killed"]["codes"] == ["bridge-died"]
        and f["killed"]["gone"]
        and _clean(f["orphans"])
    )


def _slow_client(home: Installation, quick: bool) -> Figures:
    with new_home() as without_keys:
        return {
            "lag": links.lag(home, 5 if quick else 15),
            "slowdown": slowdown.slowdown(home, 4 if quick else 80),
            "deaf": links.deaf(without_keys, 20_000 if quick else 100_000),
        }


def _more(ratio: float) -> str:
    """How much more than once it is, in percent."""
    return f"{100 * (ratio - 1):+.1f}"


def _ends(home: Installation, quick: bool) -> Figures:
    return {"stop": endings.stopped(home), "SIGTERM": endings.terminated(home), "idle": endings.idle(home)}


def _clean(f: Figures) -> bool:
    return not f["processes"] and not f["files"]


ROWS = (
    Row(
        "slow link",
        "100 MB over 1 MB/s: delivered, 0 disconnects",
        "a square layer there and back through a proxy of 1 MB/s, heartbeats on",
        lambda home, quick: links.layer(home, 1000 if quick else 4096),
        lambda f: f"{f['bytes'] / 1e6:.0f} MB in {s(f['seconds'])}, {f['disconnects']} disconnects",
        lambda f: f["delivered"] and f["disconnects"] == 0,
        timed=False,
        seconds=240,
    ),
    Row(
        "no orphans",
        "100 rounds: 0 processes, 0 sockets, 0 temporary files left",
        "a client, the supervisor or the worker killed (SIGKILL) up to 1.5 s after a client's start; then one last "
        "backend works and leaves by itself",
        lambda home, quick: orphans.killed(home, 10 if quick else 100),
        lambda f: (
            f"{f['rounds']} rounds ({', '.join(f'{n} {who}' for who, n in f['hit'].items())}): {f['processes']} "
            f"processes, {len(f['files'])} files and sockets"
        ),
        _clean,
        timed=False,
        seconds=300,
    ),
    Row(
        "malformed input",
        "100,000 frames, 10,000 raw connections: served throughout, under 64 MiB more, no traceback",
        "random bytes, spoilt JSON, odd values at any depth, lying headers, missing chunks; half handshakes and huge "
        "lengths; a good client has pictures painted meanwhile",
        lambda home, quick: malformed.survive(home, *((5_000, 500) if quick else (100_000, 10_000))),
        lambda f: (
            f"{f['frames']:,} frames, {f['connections']:,} connections in {s(f['seconds'])}: {f['served']} pictures "
            f"painted, {f['not_served']} not; {mib(max(0, f['grown']))} more; {f['tracebacks']} tracebacks sent"
        ),
        lambda f: (
            f["served"] > 0
            and f["not_served"] == 0
            and f["grown"] < 64 << 20
            and f["tracebacks"] == 0
            and f["unharmed"]
            and not f["logged_traceback"]
        ),
        timed=False,
        seconds=240,
    ),
    Row(
        "one final event",
        "exactly one per job, at any cancel point",
        "jobs cancelled, mostly twice, or robbed of their worker (SIGKILL): with half of the pixels sent, with all, "
        "while another one is painted, while getting ready, while painted, with some of the result come, "
        "or at any moment",
        lambda home, quick: cancels.anywhere(home, *((30, 2) if quick else (400, 8))),
        lambda f: (
            f"{f['jobs']} jobs, {f['kills']} of them with a killed worker: {f['not_once']} did not end once "
            f"({', '.join(f'{count} {end}' for end, count in f['ends'].items())})"
        ),
        lambda f: f["not_once"] == 0 and "refused" not in f["ends"],
        timed=False,
        seconds=420,
    ),
    Row(
        "single instance",
        "20 simultaneous starts: 1 backend, 20 served",
        "as many client processes at once, each with a job, where no backend runs",
        lambda home, quick: queueing.single_instance(home, 5 if quick else 20),
        lambda f: f"{f['clients']} starts: {f['listened']} backend, {f['served']} clients served",
        lambda f: f["listened"] == f["backends"] == 1 and f["served"] == f["clients"],
        timed=False,
    ),
    Row(
        "fairness",
        "3 clients: each waits at most one job of each other; position reported; bounded, with a clear busy answer",
        "three clients queue their jobs one client after another; then one asks for more than it may",
        lambda home, quick: {"turns": queueing.fairness(home, 2 if quick else 6), "bound": queueing.bound(home, 40)},
        lambda f: (
            f"at most {f['turns']['most_of_another']} job of another before one's turn ({f['turns']['jobs']} jobs); "
            f"position told for all {f['turns']['positions']} that waited; of {f['bound']['jobs']} jobs "
            f"of a greedy client {f['bound']['taken']} were taken, the rest {' '.join(f['bound']['codes'])}"
        ),
        lambda f: (
            f["turns"]["done"] == f["turns"]["jobs"]
            and f["turns"]["most_of_another"] <= 1
            and f["turns"]["told_last"] == [1]
            and f["bound"]["codes"] == ["busy"]
            and f["bound"]["another_served"]
        ),
        timed=False,
    ),
    Row(
        "access",
        "another local user reaches nothing; wrong, missing or revoked key: 0 messages read, a clear error in 3 s",
        "a process of the user nobody tries the socket and the files; clients with keys of four wrong kinds; a key "
        "taken back from a client whose job is painted",
        _access,
        lambda f: (
            f"{f['user']['reached']} of {f['user']['tried']} ways open to another user; {f['refused']['tries']} keys "
            f"refused ({', '.join(f['refused']['codes'])}) in {s(f['refused']['seconds'])} "
            f"at most, {f['refused']['read']} messages read; revoked: told after {s(f['revoked']['seconds'])}, "
            f"stopped after {s(f['revoked']['stopped'])}"
        ),
        lambda f: (
            f["user"]["reached"] == f["refused"]["read"] == 0
            and f["refused"]["seconds"] < 3
            and f["refused"]["served"]
            and f["revoked"]["seconds"] < 3
        ),
        timed=False,
    ),
    Row(
        "cancel",
        "acknowledged in 50 ms (p99); stops within a step + 100 ms; killed at 5 s; 1000 racing: 0 wrong; the next "
        "job runs",
        "jobs cancelled while they are painted; a frozen worker (SIGSTOP); four clients that submit and cancel "
        "at random",
        _cancel,
        _cancelled,
        _cancel_kept,
        seconds=300,
    ),
    Row(
        "client dies or freezes",
        "its job stops in 2 s (SIGKILL), 6 s (SIGSTOP); others are not disturbed",
        "time until the job of another client that waits behind it is painted",
        _clients,
        lambda f: (
            f"{s(f['killed']['seconds'])} and {s(f['frozen']['seconds'])} at most; "
            f"{f['killed']['others_served'] + f['frozen']['others_served']} of "
            f"{f['killed']['rounds'] + f['frozen']['rounds']} others served"
        ),
        lambda f: (
            f["killed"]["seconds"] < 2
            and f["frozen"]["seconds"] < 6
            and all(kind["others_served"] == kind["rounds"] for kind in f.values())
        ),
    ),
    Row(
        "worker dies",
        "told within 1 s why and what to do; the next job runs in a fresh one",
        "SIGKILL and SIGSEGV while it paints; its address space limited so that memory runs out",
        _workers,
        lambda f: (
            f"told after {ms(f['killed']['seconds'])} (SIGKILL) and {ms(f['crashed']['seconds'])} (SIGSEGV); without "
            f"memory: {f['memory']['code']}; {sum(one['next_done'] for one in f.values())} of 3 next jobs painted"
        ),
        _worker_kept,
    ),
    Row(
        "crash loop",
        "stops after 5",
        "a broken torch, so that no worker can start, and 20 jobs",
        lambda home, quick: deaths.crash_loop(home, 20),
        lambda f: (
            f"{f['workers']} workers tried for {f['jobs']} jobs; then each is refused within "
            f"{ms(f['slowest_after'])} with the reason"
        ),
        lambda f: f["workers"] == deaths.CRASHES and f["refused"] == f["jobs"] and f["alive"],
    ),
    Row(
        "backend dies",
        "told within 1 s; the next call starts a new one",
        "SIGKILL while it paints; its stale file and socket stay",
        lambda home, quick: deaths.backend(home, 1 if quick else 4),
        lambda f: f"told after {ms(f['seconds'])} at most; {f['restarted']} of {f['rounds']} started anew",
        lambda f: f["seconds"] < 1 and f["restarted"] == f["rounds"],
    ),
    Row(
        "slow client",
        "progress under 100 ms behind on a 1 MB/s link; computing slows by less than 2 %; memory bounded",
        "status answers beside previews (same way as progress) through a proxy; the worker's processor time for a step "
        "of one job whose link is half as fast and free by turns; a client that asks on and on and reads nothing",
        _slow_client,
        lambda f: (
            f"{ms(f['lag']['p99'])} behind (p99, at most {ms(f['lag']['largest'])}) beside "
            f"{f['lag']['previews']} previews; steps {_more(f['slowdown']['ratio'])} % "
            f"({_more(f['slowdown']['low'])} to {_more(f['slowdown']['high'])} with 95 % confidence, "
            f"{f['slowdown']['pairs']} pairs); "
            f"{f['deaf']['messages']:,} unread answers: {mib(max(0, f['deaf']['grown']))} more"
        ),
        lambda f: (
            f["lag"]["p99"] < 0.1
            and f["slowdown"]["high"] < 1.02
            and f["deaf"]["grown"] < 64 << 20
            and f["deaf"]["served"]
            and f["deaf"]["messages"] > 1000
        ),
        seconds=360,
    ),
    Row(
        "overhead",
        "48 MB there and back in 150 ms beyond computing; first progress in 300 ms when warm",
        "a layer of 4000 x 4000; the time that the worker worked on it is taken off",
        lambda home, quick: {
            "layer": overhead.layer(home, 3 if quick else 7),
            "sign": overhead.first_sign(home, 5 if quick else 15),
        },
        lambda f: (
            f"{ms(f['layer']['median'])} (median of {f['layer']['rounds']}, best {ms(f['layer']['best'])}); first "
            f"progress {ms(f['sign']['largest'])} at most, first step at {f['sign']['size']} px {ms(f['sign']['step'])}"
        ),
        lambda f: f["layer"]["median"] < 0.15 and f["sign"]["largest"] < 0.3,
    ),
    Row(
        "bridge",
        "a client without pyzmq is served as one with it: all of the above that a bridge could spoil",
        "the drills of dying clients and backends, of orphans and of the overhead over bridges, and bridges killed",
        lambda home, quick: bridge.everything(home, *((1, 3) if quick else (3, 20))),
        lambda f: (
            f"client killed {s(f['client_killed']['seconds'])}, frozen {s(f['client_frozen']['seconds'])}; backend "
            f"killed: told after {ms(f['backend_killed']['seconds'])}; bridge killed: told after "
            f"{ms(f['killed']['told'])}, the next job painted after {s(f['killed']['freed'])}; 48 MB there and back "
            f"{ms(f['layer']['median'])}; {f['orphans']['rounds']} rounds of killing: {f['orphans']['processes']} "
            f"processes, {len(f['orphans']['files'])} files left"
        ),
        _bridge_kept,
        seconds=300,
    ),
    Row(
        "end",
        "stop, SIGTERM and idle exit in 2 s",
        "until no process is left; while it paints, and after its idle time",
        _ends,
        lambda f: (
            ", ".join(f"{name} {ms(one['seconds'])}" for name, one in f.items())
            + ("; nothing left" if all(map(_clean, f.values())) else "; something was left")
        ),
        lambda f: all(one["seconds"] < 2 and _clean(one) for one in f.values()),
    ),
)
