"""A real server of the protocol of `/v1/chat/completions`, by a tiny model or a rule; it can go wrong."""

import json
import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch

from assent.models.sampler import Sampling, sample
from assent.records import Prompt
from assent.rewards.chat_api import Clock

FENCE = re.compile(r"<<< (REQUEST|ANSWER|ANSWER A|ANSWER B) ([0-9a-f]{16})\n(.*?)\n>>> \1 \2", re.DOTALL)
Brain = Callable[[list[dict[str, str]]], str]


def texts_in(messages: Sequence[dict[str, str]]) -> dict[str, str]:
    """What stands between the fences of the first question."""
    asked = next(message["content"] for message in messages if message["role"] == "user")
    return {name: text for name, _, text in FENCE.findall(asked)}


def by_score(score: Callable[[str, str], float]) -> Brain:
    """Says `score(request, answer)` of one answer, and of two which has the higher one."""

    def brain(messages):
        texts = texts_in(messages)
        if "ANSWER" in texts:
            return json.dumps({"score": score(texts["REQUEST"], texts["ANSWER"])})
        a, b = (score(texts["REQUEST"], texts[name]) for name in ("ANSWER A", "ANSWER B"))
        return json.dumps({"better": "tie" if a == b else "A" if a > b else "B"})

    return brain


def by_likelihood(model, tokenizer) -> Brain:
    """A tiny model judges: the likelier it finds an answer, token by token, the better; 1 to 10."""

    def score(request, answer):
        asked, _ = tokenizer.prompts([Prompt(request)])
        said, _ = tokenizer.responses([answer])
        with torch.no_grad():
            logprobs, _ = model.logprobs(asked, said)
        return 1 + 9 * logprobs[said.mask].mean().exp().item()

    return by_score(score)


def writing(model, tokenizer) -> Brain:
    """A tiny model writes its reply: it has never seen JSON."""

    def brain(messages):
        tokens, _ = tokenizer.prompts([Prompt(messages[-1]["content"])])
        drawn = sample(
            model, tokens, Sampling(max_new_tokens=8, temperature=0.0), tokenizer.end_id, torch.Generator()
        )
        return tokenizer.texts(drawn.responses)[0]

    return brain


def saying(*replies: str) -> Brain:
    """These replies, one after the other; the last goes on."""
    left = list(replies)
    return lambda messages: left.pop(0) if len(left) > 1 else left[0]


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class JudgeServer:
    """In a `with` block: answers at `url`, keeps what it saw.

    Args:
        faults: done to the first requests, one each, in place of an answer; None leaves one alone.
        together: hold requests until so many are under way, to see that they are.
        tells_usage: whether replies count tokens (always 10 read and 2 written).
    """

    def __init__(self, brain: Brain, faults=(), together: int = 1, tells_usage: bool = True):
        self.brain, self.faults, self.tells_usage = brain, list(faults), tells_usage
        self.seen: list[Seen] = []
        self.in_flight = self.most_in_flight = 0
        self.lock, self.closing = threading.Lock(), threading.Event()
        self.barrier = threading.Barrier(together)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def __enter__(self) -> "JudgeServer":
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [seen.body for seen in self.seen]

    def take(self, seen: Seen):
        """Note a request; the fault it meets, or None."""
        with self.lock:
            self.seen.append(seen)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            return self.faults.pop(0) if self.faults else None

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:  # one small model, one thought at a time
            text = self.brain(body["messages"])
        message = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}}
        named = {"id": "chatcmpl-1", "object": "chat.completion", "model": body["model"]}
        return {**named, "choices": [message], **(usage if self.tells_usage else {})}


def handler_of(owner: JudgeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "JudgeServer"
        closing = owner.closing

        def do_POST(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            fault = owner.take(Seen(self.path, dict(self.headers), json.loads(raw)))
            owner.barrier.wait(timeout=20)
            with owner.lock:
                owner.in_flight -= 1
            if fault is not None:
                fault(self)
            elif self.path != "/v1/chat/completions":
                self.send(404, json.dumps({"error": {"message": f"no route {self.path}"}}))
            else:
                self.send(200, json.dumps(owner.completion(json.loads(raw))))

        def send(self, status, content, kind="application/json", headers=(), promised=None):
            data = content.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data) if promised is None else promised))
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format, *args):  # noqa: A002 - the base class's name
            pass

    return Handler


def status(code: int, message: str = "out of order", **headers: str):
    """An error as the protocol has it."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    content = json.dumps({"error": {"message": message, "type": "test"}})
    return lambda handler: handler.send(code, content, headers=named)


def page(handler):
    handler.send(200, "<html>Please log in</html>", kind="text/html")


def error_in_200(handler):
    handler.send(200, json.dumps({"error": {"message": "upstream is overloaded"}}))


def half_json(handler):
    handler.send(200, '{"choices": [{"message": {"role": "assi')


def no_choices(handler):
    handler.send(200, json.dumps({"choices": []}))


def cut_short(handler):
    """Promises more than it sends, then hangs up."""
    handler.send(200, '{"choices": [', promised=1000)
    handler.close_connection = True


def hangs_up(handler):
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def hangs(handler):
    """Says nothing until the server is closed."""
    handler.closing.wait(timeout=30)
    handler.close_connection = True


def drips(handler):
    """A byte now and then, so that no single read ever times out."""
    handler.send(200, "{", promised=10_000)
    while not handler.closing.wait(timeout=0.02):
        try:
            handler.wfile.write(b" ")
        except OSError:
            break
    handler.close_connection = True


def nobody_there() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.time = 0.0
        self.clock = Clock(self.now, self.sleep)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
