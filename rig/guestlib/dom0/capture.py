# SPDX-License-Identifier: MIT
"""Ethernet frames in dom0: what passes an interface, and frames of our own making."""
import collections
import socket
import struct

ETH_P_ALL = 0x0003
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_AUXDATA = 263, 1, 8
MR_PROMISC = 1
STATUS_VLAN_VALID = 1 << 4
SO_RCVBUFFORCE, BUFFER = 33, 16 << 20
KEPT = 128  # bytes of each frame

captures = {}


def capture_start(name, interface):
    """From now on every frame that goes in or out there is kept."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    sock.setblocking(False)
    sock.bind((interface, ETH_P_ALL))
    # a bridge shows frames for others only to those who ask
    membership = struct.pack("iHH8s", socket.if_nametoindex(interface), MR_PROMISC, 0, b"")
    sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
    captures[name] = sock


def describe(data, ancillary):
    """The tag of a tagged frame may be beside it and not in it."""
    vlan = None
    kind = int.from_bytes(data[12:14], "big")
    if kind == 0x8100:
        vlan = int.from_bytes(data[14:16], "big") & 0xFFF
        kind = int.from_bytes(data[16:18], "big")
    for level, option, value in ancillary:
        if level == SOL_PACKET and option == PACKET_AUXDATA:
            status, length, _, _, _, tci, _ = struct.unpack("IIIHHHH", value[:20])
            if status & STATUS_VLAN_VALID:
                vlan = tci & 0xFFF
    return {"to": data[:6].hex(":"), "from": data[6:12].hex(":"), "type": kind, "vlan": vlan,
            "size": length, "data": data[:KEPT].hex()}


def capture_stop(name):
    """The frames, in order."""
    frames = []
    with captures.pop(name) as sock:
        while True:
            try:
                data, ancillary, _, _ = sock.recvmsg(65536, 64)
            except BlockingIOError:
                return frames
            frames.append(describe(data, ancillary))


def capture_senders(name):
    """The capture's end, too: from where how many frames came."""
    return dict(collections.Counter(frame["from"] for frame in capture_stop(name)))


def frame_send(interface, frame, count=1):
    """Sends a frame, given in hex, out of the interface."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((interface, 0))
        for _ in range(count):
            sock.send(bytes.fromhex(frame))
