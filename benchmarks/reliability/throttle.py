"""A TCP proxy that lets only so many bytes a second through, in either direction: a slow link on one machine."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from dataclasses import replace
from types import TracebackType

from backend.protocol.connection import Connection

PIECE = 1 << 14
BUFFER = 1 << 16
"""Bytes that the proxy's own sockets hold, so that the link's slowness is felt at once."""


class Throttle:
    """Relays connections to a port on this machine at `rate` bytes a second, which may be changed meanwhile."""

    def __init__(self, connection: Connection, rate: float) -> None:
        self._port = int(connection.endpoint.rsplit(":", 1)[1])
        self.rate = rate
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0))
        # Accepted sockets inherit the buffers of the listening one.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.connection = replace(connection, endpoint=f"tcp://127.0.0.1:{self._listener.getsockname()[1]}")
        self.connections = 0

    def __enter__(self) -> Throttle:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._relay, sock=self._listener, limit=BUFFER))
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        out = socket.socket()
        out.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        out.setblocking(False)
        await self._loop.sock_connect(out, ("127.0.0.1", self._port))
        back, forth = await asyncio.open_connection(sock=out, limit=BUFFER)
        for end in (writer, forth):
            end.transport.set_write_buffer_limits(PIECE)
        try:
            await asyncio.gather(self._pump(reader, forth), self._pump(back, writer))
        except (OSError, asyncio.CancelledError):
            pass  # either end has hung up, or the test is over
        finally:
            writer.close()
            forth.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        due = time.monotonic()
        while data := await reader.read(PIECE):
            now = time.monotonic()
            due = max(due, now - PIECE / self.rate) + len(data) / self.rate
            if due > now:
                await asyncio.sleep(due - now)
            writer.write(data)
            await writer.drain()
        writer.close()
