# SPDX-License-Identifier: MIT
"""Questions to the hypervisor itself, by libxenctrl."""
import ctypes

SHUTDOWN = {"crash": 3, "soft reset": 5}  # xen/include/public/sched.h


def xenctrl():
    """libxenctrl and a handle of it, which is the caller's to close."""
    xc = ctypes.CDLL("libxenctrl.so.4.20")
    xc.xc_interface_open.restype = ctypes.c_void_p
    return xc, ctypes.c_void_p(xc.xc_interface_open(None, None, 0))


def shut_down(domid, why):
    """The domain is as one that has told Xen of its "crash" or its "soft reset". 0 if that went
    well."""
    xc, handle = xenctrl()
    try:
        return xc.xc_domain_shutdown(handle, domid, SHUTDOWN[why])
    finally:
        xc.xc_interface_close(handle)


def pause(domid, wanted=True):
    """No vCPU of the domain runs, until it is taken back."""
    xc, handle = xenctrl()
    try:
        call = xc.xc_domain_pause if wanted else xc.xc_domain_unpause
        return call(handle, domid)
    finally:
        xc.xc_interface_close(handle)
