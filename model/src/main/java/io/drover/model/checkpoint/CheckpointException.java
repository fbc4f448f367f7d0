package io.drover.model.checkpoint;

/**
 * A model directory that cannot be served. The message is one line that names the file, the key or tensor, the value found and
 * the value expected.
 */
public final class CheckpointException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public CheckpointException(final String message) {
        super(oneLine(message));
    }

    public CheckpointException(final String message, final Throwable cause) {
        super(oneLine(message), cause);
    }

    private static String oneLine(final String message) {
        return message.replaceAll("\\s*\\R\\s*", " ");
    }
}
