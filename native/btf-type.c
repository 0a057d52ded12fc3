#include <string.h>

#include "object.h"

/* A struct of structs can have exponentially many members: what lies deeper or beyond is `unknown`. */
#define DEPTH_LIMIT 12
#define NODE_LIMIT  4096

struct description {
	const struct call *call;
	const struct btf *btf;
	int nodes;
};

static napi_value describe(struct description *of, uint32_t id, int depth);

static bool set_kind(const struct call *call, napi_value result, const char *kind)
{
	return set_property(call, result, "kind", string_result(call, kind));
}

static bool set_integer(const struct call *call, napi_value result, const struct btf_type *type)
{
	uint8_t encoding = btf_int_encoding(type);

	return set_kind(call, result, "int") &&
	       set_property(call, result, "isSigned", boolean_result(call, encoding & BTF_INT_SIGNED)) &&
	       set_property(call, result, "isBoolean", boolean_result(call, encoding & BTF_INT_BOOL));
}

static napi_value signed_result(const struct call *call, int64_t number)
{
	napi_value value;

	return call_ok(call, napi_create_bigint_int64(call->env, number, &value)) ? value : NULL;
}

static bool set_enum(const struct description *of, napi_value result, const struct btf_type *type)
{
	const struct call *call = of->call;
	napi_value values = object_result(call);

	for (uint32_t i = 0; values && i < btf_vlen(type); i++) {
		uint32_t name = btf_is_enum(type) ? btf_enum(type)[i].name_off : btf_enum64(type)[i].name_off;
		napi_value value;
		if (btf_is_enum(type)) /* signed as in enumValues */
			value = number_result(call, btf_enum(type)[i].val);
		else if (btf_kflag(type))
			value = signed_result(call, (int64_t)btf_enum64_value(&btf_enum64(type)[i]));
		else
			value = bigint_result(call, btf_enum64_value(&btf_enum64(type)[i]));
		if (!set_property(call, values, btf__name_by_offset(of->btf, name), value))
			return false;
	}
	return values && set_kind(call, result, "enum") && set_property(call, result, "values", values);
}

static bool set_array(struct description *of, napi_value result, const struct btf_type *type, int depth)
{
	const struct btf_array *array = btf_array(type);

	return set_kind(of->call, result, "array") &&
	       set_property(of->call, result, "length", number_result(of->call, array->nelems)) &&
	       set_property(of->call, result, "element", describe(of, array->type, depth + 1));
}

static bool append_member(struct description *of, napi_value members, napi_value member, const char *name,
			  uint32_t offset, uint32_t type, int depth)
{
	const struct call *call = of->call;

	return member && set_property(call, member, "name", string_result(call, name)) &&
	       set_property(call, member, "offset", number_result(call, offset)) &&
	       set_property(call, member, "type", describe(of, type, depth + 1)) &&
	       append(call, members, member);
}

static bool set_bits(const struct call *call, napi_value member, uint32_t offset, uint32_t size)
{
	napi_value bits = size && member ? object_result(call) : NULL;

	return !size || (bits && set_property(call, bits, "offset", number_result(call, offset)) &&
			 set_property(call, bits, "size", number_result(call, size)) &&
			 set_property(call, member, "bits", bits));
}

static bool set_members(struct description *of, napi_value result, const struct btf_type *type, int depth)
{
	const struct call *call = of->call;
	napi_value members = array_result(call);

	for (uint32_t i = 0; members && i < btf_vlen(type); i++) {
		const struct btf_member *member = &btf_members(type)[i];
		uint32_t bit = btf_member_bit_offset(type, i);
		napi_value described = object_result(call);
		if (!set_bits(call, described, bit, btf_member_bitfield_size(type, i)) ||
		    !append_member(of, members, described, btf__name_by_offset(of->btf, member->name_off),
				   bit / 8, member->type, depth))
			return false;
	}
	return members && set_kind(call, result, btf_is_union(type) ? "union" : "struct") &&
	       set_property(call, result, "members", members);
}

/* The global variables of a section, as members of a struct. */
static bool set_variables(struct description *of, napi_value result, const struct btf_type *type, int depth)
{
	const struct call *call = of->call;
	napi_value members = array_result(call);

	for (uint32_t i = 0; members && i < btf_vlen(type); i++) {
		const struct btf_var_secinfo *entry = &btf_var_secinfos(type)[i];
		const struct btf_type *variable = btf__type_by_id(of->btf, entry->type);
		if (!variable || !btf_is_var(variable))
			continue;
		if (!append_member(of, members, object_result(call),
				   btf__name_by_offset(of->btf, variable->name_off), entry->offset,
				   variable->type, depth))
			return false;
	}
	return members && set_kind(call, result, "struct") && set_property(call, result, "members", members);
}

static bool set_details(struct description *of, napi_value result, const struct btf_type *type, int depth)
{
	if (!type || depth > DEPTH_LIMIT || of->nodes++ > NODE_LIMIT)
		return set_kind(of->call, result, "unknown");
	if (btf_is_int(type))
		return set_integer(of->call, result, type);
	if (btf_is_any_enum(type))
		return set_enum(of, result, type);
	if (btf_is_array(type))
		return set_array(of, result, type, depth);
	if (btf_is_composite(type))
		return set_members(of, result, type, depth);
	if (btf_is_datasec(type))
		return set_variables(of, result, type, depth);
	return set_kind(of->call, result,
			btf_is_ptr(type)     ? "ptr"
			: btf_is_float(type) ? "float"
					     : "unknown");
}

/* The type behind typedefs and qualifiers, and the last name met on the way. */
static const struct btf_type *resolve(const struct btf *btf, uint32_t id, const char **name)
{
	for (int links = 0; links < 32; links++) {
		const struct btf_type *type = id ? btf__type_by_id(btf, id) : NULL;
		if (!type)
			return NULL;
		const char *own = btf__name_by_offset(btf, type->name_off);
		if (own && *own && !btf_is_type_tag(type))
			*name = own;
		if (!btf_is_mod(type) && !btf_is_typedef(type))
			return type;
		id = type->type;
	}
	return NULL;
}

static napi_value describe(struct description *of, uint32_t id, int depth)
{
	const struct call *call = of->call;
	const char *name = "";
	const struct btf_type *type = resolve(of->btf, id, &name);
	int64_t size = !type ? 0 : btf_is_datasec(type) ? type->size : btf__resolve_size(of->btf, id);
	napi_value result = object_result(call);

	if (!result || !set_property(call, result, "name", string_result(call, name)) ||
	    !set_property(call, result, "size", number_result(call, size > 0 ? (double)size : 0)) ||
	    !set_details(of, result, type, depth))
		return NULL;
	return result;
}

napi_value btf_type_result(const struct call *call, const struct btf *btf, uint32_t id)
{
	struct description of = {.call = call, .btf = btf};

	return describe(&of, id, 0);
}
