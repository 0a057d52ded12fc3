/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps and ring buffer in memory. Each entry is an allocation of its own, so that a sanitizer sees what is
 * read or written beside it or after its deletion. */
#ifndef EARSHOT_WALK_MAPS_H
#define EARSHOT_WALK_MAPS_H

/* Forgets all entries and limits. */
void maps_reset(void);
/* In entries; of the ring in bytes. Without a limit a map has what its definition says, or plenty where that
 * says 1: user space sets those. */
void maps_limit(const char *name, unsigned int max_entries);
/* Prints `map key value` in hexadecimal for each entry that is not empty, or each record of the ring. */
void maps_print(const char *name);
/* Calls `run` before the next program's lookup number `accesses`. */
void maps_interrupt(unsigned int accesses, void (*run)(void));
/* That program has ended. True: it did not come so far. */
_Bool maps_part(void);

#endif
