# SPDX-License-Identifier: MIT
"""A network to boot from: DHCP for one guest and TFTP for one file, on one bridge of dom0."""
import os
import select
import socket
import struct
import threading

SO_BINDTODEVICE = 25
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
COOKIE = bytes.fromhex("63825363")
RRQ, DATA, TFTP_ACK, ERROR, OACK = 1, 3, 4, 5, 6
RESEND_SECONDS, TRIES = 2, 20

servers = {}


def udp(interface, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, interface.encode())
    sock.bind(("", port))
    return sock


def dhcp_options(packet):
    out, at = {}, 240
    while at + 1 < len(packet) and packet[at] != 255:
        if packet[at] == 0:
            at += 1
            continue
        out[packet[at]] = packet[at + 2 : at + 2 + packet[at + 1]]
        at += 2 + packet[at + 1]
    return out


class Server:
    """Answers until stop(); what was asked of it is in `log`."""

    def __init__(self, interface, mac, client, server, path):
        self.mac = bytes.fromhex(mac.replace(":", ""))
        self.client, self.server = socket.inet_aton(client), socket.inet_aton(server)
        self.name = os.path.basename(path)
        with open(path, "rb") as f:
            self.content = f.read()
        self.log = []
        self.dhcp, self.tftp = udp(interface, 67), udp(interface, 69)
        self.wake, self.end = os.pipe()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def stop(self):
        os.close(self.end)
        self.thread.join()
        os.close(self.wake)
        self.dhcp.close()
        self.tftp.close()
        return self.log

    def serve(self):
        while True:
            ready = select.select([self.dhcp, self.tftp, self.wake], [], [])[0]
            if self.wake in ready:
                return
            if self.dhcp in ready:
                self.answer(self.dhcp.recv(2048))
            if self.tftp in ready:
                self.send(*self.tftp.recvfrom(2048))

    def answer(self, packet):
        if len(packet) < 240 or packet[0] != 1 or packet[28:34] != self.mac:
            return
        options = dhcp_options(packet)
        kind = options.get(53, b"\0")[0]
        if kind not in (DISCOVER, REQUEST):
            return
        self.log.append(f"dhcp {kind} {options.get(60, b'')[:9].decode(errors='replace')}")
        said = {53: bytes([OFFER if kind == DISCOVER else ACK]), 54: self.server,
                51: struct.pack(">I", 3600), 1: bytes([255, 255, 255, 0]), 66: b"", 67: b""}
        said[66] = socket.inet_ntoa(self.server).encode()
        said[67] = self.name.encode() + b"\0"
        reply = struct.pack(">BBBB4sHH4s4s4s4s16s64s128s", 2, 1, 6, 0, packet[4:8], 0, 0x8000,
                            bytes(4), self.client, self.server, bytes(4), packet[28:44], b"",
                            self.name.encode()) + COOKIE
        reply += b"".join(bytes([k, len(v)]) + v for k, v in said.items()) + b"\xff"
        self.dhcp.sendto(reply.ljust(300, b"\0"), ("255.255.255.255", 68))

    def send(self, packet, peer):
        words = packet[2:].split(b"\0")
        if packet[:2] != struct.pack(">H", RRQ) or words[0].decode() != self.name:
            self.tftp.sendto(struct.pack(">HH", ERROR, 1) + b"no such file\0", peer)
            return
        wanted = {k.lower(): v for k, v in zip(words[2::2], words[3::2])}
        size = min(int(wanted.get(b"blksize", b"512")), 1432)
        options = {k: v for k, v in ((b"blksize", size), (b"tsize", len(self.content)))
                   if k in wanted}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(peer)
            sock.settimeout(RESEND_SECONDS)
            if options:
                text = b"".join(k + b"\0" + str(v).encode() + b"\0" for k, v in options.items())
                if not self.until_acked(sock, struct.pack(">H", OACK) + text, 0):
                    return
            for n in range(len(self.content) // size + 1):
                block = struct.pack(">HH", DATA, n + 1) + self.content[n * size : (n + 1) * size]
                if not self.until_acked(sock, block, n + 1):
                    return
        self.log.append(f"tftp {self.name}")

    def until_acked(self, sock, message, number):
        """Whether the client took it; one that only asks for the size ends with an error."""
        for _ in range(TRIES):
            try:
                sock.send(message)
                while True:
                    answer = sock.recv(2048)
                    if answer[:2] == struct.pack(">H", ERROR):
                        return False
                    if answer[:4] == struct.pack(">HH", TFTP_ACK, number):
                        return True
            except (TimeoutError, ConnectionRefusedError):
                continue
        return False


def pxe_start(name, interface, mac, client, server, path):
    servers[name] = Server(interface, mac, client, server, path)


def pxe_stop(name):
    """The requests that it got."""
    return servers.pop(name).stop()
