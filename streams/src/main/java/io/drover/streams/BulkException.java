package io.drover.streams;

/** Why a transfer did not come to its end, in one sentence. */
public final class BulkException extends RuntimeException {
    private static final long serialVersionUID = 1;

    BulkException(final String message) {
        super(message);
    }
}
