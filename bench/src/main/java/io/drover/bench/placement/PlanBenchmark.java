package io.drover.bench.placement;

import java.util.Objects;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

import io.drover.placement.Budget;
import io.drover.placement.EplbPlanner;
import io.drover.placement.ExFlowPlanner;
import io.drover.placement.JointPlanner;
import io.drover.placement.Placement;
import io.drover.placement.PlanRequest;
import io.drover.placement.RoutingStatistics;

/** Whole plans on planted routing. Run by {@code java ... org.openjdk.jmh.Main PlanBenchmark}. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 1)
@Measurement(iterations = 3)
@Fork(1)
public class PlanBenchmark {
    private static final int TOP_K = 8;
    private static final int POSITIONS = 12_000;
    private static final int MOVES = 200;

    /** layers x experts + spare slots of a layer / devices */
    @Param({"24x64+16/16", "58x256+32/288"})
    public String size = "";

    private @Nullable PlanRequest fromNothing;
    private @Nullable PlanRequest incremental;

    @Setup(Level.Trial)
    public void setUp() {
        final String[] parts = size.split("[x+/]");
        final int layers = Integer.parseInt(parts[0]);
        final int experts = Integer.parseInt(parts[1]);
        final PlantedRouting routing = new PlantedRouting(layers, experts, TOP_K, 7);
        final RoutingStatistics statistics = routing.statistics(POSITIONS);
        final PlanRequest request = routing.request(statistics, Integer.parseInt(parts[3]), Integer.parseInt(parts[2]), 100);
        final Placement current = EplbPlanner.global().plan(request);
        fromNothing = request;
        incremental = new PlanRequest(statistics, request.topology(), current,
                new Budget(1, MOVES * request.cost().expertBytes()),
                request.cost(), 1, 100);
    }

    @Benchmark
    public Placement jointFromNothing() {
        return new JointPlanner().plan(Objects.requireNonNull(fromNothing));
    }

    @Benchmark
    public Placement jointIncremental() {
        return new JointPlanner().plan(Objects.requireNonNull(incremental));
    }

    @Benchmark
    public Placement exflow() {
        return new ExFlowPlanner().plan(Objects.requireNonNull(fromNothing));
    }

    @Benchmark
    public Placement eplb() {
        return EplbPlanner.global().plan(Objects.requireNonNull(fromNothing));
    }
}
