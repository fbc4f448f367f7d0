package io.drover.server;

/** A command that cannot go on, for a reason that one sentence tells its user. */
final class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CommandException(final String message) {
        super(message, null, false, false);
    }
}
