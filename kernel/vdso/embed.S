/* SPDX-License-Identifier: MIT */
/* The vDSO image, page aligned, inside the kernel's constants. */
	.section .rodata
	.balign 4096
	.globl vdso_image, vdso_image_end
vdso_image:
	.incbin "vdso.so"
	.balign 4096
vdso_image_end:
	.section .note.GNU-stack, "", @progbits
