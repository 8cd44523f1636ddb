"""Lets drgn count what the CPUs that a panic stopped had not yet added to a percpu_counter.

percpu_counter_sum() asks for the online CPUs. An arm64 panic takes those out that it stops (local_cpu_stop() in
arch/arm64/kernel/smp.c).
"""

from drgn.helpers.linux import percpu
from drgn.helpers.linux.cpumask import for_each_possible_cpu


def count_stopped_cpus():
    percpu.for_each_online_cpu = for_each_possible_cpu
