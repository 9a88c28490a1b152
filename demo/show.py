# SPDX-License-Identifier: MIT
"""The demo's words to a person: steps with elapsed times, what was seen, a table at the end."""
import os
import sys
import textwrap
import time

WIDTH = 96
OBSERVATION_WIDTH = 60


class StepFailed(Exception):
    """The observation is not the promised one."""


class Show:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.colour = out.isatty() and not os.environ.get("NO_COLOR")
        self.start = time.monotonic()
        self.results = []  # (title, passed, observation, seconds)

    def paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    def line(self, text=""):
        print(text, file=self.out, flush=True)

    def stamp(self):
        return self.paint("2", f"[{time.monotonic() - self.start:6.1f} s]")

    def note(self, text):
        self.line(f"{self.stamp()}   {text}")

    def output(self, command, text, limit=12):
        """A command and its real output."""
        self.line("             " + self.paint("36", f"dom0# {command}"))
        lines = text.rstrip().splitlines()
        for line in lines[:limit]:
            self.line("             " + line[: WIDTH * 2])
        if len(lines) > limit:
            self.line(f"             … {len(lines) - limit} more lines")

    def step(self, title, action):
        """Runs action(), which returns the observation. False when it failed."""
        self.line(f"{self.stamp()} {self.paint('1', title)}")
        begin = time.monotonic()
        try:
            observation, passed = action(), True
        except KeyboardInterrupt:
            raise
        except Exception as e:
            observation, passed = str(e) or type(e).__name__, False
        seconds = time.monotonic() - begin
        self.results.append((title, passed, observation, seconds))
        mark = self.paint("32", "ok") if passed else self.paint("31", "FAILED")
        shown = observation if passed else "\n".join(observation.splitlines()[-40:])
        self.line(f"{self.stamp()}   {mark}: {shown}")
        return passed

    def skip(self, titles, why):
        for title in titles:
            self.results.append((title, False, f"not reached: {why}", 0.0))

    def summary(self):
        """The table and the verdict; whether all passed."""
        title_width = max(len(title) for title, *_ in self.results)
        self.line()
        self.line(f"     {'what':{title_width}}  {'time':>7}  what was observed")
        for number, (title, passed, observation, seconds) in enumerate(self.results, 1):
            first = observation.splitlines()[0] if observation else ""
            rows = textwrap.wrap(first, OBSERVATION_WIDTH) or [""]
            mark = self.paint("32", "ok") if passed else self.paint("31", "--")
            self.line(f"{number:2d} {mark} {title:{title_width}}  {seconds:5.1f} s  {rows[0]}")
            for row in rows[1:]:
                self.line(" " * (title_width + 17) + row)
        passed = sum(1 for result in self.results if result[1])
        self.line()
        self.line(f"demo: {passed} of {len(self.results)} steps passed")
        return passed == len(self.results)
