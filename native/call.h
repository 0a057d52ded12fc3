#ifndef EARSHOT_CALL_H
#define EARSHOT_CALL_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARGUMENT_LIMIT 6

struct feature;

/* One call from JavaScript. A function that returns false or NULL has thrown. */
struct call {
	napi_env env;
	/* `read array`, as in "cannot read array: ..." */
	const char *operation;
	/* What the error names besides, where known. */
	const char *program;
	const struct feature *feature;
	/* Those not given are undefined. */
	napi_value arguments[ARGUMENT_LIMIT];
};

#define NAME_SIZE 256
/* The kernel's own "operation not supported", which libc has no name for. */
#define KERNEL_ENOTSUPP 524

/* `arguments` are needed, more may be given. */
bool call_begin(struct call *call, napi_env env, napi_callback_info info, const char *operation,
		size_t arguments);

/* Throws "cannot <operation> <subject>: <reason>" with libbpf's output as `log`; errno's text without a
 * reason. */
void call_fail(const struct call *call, int error, const char *subject, const char *reason);
/* The reason is libbpf's line about it, where it wrote one. */
void call_fail_libbpf(const struct call *call, int error, const char *subject);
void call_fail_code(const struct call *call, const char *code, const char *subject, const char *reason);
/* True for napi_ok; otherwise throws unless an exception is already on its way. */
bool call_ok(const struct call *call, napi_status status);

bool string_argument(const struct call *call, napi_value value, const char *what, char *text, size_t size);
bool is_undefined(const struct call *call, napi_value value);
bool is_object(const struct call *call, napi_value value, const char *what);
bool boolean_argument(const struct call *call, napi_value value, const char *what, bool *boolean);
/* A number or bigint that is an integer of 64 bits without sign. */
bool integer_argument(const struct call *call, napi_value value, const char *what, uint64_t *integer);
bool count_argument(const struct call *call, napi_value value, const char *what, uint32_t *count);

struct bytes {
	uint8_t *data;
	size_t size;
};
bool bytes_argument(const struct call *call, napi_value value, const char *what, struct bytes *bytes);

/* Calls `visit` for each own property until it returns false; undefined has none. */
typedef bool (*visit_property)(const struct call *call, const char *name, napi_value value, void *context);
bool each_property(const struct call *call, napi_value object, const char *what, visit_property visit,
		   void *context);

/* `size` bytes of JavaScript's own. */
napi_value bytes_result(const struct call *call, const uint8_t *data, size_t size);
napi_value number_result(const struct call *call, double number);
napi_value string_result(const struct call *call, const char *text);
napi_value boolean_result(const struct call *call, bool value);
napi_value bigint_result(const struct call *call, uint64_t number);
napi_value object_result(const struct call *call);
napi_value array_result(const struct call *call);
/* False when `value` is NULL, so that results nest without a check each. */
bool set_property(const struct call *call, napi_value object, const char *name, napi_value value);
bool append(const struct call *call, napi_value array, napi_value value);

#endif
