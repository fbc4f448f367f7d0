package io.drover.cluster;

import java.util.List;

import io.drover.placement.RebalanceLedger;

/**
 * What the coordinator answers to a {@link Wish}.
 *
 * @param refusal    why the wish was not granted, one sentence; empty if it was
 * @param operation  the operation that it began or ended; empty if none
 * @param on         whether moves for gain are allowed
 * @param idle       whether nothing is under way
 * @param stalledMs  age of the last progress while there is work
 * @param nodes      names by id
 * @param operations the latest, oldest first
 * @param moves      the ledger, oldest first; devices are node ids
 * @param alerts     the latest, oldest first, each with the time since its condition began
 */
public record MovesView(String refusal, String operation, boolean on, boolean idle, long stalledMs, List<String> nodes,
        List<Operation> operations, List<RebalanceLedger.Entry> moves, List<String> alerts) implements ControlMessage {
    public MovesView {
        nodes = List.copyOf(nodes);
        operations = List.copyOf(operations);
        moves = List.copyOf(moves);
        alerts = List.copyOf(alerts);
    }
}
