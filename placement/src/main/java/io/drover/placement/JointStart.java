package io.drover.placement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A first placement for {@link JointSearch}: paths are divided into one cluster per device by hard expectation-maximisation of a mixture
 * of multinomials over (layer, expert), sizes held near the devices' shares of slots by prices; then each device gets the experts that its
 * cluster uses most. Paths of one cluster use the same experts in many layers at once, which local changes hardly ever find.
 *
 * <p>In {@link Mode#HOME} the clusters are given: the paths of one home.
 */
final class JointStart {
    private static final int ROUNDS = 25;
    private static final int PRICE_STEPS = 20;
    private static final double SMOOTHING = 2;
    /** A path's highest-gate expert decides where the path goes: this much more than another. */
    private static final float OWNER_WEIGHT = 1.5f;

    private final PlanRequest request;
    private final JointPaths paths;
    private final int devices;
    private final double[] share;

    JointStart(final PlanRequest request, final JointPaths paths) {
        this.request = request;
        this.paths = paths;
        devices = request.topology().size();
        share = new double[devices];
        double total = 0;
        for (int device = 0; device < devices; device++) {
            share[device] = request.slots(device);
            total += share[device];
        }
        for (int device = 0; device < devices; device++) {
            share[device] /= total;
        }
    }

    /** @return a placement that meets the request's constraints */
    Assignment draw(final long seed) {
        final int[] cluster = new int[paths.paths];
        if (request.cost().mode() == Mode.HOME) {
            Arrays.setAll(cluster, path -> paths.home[path]);
        } else {
            cluster(cluster, new SplittableRandom(seed));
        }
        return assign(use(cluster));
    }

    private void cluster(final int[] cluster, final SplittableRandom random) {
        float[][] affinity = prototypes(random);
        final double[] price = new double[devices];
        final float[][] score = new float[paths.paths][devices];
        for (int round = 0; round < ROUNDS; round++) {
            for (int path = 0; path < paths.paths; path++) {
                score(path, affinity, score[path]);
            }
            divide(score, price, cluster);
            affinity = logShares(use(cluster));
        }
    }

    /** [layer * experts + expert][device] flat per layer: 1 where the device's own random path goes. */
    private float[][] prototypes(final SplittableRandom random) {
        final float[][] affinity = new float[paths.layers][];
        for (int layer = 0; layer < paths.layers; layer++) {
            affinity[layer] = new float[paths.experts[layer] * devices];
        }
        for (int device = 0; device < devices; device++) {
            final int path = random.nextInt(paths.paths);
            for (int layer = 0; layer < paths.layers; layer++) {
                for (int rank = 0; rank < paths.topK; rank++) {
                    affinity[layer][paths.expert[paths.at(layer, path) + rank] * devices + device] += 1;
                }
            }
        }
        return affinity;
    }

    private void score(final int path, final float[][] affinity, final float[] score) {
        Arrays.fill(score, 0);
        for (int layer = 0; layer < paths.layers; layer++) {
            final int at = paths.at(layer, path);
            for (int rank = 0; rank < paths.topK; rank++) {
                final int row = paths.expert[at + rank] * devices;
                final float weight = rank == 0 ? OWNER_WEIGHT : 1;
                for (int device = 0; device < devices; device++) {
                    score[device] += weight * affinity[layer][row + device];
                }
            }
        }
    }

    private void divide(final float[][] score, final double[] price, final int[] cluster) {
        double spread = 0;
        for (final float[] of : score) {
            spread += Math.abs(of[0] - of[devices - 1]);
        }
        spread = Math.max(1e-9, spread / score.length);
        final int[] sizes = new int[devices];
        for (int step = 0; step < PRICE_STEPS; step++) {
            Arrays.fill(sizes, 0);
            for (int path = 0; path < score.length; path++) {
                int best = 0;
                for (int device = 1; device < devices; device++) {
                    if (score[path][device] - price[device] > score[path][best] - price[best]) {
                        best = device;
                    }
                }
                cluster[path] = best;
                sizes[best]++;
            }
            for (int device = 0; device < devices; device++) {
                price[device] += spread * 0.1 * (sizes[device] - share[device] * score.length)
                        / (share[device] * score.length + 1);
            }
        }
    }

    /** [layer][expert * devices + device] uses by the device's cluster, owners weighted up. */
    private float[][] use(final int[] cluster) {
        final float[][] use = new float[paths.layers][];
        for (int layer = 0; layer < paths.layers; layer++) {
            use[layer] = new float[paths.experts[layer] * devices];
            for (int path = 0; path < paths.paths; path++) {
                final int at = paths.at(layer, path);
                for (int rank = 0; rank < paths.topK; rank++) {
                    use[layer][paths.expert[at + rank] * devices + cluster[path]] += rank == 0 ? OWNER_WEIGHT : 1;
                }
            }
        }
        return use;
    }

    private float[][] logShares(final float[][] use) {
        final float[][] logs = new float[use.length][];
        for (int layer = 0; layer < use.length; layer++) {
            final double[] total = new double[devices];
            for (int i = 0; i < use[layer].length; i++) {
                total[i % devices] += use[layer][i] + SMOOTHING;
            }
            logs[layer] = new float[use[layer].length];
            for (int i = 0; i < use[layer].length; i++) {
                logs[layer][i] = (float) Math.log((use[layer][i] + SMOOTHING) / total[i % devices]);
            }
        }
        return logs;
    }

    private Assignment assign(final float[][] use) {
        final Assignment assignment = Assignment.empty(request);
        for (int replica = 1; replica <= request.budget().minReplicas(); replica++) {
            for (int layer = 0; layer < paths.layers; layer++) {
                placeEach(assignment, layer, replica, use[layer]);
            }
        }
        Restoration.complete(request, assignment);
        fillUp(assignment, use);
        return assignment;
    }

    /** Gives each expert of a layer one more node, those with most to lose by a second choice first. */
    private void placeEach(final Assignment assignment, final int layer, final int replica, final float[] use) {
        final int experts = paths.experts[layer];
        final int[] room = new int[devices];
        for (int device = 0; device < devices; device++) {
            room[device] = (int) Math.ceil(experts * share[device] - 1e-9);
        }
        final boolean[] placed = new boolean[experts];
        for (int n = 0; n < experts; n++) {
            int next = -1;
            int goal = -1;
            double most = Double.NEGATIVE_INFINITY;
            for (int expert = 0; expert < experts; expert++) {
                int best = -1;
                double second = 0;
                for (int device = 0; device < devices && !placed[expert]; device++) {
                    if (room[device] > 0 && fits(assignment, layer, expert, device)) {
                        final float value = use[expert * devices + device];
                        if (best < 0 || value > use[expert * devices + best]) {
                            second = best < 0 ? 0 : use[expert * devices + best];
                            best = device;
                        } else {
                            second = Math.max(second, value);
                        }
                    }
                }
                if (best >= 0 && use[expert * devices + best] - second > most) {
                    most = use[expert * devices + best] - second;
                    next = expert;
                    goal = best;
                }
            }
            if (next < 0) {
                return;
            }
            placed[next] = true;
            room[goal]--;
            assignment.add(paths.routed[layer], next, goal);
        }
    }

    private boolean fits(final Assignment assignment, final int layer, final int expert, final int device) {
        return assignment.canAdd(paths.routed[layer], expert, device)
                && !assignment.onNode(paths.routed[layer], expert, request.topology().node(device));
    }

    private record Spare(int layer, int expert, int device, float use) {}

    private void fillUp(final Assignment assignment, final float[][] use) {
        final List<Spare> spares = new ArrayList<>();
        for (int layer = 0; layer < paths.layers; layer++) {
            for (int i = 0; i < use[layer].length; i++) {
                spares.add(new Spare(layer, i / devices, i % devices, use[layer][i]));
            }
        }
        spares.sort(Comparator.comparingDouble(Spare::use).reversed());
        for (final Spare spare : spares) {
            if (spare.use() > 0 && assignment.canAdd(paths.routed[spare.layer()], spare.expert(), spare.device())) {
                assignment.add(paths.routed[spare.layer()], spare.expert(), spare.device());
            }
        }
    }
}
