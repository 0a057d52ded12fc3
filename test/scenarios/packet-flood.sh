#!/bin/bash
# packet-flood.sh thread|softirq SECONDS, below `unshare --net --mount`: a flood of packets whose receiving side runs on the
# first CPU, in a kernel thread of the network device or in softirq (by ksoftirqd, once it is too much); the sending side runs
# on the CPU of this script. Each packet is looked up in a thousand routing rules.
set -euo pipefail
way=$1 seconds=$2

ip link add name sender type veth peer name receiver
unshare --net sleep "$seconds" &
receiver=$!
trap 'kill $(jobs -p)' EXIT
trap exit TERM
until [ "$(readlink /proc/$receiver/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.02; done
within() { nsenter --net="/proc/$receiver/ns/net" "$@"; }

ip link set receiver netns "$receiver"
within ip link set receiver up
within ip address add 10.0.0.2/24 dev receiver
for n in $(seq 1000); do echo "rule add from 192.0.2.1 table $((n + 1000)) priority $n"; done | within ip -batch -
within unshare --mount sh -c "
	mount -t sysfs sysfs /sys
	if [ $way = thread ]; then
		ethtool -K receiver gro on
		echo 1 > /sys/class/net/receiver/threaded
	else echo 1 > /sys/class/net/receiver/queues/rx-0/rps_cpus
	fi"
if [ "$way" = thread ]; then
	ethtool -K sender tso off # otherwise the receiving side is not the thread
	thread=$(pgrep --newest '^napi/receiver-')
	taskset --pid --cpu-list 0 "$thread" > /dev/null
	renice -n -20 -p "$thread" > /dev/null # of about the weight of the scenario's cgroups together
fi

ip link set sender up
ip address add 10.0.0.1/24 dev sender
# to an address of no one, so that the receiving side drops packets without an answer
ip neighbour add 10.0.0.3 lladdr "$(within ip -brief link show receiver | awk '{ print $3 }')" dev sender
dd if=/dev/zero bs=64 status=none > /dev/udp/10.0.0.3/9 &
wait -n
