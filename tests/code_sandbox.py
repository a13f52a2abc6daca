"""What the tests of generated code share."""

import json
import subprocess
import textwrap

from stage_world import Lines

from assent.config import check
from assent.rewards.sandbox import Limits, verdicts
from assent.stages.reward_parts import RewardPart
from assent.stages.workspace import Workspace

RAN = "assert ran() == 'it ran'"  # a proof that the code did run, beside each attack
WITH_RAN = "def ran(): return 'it ran'\n"


def refusal():
    """Why no process can be shut in on this machine, or None; asked of other programs than ours."""
    asked = ["--map-root-user", "--net", "--pid", "--mount", "--ipc", "--uts", "--fork"]
    try:
        done = subprocess.run(
            ["unshare", *asked, "mount", "-t", "tmpfs", "none", "/tmp"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        return f"cannot tell whether there are namespaces here: {error}"
    return f"no namespaces here, so generated code is refused: {done.stderr}" if done.returncode else None


def judged(code, *tests, **limits):
    return verdicts(
        WITH_RAN + textwrap.dedent(code), [textwrap.dedent(test) for test in tests], Limits(**limits)
    )


def part(folder, rows, **settings):
    file = folder / "tests.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    rule = {"kind": "tests_pass", "tests": str(file), "run_generated_code": True, **settings}
    work = Workspace("tuned", folder, Lines(), lambda *_: None, lambda: False)
    return check(RewardPart, {"rule": rule}, "rewards[0]").load(work)
