#ifndef EARSHOT_OBJECT_H
#define EARSHOT_OBJECT_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "call.h"

struct link;
struct iterator;

/* What this addon holds open for one map; both are made at first use. */
struct map_view {
	void *memory;
	size_t memory_size;
	struct ring_buffer *ring;
};

enum object_state { OPENED, LOADED, ATTACHED, BROKEN };

/* Owner of everything that belongs to one BPF object. `bpf` is NULL once closed. */
struct object {
	struct bpf_object *bpf;
	enum object_state state;
	/* The file's. */
	char name[NAME_SIZE];
	/* The last one first. */
	struct link *links;
	struct iterator *iterators;
	/* By order of bpf_object__for_each_map. */
	struct map_view *views;
	/* VERIFIER_LOG_SIZE bytes a program where the verifier's statistics are wanted, otherwise NULL. */
	char *verifier_logs;
};

/* The statistics are a few lines; from 6.4 on there must be room for what is written and taken back before.
 */
#define VERIFIER_LOG_SIZE (1 << 20)

/* Checks tag and that it is open. */
struct object *object_argument(const struct call *call, napi_value value);
/* In the state, or EBUSY with what is in the way. */
struct object *object_in_state(const struct call *call, enum object_state wanted);
struct bpf_program *loaded_program_argument(const struct call *call, struct object *object, napi_value value);
struct bpf_map *map_argument(const struct call *call, struct object *object, napi_value value);
/* A map that exists in the kernel. */
struct bpf_map *loaded_map_argument(const struct call *call, struct object *object, napi_value value);
/* Bytes of one value in user space: of a per-CPU map one value per possible CPU; 0 where these cannot be
 * counted. */
size_t whole_value_size(const struct bpf_map *map);
/* BtfType of native.ts; undefined for no type. */
napi_value btf_type_result(const struct call *call, const struct btf *btf, uint32_t id);
struct map_view *map_view(struct object *object, const struct bpf_map *map);

bool is_attached(const struct object *object, const struct bpf_program *program);
/* Those made after `until`; all for NULL. */
void links_free(struct object *object, const struct link *until);
void iterators_free(struct object *object);

/* Values of OpenOptions, before load. */
bool apply_options(const struct call *call, struct object *object, napi_value options);

napi_value object_open(napi_env env, napi_callback_info info);
napi_value object_load(napi_env env, napi_callback_info info);
napi_value object_close(napi_env env, napi_callback_info info);

#endif
