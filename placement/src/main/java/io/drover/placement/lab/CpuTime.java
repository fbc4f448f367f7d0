package io.drover.placement.lab;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/** Time that this thread ran on a core, which other work on the machine does not change as it changes the wall's. */
final class CpuTime {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private CpuTime() {}

    static double seconds() {
        return THREADS.getCurrentThreadCpuTime() * 1e-9;
    }
}
