#ifndef EARSHOT_ADDON_H
#define EARSHOT_ADDON_H

#include <node_api.h>
#include <stdbool.h>

#define STATISTICS_LIMIT 8
#define MARKER_LIMIT	 8

/* What one JavaScript environment holds besides its objects. */
struct addon {
	int statistics[STATISTICS_LIMIT];
	int statistics_count;
	int markers[MARKER_LIMIT];
	int marker_count;
};

/* NULL when Node-API has none, which only happens after the environment is gone. */
struct addon *addon_of(napi_env env);

napi_value object_attach(napi_env env, napi_callback_info info);
napi_value program_attach(napi_env env, napi_callback_info info);
napi_value link_detach(napi_env env, napi_callback_info info);
napi_value map_info(napi_env env, napi_callback_info info);
napi_value map_list(napi_env env, napi_callback_info info);
napi_value map_lookup(napi_env env, napi_callback_info info);
napi_value map_update(napi_env env, napi_callback_info info);
napi_value map_remove(napi_env env, napi_callback_info info);
napi_value map_read_array(napi_env env, napi_callback_info info);
napi_value map_read_hash(napi_env env, napi_callback_info info);
napi_value map_delete_keys(napi_env env, napi_callback_info info);
napi_value ring_drain(napi_env env, napi_callback_info info);
napi_value object_programs(napi_env env, napi_callback_info info);
napi_value statistics_enable(napi_env env, napi_callback_info info);
napi_value statistics_disable(napi_env env, napi_callback_info info);
napi_value iterator_open(napi_env env, napi_callback_info info);
napi_value iterator_read(napi_env env, napi_callback_info info);
napi_value iterator_close(napi_env env, napi_callback_info info);
napi_value marker_create(napi_env env, napi_callback_info info);
napi_value marker_close(napi_env env, napi_callback_info info);
napi_value datagram_send(napi_env env, napi_callback_info info);
napi_value struct_layout(napi_env env, napi_callback_info info);
napi_value enum_values(napi_env env, napi_callback_info info);
napi_value kernel_struct(napi_env env, napi_callback_info info);
napi_value kernel_member_type(napi_env env, napi_callback_info info);

#endif
