package io.drover.placement;

/** No placement meets the constraints, or this planner cannot honour them; one sentence with the numbers. */
public final class PlanningException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public PlanningException(final String message) {
        super(message);
    }
}
