package io.drover.server;

/** A command that cannot go on, for a reason that one sentence tells its user. */
final class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;

    CommandException(final String message) {
        this(message, 0);
    }

    /** @param status of the HTTP answer that it is about, 0 if it is about none */
    CommandException(final String message, final int status) {
        super(message, null, false, false);
        this.status = status;
    }

    int status() {
        return status;
    }
}
