# SPDX-License-Identifier: MIT
"""QEMU's own QMP client (qemu.qmp) on a socket: what it made of greeting, commands, events, errors
and a descriptor, in JSON on stdout."""
import asyncio
import json
import os
import sys

from qemu.qmp import EventListener, ExecuteError, QMPClient

SECONDS = 200
AT_ONCE = 40


async def talk(path, picture):
    found = {}
    qmp = QMPClient("test")
    await qmp.connect(path)
    found["version"] = (await qmp.execute("query-version"))["qemu"]["major"]
    # Many at once: each answer finds its command by the id.
    names = await asyncio.gather(*(qmp.execute("query-name") for _ in range(AT_ONCE)))
    found["names"] = [name["name"] for name in names]
    listener = EventListener(names=["STOP", "RESUME"])
    with qmp.listen(listener):
        await qmp.execute("stop")
        await qmp.execute("cont")
        found["events"] = [(await listener.get())["event"] for _ in range(2)]
    try:
        await qmp.execute("no-such-command")
    except ExecuteError as e:
        found["error"] = e.error_class
    try:
        await qmp.execute("dump-guest-memory", {"paging": False, "protocol": "file:/x"})
    except ExecuteError as e:
        found["refused"] = str(e)
    with open(picture, "wb") as f:
        qmp.send_fd_scm(f.fileno())
        await qmp.execute("add-fd", {"fdset-id": 7})
    await qmp.execute("screendump", {"filename": "/dev/fdset/7"})
    await qmp.execute("remove-fd", {"fdset-id": 7})
    with open(picture, "rb") as f:
        found["picture"] = f.read(2).decode()
    os.unlink(picture)
    await qmp.disconnect()
    return found


print(json.dumps(asyncio.run(asyncio.wait_for(talk(*sys.argv[1:]), SECONDS))))
