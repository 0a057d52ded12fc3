#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feature.h"
#include "object.h"

struct variable {
	uint32_t offset;
	uint32_t size;
	uint32_t bits;
	bool is_signed;
};

/* Finds an integer, boolean or enum among the constants of the object. */
static bool find_variable(const struct btf *btf, const char *name, struct variable *variable)
{
	int section_id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	if (section_id < 0)
		return false;
	const struct btf_type *section = btf__type_by_id(btf, (uint32_t)section_id);
	const struct btf_var_secinfo *entry = btf_var_secinfos(section);

	for (uint32_t i = 0; i < btf_vlen(section); i++, entry++) {
		const struct btf_type *declaration = btf__type_by_id(btf, entry->type);
		if (strcmp(btf__name_by_offset(btf, declaration->name_off), name))
			continue;
		int type_id = btf__resolve_type(btf, declaration->type);
		const struct btf_type *type = type_id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)type_id);
		if (!type || entry->size > sizeof(uint64_t) || (!btf_is_int(type) && !btf_is_any_enum(type)))
			return false;
		uint8_t encoding = btf_is_int(type) ? btf_int_encoding(type) : 0;
		variable->offset = entry->offset;
		variable->size = entry->size;
		variable->bits = encoding & BTF_INT_BOOL ? 1 : entry->size * 8;
		variable->is_signed = btf_is_int(type) ? encoding & BTF_INT_SIGNED : btf_kflag(type);
		return true;
	}
	return false;
}

/* Two's complement of an integral number or bigint, and its sign. */
static bool integer_value(const struct call *call, napi_value value, uint64_t *bits, bool *negative,
			  bool *exact)
{
	napi_valuetype type;
	double number;
	int64_t integer;

	*exact = false;
	if (!call_ok(call, napi_typeof(call->env, value, &type)))
		return false;
	if (type == napi_number) {
		if (!call_ok(call, napi_get_value_double(call->env, value, &number)))
			return false;
		if (number < -9007199254740991.0 || number > 9007199254740991.0 ||
		    number != (double)(int64_t)number)
			return true;
		*bits = (uint64_t)(int64_t)number;
		*negative = number < 0;
		*exact = true;
		return true;
	}
	if (type != napi_bigint)
		return true;
	if (!call_ok(call, napi_get_value_bigint_uint64(call->env, value, bits, exact)))
		return false;
	*negative = false;
	if (*exact)
		return true;
	if (!call_ok(call, napi_get_value_bigint_int64(call->env, value, &integer, exact)))
		return false;
	*bits = (uint64_t)integer;
	*negative = true;
	return true;
}

static bool fits(uint64_t bits, bool negative, const struct variable *variable)
{
	if (negative)
		return variable->is_signed && (int64_t)bits >= INT64_MIN >> (64 - variable->bits);
	return bits <= UINT64_MAX >> (64 - variable->bits + variable->is_signed);
}

static bool set_constant(const struct call *call, const char *name, napi_value value, void *context)
{
	struct bpf_object *bpf = context;
	struct bpf_map *map = bpf_object__find_map_by_name(bpf, ".rodata");
	struct variable variable;
	uint64_t bits = 0;
	bool negative = false, exact;
	size_t size = 0;

	uint8_t *memory = map ? (uint8_t *)bpf_map__initial_value(map, &size) : NULL;
	if (!memory || !find_variable(bpf_object__btf(bpf), name, &variable) ||
	    variable.offset + variable.size > size) {
		call_fail(call, ENOENT, name, "no constant integer of this name in the object");
		return false;
	}
	if (!integer_value(call, value, &bits, &negative, &exact))
		return false;
	if (!exact || !fits(bits, negative, &variable)) {
		char reason[96];
		snprintf(reason, sizeof(reason), "the value must be an integer of %s %" PRIu32 " bit(s)",
			 variable.is_signed ? "signed" : "unsigned", variable.bits);
		call_fail(call, ERANGE, name, reason);
		return false;
	}
	memcpy(memory + variable.offset, &bits,
	       variable.size); /* BPF objects of this build are of host byte order */
	return true;
}

static bool set_max_entries(const struct call *call, const char *name, napi_value value, void *context)
{
	struct bpf_map *map = bpf_object__find_map_by_name(context, name);
	uint32_t entries;

	if (!map) {
		call_fail(call, ENOENT, name, "no map of this name in the object");
		return false;
	}
	if (!count_argument(call, value, name, &entries))
		return false;
	int error = entries ? bpf_map__set_max_entries(map, entries) : -EINVAL;
	if (!error)
		return true;
	call_fail(call, -error, name, NULL);
	return false;
}

static bool exclude(const struct call *call, const char *index, napi_value value, void *context)
{
	char name[NAME_SIZE];

	(void)index;
	if (!string_argument(call, value, "program name", name, sizeof(name)))
		return false;
	struct bpf_program *program = bpf_object__find_program_by_name(context, name);
	int error = program ? bpf_program__set_autoload(program, false) : -ENOENT;
	if (!error)
		return true;
	call_fail(call, -error, name, program ? NULL : "no program of this name in the object");
	return false;
}

static bool set_program_option(const struct call *call, const char *option, napi_value value, void *context)
{
	struct bpf_program *program = context;
	char name[NAME_SIZE];
	int number, error;

	if (strcmp(option, "type") && strcmp(option, "attachType")) {
		call_fail(call, EINVAL, option, "no such option of a program");
		return false;
	}
	if (!string_argument(call, value, option, name, sizeof(name)))
		return false;
	if (!strcmp(option, "type")) {
		number = program_type_by_name(name);
		error = number < 0 ? number : bpf_program__set_type(program, (enum bpf_prog_type)number);
	} else {
		number = attach_type_by_name(name);
		error = number < 0 ? number
				   : bpf_program__set_expected_attach_type(program,
									   (enum bpf_attach_type)number);
	}
	if (!error)
		return true;
	call_fail(call, -error, name, number < 0 ? "no type of this name" : NULL);
	return false;
}

static bool set_program_options(const struct call *call, const char *name, napi_value value, void *context)
{
	struct bpf_program *program = bpf_object__find_program_by_name(context, name);

	if (program)
		return each_property(call, value, name, set_program_option, program);
	call_fail(call, ENOENT, name, "no program of this name in the object");
	return false;
}

/* The kernel's name of a map is cut off, and libbpf keeps ours only if it begins with that: hence one name.
 */
static bool reuse(const struct call *call, const char *name, napi_value value, void *context)
{
	struct object *other = object_argument(call, value);
	struct bpf_map *map = other ? bpf_object__find_map_by_name(context, name) : NULL;
	const struct bpf_map *shared = map ? bpf_object__find_map_by_name(other->bpf, name) : NULL;

	if (!other)
		return false;
	if (!map || !shared) {
		call_fail(call, ENOENT, name,
			  map ? "no map of this name in the other object"
			      : "no map of this name in the object");
		return false;
	}
	if (bpf_map__type(map) != bpf_map__type(shared) ||
	    bpf_map__key_size(map) != bpf_map__key_size(shared) ||
	    bpf_map__value_size(map) != bpf_map__value_size(shared)) {
		call_fail(call, EINVAL, name, "the maps differ in type or size");
		return false;
	}
	if (bpf_map__fd(shared) < 0) {
		call_fail(call, EBADF, name, "the other object is not loaded");
		return false;
	}
	int error = bpf_map__reuse_fd(map, bpf_map__fd(shared));
	if (!error)
		return true;
	call_fail_libbpf(call, -error, name);
	return false;
}

/* BPF_LOG_STATS of the kernel's include/linux/bpf_verifier.h: no log but the statistics. */
#define LOG_STATISTICS 4

static bool log_statistics(const struct call *call, struct object *object, napi_value wanted)
{
	struct bpf_program *program;
	size_t programs = 0;
	bool is_wanted;

	if (!boolean_argument(call, wanted, "verifierStatistics", &is_wanted))
		return false;
	if (!is_wanted || object->verifier_logs)
		return true;
	bpf_object__for_each_program (program, object->bpf)
		programs++;
	object->verifier_logs = calloc(programs + 1, VERIFIER_LOG_SIZE);
	if (!object->verifier_logs) {
		call_fail(call, ENOMEM, "verifierStatistics", NULL);
		return false;
	}
	char *log = object->verifier_logs;
	bpf_object__for_each_program (program, object->bpf) {
		int error = bpf_program__set_log_buf(program, log, VERIFIER_LOG_SIZE);
		if (!error)
			error = bpf_program__set_log_level(program, LOG_STATISTICS);
		if (error) {
			call_fail(call, -error, "verifierStatistics", NULL);
			return false;
		}
		log += VERIFIER_LOG_SIZE;
	}
	return true;
}

static bool apply(const struct call *call, const char *option, napi_value value, void *context)
{
	struct object *object = context;

	if (!strcmp(option, "rodata"))
		return each_property(call, value, option, set_constant, object->bpf);
	if (!strcmp(option, "maxEntries"))
		return each_property(call, value, option, set_max_entries, object->bpf);
	if (!strcmp(option, "without"))
		return each_property(call, value, option, exclude, object->bpf);
	if (!strcmp(option, "programs"))
		return each_property(call, value, option, set_program_options, object->bpf);
	if (!strcmp(option, "reuse"))
		return each_property(call, value, option, reuse, object->bpf);
	if (!strcmp(option, "verifierStatistics"))
		return log_statistics(call, object, value);
	call_fail(call, EINVAL, option, "no such option");
	return false;
}

bool apply_options(const struct call *call, struct object *object, napi_value options)
{
	return each_property(call, options, "options", apply, object);
}
