"""`neural-style` for backends on other machines: `keys` for the server's side, `remote` for the client's."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.protocol.errors import Failure
from backend.protocol.installation import Installation
from backend.protocol.keys import shown, typed
from backend.protocol.remotes import LOCAL, Remote, Remotes, check_destination

if TYPE_CHECKING:
    from backend.service.endpoint import Listen
    from backend.service.keyring import KeyRing

Commands = Any
"""What argparse calls `_SubParsersAction`."""


def add_backend(command: argparse.ArgumentParser) -> None:
    """Add the option that says which backend is meant."""
    command.add_argument("--backend", metavar="B", help="local, or tcp://HOST:PORT (see `neural-style remote`)")


def add_listening(serve: argparse.ArgumentParser) -> None:
    """Add the options that open the backend to other machines."""
    serve.add_argument("--bind", metavar="tcp://ADDRESS:PORT", help="let clients on other machines in there")
    serve.add_argument("--keys", type=Path, metavar="DIR", help="the keys of those clients (see `neural-style keys`)")


def listening(options: argparse.Namespace, installation: Installation) -> Listen | None:
    """Where `serve` is to listen for other machines, None for nowhere; a Failure without keys."""
    if options.bind is None:
        if options.keys is not None:
            raise Failure("keys-for-nothing")
        return None
    from backend.service.endpoint import Listen

    return Listen.checked(options.bind, options.keys, installation.keys)


def add_keys(commands: Commands) -> None:
    """Add `keys`: who is let in at this machine's backend."""
    keys = commands.add_parser("keys", help="say which other computers may use the backend of this one")
    actions = keys.add_subparsers(title="commands", required=True, metavar="COMMAND")

    new = actions.add_parser("new", help="make an invitation: a file with all that another computer needs")
    new.add_argument("name", metavar="NAME", help="your name for that computer or person")
    new.add_argument("--address", required=True, metavar="tcp://HOST:PORT", help="this computer, as that one sees it")
    new.add_argument("-o", "--output", type=Path, metavar="FILE", help="the invitation (NAME.invitation)")
    allow = actions.add_parser("allow", help="let in a computer by the key it shows with `neural-style remote key`")
    allow.add_argument("name", metavar="NAME", help="your name for that computer or person")
    allow.add_argument("key", metavar="KEY", help="its public key, 64 hexadecimal digits")
    revoke = actions.add_parser("revoke", help="let a computer in no longer, and end its connections")
    revoke.add_argument("name", metavar="NAME", help="your name for that computer or person")
    show = actions.add_parser("list", help="show the server's public key and who is let in")
    for action, run in ((new, _new), (allow, _allow), (revoke, _revoke), (show, _list)):
        action.add_argument("--keys", type=Path, metavar="DIR", help="the folder of the keys (in the home folder)")
        action.set_defaults(run=run)


def add_remote(commands: Commands) -> None:
    """Add `remote`: which backend this computer uses."""
    remote = commands.add_parser("remote", help="say which backend this computer uses, in GIMP too")
    actions = remote.add_subparsers(title="commands", required=True, metavar="COMMAND")

    use = actions.add_parser("use", help="paint on another machine from now on, or on this one again")
    use.add_argument("what", metavar="FILE|tcp://HOST:PORT|local", help="an invitation, a known address, or local")
    use.add_argument("--address", metavar="tcp://HOST:PORT", help="instead of the invitation's, say for a tunnel")
    use.add_argument("--server-key", metavar="KEY", help="its public key, if you have no invitation")
    use.set_defaults(run=_use)
    forget = actions.add_parser("forget", help="drop the keys of a backend")
    forget.add_argument("address", metavar="tcp://HOST:PORT")
    forget.set_defaults(run=_forget)
    actions.add_parser("list", help="show the known backends and which one is used").set_defaults(run=_known)
    actions.add_parser("key", help="show this computer's public key, for `keys allow`").set_defaults(run=_own)


def _ring(options: argparse.Namespace) -> KeyRing:
    from backend.service.keyring import KeyRing

    return KeyRing(_folder(options))


def _folder(options: argparse.Namespace) -> Path:
    return (options.keys or Installation.find().keys).absolute()


def _new(options: argparse.Namespace) -> int:
    file = options.output or Path(f"{options.name}.invitation")
    check_destination(options.address)
    if file.exists():
        raise Failure("file-exists", path=file)
    ring = _ring(options)
    invitation = ring.invite(options.name, options.address)
    try:
        invitation.write(file)
    except OSError as error:
        ring.revoke(options.name)
        raise Failure("cannot-write", path=file, reason=error.strerror or error) from None
    port = options.address.rsplit(":", 1)[1]
    print(f"The invitation is in {file}. It is a secret: move it to that computer, say with scp, run there")
    print(f"  neural-style remote use {shlex.quote(file.name)}")
    print("and delete the file on both. Here, let clients in with")
    print(f"  neural-style serve --bind tcp://0.0.0.0:{port} --keys {shlex.quote(str(_folder(options)))}")
    return 0


def _allow(options: argparse.Namespace) -> int:
    ring = _ring(options)
    ring.allow(options.name, typed(options.key))
    print(f"{options.name} may use the backend of this computer. There, run")
    print(f"  neural-style remote use tcp://HOST:PORT --server-key {shown(ring.server.public)}")
    return 0


def _revoke(options: argparse.Namespace) -> int:
    _ring(options).revoke(options.name)
    print(f"{options.name} is let in no longer; its connections end within seconds.")
    return 0


def _list(options: argparse.Namespace) -> int:
    ring = _ring(options)
    print(f"server key: {shown(ring.server.public)}")
    for name, key in ring.shown():
        print(f"{name}: {key}")
    return 0


def _use(options: argparse.Namespace) -> int:
    remotes = Remotes(Installation.find().remote_file)
    if options.server_key is not None:
        pair = remotes.own_pair()
        remotes.add(Remote(options.what, typed(options.server_key), pair.public, pair.secret))
    elif options.what == LOCAL or options.what.startswith("tcp://"):
        remotes.use(options.what)
    else:
        remotes.add(Remote.read(Path(options.what)), options.address)
    print(_sentence(remotes))
    return 0


def _forget(options: argparse.Namespace) -> int:
    remotes = Remotes(Installation.find().remote_file)
    remotes.forget(options.address)
    print(_sentence(remotes))
    return 0


def _known(options: argparse.Namespace) -> int:
    remotes = Remotes(Installation.find().remote_file)
    print(_sentence(remotes))
    for address in (LOCAL, *remotes.known):
        print(f"{'*' if address == remotes.used else ' '} {address}")
    return 0


def _own(options: argparse.Namespace) -> int:
    print(shown(Remotes(Installation.find().remote_file).own_pair().public))
    return 0


def _sentence(remotes: Remotes) -> str:
    where = "on this computer" if remotes.used == LOCAL else f"at {remotes.used}"
    return f"Pictures are painted {where}, from GIMP too."
