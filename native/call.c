#include "call.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feature.h"
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

static bool set_text(napi_env env, napi_value error, const char *name, const char *text)
{
	napi_value value;

	return !text || !*text ||
	       (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok &&
		napi_set_named_property(env, error, name, value) == napi_ok);
}

void call_fail_code(const struct call *call, const char *code, const char *subject, const char *reason)
{
	napi_env env = call->env;
	napi_value code_value, message_value, error;
	const struct feature *feature = call->feature;
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
	    set_text(env, error, "operation", call->operation) && set_text(env, error, "log", log_text()) &&
	    set_text(env, error, "program", call->program) &&
	    set_text(env, error, "feature", feature ? feature->name : NULL) &&
	    set_text(env, error, "minimumKernel", feature ? feature->minimum_kernel : NULL) &&
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
	size_t count = ARGUMENT_LIMIT;
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

napi_value bytes_result(const struct call *call, const uint8_t *data, size_t size)
{
	napi_value buffer, value;
	void *copy;

	if (!call_ok(call, napi_create_arraybuffer(call->env, size, &copy, &buffer)))
		return NULL;
	if (size)
		memcpy(copy, data, size);
	return call_ok(call, napi_create_typedarray(call->env, napi_uint8_array, size, buffer, 0, &value))
		       ? value
		       : NULL;
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
