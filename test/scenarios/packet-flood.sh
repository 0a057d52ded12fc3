#!/bin/bash
# packet-flood.sh thread|softirq SECONDS, below `unshare --net --mount`: a flood of packets whose receiving side runs on the
# first CPU, in a kernel thread of the network device or in softirq (by ksoftirqd, once it is too much); the sending side runs
# on the CPU of this script. Each packet is looked up in routing rules, of which there are more until the receiving side takes
# more than half of its CPU. The kernel thread that receives has about the weight of the scenario's cgroups together;
# ksoftirqd has its own again in the end.
set -euo pipefail
way=$1 seconds=$2

ip link add name sender type veth peer name receiver
unshare --net sleep "$seconds" &
receiver=$!
thread=
finish() {
	if [ "$way" = softirq ] && [ -n "$thread" ]; then renice -n 0 -p "$thread" > /dev/null; fi
	kill $(jobs -p)
}
trap finish EXIT
trap exit TERM
until [ "$(readlink /proc/$receiver/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.02; done
within() { nsenter --net="/proc/$receiver/ns/net" "$@"; }

rules=0
add_rules() {
	for n in $(seq $((rules + 1)) $((rules + $1))); do echo "rule add from 192.0.2.1 table $((n + 1000)) priority $n"; done |
		within ip -batch -
	rules=$((rules + $1))
}

ip link set receiver netns "$receiver"
within ip link set receiver up
within ip address add 10.0.0.2/24 dev receiver
add_rules 1000
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
else thread=$(pgrep '^ksoftirqd/0$')
fi
renice -n -20 -p "$thread" > /dev/null

# received so far, 1/100 s of the first CPU
taken() {
	if [ "$way" = thread ]; then awk '{ print int($1 / 10000000) }' "/proc/$thread/schedstat"
	else awk '/^cpu0 / { print $8 }' /proc/stat
	fi
}

ip link set sender up
ip address add 10.0.0.1/24 dev sender
# to an address of no one, so that the receiving side drops packets without an answer
ip neighbour add 10.0.0.3 lladdr "$(within ip -brief link show receiver | awk '{ print $3 }')" dev sender
dd if=/dev/zero bs=64 status=none > /dev/udp/10.0.0.3/9 &
while [ "$rules" -lt 10000 ]; do
	before=$(taken)
	sleep 0.5
	if [ $(($(taken) - before)) -gt 27 ]; then break; fi
	add_rules 500
done
wait -n
