# SPDX-License-Identifier: MIT
"""Counts exits in a trace of Xen's (xen/include/public/trace.h): how often a guest's or PVH stub
domain's CPU went into the hypervisor. Unlike time, that does not depend on the machine."""
import collections
import struct

TRC_HVM_EXITS = {0x00081002, 0x00081102, 0x00081003, 0x00081103}  # VMX, SVM; 32, 64 bits
TRC_LOST_RECORDS = 0x0001F001
TRC_SCHED_SWITCH = 0x0002800A  # from a domain and its vCPU to a domain and its vCPU
TRC_HVM_VMMCALL = 0x00082012  # a hypercall: its number
TRC_PV_HYPERCALL_V2 = 0x0020100D  # of a PV domain: its number, arguments
# AMD64 Architecture Programmer's Manual, volume 2, appendix C
HYPERCALL = 0x81
REASONS = {0x47: "#NM", 0x60: "interrupt", 0x61: "NMI", 0x64: "virtual interrupt", 0x6E: "rdtsc",
           0x72: "cpuid", 0x78: "hlt", 0x7B: "port", 0x7C: "msr", HYPERCALL: "hypercall",
           0x400: "memory"}
# xen/include/public/xen.h: those that a start or a request makes
HYPERCALLS = {1: "mmu_update", 3: "stack_switch", 5: "fpu_taskswitch", 12: "memory_op", 13: "multicall",
              14: "update_va_mapping", 15: "set_timer_op", 17: "xen_version", 18: "console_io",
              20: "grant_table_op", 23: "iret", 24: "vcpu_op", 25: "set_segment_base", 26: "mmuext_op",
              27: "xsm_op", 29: "sched_op",
              32: "event_channel_op", 33: "physdev_op", 34: "hvm_op", 35: "sysctl", 36: "domctl",
              41: "dm_op"}
CLASS_HVM = "0x0008f000"
EXITS_AND_SWITCHES = "0x000a9000"
EXITS_AND_CALLS = "0x000ab000"  # the same with the number of each hypercall
EXITS_AND_PV_CALLS = "0x00281000"
SWITCHES = "0x00028000"
SECONDS = 600  # at most


class TraceError(Exception):
    """The trace is not one, or has holes."""


def records(data):
    """(event, extra words) of each record."""
    at = 0
    while at + 4 <= len(data):
        (header,) = struct.unpack_from("<I", data, at)
        at += 4
        event, extra, cycles = header & 0x0FFFFFFF, header >> 28 & 7, header >> 31
        at += 8 if cycles else 0
        if at + 4 * extra > len(data):
            raise TraceError("the trace ends inside a record")
        yield event, struct.unpack_from(f"<{extra}I", data, at)
        at += 4 * extra


def all_records(data):
    """The same, if none is missing."""
    for event, words in records(data):
        if event == TRC_LOST_RECORDS:
            raise TraceError(f"Xen lost {words[0]} records: its buffers are too small")
        yield event, words


def exits(data):
    """A Counter of exits by reason."""
    found = collections.Counter()
    for event, words in all_records(data):
        if event in TRC_HVM_EXITS:
            found[REASONS.get(words[0], f"0x{words[0]:x}")] += 1
    return found


def domain_exits(data):
    """{domain that had the CPU: Counter of exits by reason}: of a machine with one CPU."""
    found, domid = collections.defaultdict(collections.Counter), None
    for event, words in all_records(data):
        if event == TRC_SCHED_SWITCH:
            domid = words[2]
        elif event in TRC_HVM_EXITS:
            found[domid][REASONS.get(words[0], f"0x{words[0]:x}")] += 1
    return found


def call_name(number):
    return f"hypercall {HYPERCALLS.get(number, number)}"


def profile(data):
    """{domain that had the CPU: Counter of exits}, of a machine with one CPU. A hypercall is counted by
    its name."""
    found, domid = collections.defaultdict(collections.Counter), None
    for event, words in all_records(data):
        if event == TRC_SCHED_SWITCH:
            domid = words[2]
        elif event == TRC_HVM_VMMCALL:
            found[domid][call_name(words[0])] += 1
        elif event in TRC_HVM_EXITS:
            reason = REASONS.get(words[0], f"0x{words[0]:x}")
            if reason != "hypercall":
                found[domid][reason] += 1
    return found


def pv_calls(data):
    """A Counter of the hypercalls of PV domains; the exits of all others are under "exits"."""
    found = collections.Counter()
    for event, words in all_records(data):
        if event == TRC_PV_HYPERCALL_V2:
            found[call_name(words[0] & 0xFFFFF)] += 1
        elif event in TRC_HVM_EXITS:
            found["exits"] += 1
            found["hypercalls of others"] += words[0] == HYPERCALL
    return found


def exits_during(dom0, work):
    """The exits of all domains while `work` runs."""
    return exits(trace_during(dom0, CLASS_HVM, work))


def trace_during(dom0, events, work, pages=256):
    """Xen's records of these events while `work` runs. It keeps `pages` until it boots again, and takes
    no other number."""
    # It throws away the records of before as soon as it has mapped the buffers.
    dom0.shell(f"xentrace -D -S {pages} -e {events} -T {SECONDS} /tmp/trace >/dev/null 2>&1 & "
               "for i in $(seq 400); do grep -q /dev/xen/privcmd /proc/$!/maps && break; sleep 0.1; done; "
               "sleep 1")
    work()
    # xentrace writes out what it has on SIGTERM, then ends
    dom0.shell("pkill -TERM -x xentrace; while pgrep -x xentrace; do sleep 0.1; done", timeout=120)
    trace = dom0.rig.exec(["cat", "/tmp/trace"]).stdout
    dom0.run("rm", "/tmp/trace")
    return trace


def exits_each(dom0, work, count):
    """The exits by reason for each of the `count` things that work(count) does. The same with one is
    taken off, for the exits that the guest's own words on the serial line cost."""
    many, one = (exits_during(dom0, lambda n=n: work(n)) for n in (count, 1))
    return {reason: (n - one[reason]) / (count - 1) for reason, n in many.items()}


def _of_domains(dom0, work, count):
    """Exits by domain and reason, of `count` and of one."""
    return (domain_exits(trace_during(dom0, EXITS_AND_SWITCHES, lambda n=n: work(n)))
            for n in (count, 1))


def exits_of_domains(dom0, work, count):
    """The exits by domain, in the same way."""
    many, one = _of_domains(dom0, work, count)
    return {domid: (many[domid].total() - one[domid].total()) / (count - 1) for domid in many}


def exits_of(dom0, domid, work, count):
    """One domain's exits by reason, in the same way."""
    many, one = _of_domains(dom0, work, count)
    return {reason: (n - one[domid][reason]) / (count - 1) for reason, n in many[domid].items()}


def profile_each(dom0, work, count):
    """The exits by domain and reason, hypercalls by name, in the same way."""
    many, one = (profile(trace_during(dom0, EXITS_AND_CALLS, lambda n=n: work(n))) for n in (count, 1))
    return {domid: {reason: (n - one[domid][reason]) / (count - 1) for reason, n in many[domid].items()}
            for domid in many}
