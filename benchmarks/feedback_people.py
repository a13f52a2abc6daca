"""Made-up people who judge over HTTP, with the requests of the page's own script: see feedback_load.py."""

import asyncio
import json
import random
import re
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlencode

PASSWORD = "three brown owls"
CHOICES = ["left", "right", "tie", "both_bad", "cannot_judge"]
TIMEOUT_SECONDS = 20.0  # as in net.js, like the two below
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 30.0
LATER = (429, 502, 503, 504)
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
KEEP = re.compile(r'id="work"[^>]* data-keep="(\w+)"')


class Unreachable(Exception):
    """No answer, or none that says whether it is stored."""


class Browser:
    """One connection that is kept, and cookies."""

    def __init__(self, port: int):
        self.port, self.cookies, self.token, self.keep, self._wires = port, {}, "", "", None

    async def get(self, path: str) -> str:
        status, text = await self._ask("GET", path)
        if status != 200:
            raise RuntimeError(f"{path}: {status}")
        self.token = (TOKEN.search(text) or [None, ""])[1]
        self.keep = (KEEP.search(text) or [None, ""])[1]
        return text

    async def form(self, path: str, **fields: object) -> str:
        await self.get(path)
        sent = urlencode({"csrfmiddlewaretoken": self.token, **fields}).encode()
        status, text = await self._ask("POST", path, sent, "application/x-www-form-urlencoded")
        if status not in (200, 302):
            raise RuntimeError(f"{path}: {status}")
        return text

    async def post(self, path: str, body: dict) -> dict:
        status, text = await self._ask("POST", path, json.dumps(body).encode(), "application/json")
        if status in LATER or status >= 500:
            raise Unreachable(f"status {status}")
        if status != 200:
            raise RuntimeError(f"{path}: {status} {text}")
        return json.loads(text)

    async def _ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, str]:
        head = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Accept: application/json"]
        if self.cookies:
            head.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if self.keep:  # the page's own requests say whose page it is
            head.append(f"X-Keep: {self.keep}")
        if method == "POST":
            head += [f"Origin: http://127.0.0.1:{self.port}", f"X-CSRFToken: {self.token}"]
            head += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._answer("\r\n".join([*head, "", ""]).encode() + body)
        except (OSError, asyncio.IncompleteReadError) as error:  # TimeoutError is an OSError
            self.close()
            raise Unreachable(type(error).__name__) from None

    async def _answer(self, request: bytes) -> tuple[int, str]:
        if self._wires is not None and self._wires[0].at_eof():  # the server went; a browser takes another
            self.close()
        if self._wires is None:
            self._wires = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._wires
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = [line.partition(": ")[::2] for line in head.split("\r\n")[1:] if line]
        length = next(int(value) for name, value in headers if name.lower() == "content-length")
        text = (await reader.readexactly(length)).decode()
        for name, value in headers:
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
            if (name.lower(), value.lower()) == ("connection", "close"):
                self.close()
        return int(head.split()[1]), text

    def close(self) -> None:
        if self._wires is not None:
            self._wires[1].close()
        self._wires = None


@dataclass
class Heard:
    """What all annotators saw. Times are of `time.perf_counter`."""

    acknowledged: dict[str, tuple[str, str]] = field(default_factory=dict)  # UUID -> who, choice
    sent: Counter[str] = field(default_factory=Counter)  # UUID -> how often
    errors: Counter[str] = field(default_factory=Counter)
    times: list[tuple[float, float, float]] = field(default_factory=list)  # due, sent, answered at once
    again: int = 0  # stored before, though the answer never came
    last: float = 0.0


class Annotator:
    def __init__(self, port: int, name: str, heard: Heard):
        self.browser, self.name, self.heard, self.luck = Browser(port), name, heard, random.Random(name)

    async def come_in(self, invite: str) -> None:
        await self.browser.form(invite, name=self.name, password=PASSWORD)
        await self.browser.get("/p/load/")

    async def work(self, dues: list[float]) -> None:
        item = (await self._until_answered("next", {}))[0]
        for due in dues:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if item["state"] != "item":  # the others hold what is left, or nothing is
                return
            item = await self._judge(item, due)

    async def _judge(self, item: dict, due: float) -> dict:
        name, choice, sent = str(uuid.uuid4()), self.luck.choice(CHOICES), time.perf_counter()
        given = {key: item[key] for key in ("shown", "made", "revision", "guideline")}
        body = {"uuid": name, **given, "answer": {"choice": choice}, "seconds": 1.0, "next": True}
        said, tries = await self._until_answered("judgements", body)
        heard, now = self.heard, time.perf_counter()
        if not said["stored"]:
            raise RuntimeError(f"200, and not stored: {said}")
        heard.acknowledged[name], heard.last = (self.name, choice), now
        heard.again += said["same"]
        if tries == 1:
            heard.times.append((due, sent, now))
        if tries == 1 and said["next"] is not None:
            return said["next"]
        return (await self._until_answered("next", {}))[0]  # as the page does after it was cut off

    async def _until_answered(self, path: str, body: dict) -> tuple[dict, int]:
        wait, tries = FIRST_WAIT_SECONDS, 0
        while True:
            tries += 1
            self.heard.sent[body.get("uuid", "")] += 1
            try:
                return await self.browser.post(f"/p/load/{path}", body), tries
            except Unreachable as error:
                self.heard.errors[f"{path}: {error}"] += 1
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)
