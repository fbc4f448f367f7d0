package io.drover.cluster;

import java.util.Map;

import io.drover.placement.RebalanceEvent;

/** What {@link Formation} is told. */
sealed interface FormationEvent {
    /** Who is a member now; whoever is not named is none. */
    record Members(Map<MemberId, MemberState> members) implements FormationEvent {}

    record Reported(NodeReport report) implements FormationEvent {}

    /** Something that concerns the placement alone: a window, a plan, an operator's wish. */
    record Placing(RebalanceEvent event) implements FormationEvent {}

    /** Time has passed. */
    record Tick() implements FormationEvent {}

    /** What Pekko knows of a member. */
    enum MemberState {
        UP, UNREACHABLE, LEAVING
    }
}
