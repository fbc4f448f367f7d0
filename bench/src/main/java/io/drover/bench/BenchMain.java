package io.drover.bench;

import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;

import io.drover.actors.ActorCost;
import io.drover.bench.exact.ExactCheck;
import io.drover.bench.kernel.KernelCeilings;
import io.drover.bench.live.LiveBench;
import io.drover.bench.serve.ServeBench;
import io.drover.bench.transport.FrameLatency;

import picocli.CommandLine;

/**
 * {@code drover bench}: the measurements, each by its name. Exit codes: 0 if all went well, 1 if what was measured failed, 2 if the
 * command line is wrong.
 */
public final class BenchMain {
    private static final int FAILED = 1;
    private static final int USAGE = 2;

    private static final List<Tool> TOOLS = List.of(
            new Tool("serve", "load a running server over HTTP and judge every stream (--help shows the options)",
                    arguments -> new CommandLine(new ServeBench()).setExecutionExceptionHandler((failure, command, parsed) -> {
                        throw failure;
                    }).execute(arguments)),
            new Tool("live", "let something happen to a cluster of processes under load (--help lists the trials)",
                    arguments -> new CommandLine(new LiveBench()).setExecutionExceptionHandler((failure, command, parsed) -> {
                        throw failure;
                    }).execute(arguments)),
            new Tool("exact", "compare a running server's token ids with the oracle's",
                    arguments -> ExactCheck.run(arguments, System.out)),
            new Tool("kernels", "kernels as shares of what the machine gives", printing(KernelCeilings::main)),
            new Tool("frames", "latency of a token frame against bare Aeron", printing(FrameLatency::main)),
            new Tool("actor", "what an expert's actor costs over its kernel", printing(ActorCost::main)));

    private BenchMain() {}

    /** A measurement. */
    private record Tool(String name, String what, Runner runner) {}

    /** Runs a measurement; gives its exit code. */
    private interface Runner {
        int run(String[] arguments) throws Exception;
    }

    /** A measurement that only prints. */
    private interface Printing {
        void run(String[] arguments) throws Exception;
    }

    private static Runner printing(final Printing measurement) {
        return arguments -> {
            measurement.run(arguments);
            return 0;
        };
    }

    /** Runs a measurement and leaves the JVM with its exit code. */
    public static void main(final String[] arguments) {
        final int code = run(arguments, System.out, System.err);
        // checkstyle:off this is the command line's main
        System.exit(code);
        // checkstyle:on
    }

    static int run(final String[] arguments, final PrintStream out, final PrintStream err) {
        final String name = arguments.length == 0 ? "" : arguments[0];
        if (name.equals("--help") || name.equals("-h")) {
            usage(out);
            return 0;
        }
        for (final Tool tool : TOOLS) {
            if (tool.name.equals(name)) {
                return run(tool, Arrays.copyOfRange(arguments, 1, arguments.length), err);
            }
        }
        err.println("drover bench: " + (name.isEmpty() ? "a measurement is missing" : "there is no measurement '" + name + "'"));
        usage(err);
        return USAGE;
    }

    private static int run(final Tool tool, final String[] arguments, final PrintStream err) {
        try {
            return tool.runner.run(arguments);
        } catch (final Exception e) {
            err.println("drover bench " + tool.name + ": " + (e.getMessage() == null ? e : e.getMessage()));
            return FAILED;
        }
    }

    private static void usage(final PrintStream out) {
        out.println("Usage: drover bench MEASUREMENT [OPTIONS]");
        TOOLS.forEach(tool -> out.printf("  %-8s %s%n", tool.name, tool.what));
    }
}
