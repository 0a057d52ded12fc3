/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where another CPU may see what this one has written so far: there it may also act. */
#ifndef EARSHOT_BARRIER_H
#define EARSHOT_BARRIER_H

void shim_order(void);

static inline void keep_order(void)
{
	shim_order();
}

#endif
