#include "call.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static const char *error_name(int error)
{
	if (error == KERNEL_ENOTSUPP)
		return "ENOTSUPP";
	if (error >= __LIBBPF_ERRNO__START && error < __LIBBPF_ERRNO__END)
		return "ELIBBPF";
	const char *name = strerrorname_np(error);
	return name ? name : "EUNKNOWN";
}

void call_fail_code(const struct call *call, const char *code, const char *subject, const char *reason)
{
	napi_env env = call->env;
	napi_value code_value, message_value, log_value, error;
	const char *log = log_text();
	size_t size = strlen(call->operation) + strlen(subject) + strlen(reason) + sizeof("cannot  : ");
	char *message = malloc(size);

	if (message)
		snprintf(message, size, "cannot %s%s%s: %s", call->operation, *subject ? " " : "", subject,
			 reason);
	napi_status status =
		napi_create_string_utf8(env, message ? message : reason, NAPI_AUTO_LENGTH, &message_value);
	free(message);
	if (status == napi_ok &&
	    napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &code_value) == napi_ok &&
	    napi_create_error(env, code_value, message_value, &error) == napi_ok &&
	    (!*log || (napi_create_string_utf8(env, log, NAPI_AUTO_LENGTH, &log_value) == napi_ok &&
		       napi_set_named_property(env, error, "log", log_value) == napi_ok)) &&
	    napi_throw(env, error) == napi_ok)
		return;
	/* Node-API itself refuses: say at least what was wanted. */
	napi_throw_error(env, code, reason);
}

void call_fail(const struct call *call, int error, const char *subject, const char *reason)
{
	call_fail_code(call, error_name(error), subject, reason ? reason : strerror(error));
}

void call_fail_libbpf(const struct call *call, int error, const char *subject)
{
	char meaning[128], line[512], reason[sizeof(meaning) + sizeof(line) + 2];

	libbpf_strerror(error, meaning, sizeof(meaning));
	if (log_line(meaning, line, sizeof(line)))
		snprintf(reason, sizeof(reason), "%s", line);
	else if (log_line("", line, sizeof(line)))
		snprintf(reason, sizeof(reason), "%s: %s", meaning, line);
	else
		snprintf(reason, sizeof(reason), "%s", meaning);
	call_fail(call, error, subject, reason);
}

bool call_ok(const struct call *call, napi_status status)
{
	const napi_extended_error_info *info = NULL;
	bool pending = false;

	if (status == napi_ok)
		return true;
	napi_get_last_error_info(call->env, &info);
	const char *reason = info && info->error_message ? info->error_message : "Node-API call failed";
	if (napi_is_exception_pending(call->env, &pending) != napi_ok || !pending)
		call_fail(call, EINVAL, "", reason);
	return false;
}

bool call_begin(struct call *call, napi_env env, napi_callback_info info, const char *operation,
		size_t arguments)
{
	size_t count = arguments;
	char reason[64];

	*call = (struct call){.env = env, .operation = operation};
	log_clear();
	if (!call_ok(call, napi_get_cb_info(env, info, &count, call->arguments, NULL, NULL)))
		return false;
	if (count >= arguments)
		return true;
	snprintf(reason, sizeof(reason), "%zu arguments, not %zu", arguments, count);
	call_fail(call, EINVAL, "", reason);
	return false;
}

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

napi_value number_result(const struct call *call, double number)
{
	napi_value value;

	return call_ok(call, napi_create_double(call->env, number, &value)) ? value : NULL;
}

napi_value string_result(const struct call *call, const char *text)
{
	napi_value value;

	return call_ok(call, napi_create_string_utf8(call->env, text, NAPI_AUTO_LENGTH, &value)) ? value
												 : NULL;
}

napi_value boolean_result(const struct call *call, bool boolean)
{
	napi_value value;

	return call_ok(call, napi_get_boolean(call->env, boolean, &value)) ? value : NULL;
}

napi_value bigint_result(const struct call *call, uint64_t number)
{
	napi_value value;

	return call_ok(call, napi_create_bigint_uint64(call->env, number, &value)) ? value : NULL;
}

napi_value object_result(const struct call *call)
{
	napi_value value;

	return call_ok(call, napi_create_object(call->env, &value)) ? value : NULL;
}

napi_value array_result(const struct call *call)
{
	napi_value value;

	return call_ok(call, napi_create_array(call->env, &value)) ? value : NULL;
}

bool set_property(const struct call *call, napi_value object, const char *name, napi_value value)
{
	return value && call_ok(call, napi_set_named_property(call->env, object, name, value));
}

bool append(const struct call *call, napi_value array, napi_value value)
{
	uint32_t length;

	return value && call_ok(call, napi_get_array_length(call->env, array, &length)) &&
	       call_ok(call, napi_set_element(call->env, array, length, value));
}
