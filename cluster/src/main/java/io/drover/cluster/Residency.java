package io.drover.cluster;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Brings the replicas of a node to what the coordinator wants: {@code step(now) -> commands}. A replica, known by its code in an
 * {@link ExpertSet}, is in one of these states:
 *
 * <pre>
 * (none)   -> LOADING   it is wanted, there is room, and fewer than the allowed number load
 * LOADING  -> READY     it says so
 * LOADING  -> LOADING   no answer within the deadline: asked again
 * LOADING  -> FAILED    it says so
 * FAILED   -> LOADING   after the retry delay, if still wanted
 * FAILED   -> (none)    no longer wanted
 * READY    -> DRAINING  not wanted, and the installed table does not name it
 * DRAINING -> DRAINING  no answer within the deadline: asked again
 * DRAINING -> (none)    it says so
 * </pre>
 */
final class Residency {
    /** What is to be asked of a replica. */
    sealed interface Command {
        int code();

        record Load(int code) implements Command {}

        record Drain(int code) implements Command {}
    }

    private enum State {
        LOADING, READY, FAILED, DRAINING
    }

    private record Replica(State state, long sinceNs) {}

    private final long slots;
    private final int parallelLoads;
    private final long deadlineNs;
    private final long retryNs;
    private final Map<Integer, Replica> replicas = new TreeMap<>();
    private ExpertSet wanted = ExpertSet.EMPTY;
    private ExpertSet named = ExpertSet.EMPTY;
    private ExpertSet rescued = ExpertSet.EMPTY;
    private String problem = "";

    /**
     * @param slots         replicas that the node's memory budget has room for
     * @param parallelLoads replicas that may load at once
     * @param deadlineNs    after which an unanswered command is repeated
     * @param retryNs       after which a failed load is tried again
     */
    Residency(final long slots, final int parallelLoads, final long deadlineNs, final long retryNs) {
        this.slots = slots;
        this.parallelLoads = parallelLoads;
        this.deadlineNs = deadlineNs;
        this.retryNs = retryNs;
    }

    /** What was rescued ends with this: who gives orders knows what is here. */
    void want(final ExpertSet replicasToHold) {
        wanted = replicasToHold;
        rescued = ExpertSet.EMPTY;
    }

    /** @param inTable this device's replicas in the installed table: they stay, wanted or not */
    void installed(final ExpertSet inTable) {
        named = inTable;
    }

    /**
     * Takes up what nobody ordered, as far as there is room. It stays, beside what was taken up before, until {@link #want}: a coordinator
     * that has heard of it may count on it while its orders are still on their way.
     */
    void rescue(final ExpertSet forOthers) {
        final Set<Integer> kept = new HashSet<>();
        IntStream.concat(IntStream.concat(wanted.codes(), named.codes()), rescued.codes()).forEach(kept::add);
        final Set<Integer> taken = new HashSet<>(kept);
        taken.addAll(replicas.keySet());
        forOthers.codes().forEach(code -> {
            final Set<Integer> inMemory = replicas.containsKey(code) ? kept : taken;
            if (kept.contains(code) || inMemory.size() < slots) {
                rescued = rescued.with(code);
                kept.add(code);
                taken.add(code);
            }
        });
    }

    void ready(final int code, final long nowNs) {
        if (is(code, State.LOADING)) {
            replicas.put(code, new Replica(State.READY, nowNs));
            if (!any(State.FAILED)) {
                problem = "";
            }
        }
    }

    void failed(final int code, final String reason, final long nowNs) {
        if (is(code, State.LOADING)) {
            replicas.put(code, new Replica(State.FAILED, nowNs));
            problem = "L" + ExpertSet.layer(code) + "/E" + ExpertSet.expert(code) + ": " + reason;
        }
    }

    void drained(final int code) {
        if (is(code, State.DRAINING)) {
            replicas.remove(code);
        }
    }

    /** What to do now. To be called after each of the above and now and then. */
    List<Command> step(final long nowNs) {
        final List<Command> commands = new ArrayList<>();
        replicas.entrySet()
                .removeIf(entry -> entry.getValue().state() == State.FAILED
                        && (!wanted.contains(entry.getKey()) && !rescued.contains(entry.getKey())
                                || nowNs - entry.getValue().sinceNs() >= retryNs));
        int loading = 0;
        for (final Map.Entry<Integer, Replica> entry : replicas.entrySet()) {
            final int code = entry.getKey();
            final boolean overdue = nowNs - entry.getValue().sinceNs() >= deadlineNs;
            switch (entry.getValue().state()) {
                case LOADING -> {
                    loading++;
                    if (overdue) {
                        entry.setValue(new Replica(State.LOADING, nowNs));
                        commands.add(new Command.Load(code));
                    }
                }
                case READY -> {
                    if (!wanted.contains(code) && !named.contains(code) && !rescued.contains(code)) {
                        entry.setValue(new Replica(State.DRAINING, nowNs));
                        commands.add(new Command.Drain(code));
                    }
                }
                case DRAINING -> {
                    if (overdue) {
                        entry.setValue(new Replica(State.DRAINING, nowNs));
                        commands.add(new Command.Drain(code));
                    }
                }
                case FAILED -> {
                }
            }
        }
        final IntStream toHold = IntStream.concat(wanted.codes(), rescued.codes()).distinct();
        // Who gives orders may not know of what was rescued meanwhile: it goes before what takes its room is loaded.
        final long room = Math.min(parallelLoads - loading, slots - heldCount());
        toHold.filter(code -> !replicas.containsKey(code)).limit(Math.max(0, room)).forEach(code -> {
            replicas.put(code, new Replica(State.LOADING, nowNs));
            commands.add(new Command.Load(code));
        });
        return commands;
    }

    /** Replicas that are ready and stay. */
    ExpertSet loaded() {
        return in(EnumSet.of(State.READY));
    }

    /** All replicas, by what they do. */
    NodeReport.Replicas replicas() {
        return new NodeReport.Replicas(loaded(), in(EnumSet.of(State.LOADING, State.DRAINING)), in(EnumSet.of(State.FAILED)));
    }

    private ExpertSet in(final Set<State> states) {
        return ExpertSet.of(replicas.entrySet()
                .stream()
                .filter(entry -> states.contains(entry.getValue().state()))
                .mapToInt(Map.Entry::getKey));
    }

    /** How many take room: all but those that could not be loaded. */
    int heldCount() {
        return (int) replicas.values().stream().filter(replica -> replica.state() != State.FAILED).count();
    }

    /** How many are ready and stay. */
    int loadedCount() {
        return (int) replicas.values().stream().filter(replica -> replica.state() == State.READY).count();
    }

    int wantedCount() {
        return wanted.size();
    }

    /** Whether a wanted replica is neither ready nor failed. */
    boolean loading() {
        return wanted.codes().anyMatch(code -> !is(code, State.READY) && !is(code, State.FAILED));
    }

    /** The latest failure that still stands; empty if none. */
    String problem() {
        return problem;
    }

    private boolean is(final int code, final State state) {
        final Replica replica = replicas.get(code);
        return replica != null && replica.state() == state;
    }

    private boolean any(final State state) {
        return replicas.values().stream().anyMatch(replica -> replica.state() == state);
    }
}
