/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where intercepted calls arrive, and the few other things that C cannot say.
 *
 * A patched entry or a GOT slot leads to the function's slot, which pushes the function's index and jumps to
 * thunk_entry. No register is free there: a caller compiled with -fipa-ra knows what the real function leaves
 * alone, and keeps live values in any register that it does. So everything that is not a result is as it was
 * afterwards. The vector registers, which cost more than all the rest, stay where they are as long as only code
 * runs that uses none; there is room for them.
 *
 *	higher	stack arguments
 *		return address			<- rsp at the function's entry
 *		index				<- rsp at thunk_entry
 *		flags, first rax
 *		rbp				<- rbp, from here on; CFA = rbp + 32
 *		rbx, ... rdi (struct frame)	<- rbx: the frame
 *		room for the vector state, 64-byte aligned <- rsp while C runs
 */
#include "replay/target/thunk.h"

	.macro load_gprs
	movq	FRAME_FLAGS(%rbx), %rax
	addb	$0x7f, %al		/* overflows when SETO gave 1 */
	sahf
	movq	FRAME_GPR+0(%rbx), %rdi
	movq	FRAME_GPR+8(%rbx), %rsi
	movq	FRAME_GPR+16(%rbx), %rdx
	movq	FRAME_GPR+24(%rbx), %rcx
	movq	FRAME_GPR+32(%rbx), %r8
	movq	FRAME_GPR+40(%rbx), %r9
	movq	FRAME_RAX(%rbx), %rax
	movq	FRAME_R10(%rbx), %r10
	movq	FRAME_R11(%rbx), %r11
	.endm

	.macro store_gprs
	movq	%rdi, FRAME_GPR+0(%rbx)
	movq	%rsi, FRAME_GPR+8(%rbx)
	movq	%rdx, FRAME_GPR+16(%rbx)
	movq	%rcx, FRAME_GPR+24(%rbx)
	movq	%r8, FRAME_GPR+32(%rbx)
	movq	%r9, FRAME_GPR+40(%rbx)
	movq	%rax, FRAME_RAX(%rbx)
	movq	%r10, FRAME_R10(%rbx)
	movq	%r11, FRAME_R11(%rbx)
	.endm

	/* Vector state to and from the area at \reg; clobbers eax, edx. The x87 registers are left alone: C
	 * code here uses none, and a long double result stays in st0. */
	.macro store_vectors reg
	movl	thunk_xsave_mask(%rip), %eax
	xorl	%edx, %edx
	cmpl	$THUNK_XSAVEC, thunk_xsave_how(%rip)
	jne	.Lold\@
	xsavec64 (\reg)
	jmp	.Ldone\@
.Lold\@:
	cmpl	$THUNK_XSAVE, thunk_xsave_how(%rip)
	jne	.Lolder\@
	xsave64	(\reg)
	jmp	.Ldone\@
.Lolder\@:
	fxsave64 (\reg)
.Ldone\@:
	.endm

	.macro load_vectors reg
	movl	thunk_xsave_mask(%rip), %eax
	xorl	%edx, %edx
	cmpl	$THUNK_FXSAVE, thunk_xsave_how(%rip)
	je	.Lolder\@
	xrstor64 (\reg)
	jmp	.Ldone\@
.Lolder\@:
	fxrstor64 (\reg)
.Ldone\@:
	.endm

	/* Clobbers eax, edx, rsi. */
	.macro load_kept
	cmpl	$0, FRAME_KEPT(%rbx)
	je	.Lin_place\@
	movq	FRAME_XSAVE(%rbx), %rsi
	load_vectors %rsi
.Lin_place\@:
	.endm

	.text
	.globl	thunk_entry
	.hidden	thunk_entry
	.type	thunk_entry, @function
	.p2align 6
thunk_entry:
	.cfi_startproc
	.cfi_personality 0x1b, thunk_passed	/* relative to the place, 32 bits */
	.cfi_def_cfa %rsp, 16
	pushq	%rax
	.cfi_adjust_cfa_offset 8
	lahf
	seto	%al
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_offset %rbp, -32
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	cld
	movq	%rbx, FRAME_RBX-FRAME_RBP(%rbp)
	.cfi_offset %rbx, -40
	leaq	-FRAME_RBP(%rsp), %rsp
	movq	%rsp, %rbx
	store_gprs
	movq	FRAME_FLAGS(%rbx), %rcx
	movq	%rcx, FRAME_RAX(%rbx)
	movq	%rax, FRAME_FLAGS(%rbx)
	movups	%xmm0, FRAME_XMM+0(%rbx)
	movups	%xmm1, FRAME_XMM+16(%rbx)
	movups	%xmm2, FRAME_XMM+32(%rbx)
	movups	%xmm3, FRAME_XMM+48(%rbx)
	movups	%xmm4, FRAME_XMM+64(%rbx)
	movups	%xmm5, FRAME_XMM+80(%rbx)
	movups	%xmm6, FRAME_XMM+96(%rbx)
	movups	%xmm7, FRAME_XMM+112(%rbx)
	movq	$0, FRAME_FP(%rbx)	/* is_kept, too */
	movq	$0, FRAME_ERRNO(%rbx)	/* has_errno, too */
	subq	thunk_xsave_bytes(%rip), %rsp
	andq	$-64, %rsp
	movq	%rsp, FRAME_XSAVE(%rbx)

	movq	%rbx, %rdi
	call	dispatch_call
	cmpl	$THUNK_CALL, %eax
	je	.Lcall
	movl	%eax, %ecx
	load_kept
	testl	%ecx, %ecx
	jne	.Ltail
	movl	FRAME_FP(%rbx), %ecx
	testl	%ecx, %ecx
	jne	.Lresult

.Lreturn:
	load_gprs
	movq	FRAME_RBX(%rbx), %rbx
	.cfi_remember_state
	.cfi_restore %rbx
	movq	%rbp, %rsp
	popq	%rbp
	.cfi_def_cfa %rsp, 24
	.cfi_restore %rbp
	leaq	16(%rsp), %rsp
	.cfi_adjust_cfa_offset -16
	ret

	/* A result in floating-point registers; ecx says in which. */
.Lresult:
	.cfi_restore_state
	.cfi_remember_state
	testl	$THUNK_XMM0, %ecx
	je	1f
	movups	FRAME_XMM+0(%rbx), %xmm0
1:	testl	$THUNK_XMM1, %ecx
	je	1f
	movups	FRAME_XMM+16(%rbx), %xmm1
1:	testl	$THUNK_ST1, %ecx
	je	1f
	fldt	FRAME_ST+16(%rbx)
1:	testl	$THUNK_ST0, %ecx
	je	.Lreturn
	fldt	FRAME_ST+0(%rbx)
	jmp	.Lreturn

.Ltail:
	.cfi_restore_state
	.cfi_remember_state
	load_gprs
	movq	FRAME_RBX(%rbx), %rbx
	.cfi_restore %rbx
	movq	%rbp, %rsp
	popq	%rbp
	.cfi_def_cfa %rsp, 24
	.cfi_restore %rbp
	leaq	16(%rsp), %rsp
	.cfi_adjust_cfa_offset -16
	/* The target stands in the index's place; signals leave the 128 bytes beneath rsp alone. */
	notrack jmp *-8(%rsp)

.Lcall:
	.cfi_restore_state
	movq	FRAME_WORDS(%rbx), %rcx
	leaq	(,%rcx,8), %rax
	subq	%rax, %rsp
	leaq	FRAME_STACK(%rbx), %rsi
	movq	%rsp, %rdi
	rep movsq
	load_kept
	load_gprs
	call	*FRAME_INDEX(%rbx)
	.globl	thunk_called
	.hidden	thunk_called
thunk_called:
	/* What it left in every register is what the caller shall find. */
	store_gprs
	movups	%xmm0, FRAME_XMM+0(%rbx)
	movups	%xmm1, FRAME_XMM+16(%rbx)
	movl	FRAME_FP(%rbx), %ecx
	testl	$THUNK_ST0, %ecx
	je	1f
	fld	%st(0)
	fstpt	FRAME_ST+0(%rbx)
1:	testl	$THUNK_ST1, %ecx
	je	1f
	fld	%st(1)
	fstpt	FRAME_ST+16(%rbx)
1:	movq	FRAME_XSAVE(%rbx), %rsp
	movl	$0, FRAME_KEPT(%rbx)
	movq	%rbx, %rdi
	call	dispatch_returned
	load_kept
	jmp	.Lreturn
	.cfi_endproc
	.size	thunk_entry, . - thunk_entry

/* void thunk_keep_vectors(struct frame *frame) */
	.globl	thunk_keep_vectors
	.hidden	thunk_keep_vectors
	.type	thunk_keep_vectors, @function
thunk_keep_vectors:
	.cfi_startproc
	movl	$1, FRAME_KEPT(%rdi)
	movq	FRAME_XSAVE(%rdi), %rsi
	/* XSAVE and XRSTOR want the rest of the header to be zero. */
	xorl	%eax, %eax
	movq	%rax, 512(%rsi)
	movq	%rax, 520(%rsi)
	movq	%rax, 528(%rsi)
	movq	%rax, 536(%rsi)
	movq	%rax, 544(%rsi)
	movq	%rax, 552(%rsi)
	movq	%rax, 560(%rsi)
	movq	%rax, 568(%rsi)
	store_vectors %rsi
	ret
	.cfi_endproc
	.size	thunk_keep_vectors, . - thunk_keep_vectors

/* void thunk_call(struct thunk_call *call, const void *fn) */
	.globl	thunk_call
	.hidden	thunk_call
	.type	thunk_call, @function
thunk_call:
	.cfi_startproc
	.cfi_personality 0x1b, thunk_caught	/* relative to the place, 32 bits */
	.cfi_undefined %rip
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	pushq	%rbx
	subq	$8, %rsp
	movq	%rdi, %rbx
	movq	%rsi, %r11
	movq	CALL_WORDS(%rbx), %rcx
	leaq	(,%rcx,8), %rax
	subq	%rax, %rsp
	movq	CALL_STACK(%rbx), %rsi
	movq	%rsp, %rdi
	rep movsq
	movups	CALL_XMM+0(%rbx), %xmm0
	movups	CALL_XMM+16(%rbx), %xmm1
	movups	CALL_XMM+32(%rbx), %xmm2
	movups	CALL_XMM+48(%rbx), %xmm3
	movups	CALL_XMM+64(%rbx), %xmm4
	movups	CALL_XMM+80(%rbx), %xmm5
	movups	CALL_XMM+96(%rbx), %xmm6
	movups	CALL_XMM+112(%rbx), %xmm7
	movq	CALL_GPR+0(%rbx), %rdi
	movq	CALL_GPR+8(%rbx), %rsi
	movq	CALL_GPR+16(%rbx), %rdx
	movq	CALL_GPR+24(%rbx), %rcx
	movq	CALL_GPR+32(%rbx), %r8
	movq	CALL_GPR+40(%rbx), %r9
	movl	$8, %eax	/* a variadic function may save all vector registers */
	call	*%r11
	movq	%rax, CALL_RAX(%rbx)
	movq	%rdx, CALL_RDX(%rbx)
	movups	%xmm0, CALL_XMM+0(%rbx)
	movups	%xmm1, CALL_XMM+16(%rbx)
	movl	CALL_FP(%rbx), %ecx
	testl	$THUNK_ST0, %ecx
	je	1f
	fstpt	CALL_ST+0(%rbx)
1:	testl	$THUNK_ST1, %ecx
	je	1f
	fstpt	CALL_ST+16(%rbx)
1:
	movq	-8(%rbp), %rbx
	leave
	ret
	.cfi_endproc
	.size	thunk_call, . - thunk_call

/* long thunk_syscall(long nr, long a, long b, long c, long d, long e, long f) */
	.globl	thunk_syscall
	.hidden	thunk_syscall
	.type	thunk_syscall, @function
thunk_syscall:
	.cfi_startproc
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	movq	%r9, %r8
	movq	8(%rsp), %r9
	syscall
	.globl	thunk_syscall_ip
	.hidden	thunk_syscall_ip
thunk_syscall_ip:
	ret
	.cfi_endproc
	.size	thunk_syscall, . - thunk_syscall

/* size_t thunk_copy(void *to, const void *from, size_t len) */
	.globl	thunk_copy
	.hidden	thunk_copy
	.type	thunk_copy, @function
thunk_copy:
	.cfi_startproc
	movq	%rdx, %rcx
	.globl	thunk_copy_insn
	.hidden	thunk_copy_insn
thunk_copy_insn:
	rep movsb
	.globl	thunk_copy_fault
	.hidden	thunk_copy_fault
thunk_copy_fault:
	movq	%rcx, %rax
	ret
	.cfi_endproc
	.size	thunk_copy, . - thunk_copy

	.section .note.GNU-stack, "", @progbits
