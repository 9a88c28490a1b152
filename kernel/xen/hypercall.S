/* SPDX-License-Identifier: MIT */
/* The hypercall instruction: vmmcall on AMD's processors, vmcall on Intel's. */
	.text
	.globl	xen_hypercall
	.type	xen_hypercall, @function
	.balign	16
xen_hypercall:
	movl	%eax, %eax
	cmpb	$0, xen_use_vmcall(%rip)
	jne	1f
	vmmcall
	ret
1:	vmcall
	ret
	.size	xen_hypercall, . - xen_hypercall

	.data
	.globl	xen_use_vmcall
	.type	xen_use_vmcall, @object
	.size	xen_use_vmcall, 1
xen_use_vmcall:
	.byte	0

	.section .note.GNU-stack, "", @progbits
