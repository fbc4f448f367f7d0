package io.drover.cluster;

import io.drover.placement.PlanRequest;
import io.drover.placement.RebalanceCommand;

/** What {@link Formation} wants done. */
sealed interface FormationCommand {
    record Send(MemberId to, Orders orders) implements FormationCommand {}

    record Refuse(MemberId to, String sentence) implements FormationCommand {}

    /** To be planned when there is time, on another thread. */
    record Plan(PlanRequest request) implements FormationCommand {}

    /** Somebody should know. */
    record Alert(RebalanceCommand.Kind kind, String message) implements FormationCommand {}
}
