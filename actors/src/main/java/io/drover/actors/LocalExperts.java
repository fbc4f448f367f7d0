package io.drover.actors;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.drover.model.forward.ExpertWeights;

/** The expert replicas that are ready on this node. Compute thread only, but for the counters. */
final class LocalExperts {
    private final @Nullable ExpertPort[][] ports;
    private final List<ExpertPort> swept = new ArrayList<>();
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
        swept.add(port);
        count++;
        bytes += weights.bytes();
        return port;
    }

    /**
     * From now on new rows are refused. Rows that have been added may still be run, so the port stays among {@link #all} until this is
     * called once none of them waits.
     */
    void unregister(final ReplicaId id, final ExpertPort port, final ExpertWeights weights) {
        if (ports[id.layer()][id.expert()] == port) {
            ports[id.layer()][id.expert()] = null;
        }
        if (port.close()) {
            count--;
            bytes -= weights.bytes();
        }
        if (port.queued() == 0) {
            swept.remove(port);
        }
    }

    /** All ports at which rows may wait, closed ones included, in the order of their registration. */
    List<ExpertPort> all() {
        return swept;
    }

    /** Open ports. */
    int count() {
        return count;
    }

    /** Of the weights behind them. */
    long bytes() {
        return bytes;
    }
}
