#include <errno.h>
#include <string.h>

#include "feature.h"

#define ANY	       -1
#define TYPE_NETFILTER ((enum bpf_prog_type)32)

const struct feature feature_uprobe = {"uprobe", "4.3"};
const struct feature feature_usdt = {"usdt", "4.20"};
const struct feature feature_iterator_of_cgroup = {"iterator_of_cgroup", "6.1"};
const struct feature feature_iterator_of_task = {"iterator_of_task", "6.1"};

/* The first that fits. The release is that of the program type or, where it came later, of its kind of link.
 */
static const struct {
	enum bpf_prog_type type;
	int attach_type;
	struct feature feature;
} features[] = {
	{BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, {"tp_btf", "5.5"}},
	{BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, {"fentry", "5.5"}},
	{BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, {"fexit", "5.5"}},
	{BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, {"fmod_ret", "5.7"}},
	{BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, {"iterator", "5.8"}},
	{BPF_PROG_TYPE_LSM, BPF_LSM_CGROUP, {"lsm_cgroup", "6.0"}},
	{BPF_PROG_TYPE_LSM, ANY, {"lsm", "5.7"}},
	{BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, {"kprobe_multi", "5.18"}},
	{BPF_PROG_TYPE_KPROBE, ATTACH_KPROBE_SESSION, {"kprobe_session", "6.10"}},
	{BPF_PROG_TYPE_KPROBE, ATTACH_UPROBE_MULTI, {"uprobe_multi", "6.6"}},
	{BPF_PROG_TYPE_KPROBE, ATTACH_UPROBE_SESSION, {"uprobe_session", "6.13"}},
	{BPF_PROG_TYPE_KPROBE, ANY, {"kprobe", "4.1"}},
	{BPF_PROG_TYPE_TRACEPOINT, ANY, {"tracepoint", "4.7"}},
	{BPF_PROG_TYPE_RAW_TRACEPOINT, ANY, {"raw_tracepoint", "4.17"}},
	{BPF_PROG_TYPE_PERF_EVENT, ANY, {"perf_event", "4.9"}},
	{BPF_PROG_TYPE_SOCKET_FILTER, ANY, {"socket_filter", "3.19"}},
	{BPF_PROG_TYPE_SCHED_CLS, ANY, {"tcx", "6.6"}},
	{BPF_PROG_TYPE_XDP, ANY, {"xdp", "5.9"}},
	{BPF_PROG_TYPE_SK_LOOKUP, ANY, {"sk_lookup", "5.9"}},
	{BPF_PROG_TYPE_CGROUP_SKB, ANY, {"cgroup_skb", "5.7"}},
	{BPF_PROG_TYPE_CGROUP_SOCK, ANY, {"cgroup_sock", "5.7"}},
	{BPF_PROG_TYPE_CGROUP_SOCK_ADDR, ANY, {"cgroup_sock_addr", "5.7"}},
	{BPF_PROG_TYPE_CGROUP_SOCKOPT, ANY, {"cgroup_sockopt", "5.7"}},
	{BPF_PROG_TYPE_SOCK_OPS, ANY, {"sock_ops", "5.7"}},
	{TYPE_NETFILTER, ANY, {"netfilter", "6.4"}},
};

static const struct {
	const char *name;
	int type;
} newer_attach_types[] = {
	{"netfilter", ATTACH_NETFILTER},
	{"tcx_ingress", ATTACH_TCX_INGRESS},
	{"tcx_egress", ATTACH_TCX_EGRESS},
	{"trace_uprobe_multi", ATTACH_UPROBE_MULTI},
	{"trace_kprobe_session", ATTACH_KPROBE_SESSION},
	{"trace_uprobe_session", ATTACH_UPROBE_SESSION},
};

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

const struct feature *feature_of_program(const struct bpf_program *program)
{
	int attach_type = (int)bpf_program__expected_attach_type(program);

	for (size_t i = 0; i < LENGTH(features); i++)
		if (features[i].type == bpf_program__type(program) &&
		    (features[i].attach_type == ANY || features[i].attach_type == attach_type))
			return &features[i].feature;
	return NULL;
}

int program_type_by_name(const char *name)
{
	const char *known;

	for (int type = 0; (known = libbpf_bpf_prog_type_str((enum bpf_prog_type)type)); type++)
		if (!strcmp(known, name))
			return type;
	return -EINVAL;
}

int attach_type_by_name(const char *name)
{
	const char *known;

	for (int type = 0; (known = libbpf_bpf_attach_type_str((enum bpf_attach_type)type)); type++)
		if (!strcmp(known, name))
			return type;
	for (size_t i = 0; i < LENGTH(newer_attach_types); i++)
		if (!strcmp(newer_attach_types[i].name, name))
			return newer_attach_types[i].type;
	return -EINVAL;
}
