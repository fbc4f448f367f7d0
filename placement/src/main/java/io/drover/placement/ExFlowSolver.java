package io.drover.placement;

import java.util.Arrays;

import com.google.ortools.sat.CpModel;
import com.google.ortools.sat.CpSolver;
import com.google.ortools.sat.CpSolverStatus;
import com.google.ortools.sat.LinearExpr;
import com.google.ortools.sat.LinearExprBuilder;
import com.google.ortools.sat.Literal;

/**
 * ExFlow's integer program, solved by CP-SAT: {@code x[l,e,g]} puts expert e of layer l on group g, each expert on one group, each group
 * with its number of experts of each layer; {@code y[l,a,b,g]}, at most {@code x[l,a,g]} and {@code x[l+1,b,g]}, says that a pair is
 * together there; the sum of {@code N_l[a,b] * y} is maximised. Transitions are aggregated, so that its size does not depend on the
 * number of tokens. Beside an expert on a group stand as many of the next layer as the group takes: these equalities change no solution
 * and make the relaxation tight.
 */
final class ExFlowSolver {
    /** Weights become whole numbers: CP-SAT knows no others. */
    private static final double SCALE = 1 << 16;

    /**
     * @param group   [layer][expert] the best assignment found
     * @param crossed weight that crosses groups there, per position
     * @param bound   what no assignment can be below
     * @param proven  whether {@code group} is optimal, up to the rounding of weights
     */
    record Solution(int[][] group, double crossed, double bound, boolean proven) {}

    private final AffinityWeights weights;
    private final int groups;
    private final int[][] start;
    private final AffinityAssignment.Fit fit;
    private final CpModel model = new CpModel();
    private final Literal[][][] x;
    private final int[][] room;
    private double unit;

    private ExFlowSolver(
            final AffinityWeights weights, final int groups, final int[][] start, final AffinityAssignment.Fit fit) {
        this.weights = weights;
        this.groups = groups;
        this.start = start;
        this.fit = fit;
        x = new Literal[weights.layers][][];
        room = new int[weights.layers][groups];
    }

    /**
     * @param start  [layer][expert] an assignment whose counts per layer and group are kept; -1 for an expert that has no place
     * @param effort limit in CP-SAT's deterministic time, about seconds of one core
     */
    static Solution solve(
            final AffinityWeights weights,
            final int groups,
            final int[][] start,
            final AffinityAssignment.Fit fit,
            final double effort,
            final int seed) {
        OrToolsNatives.load();
        return new ExFlowSolver(weights, groups, start, fit).run(effort, seed);
    }

    private Solution run(final double effort, final int seed) {
        double most = 0;
        for (final float[] layer : weights.next) {
            for (final float weight : layer) {
                most = Math.max(most, weight);
            }
        }
        unit = most == 0 ? 1 : most / SCALE;
        assignEach();
        final LinearExprBuilder together = LinearExpr.newBuilder();
        for (int layer = 0; layer + 1 < weights.layers; layer++) {
            addPairs(layer, together);
        }
        model.maximize(together);
        final CpSolver solver = new CpSolver();
        solver.getParameters().setMaxDeterministicTime(effort);
        solver.getParameters().setNumWorkers(1);
        solver.getParameters().setLinearizationLevel(2);
        solver.getParameters().setRandomSeed(seed);
        final CpSolverStatus status = solver.solve(model);
        if (status != CpSolverStatus.OPTIMAL && status != CpSolverStatus.FEASIBLE) {
            return new Solution(start, crossed(weights, start), 0, false);
        }
        final int[][] found = new int[weights.layers][];
        for (int layer = 0; layer < weights.layers; layer++) {
            found[layer] = start[layer].clone();
            for (int e = 0; e < found[layer].length; e++) {
                for (int g = 0; g < groups && start[layer][e] >= 0; g++) {
                    if (solver.booleanValue(x[layer][e][g])) {
                        found[layer][e] = g;
                    }
                }
            }
        }
        // Each of the rounded weights may be half a unit off.
        final double slack = unit / 2 * pairs();
        final double bound = Math.max(0, weights.total() - solver.bestObjectiveBound() * unit - slack);
        return new Solution(found, crossed(weights, found), bound, status == CpSolverStatus.OPTIMAL);
    }

    private long pairs() {
        long pairs = 0;
        for (final float[] layer : weights.next) {
            for (final float weight : layer) {
                pairs += weight > 0 ? 1 : 0;
            }
        }
        return pairs;
    }

    private void assignEach() {
        boolean alike = true;
        for (int layer = 0; layer < weights.layers; layer++) {
            x[layer] = new Literal[weights.experts[layer]][groups];
            final LinearExprBuilder[] taken = new LinearExprBuilder[groups];
            Arrays.setAll(taken, g -> LinearExpr.newBuilder());
            for (int e = 0; e < x[layer].length; e++) {
                if (start[layer][e] >= 0) {
                    room[layer][start[layer][e]]++;
                    alike &= assign(layer, e, taken);
                }
            }
            for (int g = 0; g < groups; g++) {
                model.addEquality(taken[g], room[layer][g]);
                alike &= room[layer][g] == room[layer][0];
            }
        }
        if (alike && start[0][0] >= 0) {
            // Groups may be renamed at will, so one expert's place can be said.
            model.addEquality(x[0][0][start[0][0]], 1);
        }
    }

    /** @return whether the expert fits every group */
    private boolean assign(final int layer, final int e, final LinearExprBuilder[] taken) {
        boolean everywhere = true;
        for (int g = 0; g < groups; g++) {
            x[layer][e][g] = model.newBoolVar("x" + layer + "_" + e + "_" + g);
            model.addHint(x[layer][e][g], start[layer][e] == g);
            taken[g].add(x[layer][e][g]);
            if (!fit.fits(layer, e, g)) {
                model.addEquality(x[layer][e][g], 0);
                everywhere = false;
            }
        }
        model.addExactlyOne(x[layer][e]);
        return everywhere;
    }

    private void addPairs(final int layer, final LinearExprBuilder together) {
        final int columns = weights.experts[layer + 1];
        for (int g = 0; g < groups; g++) {
            final LinearExprBuilder[] beside = new LinearExprBuilder[columns];
            Arrays.setAll(beside, b -> LinearExpr.newBuilder());
            for (int a = 0; a < weights.experts[layer]; a++) {
                final LinearExprBuilder row = LinearExpr.newBuilder();
                for (int b = 0; b < columns && start[layer][a] >= 0; b++) {
                    if (start[layer + 1][b] >= 0) {
                        final Literal y = model.newBoolVar("");
                        model.addImplication(y, x[layer][a][g]);
                        model.addImplication(y, x[layer + 1][b][g]);
                        together.addTerm(y, Math.round(weights.next[layer][a * columns + b] / unit));
                        row.add(y);
                        beside[b].add(y);
                    }
                }
                if (start[layer][a] >= 0) {
                    model.addEquality(row, LinearExpr.newBuilder().addTerm(x[layer][a][g], room[layer + 1][g]));
                }
            }
            for (int b = 0; b < columns; b++) {
                if (start[layer + 1][b] >= 0) {
                    model.addEquality(beside[b], LinearExpr.newBuilder().addTerm(x[layer + 1][b][g], room[layer][g]));
                }
            }
        }
    }

    /** Weight that crosses groups, per position. */
    static double crossed(final AffinityWeights weights, final int[][] group) {
        double crossed = 0;
        for (int layer = 0; layer + 1 < weights.layers; layer++) {
            final int columns = weights.experts[layer + 1];
            for (int a = 0; a < weights.experts[layer]; a++) {
                for (int b = 0; b < columns; b++) {
                    crossed += group[layer][a] == group[layer + 1][b] && group[layer][a] >= 0
                            ? 0
                            : weights.next[layer][a * columns + b];
                }
            }
        }
        return crossed;
    }
}
