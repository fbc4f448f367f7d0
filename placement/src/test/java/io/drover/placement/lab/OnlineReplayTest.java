package io.drover.placement.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.OutputStream;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import io.drover.placement.FlexMoePlanner;
import io.drover.placement.JointPlanner;
import io.drover.placement.Mode;
import io.drover.placement.Planner;

import picocli.CommandLine;

final class OnlineReplayTest {
    private static Trace trace;

    @BeforeAll
    static void makeTrace() {
        trace = SyntheticTrace.of(11, 4, 48, 2, 40, 40);
    }

    private static List<OnlineReplay.Course> stream(
            final Planner planner, final String enterGain, final int phaseTokens, final boolean regret, final String... phases) {
        final PlanOptions options = new PlanOptions();
        new CommandLine(options).parseArgs("--window", "500", "--phase-tokens", Integer.toString(phaseTokens), "--expert-bytes",
                "1000", "--effort",
                "1",
                "--slots", "+50%", "--hidden", "64", "--horizon", "8", "--enter-gain", enterGain,
                "--call-us", "200");
        final Scenario scenario = Scenario.of(options, Mode.WALK, 4, options.slots, 1, 192);
        options.regret = regret;
        final OnlineRun run = new OnlineRun(options, new PrintStream(OutputStream.nullOutputStream()));
        return run.run(run.course(trace, List.of(phases)), scenario, List.of(planner));
    }

    @Test
    void comparesWithHindsightThatMovesForNothing() {
        final List<OnlineReplay.Course> courses = stream(new JointPlanner(), "0.01", 2_500, true, "law", "stem");
        final OnlineReplay.Course fixed = courses.getFirst();
        final OnlineReplay.Course oracle = courses.getLast();
        assertThat(oracle.policy().hindsight()).isTrue();
        assertThat(oracle.moveBytes()).isZero();
        assertThat(oracle.trafficBytes()).isLessThan(fixed.trafficBytes());
        assertThat(fixed.regret(oracle)).isEqualTo(fixed.trafficBytes() / oracle.trafficBytes() - 1).isPositive();
        assertThat(fixed.predictionError().samples()).as("all windows but the first").isEqualTo(9);
        assertThat(fixed.predictionError().meanRelative()).isLessThan(0.2);
    }

    @Test
    void movesNothingOnAStationaryStreamOnceItIsWarm() {
        for (final Planner planner : List.of(new FlexMoePlanner(), new JointPlanner())) {
            final OnlineReplay.Course course = stream(planner, "0.05", 14_000, false, "law").getLast();
            assertThat(course.windows().subList(16, 28)).as(planner.name()).allSatisfy(w -> assertThat(w.moves()).isZero());
        }
    }

    @Test
    void followsTheLoadAndBringsNothingBackTooSoon() {
        final List<OnlineReplay.Course> courses = stream(new FlexMoePlanner(), "0.01", 14_000, false, "law", "stem");
        final OnlineReplay.Course fixed = courses.getFirst();
        final OnlineReplay.Course followed = courses.getLast();
        assertThat(followed.moves()).isPositive();
        assertThat(followed.settledImbalance()).isLessThan(fixed.settledImbalance());
        assertThat(followed.policy().returns()).isZero();
    }

    @Test
    void replaysTheSameStreamForTheSameSeed() {
        final int[][] a = new int[4][2];
        final int[][] b = new int[4][2];
        final float[][] weights = new float[4][2];
        final TraceStream one = new TraceStream(trace, List.of("law", "stem"), 100, 1, 3);
        final TraceStream two = new TraceStream(trace, List.of("law", "stem"), 100, 1, 3);
        for (int token = 0; token < 300; token++) {
            assertThat(one.next(a, weights)).isEqualTo(two.next(b, weights));
            assertThat(a).isDeepEqualTo(b);
            assertThat(one.phase()).isEqualTo(token / 100 % 2 == 0 ? "law" : "stem");
        }
    }

    @Test
    void aSampledStreamChangesItsDomainAtOnce() {
        assertThat(unchangedAfterTheChange(1)).isPositive();
        assertThat(unchangedAfterTheChange(100)).isZero();
    }

    /** Of the first 60 tokens after a change of domain, those that are as in a stream whose domain does not change. */
    private static int unchangedAfterTheChange(final int sampled) {
        final TraceStream both = new TraceStream(trace, List.of("law", "stem"), 1_000, sampled, 3);
        final TraceStream law = new TraceStream(trace, List.of("law"), 1_000, sampled, 3);
        final int[][] a = new int[4][2];
        final int[][] b = new int[4][2];
        final float[][] weights = new float[4][2];
        int same = 0;
        for (int token = 0; token < 1_060; token++) {
            both.next(a, weights);
            law.next(b, weights);
            same += token >= 1_000 && Arrays.deepEquals(a, b) ? 1 : 0;
        }
        return same;
    }
}
