/* SPDX-License-Identifier: MIT */
/* Only in the checked kernel: what the compiler calls at undefined behaviour. */
#include <nub/panic.h>

/* All that it hands over begins with this. */
struct place {
	const char *file;
	u32 line, column;
};

#define UNDEFINED(what)                                                                  \
	void __ubsan_handle_##what(const struct place *at);                              \
	void __ubsan_handle_##what(const struct place *at)                               \
	{                                                                                \
		panic("undefined: " #what " at %s:%u:%u", at->file, at->line,            \
		      at->column);                                                       \
	}
UNDEFINED(add_overflow_abort)
UNDEFINED(sub_overflow_abort)
UNDEFINED(mul_overflow_abort)
UNDEFINED(negate_overflow_abort)
UNDEFINED(divrem_overflow_abort)
UNDEFINED(shift_out_of_bounds_abort)
UNDEFINED(out_of_bounds_abort)
UNDEFINED(pointer_overflow_abort)
UNDEFINED(type_mismatch_v1_abort)
UNDEFINED(load_invalid_value_abort)
UNDEFINED(invalid_builtin_abort)
UNDEFINED(nonnull_arg_abort)
UNDEFINED(nonnull_return_v1_abort)
UNDEFINED(vla_bound_not_positive_abort)
UNDEFINED(builtin_unreachable)
UNDEFINED(missing_return)
