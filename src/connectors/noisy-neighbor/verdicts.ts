/** What the waiting of a workload may come from, with its meaning. */
export const verdictMeaning = {
  noisy_neighbor: 'Another pod or container took more than its share of the CPU.',
  quota_throttled: "A CPU limit had run out: the workload's own, or one above it.",
  self_contention: 'The workload has more threads that can run than it gets CPUs.',
  sibling_contention: 'Another container of the same pod had the CPU.',
  system_interference: 'A service outside all workloads had it.',
  kernel_interference: 'Kernel threads had it.',
  irq_interference: 'The CPUs served interrupts.',
  host_steal: 'The hypervisor ran something else.',
  placement: 'The CPU was idle: delay of the wake-up or of the placement.',
  overcommitted:
    'Other pods or containers had the CPU within their share: there is too little of it for all.',
  undetermined: 'What is known does not carry a verdict.',
} as const;

export type Verdict = keyof typeof verdictMeaning;

export const verdicts = Object.keys(verdictMeaning) as readonly Verdict[]; // its only keys
