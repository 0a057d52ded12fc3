#include <errno.h>
#include <string.h>

#include "addon.h"
#include "object.h"

/* Anonymous structs and unions nest at most so deep in any kernel. */
#define DEPTH_LIMIT 16

/* Visits the members of a struct, those of anonymous structs and unions inside it included. */
struct member {
	const char *name;
	uint32_t type;
	uint32_t bit_offset;
	bool is_bitfield;
};
typedef bool (*visit_member)(const struct call *call, const struct btf *btf, const struct member *member,
			     napi_value result);

static const struct btf_type *resolved(const struct btf *btf, uint32_t id)
{
	int type = btf__resolve_type(btf, id);

	return type < 0 ? NULL : btf__type_by_id(btf, (uint32_t)type);
}

static bool each_member(const struct call *call, const struct btf *btf, const struct btf_type *type,
			uint32_t bit_offset, visit_member visit, napi_value result, int depth)
{
	const struct btf_member *members = btf_members(type);

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		struct member member = {
			.name = btf__name_by_offset(btf, members[i].name_off),
			.type = members[i].type,
			.bit_offset = bit_offset + btf_member_bit_offset(type, i),
			.is_bitfield = btf_member_bitfield_size(type, i) != 0,
		};
		const struct btf_type *inner = resolved(btf, member.type);
		if (*member.name) {
			if (!visit(call, btf, &member, result))
				return false;
		} else if (inner && btf_is_composite(inner) && depth < DEPTH_LIMIT &&
			   !each_member(call, btf, inner, member.bit_offset, visit, result, depth + 1)) {
			return false;
		}
	}
	return true;
}

static bool add_layout(const struct call *call, const struct btf *btf, const struct member *member,
		       napi_value members)
{
	const struct btf_type *type = resolved(btf, member->type);
	int64_t size = btf__resolve_size(btf, member->type);

	if (!type || size < 0 || member->is_bitfield) {
		call_fail(call, EINVAL, member->name, "a bit field or of no size");
		return false;
	}
	uint32_t length = btf_is_array(type) ? btf_array(type)->nelems : 1;
	napi_value layout = object_result(call);
	return layout && set_property(call, layout, "offset", number_result(call, member->bit_offset / 8)) &&
	       set_property(call, layout, "size", number_result(call, (double)size)) &&
	       set_property(call, layout, "length", number_result(call, length)) &&
	       set_property(call, members, member->name, layout);
}

static bool add_name(const struct call *call, const struct btf *btf, const struct member *member,
		     napi_value names)
{
	(void)btf;
	return append(call, names, string_result(call, member->name));
}

/* A type of the object's own BTF named by the second argument. */
static const struct btf_type *type_argument(const struct call *call, const struct btf **btf, uint32_t kind)
{
	char name[NAME_SIZE];
	struct object *object = object_argument(call, call->arguments[0]);

	if (!object || !string_argument(call, call->arguments[1], "type name", name, sizeof(name)))
		return NULL;
	*btf = bpf_object__btf(object->bpf);
	int id = *btf ? btf__find_by_name_kind(*btf, name, kind) : -ENOENT;
	if (id >= 0)
		return btf__type_by_id(*btf, (uint32_t)id);
	call_fail(call, ENOENT, name, "no such type in the object");
	return NULL;
}

napi_value struct_layout(napi_env env, napi_callback_info info)
{
	struct call call;
	const struct btf *btf;

	if (!call_begin(&call, env, info, "describe struct", 2))
		return NULL;
	const struct btf_type *type = type_argument(&call, &btf, BTF_KIND_STRUCT);
	napi_value result = type ? object_result(&call) : NULL;
	napi_value members = result ? object_result(&call) : NULL;
	if (!members || !each_member(&call, btf, type, 0, add_layout, members, 0) ||
	    !set_property(&call, result, "size", number_result(&call, type->size)) ||
	    !set_property(&call, result, "members", members))
		return NULL;
	return result;
}

napi_value enum_values(napi_env env, napi_callback_info info)
{
	struct call call;
	const struct btf *btf;

	if (!call_begin(&call, env, info, "describe enum", 2))
		return NULL;
	const struct btf_type *type = type_argument(&call, &btf, BTF_KIND_ENUM);
	napi_value result = type ? object_result(&call) : NULL;
	if (!result)
		return NULL;
	const struct btf_enum *values = btf_enum(type);
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		/* As a signed number, because clang before 15 does not say whether an enum is. */
		if (!set_property(&call, result, btf__name_by_offset(btf, values[i].name_off),
				  number_result(&call, values[i].val)))
			return NULL;
	}
	return result;
}

static napi_value member_names(const struct call *call, const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	napi_value names = id < 0 ? NULL : array_result(call);

	if (!names || !each_member(call, btf, btf__type_by_id(btf, (uint32_t)id), 0, add_name, names, 0))
		return NULL;
	return names;
}

/* As the member is declared: a typedef is not resolved. */
static napi_value member_type_name(const struct call *call, const struct btf *btf, const char *name,
				   const char *member)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);

	for (uint32_t i = 0; type && i < btf_vlen(type); i++) {
		const struct btf_member *of = &btf_members(type)[i];
		if (!strcmp(btf__name_by_offset(btf, of->name_off), member))
			return string_result(
				call, btf__name_by_offset(btf, btf__type_by_id(btf, of->type)->name_off));
	}
	return NULL;
}

/* Reads the kernel's BTF anew each time: that takes 8 ms, keeping it would take 9 MB. */
static struct btf *kernel_btf(const struct call *call, const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf && errno != ESRCH) /* libbpf's way to say that the kernel has none */
		call_fail_libbpf(call, errno, name);
	return btf;
}

napi_value kernel_struct(napi_env env, napi_callback_info info)
{
	struct call call;
	char name[NAME_SIZE];

	if (!call_begin(&call, env, info, "describe struct of the kernel", 1) ||
	    !string_argument(&call, call.arguments[0], "type name", name, sizeof(name)))
		return NULL;
	struct btf *btf = kernel_btf(&call, name);
	napi_value names = btf ? member_names(&call, btf, name) : NULL;
	btf__free(btf);
	return names;
}

napi_value kernel_member_type(napi_env env, napi_callback_info info)
{
	struct call call;
	char name[NAME_SIZE], member[NAME_SIZE];

	if (!call_begin(&call, env, info, "describe member of the kernel", 2) ||
	    !string_argument(&call, call.arguments[0], "type name", name, sizeof(name)) ||
	    !string_argument(&call, call.arguments[1], "member name", member, sizeof(member)))
		return NULL;
	struct btf *btf = kernel_btf(&call, name);
	napi_value type = btf ? member_type_name(&call, btf, name, member) : NULL;
	btf__free(btf);
	return type;
}
