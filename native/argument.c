#include <errno.h>
#include <string.h>

#include "call.h"

static bool has_type(const struct call *call, napi_value value, napi_valuetype wanted, const char *what,
		     const char *kind)
{
	napi_valuetype type;

	if (!call_ok(call, napi_typeof(call->env, value, &type)))
		return false;
	if (type == wanted)
		return true;
	call_fail(call, EINVAL, what, kind);
	return false;
}

bool string_argument(const struct call *call, napi_value value, const char *what, char *text, size_t size)
{
	size_t length;

	if (!has_type(call, value, napi_string, what, "must be a string") ||
	    !call_ok(call, napi_get_value_string_utf8(call->env, value, NULL, 0, &length)))
		return false;
	if (length >= size) {
		call_fail(call, ENAMETOOLONG, what, NULL);
		return false;
	}
	if (!call_ok(call, napi_get_value_string_utf8(call->env, value, text, size, &length)))
		return false;
	if (strlen(text) == length)
		return true;
	call_fail(call, EINVAL, what, "contains a NUL character");
	return false;
}

bool is_undefined(const struct call *call, napi_value value)
{
	napi_valuetype type;

	return call_ok(call, napi_typeof(call->env, value, &type)) && type == napi_undefined;
}

bool is_object(const struct call *call, napi_value value, const char *what)
{
	return has_type(call, value, napi_object, what, "must be an object");
}

bool boolean_argument(const struct call *call, napi_value value, const char *what, bool *boolean)
{
	return has_type(call, value, napi_boolean, what, "the value must be a boolean") &&
	       call_ok(call, napi_get_value_bool(call->env, value, boolean));
}

bool integer_argument(const struct call *call, napi_value value, const char *what, uint64_t *integer)
{
	napi_valuetype type;
	double number;
	bool exact = false;

	if (!call_ok(call, napi_typeof(call->env, value, &type)))
		return false;
	if (type == napi_bigint &&
	    !call_ok(call, napi_get_value_bigint_uint64(call->env, value, integer, &exact)))
		return false;
	if (type == napi_number) {
		if (!call_ok(call, napi_get_value_double(call->env, value, &number)))
			return false;
		exact = number >= 0 && number <= 9007199254740991.0 && number == (double)(uint64_t)number;
		*integer = exact ? (uint64_t)number : 0;
	}
	if (exact)
		return true;
	call_fail(call, type == napi_bigint || type == napi_number ? ERANGE : EINVAL, what,
		  "must be an integer of 64 bits without sign");
	return false;
}

bool count_argument(const struct call *call, napi_value value, const char *what, uint32_t *count)
{
	double number;

	if (!has_type(call, value, napi_number, what, "must be a number") ||
	    !call_ok(call, napi_get_value_double(call->env, value, &number)))
		return false;
	if (number >= 0 && number <= UINT32_MAX && number == (uint32_t)number) {
		*count = (uint32_t)number;
		return true;
	}
	call_fail(call, ERANGE, what, "must be an integer from 0 to 4294967295");
	return false;
}

bool bytes_argument(const struct call *call, napi_value value, const char *what, struct bytes *bytes)
{
	napi_typedarray_type type = napi_int8_array;
	napi_value buffer;
	size_t offset;
	void *data;
	bool is_typed_array;

	if (!call_ok(call, napi_is_typedarray(call->env, value, &is_typed_array)))
		return false;
	if (is_typed_array && !call_ok(call, napi_get_typedarray_info(call->env, value, &type, &bytes->size,
								      &data, &buffer, &offset)))
		return false;
	if (is_typed_array && type == napi_uint8_array) {
		bytes->data = data;
		return true;
	}
	call_fail(call, EINVAL, what, "must be a Uint8Array");
	return false;
}

bool each_property(const struct call *call, napi_value object, const char *what, visit_property visit,
		   void *context)
{
	napi_env env = call->env;
	napi_valuetype type;
	napi_value names;
	uint32_t count;

	if (!call_ok(call, napi_typeof(env, object, &type)))
		return false;
	if (type == napi_undefined)
		return true;
	if (!has_type(call, object, napi_object, what, "must be an object") ||
	    !call_ok(call, napi_get_all_property_names(env, object, napi_key_own_only,
						       napi_key_enumerable | napi_key_skip_symbols,
						       napi_key_numbers_to_strings, &names)) ||
	    !call_ok(call, napi_get_array_length(env, names, &count)))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		char name[NAME_SIZE];
		napi_value key, value;

		if (!call_ok(call, napi_get_element(env, names, i, &key)) ||
		    !string_argument(call, key, what, name, sizeof(name)) ||
		    !call_ok(call, napi_get_property(env, object, key, &value)) ||
		    !visit(call, name, value, context))
			return false;
	}
	return true;
}
