package io.drover.placement;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Gives every expert its f nodes again, with as few loads as it can see: experts without a replica first, then by load. An expert
 * goes to the device with most free slots; where all are full, a replica that is spare makes room, the coldest first, or one moves on
 * to a device with a free slot.
 */
final class Restoration {
    private record Lack(int layer, int expert, int replicas, double calls) {}

    private final PlanRequest request;
    private final Assignment assignment;

    private Restoration(final PlanRequest request, final Assignment assignment) {
        this.request = request;
        this.assignment = assignment;
    }

    /**
     * @throws PlanningException if some expert cannot get its f nodes
     */
    static void complete(final PlanRequest request, final Assignment assignment) {
        final Restoration restoration = new Restoration(request, assignment);
        for (final Lack lack : restoration.lacks()) {
            while (assignment.nodes(lack.layer(), lack.expert()) < request.budget().minReplicas()) {
                if (!restoration.addFree(lack) && !restoration.replaceSpare(lack) && !restoration.moveOn(lack)) {
                    throw new PlanningException("no device can make room for L" + lack.layer() + "/E" + lack.expert()
                            + ", which is on " + assignment.nodes(lack.layer(), lack.expert()) + " of "
                            + request.budget().minReplicas() + " distinct node(s)");
                }
            }
        }
    }

    private List<Lack> lacks() {
        final List<Lack> lacks = new ArrayList<>();
        for (int layer = 0; layer < request.statistics().layers(); layer++) {
            for (int expert = 0; expert < request.statistics().experts(layer); expert++) {
                if (assignment.nodes(layer, expert) < request.budget().minReplicas()) {
                    lacks.add(new Lack(layer, expert, assignment.devices(layer, expert).length,
                            request.statistics().calls(layer, expert)));
                }
            }
        }
        lacks.sort(Comparator.comparingInt(Lack::replicas).thenComparing(Comparator.comparingDouble(Lack::calls).reversed()));
        return lacks;
    }

    private boolean wanted(final Lack lack, final int device) {
        return request.slots(device) > 0
                && request.topology().runs(device, lack.layer(), lack.expert())
                && !assignment.onNode(lack.layer(), lack.expert(), request.topology().node(device));
    }

    private boolean addFree(final Lack lack) {
        int best = -1;
        for (int device = 0; device < request.topology().size(); device++) {
            if (wanted(lack, device)
                    && assignment.free(device) > 0
                    && (best < 0 || assignment.free(device) > assignment.free(best))) {
                best = device;
            }
        }
        if (best >= 0) {
            assignment.add(lack.layer(), lack.expert(), best);
        }
        return best >= 0;
    }

    private boolean replaceSpare(final Lack lack) {
        int bestLayer = -1;
        int bestExpert = -1;
        int bestDevice = -1;
        double coldest = Double.POSITIVE_INFINITY;
        for (int layer = 0; layer < request.statistics().layers(); layer++) {
            for (int expert = 0; expert < request.statistics().experts(layer); expert++) {
                final int[] devices = assignment.devices(layer, expert);
                final double cap = request.statistics().calls(layer, expert) / devices.length;
                for (final int device : devices) {
                    if (cap < coldest && wanted(lack, device) && assignment.spare(layer, expert, device)) {
                        coldest = cap;
                        bestLayer = layer;
                        bestExpert = expert;
                        bestDevice = device;
                    }
                }
            }
        }
        if (bestDevice >= 0) {
            assignment.remove(bestLayer, bestExpert, bestDevice);
            assignment.add(lack.layer(), lack.expert(), bestDevice);
        }
        return bestDevice >= 0;
    }

    private boolean moveOn(final Lack lack) {
        for (int layer = 0; layer < request.statistics().layers(); layer++) {
            for (int expert = 0; expert < request.statistics().experts(layer); expert++) {
                for (final int device : assignment.devices(layer, expert)) {
                    final int goal = wanted(lack, device) ? goal(layer, expert, device) : -1;
                    if (goal >= 0) {
                        assignment.add(layer, expert, goal);
                        assignment.remove(layer, expert, device);
                        assignment.add(lack.layer(), lack.expert(), device);
                        return true;
                    }
                }
            }
        }
        return false;
    }

    /** A free device where the expert keeps its nodes when it leaves another. */
    private int goal(final int layer, final int expert, final int leaving) {
        for (int device = 0; device < request.topology().size(); device++) {
            final int node = request.topology().node(device);
            if (assignment.canAdd(layer, expert, device)
                    && (assignment.spare(layer, expert, leaving)
                            || node == request.topology().node(leaving)
                            || !assignment.onNode(layer, expert, node))) {
                return device;
            }
        }
        return -1;
    }
}
