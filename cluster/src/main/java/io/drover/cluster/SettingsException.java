package io.drover.cluster;

/** A configuration that no node can start from; one sentence that names the key, the value and what is expected. */
public final class SettingsException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public SettingsException(final String message) {
        super(message);
    }

    public SettingsException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
