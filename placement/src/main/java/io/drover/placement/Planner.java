package io.drover.placement;

/** Decides where expert replicas live. A pure function: the same request gives the same placement. */
public interface Planner {
    /** The policy's name on the command line and in tables, lower case. */
    String name();

    /**
     * @return a placement that meets {@link PlanRequest#check(Placement)}, under {@link Epoch#NONE}
     * @throws PlanningException if there is none, or this planner cannot honour the request
     */
    Placement plan(PlanRequest request);
}
