/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How long the waits of a cgroup are, in OpenTelemetry's exponential buckets. */
#ifndef EARSHOT_HISTOGRAM_H
#define EARSHOT_HISTOGRAM_H

#include "maps.bpf.h"

#define MAX_EXPONENT_WAIT (64ULL * 1000000000)

static __always_inline u32 log2_floor(u64 v)
{
	u32 r = 0;

	if (v >> 32) {
		v >>= 32;
		r += 32;
	}
	if (v >> 16) {
		v >>= 16;
		r += 16;
	}
	if (v >> 8) {
		v >>= 8;
		r += 8;
	}
	if (v >> 4) {
		v >>= 4;
		r += 4;
	}
	if (v >> 2) {
		v >>= 2;
		r += 2;
	}
	return r + (v >> 1);
}

/*
 * OpenTelemetry's exponential buckets are powers of two of a second, and a second is no power of two of a
 * nanosecond: count in units of 2^-30 s (2^30 / 1e9 = 1 + 19794920 / 2^28), and upper edges are
 * inclusive. The mantissa against 2^(1/4), 2^(2/4), 2^(3/4) gives the quarter of the octave.
 */
static __always_inline void count_wait(u32 slot, u64 wait)
{
	u32 cpu = bpf_get_smp_processor_id(), octave, index, key;
	struct histogram *histogram;
	u64 t, mantissa;
	u32 *bucket;

	if (slot >= slots - 1)
		slot = slots - 1;
	key = (cpu >> histogram_shift) * slots + slot;
	histogram = bpf_map_lookup_elem(&histograms, &key);
	if (!histogram)
		return;
	if (unlikely(wait > MAX_EXPONENT_WAIT)) {
		wait = MAX_EXPONENT_WAIT;
		lose(LOSS_SATURATED);
	}
	t = wait + ((wait * 19794920ULL) >> 28);
	if (unlikely(t <= 64)) { /* 2^-24 s */
		bucket = &histogram->zero;
	} else {
		t -= 1;
		octave = log2_floor(t);
		mantissa = t << (63 - octave) >> 32;
		index = (octave - 6) << HISTOGRAM_SCALE;
		index += mantissa >= 2553802833ULL;
		index += mantissa >= 3037000499ULL;
		index += mantissa >= 3611622602ULL;
		if (index >= HISTOGRAM_BUCKETS)
			index = HISTOGRAM_BUCKETS - 1;
		bucket = &histogram->bucket[index];
	}
	if (histogram_shift)
		__sync_fetch_and_add(bucket, 1);
	else
		*bucket += 1;
}

#endif
