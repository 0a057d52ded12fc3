/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What libbpf's header of this name gives BPF programs, for an ordinary process. What is missing does not
 * compile. */
#ifndef EARSHOT_SHIM_HELPERS_H
#define EARSHOT_SHIM_HELPERS_H

#define SEC(name)
#define __always_inline inline __attribute__((always_inline))
#define __noinline	__attribute__((noinline))

/* Types encode all of a map's definition, as they do for libbpf. */
#define __uint(name, value) int(*name)[value]
#define __type(name, type)  typeof(type) *name
#define MAP(map)                                                                                             \
	({                                                                                                   \
		static struct shim_map *_map;                                                                \
		if (!_map)                                                                                   \
			_map = shim_map(#map + 1, sizeof(*(map)->type) / sizeof(int),                        \
					sizeof(*(map)->max_entries) / sizeof(int), sizeof(*(map)->key),      \
					sizeof(*(map)->value));                                              \
		_map;                                                                                        \
	})

struct shim_map;
struct shim_map *shim_map(const char *name, unsigned int type, unsigned int max_entries,
			  unsigned int key_size, unsigned int value_size);
void *shim_lookup(struct shim_map *map, const void *key);
long shim_update(struct shim_map *map, const void *key, const void *value, unsigned long long flags);
long shim_delete(struct shim_map *map, const void *key);
void *shim_reserve(unsigned long long bytes);
void shim_submit(const void *record);
unsigned long long shim_ring_used(void);
long shim_copy(void *to, unsigned int size, const void *from);
long shim_copy_text(char *to, unsigned int size, const char *from);

#define bpf_map_lookup_elem(map, key)		    shim_lookup(MAP(map), key)
#define bpf_map_update_elem(map, key, value, flags) shim_update(MAP(map), key, value, flags)
#define bpf_map_delete_elem(map, key)		    shim_delete(MAP(map), key)
#define bpf_ringbuf_reserve(ring, bytes, flags)	    shim_reserve(bytes)
#define bpf_ringbuf_submit(record, flags)	    shim_submit(record)
#define bpf_ringbuf_query(ring, what)		    shim_ring_used()
#define bpf_probe_read_kernel(to, size, from)	    shim_copy(to, size, from)
#define bpf_probe_read_kernel_str(to, size, from)   shim_copy_text(to, size, (const char *)(from))

struct seq_file;
long bpf_seq_write(struct seq_file *file, const void *bytes, unsigned int count);
unsigned int bpf_get_smp_processor_id(void);
unsigned int bpf_get_prandom_u32(void);
unsigned long long bpf_ktime_get_ns(void);

#endif
