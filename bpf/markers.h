/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `markers.bpf.c` writes for user space. */
#ifndef EARSHOT_MARKERS_H
#define EARSHOT_MARKERS_H

struct marker_record {
	unsigned int map; /* id */
	char name[16];
};

#endif
