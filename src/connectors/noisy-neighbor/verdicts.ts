/** What the waiting of a workload may come from, with its meaning. */
export const verdictMeaning = {
  noisy_neighbor: 'another pod or container took more than its share of the CPU',
  quota_throttled: "a CPU limit had run out: the workload's own, or one above it",
  self_contention: 'the workload has more threads that can run than it gets CPUs',
  sibling_contention: 'another container of the same pod had the CPU',
  system_interference: 'a service outside all workloads had it',
  kernel_interference: 'kernel threads had it',
  irq_interference: 'the CPUs served interrupts',
  host_steal: 'the hypervisor ran something else',
  placement: 'the CPU was idle: delay of the wake-up or of the placement',
  overcommitted: 'other pods or containers had the CPU within their share: there is too little of it for all',
  undetermined: 'what is known does not carry a verdict',
} as const;

export type Verdict = keyof typeof verdictMeaning;

export const verdicts = Object.keys(verdictMeaning) as readonly Verdict[]; // its only keys
