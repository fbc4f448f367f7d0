package io.drover.actors;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.drover.model.forward.ExpertWeights;

/** The expert replicas that are ready on this node. Compute thread only, but for the counters. */
final class LocalExperts {
    private final @Nullable ExpertPort[][] ports;
    private final List<ExpertPort> open = new ArrayList<>();
    private final int batchRows;
    private final ExpertPort.Completion completion;
    private volatile int count;
    private volatile long bytes;

    LocalExperts(final int[] expertsPerLayer, final int batchRows, final ExpertPort.Completion completion) {
        ports = new ExpertPort[expertsPerLayer.length][];
        for (int layer = 0; layer < expertsPerLayer.length; layer++) {
            ports[layer] = new ExpertPort[expertsPerLayer[layer]];
        }
        this.batchRows = batchRows;
        this.completion = completion;
    }

    /** The replica's port, or null while it is not ready here. */
    @Nullable
    ExpertPort port(final int layer, final int expert) {
        return ports[layer][expert];
    }

    ExpertPort register(final ReplicaId id, final ExpertWeights weights, final Runnable signal) {
        final ExpertPort port = new ExpertPort(weights, batchRows, completion, signal);
        ports[id.layer()][id.expert()] = port;
        open.add(port);
        count = open.size();
        bytes += weights.bytes();
        return port;
    }

    /** From now on new rows are refused; rows that have been added may still be run. */
    void unregister(final ReplicaId id, final ExpertPort port, final ExpertWeights weights) {
        if (ports[id.layer()][id.expert()] == port) {
            ports[id.layer()][id.expert()] = null;
        }
        if (open.remove(port)) {
            count = open.size();
            bytes -= weights.bytes();
        }
    }

    /** All ports with rows or without, in the order of their registration. */
    List<ExpertPort> all() {
        return open;
    }

    int count() {
        return count;
    }

    long bytes() {
        return bytes;
    }
}
