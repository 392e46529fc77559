"""A script of four stages, which notes its calls in a file."""

from __future__ import annotations

PIPELINE = """
import os, sys, time
import cuebook

FACTOR = 2

def note(text):
    with open("calls", "a") as file:
        file.write(text + "\\n")

def clean(row):
    return row > 2

@cuebook.stage
def stage1(count):
    note("stage1")
    return list(range(count))

@cuebook.stage
def other(count):
    note("other")
    return {"count": count}

@cuebook.stage
def stage2(rows):
    note("stage2")
    return [row * FACTOR for row in rows if clean(row)]

@cuebook.stage
def stage3(rows):
    note("stage3")
    if os.path.exists("fail"):
        raise ValueError("not today")
    if os.path.exists("kill"):
        os.kill(os.getpid(), 9)
    return sum(rows)

rows = stage1(10)
other(3)
print(stage3(stage2(rows)))
"""

ALL = ["stage1", "other", "stage2", "stage3"]
