package io.drover.placement.lab;

/** A trace on disk that cannot be used: the message names the file, what was found and what was expected. */
public final class TraceFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public TraceFormatException(final String message) {
        super(message);
    }

    TraceFormatException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
