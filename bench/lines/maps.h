/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef EARSHOT_LINES_MAPS_H
#define EARSHOT_LINES_MAPS_H

/* Entries of a map; of the ring bytes. Before its first use. */
void maps_size(const char *name, unsigned int entries);

#endif
