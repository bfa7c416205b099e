"""Serves the page to browsers on this machine, and to nobody else.

Any page of any site that the learner visits can send requests to 127.0.0.1, and so can other users of the
machine. So each request must name this host (which stops DNS rebinding), must not come from another origin, and
must have a secret: a token in the address at first, then a cookie that scripts cannot read and that is not sent
with requests of other sites.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import re
import secrets
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# A picture that is opened by itself may style itself, and do nothing else.
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_PICTURE_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
_STATIC = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_REFUSED = "This page belongs to a watcher. Open the address that it shows in its terminal, with the token."
# Seconds after which a silent stream says that it is still there, so that both sides notice a broken one.
_HEARTBEAT = 15
_LARGEST_ACTION = 4096


class ActionError(ValueError):
    """What a browser asked for makes no sense; the message is a sentence."""


@dataclass(frozen=True)
class Answers:
    """What the server asks; all are called in its thread.

    Attributes:
        lesson: returns the lesson of a step as HTML.
        picture: returns the file of a picture by step and name, or None.
        act: does what was clicked and returns plain data, or raises `ActionError`.
    """

    lesson: Callable[[str], str]
    picture: Callable[[str, str], Path | None]
    act: Callable[[dict[str, Any]], dict[str, Any]]


class PageServer:
    """A server in a thread of its own.

    Args:
        answers: what it asks.
        port: the port; 0 for any that is free.

    Raises:
        OSError: the port is in use, or not allowed.
    """

    def __init__(self, answers: Answers, port: int = 0) -> None:
        self._answers = answers
        self._token, self._cookie = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self._once = {secrets.token_urlsafe(16)}
        self._socket = socket.socket()
        try:
            # On Windows, this option would let two servers share a port.
            if sys.platform != "win32":
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(("127.0.0.1", port))
            # From now on browsers wait, even before the thread has loaded everything.
            self._socket.listen(16)
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self._hosts = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        # Cookies do not know ports, so that of another watcher on this machine needs another name.
        self._cookie_name = f"torchsteps-{self.port}"
        self._text, self._number = "", 0
        self._changed = asyncio.Event()
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=self._serve, name="page", daemon=True)

    @property
    def address(self) -> str:
        """The address for people, which can be opened any number of times."""
        return f"http://127.0.0.1:{self.port}/?token={self._token}"

    @property
    def address_once(self) -> str:
        """An address for one visit: other users of this machine can see with which one a browser is started."""
        return f"http://127.0.0.1:{self.port}/?token={next(iter(self._once))}"

    def start(self) -> None:
        """Start to serve."""
        self._thread.start()

    def publish(self, state: dict[str, Any]) -> None:
        """Send the whole state to all browsers, and to those that come later; from any thread."""
        self._text, self._number = json.dumps(state), self._number + 1
        self._wake()

    def close(self) -> None:
        """Tell the browsers that it is over, and stop; this takes no more than two seconds."""
        self._closing = True
        self._wake()
        if self._server:
            self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(2)
        self._socket.close()

    def _wake(self) -> None:
        def wake() -> None:
            before, self._changed = self._changed, asyncio.Event()
            before.set()

        if self._loop:
            # The loop may have ended meanwhile.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(wake)

    def _serve(self) -> None:
        for name in ("uvicorn", "asyncio"):
            # The terminal belongs to the watcher.
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [logging.NullHandler()], False
        config = uvicorn.Config(
            self._guarded(self._app()),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)

        async def serve() -> None:
            assert self._server
            self._loop = asyncio.get_running_loop()
            if not self._closing:
                await self._server.serve([self._socket])

        asyncio.run(serve())

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._page),
                Route("/events", self._events),
                Route("/lesson/{step}", self._lesson),
                Route("/picture/{step}/{name}", self._picture),
                Route("/act", self._act, methods=["POST"]),
                Route("/{name}", self._static),
            ]
        )

    # Who may ask

    def _guarded(self, app: ASGIApp) -> ASGIApp:
        """Return an application that refuses strangers and adds to each response what browsers may do with it."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return

            async def send_with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    given = {name.lower() for name, _ in message["headers"]}
                    message["headers"] = [
                        *message["headers"],
                        *(
                            (name.lower().encode(), value.encode())
                            for name, value in _HEADERS.items()
                            if name.lower().encode() not in given
                        ),
                    ]
                await send(message)

            refusal = self._refusal(Request(scope))
            response: ASGIApp = PlainTextResponse(*refusal) if refusal else app
            await response(scope, receive, send_with_headers)

        return guarded

    def _refusal(self, request: Request) -> tuple[str, int] | None:
        """Return why a request is not answered, with a status; None if it is."""
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return "This server has another name.", 421
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{hosts[0].lower()}":
            return "Requests from other pages are refused.", 403
        site = request.headers.get("sec-fetch-site")
        if request.method == "POST" and not (origin or site == "same-origin"):
            return "Requests from elsewhere are refused.", 403
        with_token = (
            request.url.path == "/" and request.method == "GET" and self._has_token(request)
        )
        # A link to the whole address may stand on another page: a terminal in a browser, for example.
        if site not in (None, "same-origin", "none") and not with_token:
            return "Requests from other pages are refused.", 403
        if not (with_token or _same(request.cookies.get(self._cookie_name), self._cookie)):
            return _REFUSED, 403
        return None

    def _has_token(self, request: Request) -> bool:
        given = request.query_params.get("token")
        # All are compared, so that the time says nothing.
        found = [_same(given, token) for token in (self._token, *self._once)]
        return any(found)

    # What is answered

    async def _page(self, request: Request) -> Response:
        self._once.discard(request.query_params.get("token", ""))
        response = Response(_static("page.html"), media_type="text/html; charset=utf-8")
        response.set_cookie(self._cookie_name, self._cookie, httponly=True, samesite="strict")
        return response

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _STATIC:
            return PlainTextResponse("There is nothing here.", 404)
        return Response(_static(name), media_type=_STATIC[name])

    async def _events(self, _: Request) -> Response:
        return StreamingResponse(self._states(), media_type="text/event-stream")

    async def _states(self) -> AsyncIterator[str]:
        seen = 0
        yield "retry: 1000\n\n"
        while not self._closing:
            changed = self._changed
            if seen != self._number:
                # Who is slow gets the last state only.
                seen = self._number
                yield f"data: {self._text}\n\n"
                continue
            try:
                await asyncio.wait_for(changed.wait(), _HEARTBEAT)
            except TimeoutError:
                yield ": still here\n\n"
        yield "event: end\ndata: {}\n\n"

    async def _lesson(self, request: Request) -> Response:
        try:
            html = self._answers.lesson(request.path_params["step"])
        except ActionError as error:
            return PlainTextResponse(str(error), 404)
        return Response(html, media_type="text/html; charset=utf-8")

    async def _picture(self, request: Request) -> Response:
        file = self._answers.picture(request.path_params["step"], request.path_params["name"])
        try:
            data = file.read_bytes() if file else None
        except OSError:
            data = None
        if file is None or data is None:
            return PlainTextResponse("There is no such picture.", 404)
        headers = {"Content-Security-Policy": _PICTURE_POLICY}
        return Response(data, media_type=_PICTURE_TYPES[file.suffix], headers=headers)

    async def _act(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return PlainTextResponse("Send JSON.", 415)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST_ACTION:
                return PlainTextResponse("That is too much.", 413)
        try:
            action = json.loads(body)
            if not isinstance(action, dict):
                raise ActionError("Send an object.")
            return JSONResponse(self._answers.act(action))
        except (ValueError, RecursionError) as error:
            words = str(error) if isinstance(error, ActionError) else "This is no JSON."
            return PlainTextResponse(words, 400)


def picture_in(folder: Path, name: str) -> Path | None:
    """Return a picture of a folder by its name; None if there is none that may be shown.

    Args:
        folder: the folder.
        name: what a browser asked for, which is compared and never becomes part of a path.
    """
    return next((file for file in pictures_in(folder) if file.name == name), None)


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder, by name; links are none."""
    try:
        found = [
            file
            for file in folder.iterdir()
            if re.fullmatch(r"[\w-]+\.(svg|png)", file.name, re.ASCII)
            and file.is_file()
            and not file.is_symlink()
        ]
    except OSError:
        return []
    return sorted(found)


def _same(given: str | None, secret: str) -> bool:
    """Compare in a time that says nothing about the secret."""
    return hmac.compare_digest((given or "").encode("utf-8", "replace"), secret.encode())


def _static(name: str) -> bytes:
    return (files("grader.report.page") / name).read_bytes()
